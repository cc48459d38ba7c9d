"""Input as real networks give it, through the whole pipeline: clocks, inventories, new firmware."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format

from schema import pm_report_pb2 as pm
from schema.topology_pb2 import FiberLink, OpticalService
from tests import builders, pipeline_replay
from tests.field import DARK, FieldScene, Shown, sound, told
from transforms import outputs

_YEAR_S = 365 * 24 * 3600


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counter: Counter[str] = Counter()
    monkeypatch.setattr(outputs, "counted_here", counter)
    return counter


def _cut_at_20(link: int, power: str, at: float) -> Shown:
    return DARK if power == "R" and at >= 20 else sound(power)


def test_one_clock_ten_years_ahead_moves_nothing(tmp_path: Path) -> None:
    port = builders.component("other", builders.value(pm.INPUT_POWER, -9.0))
    others = [
        builders.payload(f"N{node}", second + node / 20, port)
        for second in range(40)
        for node in range(18)
    ]
    scene = FieldScene(_cut_at_20, seconds=40)
    payloads = sorted(scene.payloads() + others, key=_collect_time_ns)
    ahead = builders.payload("N3", 12 + 10 * _YEAR_S, port)
    payloads.insert(payloads.index(builders.payload("N0", 12, port)), ahead)
    got = pipeline_replay.replay(payloads, scene.topology(), tmp_path, "--replay=stream")
    assert told(got["events"]) == ["22 FIBER_CUT RAISE AZ osc-not-available"]
    assert not got["late"] and not got["invalid"]


def _collect_time_ns(payload: bytes) -> int:
    return pm.PmReport.FromString(payload).collect_time_unix_ns


#: What an inventory says of a link, in JSON.
_BAD: list[dict[str, Any]] = [
    {"lifecycle_state": "DECOMMISSIONED"},
    {"lifecycleState": "retired"},
    {"lifecycleState": 9},
    {"az": {"spanLossBaseDb": 0}},
    {"az": {"spanLossBaseDb": -10}},
    {"az": {"spanLossBaseDb": 10, "thresholds": {"degradeWarnDb": 0}}},
    {"az": {"spanLossBaseDb": 10, "thresholds": {"degradeDb": -1}}},
    {"maintenance": [{"startUnixNs": str(builders.T0 * 1000)}]},
    {"services": [{"serviceId": "S", "capacityGbps": "NaN"}]},
    {"services": [{"serviceId": "S", "capacityGbps": -400}]},
]
_GOOD: list[dict[str, Any]] = [
    {"maintenance": [{"startUnixNs": str(builders.ns(10)), "endUnixNs": "0"}]},
    {"services": [{"serviceId": "S"}]},
]


def test_inventories(tmp_path: Path, counted: Counter[str]) -> None:
    said = [*_BAD, *_GOOD]
    scene = FieldScene(_cut_at_20, links=len(said), seconds=30)
    lines = []
    for link, change in zip(scene.topology(), said, strict=True):
        record = json_format.MessageToDict(link)
        if "lifecycle_state" in change:
            del record["lifecycleState"]
        lines.append(json.dumps({**record, **change}))
    capture, topology = tmp_path / "pm.bin", tmp_path / "topology.jsonl"
    capture.write_bytes(builders.capture(scene.payloads()))
    topology.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())

    got = pipeline_replay.replay_files(capture, topology, tmp_path, "--num_shards=2")
    refused = Counter((line["reason"], line["link_id"]) for line in got["invalid"])
    assert refused == Counter(("BAD_TOPOLOGY", f"L{link}") for link in range(len(_BAD)))
    assert counted["invalid_bad_topology"] == len(_BAD)
    planned, untold = f"L{len(_BAD)}", f"L{len(_BAD) + 1}"
    by_link = {event["subject"]: event["data"] for event in got["events"]}
    assert by_link.keys() == {planned, untold} and len(got["events"]) == 2
    assert by_link[planned]["suppressed_by"] == "maintenance"
    assert by_link[untold]["impacted_capacity_gbps"] == 0
    assert by_link[untold]["text"].endswith("1 service on it, 1 of them unprotected.")


def test_a_new_pm_type_of_a_firmware(tmp_path: Path, counted: Counter[str]) -> None:
    nodes, seconds = 100, 60
    new = pm.PmValue(type=21, instant=1.0)  # type: ignore[arg-type]
    links: list[FiberLink] = []
    payloads = []
    for number in range(nodes // 2):
        a, z = f"A{number:02}", f"Z{number:02}"
        links.append(builders.link(f"L{number}", a, z, services=[OpticalService(service_id="S")]))
        trace = ("0*20 x*10 0*30", f"0*{seconds}")
        for second, words in enumerate(zip(*map(builders.words, trace), strict=True)):
            payloads += builders.second(second, *words, a=a, z=z)
    told_too = []
    for payload in payloads:
        report = pm.PmReport.FromString(payload)
        for component in report.components:
            component.values.append(new)
        told_too.append(report.SerializeToString())
    told_too.sort(key=_collect_time_ns)

    got = pipeline_replay.replay(told_too, links, tmp_path, "--num_shards=2")
    rejected = nodes * seconds * 2
    assert counted["invalid_unknown_type"] == rejected
    assert len(got["invalid"]) == 100 + (rejected - 100) // 1000
    assert {(line["reason"], line["type"]) for line in got["invalid"]} == {("UNKNOWN_TYPE", None)}
    raised = Counter((event["subject"], event["data"]["action"]) for event in got["events"])
    assert raised == Counter(
        (link.link_id, action) for link in links for action in ("RAISE", "CLEAR")
    )
