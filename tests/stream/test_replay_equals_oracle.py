"""Simulated captures through the whole pipeline on the DirectRunner: all outputs are the oracle's.

Reports of the captures are out of order, late, repeated and missing.
"""

import json
from collections import defaultdict
from pathlib import Path

import pytest

from schema.capture import read_capture
from schema.topology_file import read_topology
from simulator.__main__ import main as simulate
from tests.oracle import Outputs, replay
from tests.pipeline_replay import replay_files
from tests.stream.harness import comparable

SECONDS = 50


def simulated(seed: int, folder: Path, late_rate: float = 0.05) -> tuple[str, str]:
    capture, topology = str(folder / "pm.bin"), str(folder / "topology.jsonl")
    simulate(
        [
            "--links=24",
            f"--seconds={SECONDS}",
            f"--seed={seed}",
            "--faults=cut,cut_als,degrade_severe,garbage,truncated",
            "--spares=2",
            "--disorder_rate=0.2",
            f"--late_rate={late_rate}",
            "--late_max_s=12",
            "--duplicate_rate=0.05",
            "--missing_rate=0.02",
            f"--capture_file={capture}",
            f"--topology_file={topology}",
        ]
    )
    return capture, topology


@pytest.mark.parametrize(
    ("seed", "mode", "emit", "shards", "bound_s"),
    [
        (1, "batch", "lifecycle", 1, 2),
        (2, "batch", "lifecycle", 5, 2),
        (3, "batch", "matches", 3, 2),
        (1, "stream", "lifecycle", 1, 2),
        (2, "stream", "matches", 1, 2),
        (3, "stream", "lifecycle", 3, 2),
        # Most windows are not due yet when the capture ends.
        (1, "stream", "lifecycle", 1, 40),
        (2, "stream", "lifecycle", 3, 40),
    ],
)
def test_replay(seed: int, mode: str, emit: str, shards: int, bound_s: int, tmp_path: Path) -> None:
    capture, topology = simulated(seed, tmp_path)
    options = [f"--replay={mode}", f"--emit={emit}", f"--num_shards={shards}"]
    options.append(f"--out_of_orderness_s={bound_s}")
    got = replay_files(capture, topology, tmp_path, *options)
    links = list(read_topology(topology).links.values())
    want = replay(
        list(read_capture(capture)), links, mode=mode, emit=emit, out_of_orderness_s=bound_s
    )
    assert_equal(got, want)
    assert_incidents(got, want)
    assert want.events and want.invalid
    assert bool(want.incidents) == (emit == "lifecycle")
    assert bool(want.late) == (mode == "stream" and bound_s == 2)


@pytest.mark.parametrize(("mode", "window_s"), [("batch", 4), ("stream", 5), ("stream", 3)])
def test_windows_of_several_seconds(mode: str, window_s: int, tmp_path: Path) -> None:
    capture, topology = simulated(5, tmp_path)
    options = [f"--replay={mode}", "--num_shards=2", f"--window_s={window_s}"]
    got = replay_files(capture, topology, tmp_path, *options)
    links = list(read_topology(topology).links.values())
    want = replay(list(read_capture(capture)), links, mode=mode, window_s=window_s)
    assert_equal(got, want)
    assert_incidents(got, want)
    assert want.events
    assert all(event["data"]["duration_ms"] % (window_s * 1000) == 0 for event in want.events)


def test_windows_that_close_in_mid_second(tmp_path: Path) -> None:
    capture, topology = simulated(4, tmp_path, late_rate=0.3)
    options = ["--replay=stream", "--num_shards=2", "--allowed_lateness_s=1.5"]
    got = replay_files(capture, topology, tmp_path, *options)
    links = list(read_topology(topology).links.values())
    want = replay(list(read_capture(capture)), links, mode="stream", allowed_lateness_s=1.5)
    assert_equal(got, want)
    assert_incidents(got, want)
    assert len(want.late) > 100


def assert_equal(got: dict[str, list[dict]], want: Outputs) -> None:
    assert by_link(got["events"]) == by_link(want.events)
    assert by_window(got.get("traces", [])) == by_window(want.traces)
    assert lines(got["late"]) == lines(want.late)
    assert lines(got["invalid"]) == lines(want.invalid)
    number = len(want.unmatched)
    assert len(got["unmatched"]) == min(number, 100) + max(number - 100, 0) // 1000
    assert set(lines(got["unmatched"])) <= set(lines(want.unmatched))


def assert_incidents(got: dict[str, list[dict]], want: Outputs) -> None:
    found = got.get("incidents", [])
    assert [comparable(event) for event in found] == [comparable(event) for event in want.incidents]


def by_window(traces: list[dict]) -> dict[tuple[str, str], list[dict]]:
    """Returns the lines of each link and window, in the order in which they were written.

    Late reports on several windows between two moments are taken in any order of the windows.
    """
    found = defaultdict(list)
    for line in traces:
        found[line["link_id"], line["window_start"]].append(line)
    return found


def by_link(events: list[dict]) -> dict[str, list[dict]]:
    found = defaultdict(list)
    for event in events:
        found[event["subject"]].append(comparable(event))
    return found


def lines(records: list[dict]) -> list[str]:
    """Returns lines regardless of their order, without details and fields that are null."""
    return sorted(
        json.dumps({k: v for k, v in r.items() if k != "detail" and v is not None}, sort_keys=True)
        for r in records
    )
