"""Which lines of a side output are written."""

from __future__ import annotations

import json
from collections import Counter

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.testing.util import assert_that

from kernels.decode_reports.decode import decode
from kernels.decode_reports.fast_path import FastPath
from schema.records import PmRecords
from tests import oracle
from tests.builders import component, link, payload, second, short, value
from transforms import DecodeReports, SampleLines, outputs
from transforms.sample_lines import written


def test_the_first_hundred_then_one_in_a_thousand() -> None:
    for sizes in ([3500], [1] * 3500, [99, 2, 999, 1000, 1400]):
        positions, first = [], 0
        for number in sizes:
            positions += [first + at for at in written(first, number)]
            first += number
        assert positions == [*range(100), 1099, 2099, 3099]


def new_type(node: str, at: float) -> bytes:
    """Returns a report of ten components, each with a value of a type that is not known yet."""
    parts = [component(f"p{i}", value(1, -9.0), value(21, 1.0)) for i in range(10)]
    return payload(node, at, *parts)


def test_what_comes_together_brings_its_first_lines_only() -> None:
    payloads = [new_type(f"N{number}", 0) for number in range(100)]
    found = decode([b"\xff", *payloads], np.arange(101), None, FastPath())
    assert [(one.kind, one.number, len(one.lines)) for one in found.invalid] == [
        ("MALFORMED_PROTOBUF 0", 1, 1),
        ("UNKNOWN_TYPE 21", 1000, 100),
    ]
    lines = found.invalid[1].lines
    assert [line["node_id"] for line in lines] == [f"N{i}" for i in range(10) for _ in range(10)]


def test_kinds_are_sampled_apart() -> None:
    bad = component(
        "p", value(21, 1.0), value(22, 1.0), value(1, unit=2), value(2, unit=1), value(1, 0.0)
    )
    found = decode([payload("A", 0, bad, component(""))] * 2, np.arange(2), None, FastPath())
    kinds = [(one.kind, one.number) for one in found.invalid]
    assert kinds == [
        ("UNKNOWN_TYPE 21", 2),
        ("UNKNOWN_TYPE 22", 2),
        ("UNIT_MISMATCH 1", 2),
        ("NO_READING 2", 2),
        ("MISSING_COMPONENT 0", 2),
    ]


def test_a_new_type_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: Counter[str] = Counter()
    monkeypatch.setattr(outputs, "counted_here", counted)
    minute = [
        PmRecords([new_type(f"N{number}", at) for number in range(100)], first=100 * at)
        for at in range(60)
    ]

    def some_160_lines(lines: list[tuple[bytes, bytes]]) -> None:
        assert len(lines) == 100 + (60_000 - 100) // 1000
        first = [json.loads(line)["node_id"] for _, line in lines[:100]]
        assert first == [f"N{i}" for i in range(10) for _ in range(10)]

    with beam.Pipeline(runner="FnApiRunner") as pipeline:
        decoded = pipeline | beam.Create(minute, reshuffle=False) | DecodeReports(1, window_s=1)
        assert_that(decoded.invalid | SampleLines(), some_160_lines)
    assert counted["invalid_unknown_type"] == counted["components"] == 60_000
    assert counted["components_rejected"] == 0


def test_the_oracle_samples_too_and_events_are_unharmed() -> None:
    payloads: list[bytes] = []
    for at in range(30):
        payloads += [new_type(f"N{number}", at) for number in range(10)]
        payloads += second(at, "x" if at >= 20 else "0")
    out = oracle.replay(payloads, [link()], mode="stream")
    assert len(out.invalid) == 100 + (3000 - 100) // 1000
    assert [line["node_id"] for line in out.invalid[:11]] == ["N0"] * 10 + ["N1"]
    assert out.invalid[100]["node_id"] == "N9"  # the 1,100th
    assert short(out.events) == ["RAISE FIBER_CUT AZ 20-22"]
    assert out.counters["components_rejected"] == 0
