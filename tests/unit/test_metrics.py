"""Metrics beside the rule of conservation: by reason, by severity, by latency."""

from __future__ import annotations

import json
from collections import Counter

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that, equal_to

from kernels.track_links.alarms import Alarms
from schema.events import Severity
from schema.records import PmRecords, TopologyRecord
from tests import builders
from transforms import DecodeReports, SampleLines, UpdateTopology, outputs


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    counter: Counter[str] = Counter()
    monkeypatch.setattr(outputs, "counted_here", counter)
    return counter


def test_open_alarms_are_counted_by_severity() -> None:
    alarms = Alarms()
    assert alarms.open_by_severity() == dict.fromkeys(Severity, 0)
    for link, severity in enumerate([Severity.CRITICAL, Severity.MINOR, Severity.CRITICAL]):
        row = alarms.open(link, 1, 0, 1)
        alarms.table[row]["severity"] = severity
    wanted = {Severity.CRITICAL: 2, Severity.MAJOR: 0, Severity.MINOR: 1, Severity.WARNING: 0}
    assert alarms.open_by_severity() == wanted
    alarms.close([0])
    assert alarms.open_by_severity() == wanted | {Severity.CRITICAL: 1}
    alarms.rearrange(np.flatnonzero([True, True, False]))
    assert alarms.open_by_severity() == wanted | {Severity.CRITICAL: 0}


def test_each_reason_has_its_counter(counted: Counter[str]) -> None:
    bad = builders.component(
        "p", builders.value(1, float("nan")), builders.value(99, 1.0), builders.value(2, 0.0)
    )
    records = PmRecords([b"\xff", b"\xff", builders.payload("A", 5, bad)], first=0)
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        decoded = pipeline | beam.Create([records]) | DecodeReports(1, window_s=1)
        records = decoded.invalid | SampleLines()
        lines = records | beam.Map(lambda record: json.loads(record[1])["reason"])
        expected = ["MALFORMED_PROTOBUF", "MALFORMED_PROTOBUF", "NOT_FINITE", "UNKNOWN_TYPE"]
        assert_that(lines, equal_to(expected))
    assert counted["invalid_malformed_protobuf"] == counted["reports_rejected"] == 2
    assert counted["invalid_not_finite"] == counted["invalid_unknown_type"] == 1
    assert sum(n for name, n in counted.items() if name.startswith("invalid_")) == len(expected)


def test_bad_topology_is_counted(counted: Counter[str]) -> None:
    records = [TopologyRecord(b"L1", b"\xff"), TopologyRecord(b"L2", None)]
    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        _ = pipeline | beam.Create([records]) | UpdateTopology(1, 1)
    assert counted == {"invalid_bad_topology": 1}


def test_latencies_are_a_histogram(counted: Counter[str]) -> None:
    for latency_s in (2.5, 3.0, 6.25, 1000.0, -1.0):
        outputs.count_latency(latency_s)
    at_most = [counted[f"event_latency_le_{bound}"] for bound in (*outputs.LATENCY_BOUNDS_S, "inf")]
    assert at_most == [3, 3, 3, 4, 4, 4, 4, 4, 5]
    assert counted["event_latency_ms"] == 2500 + 3000 + 6250 + 1_000_000
