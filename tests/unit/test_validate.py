"""Every reason of rejection, and which one it is where several apply."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np
import pytest

from kernels.decode_reports.decode import Decoded, decode
from kernels.decode_reports.fast_path import FastPath
from schema import pm_report_pb2 as pm
from schema.columns import plain
from schema.pm_types import SampleState
from tests.builders import T0, component, ns, payload, report, rx, tx, value

NAN, INF = math.nan, math.inf
#: The last instant of 1999; a time of 2026 in s, ms and us.
NO_TIMES = [946_684_799_999_999_999, *(T0 * 1000**n for n in range(3))]
LATEST_NS, EARLIEST_NS = 2**63 - 1, -(2**63)


def decoded(*payloads: bytes, at: float | None = None) -> Decoded:
    """Decodes records; `at` is the second of their timestamps."""
    time_ns = None if at is None else np.full(len(payloads), ns(at))
    return decode(payloads, np.arange(len(payloads)), time_ns, FastPath())


def readings(found: Decoded) -> list[dict[int, float]]:
    """Returns the readings of each sample by type."""
    columns = {t: plain(values).tolist() for t, values in found.samples.readings.items()}
    return [
        {t: values[row] for t, values in columns.items() if not math.isnan(values[row])}
        for row in range(found.samples.num_samples)
    ]


def reasons(found: Decoded) -> list[str]:
    return [line["reason"] for line in lines_of(found)]


def lines_of(found: Decoded) -> list[dict[str, Any]]:
    return [line for one in found.invalid for line in one.lines]


@pytest.mark.parametrize(
    ("raw", "reason", "node_id", "components"),
    [
        (b"\xff\xff", "MALFORMED_PROTOBUF", None, 0),
        (b"\x0a\x05A", "MALFORMED_PROTOBUF", None, 0),  # cut off
        (b"", "MISSING_NODE_ID", None, 0),
        (report("", -1, component("")).SerializeToString(), "MISSING_NODE_ID", None, 1),
        (pm.PmReport(node_id="A").SerializeToString(), "MISSING_TIME", "A", 0),
        (
            pm.PmReport(
                node_id="A", collect_time_unix_ns=-1, components=[tx("a", 0), tx("b", 0)]
            ).SerializeToString(),
            "MISSING_TIME",
            "A",
            2,
        ),
        *(
            (
                pm.PmReport(node_id="A", collect_time_unix_ns=t).SerializeToString(),
                "MISSING_TIME",
                "A",
                0,
            )
            for t in NO_TIMES
        ),
    ],
)
def test_reports(raw: bytes, reason: str, node_id: str | None, components: int) -> None:
    sound = payload("B", 0, tx("tx", 0.0))
    found = decoded(sound, raw, sound)
    (line,) = lines_of(found)
    assert (line["reason"], line["node_id"]) == (reason, node_id)
    assert base64.b64decode(line["payload_base64"]) == raw
    assert (line["component"], line["type"]) == (None, None)
    # The others are kept, in their order of arrival.
    assert found.samples.order.tolist() == [0, 2]
    assert (found.num_reports, found.num_reports_rejected) == (3, 1)
    assert found.num_components == 2 + components


@pytest.mark.parametrize(
    ("one", "expected"),
    [
        (component("", at=9999), ["MISSING_COMPONENT"]),  # before TIME_OUT_OF_BOUNDS, NO_VALUES
        (component("", value(99, NAN)), ["MISSING_COMPONENT"]),
        (component("p", value(99, NAN), at=9999), ["TIME_OUT_OF_BOUNDS"]),  # not its values
        (tx("p", 0, at=60), []),
        (tx("p", 0, at=60.001), ["TIME_OUT_OF_BOUNDS"]),
        (tx("p", 0, at=-600), []),
        (tx("p", 0, at=-600.001), ["TIME_OUT_OF_BOUNDS"]),
        (tx("p", 0, sample_time_unix_ns=LATEST_NS), ["TIME_OUT_OF_BOUNDS"]),
        (tx("p", 0, sample_time_unix_ns=EARLIEST_NS), ["TIME_OUT_OF_BOUNDS"]),
        (component("p"), ["NO_VALUES"]),
        (component("p", value(1, NAN), value(2, 99.0)),
         ["NOT_FINITE", "OUT_OF_RANGE", "NO_VALUES"]),
    ],
)  # fmt: skip
def test_components(one: pm.ComponentPm, expected: list[str]) -> None:
    found = decoded(payload("A", 0, rx("sound", -9.0), one))
    assert reasons(found) == expected
    assert found.num_reports_rejected == 0
    lost = 1 if expected else 0
    assert found.samples.num_samples == 2 - lost


@pytest.mark.parametrize(("at", "reason"), [(600.0, []), (600.1, ["TIME_OUT_OF_BOUNDS"])])
def test_the_record_timestamp_is_the_reference(at: float, reason: list[str]) -> None:
    assert reasons(decoded(payload("A", 0, tx("tx", 0)), at=at)) == reason


@pytest.mark.parametrize(("at", "reason"), [(60.0, []), (60.1, ["TIME_OUT_OF_BOUNDS"])])
def test_without_a_record_timestamp_the_collect_time_is_the_reference(
    at: float, reason: list[str]
) -> None:
    none_ns = np.array([-1_000_000])
    late = payload("A", 0, tx("tx", 0, at=at))
    assert reasons(decode([late], np.arange(1), none_ns, FastPath())) == reason


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (value(0, unit=pm.DB), "UNKNOWN_TYPE"),
        (value(21, 1.0), "UNKNOWN_TYPE"),
        (value(-1, 1.0), "UNKNOWN_TYPE"),
        (value(2**31 - 1, no_light=True), "UNKNOWN_TYPE"),
        (value(1, unit=pm.DB), "UNIT_MISMATCH"),
        (value(1, NAN, unit=pm.DB), "UNIT_MISMATCH"),
        (value(1, unit=99), "NO_READING"),
        (value(1, NAN, unit=-1), "NOT_FINITE"),
        (value(pm.SOP_ROC, 1.0, unit=pm.DBM), "UNIT_MISMATCH"),
        (value(1), "NO_READING"),
        (value(1, min=1.0, max=2.0), "NO_READING"),
        (value(1, NAN), "NOT_FINITE"),
        (value(1, NAN, avg=0.0), "NOT_FINITE"),  # instant goes before avg
        (value(1, INF), "NOT_FINITE"),
        (value(1, avg=INF), "NOT_FINITE"),
        (value(pm.OSNR, -INF), "NOT_FINITE"),
        (value(1, 655.35), "OUT_OF_RANGE"),
        (value(1, 2147483647.0), "OUT_OF_RANGE"),
        (value(1, avg=35.01), "OUT_OF_RANGE"),
        (value(pm.TARGET_OUTPUT_POWER, 36.0), "OUT_OF_RANGE"),
    ],
)
def test_values(one: pm.PmValue, reason: str) -> None:
    found = decoded(payload("A", 0, component("p", one, value(pm.Q_VALUE, 7.0))))
    (line,) = lines_of(found)
    known = reason != "UNKNOWN_TYPE"
    assert line["reason"] == reason
    assert (line["node_id"], line["component"]) == ("A", "p")
    assert line["type"] == (pm.PmType.Name(one.type) if known else None)
    assert readings(found) == [{pm.Q_VALUE: 7.0}]


@pytest.mark.parametrize(
    ("one", "reading"),
    [
        (value(1, -70.0), -70.0),
        (value(1, 35.0), 35.0),
        (value(1, 1.0, avg=2.0), 1.0),
        (value(1, avg=2.0, min=NAN, max=99.0), 2.0),
        (value(1, 1.0, unit=pm.DBM), 1.0),
        (value(1, 2.0, unit=99), 2.0),  # not in the list: not stated
        (value(1, 2.0, unit=-1), 2.0),
        (value(1, -INF), -INF),
        (value(1, -70.01), -INF),
        (value(1, -99.0), -INF),
        (value(pm.TARGET_OUTPUT_POWER, avg=-255.0), -INF),
        (value(1, -9.0, no_light=True), -INF),
        (value(pm.OSNR, -99.0), -99.0),
        (value(1, no_light=True), -INF),
        (value(1, NAN, no_light=True), -INF),
        (value(1, 99.0, no_light=True), -INF),
        (value(pm.OSNR, 99.0), 99.0),
    ],
)
def test_readings(one: pm.PmValue, reading: float) -> None:
    found = decoded(payload("A", 0, component("p", one)))
    assert not found.invalid
    assert readings(found) == [{one.type: reading}]


def test_the_last_valid_value_of_a_type_counts() -> None:
    values = [value(2, 5.0), value(1, 1.0), value(1, 2.0), value(1, NAN), value(2, 6.0)]
    found = decoded(payload("A", 0, component("p", *values), component("q", value(1, 9.0))))
    assert readings(found) == [{1: 2.0, 2: 6.0}, {1: 9.0}]


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, SampleState.VALID),
        ({"validity": pm.PARTIAL, "admin_state": pm.ENABLED}, SampleState.VALID),
        ({"validity": pm.PARTIAL, "admin_state": pm.MAINT}, SampleState.MAINT),
        ({"validity": pm.SUSPECT}, SampleState.SUSPECT),
        ({"validity": pm.SUSPECT, "admin_state": pm.MAINT}, SampleState.SUSPECT),
        ({"admin_state": pm.DISABLED}, SampleState.DISABLED),
        ({"validity": pm.SUSPECT, "admin_state": pm.DISABLED}, SampleState.DISABLED),
        ({"validity": 77, "admin_state": 77}, SampleState.VALID),
    ],
)
def test_the_state_of_a_sample(fields: dict[str, int], state: SampleState) -> None:
    found = decoded(payload("A", 0, tx("p", 0.0, **fields)))
    assert found.samples.state.tolist() == [state]
    assert not found.invalid


def test_no_records() -> None:
    found = decoded()
    assert (found.num_reports, found.num_components, found.samples.num_samples) == (0, 0, 0)
