"""Reports decoded by their layout give what the parser gives, whatever they contain."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.decode_reports.decode import Decoded, decode
from kernels.decode_reports.fast_path import MAX_LAYOUTS, FastPath
from kernels.decode_reports.report_layout import learn_layout
from schema import pm_report_pb2 as pm
from schema.capture import varint
from schema.columns import plain
from schema.pm_types import SampleState
from tests.builders import component, ns, payload, report, rx, tx, value

NUMBERS = st.floats(-80, 40).map(lambda x: round(x, 2)) | st.sampled_from(
    [math.nan, math.inf, -math.inf, -70.0, -70.01, -99.0, -255.0, 35.0, 655.35, 0.0, -0.0]
)
VALUES = st.builds(
    lambda kind, fields, unit, dark: value(kind, unit=unit, no_light=dark, **fields),
    st.sampled_from([1, 2, 3, 4, 12, 15, 99]),
    st.dictionaries(st.sampled_from(["instant", "avg", "min", "max"]), NUMBERS, max_size=3),
    st.sampled_from([0, 0, 0, pm.DBM, pm.DB, 99]),
    st.sampled_from([False, False, True]),
)
COMPONENTS = st.builds(
    lambda name, values, at, fields: component(name, *values, at=at, **fields),
    st.sampled_from(["a", "line-1", "line-2", "é", ""]),
    st.lists(VALUES, max_size=3),
    st.sampled_from([None, None, 1.5, 9999]),
    st.sampled_from(
        [
            {},
            {"validity": pm.SUSPECT},
            {"admin_state": pm.DISABLED},
            {"admin_state": pm.MAINT},
            {"validity": pm.SUSPECT, "admin_state": pm.MAINT},
            {"validity": 77, "admin_state": 77},
        ]
    ),
)
REPORTS = st.builds(
    lambda node, at, sequence, parts: report(
        node, at, *parts, sequence=sequence
    ).SerializeToString(),
    st.sampled_from(["A", "B", "N-é", ""]),
    st.floats(0, 5),
    st.integers(0, 300),
    st.lists(COMPONENTS, max_size=4),
)
PAYLOADS = st.lists(REPORTS | st.binary(max_size=20), max_size=6)


class ParserOnly(FastPath):
    """Leaves all reports to the parser."""

    def take(self, payloads: Any, order: Any, record_time_ns: Any) -> Any:
        return [], np.arange(len(payloads))


def contents(found: Decoded) -> list[Any]:
    """Returns all that was decoded, report by report, in order of arrival."""
    samples = found.samples
    lines = []
    ends = np.cumsum(samples.count).tolist()
    for r, end in enumerate(ends):
        rows = np.arange(end - samples.count[r], end)
        readings = [
            {
                t: v
                for t, values in sorted(samples.readings.items())
                if not math.isnan(v := float(plain(values)[row]))
            }
            for row in rows
        ]
        lines.append(
            (
                int(samples.order[r]),
                samples.node_id[r],
                int(samples.sequence[r]),
                samples.component(rows),
                samples.sample_time_ns[rows].tolist(),
                samples.state[rows].tolist(),
                readings,
            )
        )
    return sorted(lines, key=lambda line: line[0])


@settings(deadline=None)  # machines are shared and noisy
@given(PAYLOADS, st.sampled_from([None, ns(2), -1_000_000]))
def test_the_fast_path_equals_the_parser(payloads: list[bytes], time_ns: int | None) -> None:
    order = np.arange(len(payloads)) + 100
    times = None if time_ns is None else np.full(len(payloads), time_ns)
    if times is not None:
        times[::3] = -1_000_000  # a record without a timestamp
    expected = decode(payloads, order, times, ParserOnly())
    fast_path = FastPath()
    for _ in range(3):  # first it learns, then it uses what it has learned
        found = decode(payloads, order, times, fast_path)
        assert contents(found) == contents(expected)
        assert found.invalid == expected.invalid
        for name in ("num_reports", "num_reports_rejected", "num_components"):
            assert getattr(found, name) == getattr(expected, name)


def usual(node: str, at: float, power: float) -> bytes:
    return payload(node, at, tx("line-1", power), rx("line-2", power - 1), sequence=7)


def test_reports_of_one_layout_are_not_parsed() -> None:
    fast_path = FastPath()
    payloads = [usual(node, 1.0, 2.0 + i / 7) for i, node in enumerate("ABCD")]
    matched, left = fast_path.take(payloads, np.arange(4), None)
    assert len(left) == 0
    (one,) = matched
    assert one.order.tolist() == [0, 1, 2, 3]
    assert one.node_id == [b"A", b"B", b"C", b"D"]


@pytest.mark.parametrize(
    "other",
    [
        payload("A", 1, component("p", value(1, 1.0), value(1, 2.0))),  # one type twice
        payload("A", 1, component("p", value(99, 1.0))),
        usual("A", 1.0, 2.0) + b"\x98\x06\x01",  # a field that the contract does not have
        usual("A", 1.0, 2.0)[:-3],
        b"",
    ],
)
def test_unusual_reports_are_left_to_the_parser(other: bytes) -> None:
    fast_path = FastPath()
    fast_path.take([usual("A", 1.0, 2.0)] * 2, np.arange(2), None)
    matched, left = fast_path.take([usual("B", 2.0, 3.0), other], np.arange(2), None)
    assert learn_layout(other) is None
    assert left.tolist() == [1]
    assert [one.order.tolist() for one in matched] == [[0]]


@pytest.mark.parametrize(
    ("field", "number", "state"),
    [(3, pm.SUSPECT, SampleState.SUSPECT), (4, pm.DISABLED, SampleState.DISABLED)],
)
def test_enum_numbers_above_32_bits_read_as_the_parser_reads_them(
    field: int, number: int, state: SampleState
) -> None:
    number += 2**32  # the parser keeps the low 32 bits
    port = tx("p", 1.0).SerializeToString() + bytes([field << 3]) + varint(number)
    head = pm.PmReport(node_id="A", collect_time_unix_ns=ns(1)).SerializeToString()
    raw = head + b"\x2a" + varint(len(port)) + port
    assert learn_layout(raw) is None
    found = decode([raw] * 3, np.arange(3), None, FastPath())
    assert found.samples.state.tolist() == [state] * 3


def test_unused_layouts_are_forgotten() -> None:
    fast_path = FastPath()
    for length in range(2 * MAX_LAYOUTS):
        fast_path.take([payload("A" * (length + 1), 1, tx("p", 1.0))], np.arange(1), None)
    assert len(fast_path) == MAX_LAYOUTS
