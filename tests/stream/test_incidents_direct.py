"""Incidents of a simulated network through the whole pipeline are the oracle's, however it runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from schema.capture import read_capture
from schema.topology_file import read_topology
from simulator.__main__ import main as simulate
from tests.oracle import replay
from tests.pipeline_replay import replay_files
from tests.stream.test_replay_equals_oracle import assert_incidents

FAULTS = "bridge_cut,cable_cut,starved_chain,silent_node,two_cuts,cut_beside_degrade"


def simulated(folder: Path) -> tuple[str, str]:
    capture, topology = str(folder / "pm.bin"), str(folder / "topology.jsonl")
    simulate(
        [
            "--links=60",
            "--seconds=55",
            "--seed=2",
            f"--faults={FAULTS}",
            "--disorder_rate=0.2",
            "--late_rate=0.1",
            "--late_max_s=12",
            "--duplicate_rate=0.05",
            f"--capture_file={capture}",
            f"--topology_file={topology}",
        ]
    )
    return capture, topology


@pytest.mark.parametrize(
    ("mode", "shards", "window_s"),
    [
        ("batch", 1, 1),
        ("batch", 8, 1),
        ("batch", 2, 3),
        ("stream", 1, 1),
        ("stream", 8, 1),
        ("stream", 3, 2),
    ],
)
def test_incidents(mode: str, shards: int, window_s: int, tmp_path: Path) -> None:
    capture, topology = simulated(tmp_path)
    options = [f"--replay={mode}", f"--num_shards={shards}", f"--window_s={window_s}"]
    got = replay_files(capture, topology, tmp_path, *options)
    links = list(read_topology(topology).links.values())
    want = replay(list(read_capture(capture)), links, mode=mode, window_s=window_s)
    assert_incidents(got, want)
    if window_s == 1:
        assert {"CABLE_CUT", "NODE_SILENT"} <= {i["data"]["kind"] for i in got["incidents"]}
    late = {e["data"]["alarm_id"] for e in got["events"] if e["data"]["detected_late"]}
    placed = {a["alarm_id"] for i in got["incidents"] for a in i["data"]["alarms"]}
    assert bool(late & placed) == (mode == "stream")
