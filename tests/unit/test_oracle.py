"""The oracle against the contract: tables worked out by hand, one for each rule."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema import topology_pb2 as topo
from tests.builders import link, maintenance, seconds, service, short, span, trace
from tests.oracle import replay
from tests.oracle_input import Reading
from tests.oracle_span import SpanPowers, decide

CUT, SEVERE, DEGRADE, WARN = (
    "FIBER_CUT",
    "FIBER_DEGRADE_SEVERE",
    "FIBER_DEGRADE",
    "FIBER_DEGRADE_WARN",
)
UPSTREAM, EQUIPMENT = "UPSTREAM_POWER_LOSS", "SIGNAL_LOSS_EQUIPMENT"
MISMATCH, OSC_LOSS = "TOPOLOGY_MISMATCH", "OSC_LOSS"


# --- Decision table ---


def _power(dbm: float | None) -> Reading:
    return Reading(-40.0, no_light=True) if dbm is None else Reading(dbm)


@pytest.mark.parametrize(
    ("t", "r", "osc", "row", "code"),
    [
        ("-", -9.0, None, 1, "NO_DATA"),
        (1.0, "-", None, 1, "NO_DATA"),
        (None, None, None, 3, UPSTREAM),
        (-35.0, -9.0, None, 3, UPSTREAM),  # at los_dbm it is dark
        (-34.9, -45.0, None, 5, CUT),
        (1.0, None, (1.0, -11.0), 4, EQUIPMENT),  # Do = 0
        (1.0, None, (1.0, -11.9), 4, EQUIPMENT),
        (1.0, None, (1.0, -12.0), 5, CUT),  # Do = 1
        (1.0, None, (1.0, None), 5, CUT),
        (1.0, None, (None, -11.0), 5, CUT),  # To dark: no OSC measured
        (1.0, 2.5, None, 6, MISMATCH),
        (1.0, 2.0, None, 12, "NORMAL"),  # L = -1 is not below -1
        (1.0, -19.0, None, 7, CUT),  # D = 10
        (1.0, -18.9, None, 8, SEVERE),
        (1.0, -15.0, None, 8, SEVERE),
        (1.0, -14.9, None, 9, DEGRADE),
        (1.0, -12.0, None, 9, DEGRADE),
        (1.0, -10.0, (1.0, None), 10, WARN),
        (1.0, -9.9, None, 12, "NORMAL"),
        (1.0, -9.0, (1.0, -13.9), 12, "NORMAL"),
        (1.0, -9.0, (1.0, -14.0), 11, OSC_LOSS),  # Do = 3
        (1.0, -9.0, (1.0, None), 11, OSC_LOSS),
        (1.0, -9.0, (None, None), 12, "NORMAL"),
    ],
)
def test_decision(t: Any, r: Any, osc: Any, row: int, code: str) -> None:
    read = SpanPowers(
        t=None if t == "-" else _power(t),
        r=None if r == "-" else _power(r),
        t_osc=_power(osc[0]) if osc else None,
        r_osc=_power(osc[1]) if osc else None,
    )
    window = decide(span(10.0, span_loss_base_osc_db=12.0), read, 10.0, cut_holds=False)
    assert (window.row, window.code) == (row, code)
    assert window.osc_not_available == (row == 5 and (osc is None or osc[0] is None))


def test_decisions_without_bases() -> None:
    dark = SpanPowers(Reading(1.0), _power(None), Reading(1.0), Reading(-30.0))
    assert decide(span(None), dark, None, cut_holds=False).code == EQUIPMENT
    lit = SpanPowers(Reading(1.0), Reading(-30.0), Reading(1.0), Reading(-30.0))
    assert decide(span(None), lit, None, cut_holds=False).code == "NORMAL"
    assert decide(span(None), lit, None, cut_holds=False).fiber_hold == 0


@pytest.mark.parametrize(
    ("delta", "hold"), [(9.0, 4), (8.99, 3), (5.0, 3), (4.99, 2), (2.0, 2), (0.5, 1), (0.49, 0)]
)
def test_hold_level(delta: float, hold: int) -> None:
    read = SpanPowers(Reading(0.0), Reading(-delta), None, None)
    assert decide(span(0.0), read, 0.0, cut_holds=False).fiber_hold == hold


# --- Confirmation and life of an alarm ---

LIVES: list[tuple[str, str, list[str]]] = [
    # Two adjacent windows confirm the lower of their levels; a gap or NO_DATA breaks the run.
    ("0 4 0 4 0", "", []),
    ("0 0 4 4 0", "", ["RAISE FIBER_DEGRADE AZ 2-4"]),
    ("0 4 7 0", "", ["RAISE FIBER_DEGRADE AZ 1-3"]),
    ("0 7 4 0", "", ["RAISE FIBER_DEGRADE AZ 1-3"]),
    ("0 4 7 7", "", ["RAISE FIBER_DEGRADE AZ 1-3", "CHANGE FIBER_DEGRADE_SEVERE AZ 1-4"]),
    ("4 . 4", "", []),
    ("4 s 4", "", []),
    ("4 . 4", ". . .", []),
    ("1*9 0", "", []),
    ("1*10", "", ["RAISE FIBER_DEGRADE_WARN AZ 0-10"]),
    ("1*8 4 4", "", ["RAISE FIBER_DEGRADE AZ 0-10"]),
    ("1*5 4 1*4", "", ["RAISE FIBER_DEGRADE_WARN AZ 0-10"]),
    # Direction and onset.
    ("12*2", "12*2", ["RAISE FIBER_CUT BOTH 0-2"]),
    ("12*3", "0 12*2", ["RAISE FIBER_CUT AZ 0-2", "CHANGE FIBER_CUT BOTH 0-3"]),
    ("1 1 4 4", "0 0 4 4", ["RAISE FIBER_DEGRADE BOTH 0-4"]),
    ("4 4", "7 7", ["RAISE FIBER_DEGRADE_SEVERE BOTH 0-2"]),
    ("12 0", "0 12", []),  # one span must confirm by itself
    ("12*3", "0 4 4", ["RAISE FIBER_CUT AZ 0-2", "CHANGE FIBER_CUT BOTH 0-3"]),
    # Ten counting windows below the level clear; a window at the clear threshold still holds it.
    ("12*2 0*9", "", ["RAISE FIBER_CUT AZ 0-2"]),
    ("12*2 0*10", "", ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-12"]),
    ("12*2 9*20", "", ["RAISE FIBER_CUT AZ 0-2"]),
    ("12*2 0*9 9 0*9", "", ["RAISE FIBER_CUT AZ 0-2"]),
    (
        "12*2 0*5 .*3 0*5",
        "",
        ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-15"],
    ),
    (
        "12*2 0*4 7 0*5 4*10 0*10",
        "",
        [
            "RAISE FIBER_CUT AZ 0-2",
            "CHANGE FIBER_DEGRADE_SEVERE AZ 0-12",
            "CHANGE FIBER_DEGRADE AZ 0-22",
            "CLEAR FIBER_DEGRADE AZ 0-32",
        ],
    ),
    ("1*10 0*30", "", ["RAISE FIBER_DEGRADE_WARN AZ 0-10", "CLEAR FIBER_DEGRADE_WARN AZ 0-40"]),
    ("1*10 0.5*40", "", ["RAISE FIBER_DEGRADE_WARN AZ 0-10"]),
    (
        "4*2 0.5*10 0*30",
        "",
        [
            "RAISE FIBER_DEGRADE AZ 0-2",
            "CHANGE FIBER_DEGRADE_WARN AZ 0-12",
            "CLEAR FIBER_DEGRADE_WARN AZ 0-42",
        ],
    ),
    # Every span of the direction must count; the other span holds nothing up.
    ("12*2 0*12", "12*2 .*2 0*10", ["RAISE FIBER_CUT BOTH 0-2", "CLEAR FIBER_CUT BOTH 0-14"]),
    ("12*2 0*10", "0*2 4 0*3 .*3", ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-12"]),
    # A growing direction does not restart the count: the windows since then count by both spans.
    (
        "12*2 0*10",
        "0*2 0*4 4*2 0*4",
        ["RAISE FIBER_CUT AZ 0-2", "CHANGE FIBER_CUT BOTH 0-8", "CHANGE FIBER_DEGRADE BOTH 0-12"],
    ),
    # A fall and a growing direction in one window are one CHANGE.
    ("12*2 0*10", "0*10 4*2", ["RAISE FIBER_CUT AZ 0-2", "CHANGE FIBER_DEGRADE BOTH 0-12"]),
    # A raise after a clear is another alarm.
    (
        "12*2 0*10 12*2",
        "",
        ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-12", "RAISE FIBER_CUT AZ 12-14"],
    ),
    # Rows 3 and 4 do not count for FIBER; other families count by their own level.
    (
        "12*2 0*5 u*3 0*5",
        "",
        [
            "RAISE FIBER_CUT AZ 0-2",
            "RAISE UPSTREAM_POWER_LOSS AZ 7-9",
            "CLEAR FIBER_CUT AZ 0-15",
        ],
    ),
    ("u*2 0*10", "", ["RAISE UPSTREAM_POWER_LOSS AZ 0-2", "CLEAR UPSTREAM_POWER_LOSS AZ 0-12"]),
    ("-12*2 0*4 12 0*5", "", ["RAISE TOPOLOGY_MISMATCH AZ 0-2", "CLEAR TOPOLOGY_MISMATCH AZ 0-12"]),
    # Laser shutdown: with both ends dark a cut holds, by the window before or by the alarm.
    ("x b b", "", ["RAISE FIBER_CUT AZ 0-2"]),
    ("0 b b", "", ["RAISE UPSTREAM_POWER_LOSS AZ 1-3"]),
    ("x x . b b", "", ["RAISE FIBER_CUT AZ 0-2"]),
    ("x x 0 b b", "", ["RAISE FIBER_CUT AZ 0-2"]),
    (
        "x*4",
        "0*2 b b",
        ["RAISE FIBER_CUT AZ 0-2", "RAISE UPSTREAM_POWER_LOSS ZA 2-4"],
    ),
    ("x x b*3 0*10", "", ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-15"]),
]


@pytest.mark.parametrize(("az", "za", "expected"), LIVES)
@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_life(az: str, za: str, expected: list[str], mode: Any) -> None:
    out = replay(trace(az, za), [link()], mode=mode)
    assert short(out.events) == expected
    assert len({event["id"] for event in out.events}) == len(out.events)


@pytest.mark.parametrize(
    ("az", "za", "expected"),
    [
        ("1 1 0", "", ["MATCH FIBER_DEGRADE_WARN AZ 0-2"]),
        ("4 7 7", "", ["MATCH FIBER_DEGRADE AZ 0-2", "MATCH FIBER_DEGRADE_SEVERE AZ 1-3"]),
        ("4 4", "7 7", ["MATCH FIBER_DEGRADE_SEVERE BOTH 0-2"]),
        ("4*3", "0 7 7", ["MATCH FIBER_DEGRADE AZ 0-2", "MATCH FIBER_DEGRADE_SEVERE BOTH 1-3"]),
        ("x b b", "", ["MATCH FIBER_CUT AZ 0-2", "MATCH FIBER_CUT AZ 1-3"]),
        ("x x . b b", "", ["MATCH FIBER_CUT AZ 0-2", "MATCH UPSTREAM_POWER_LOSS AZ 3-5"]),
    ],
)
def test_matches(az: str, za: str, expected: list[str]) -> None:
    out = replay(trace(az, za), [link()], mode="batch", emit="matches")
    assert short(out.events) == expected


@pytest.mark.parametrize(
    ("az", "expected"),
    [
        ("0*60 4*2", ["RAISE FIBER_DEGRADE AZ 60-62"]),
        ("0*59 4*3", []),
        ("0*30 .*5 s 0*30 4*2", ["RAISE FIBER_DEGRADE AZ 66-68"]),
        ("0*30 x 0*59 4*2", []),
        ("3 0*60 4*2", ["RAISE FIBER_DEGRADE AZ 61-63"]),  # the first 60 with a small spread
        ("0.5 0*59 4*2", []),
        ("0*60 0.3*60 3.1*2", ["RAISE FIBER_DEGRADE AZ 120-122"]),  # for good
    ],
)
def test_learned_base(az: str, expected: list[str]) -> None:
    out = replay(trace(az), [link(base_db=None)], mode="batch")
    assert short(out.events) == expected


@pytest.mark.parametrize(
    ("az", "za", "stop", "expected"),
    [
        ("12*5", "", 3, [("RAISE", 2, True), ("CHANGE", 4, False)]),
        ("12*2 .*3 12", "0*2 .*3", 3, [("RAISE", 2, True), ("CHANGE", 6, False)]),
        ("12*2 .*3 12", "", 3, [("RAISE", 2, True), ("CHANGE", 4, False)]),
        ("12*2 0*10", "", 11, [("RAISE", 2, True), ("CHANGE", 12, False), ("CLEAR", 12, False)]),
        ("4*2 12*2", "", 3, [("RAISE", 2, True), ("CHANGE", 4, False), ("CHANGE", 4, False)]),
        ("12*2 0*10", "", 12, [("RAISE", 2, True), ("CLEAR", 12, True)]),
        ("12*4", "", 1, [("RAISE", 2, False)]),  # a window at the end of the maintenance is outside
    ],
)
def test_maintenance(az: str, za: str, stop: int, expected: list[tuple[str, int, bool]]) -> None:
    out = replay(trace(az, za), [link(maintenance=[maintenance(0, stop)])], mode="batch")
    found = [(e["data"]["action"], seconds(e["time"]), e["data"]["suppressed"]) for e in out.events]
    assert found == expected
    tickets = [e["data"]["suppressed_by"] for e in out.events]
    assert tickets == ["CHG1" if suppressed else None for _, _, suppressed in expected]


# --- Event data ---


def test_event_of_a_cut() -> None:
    services = [service("S1", 400.0), service("S2", 100.0, protected=True)]
    out = replay(trace("0 4 x x"), [link(services=services, version=7)], mode="batch")
    (first, second_event) = out.events
    alarm_id = str(uuid.uuid5(uuid.NAMESPACE_URL, "L1|FIBER|2026-01-01T00:00:01.000Z"))
    assert first["data"]["code"] == DEGRADE  # a degradation, then a cut: the lower level
    data = second_event.pop("data")
    assert second_event == {
        "specversion": "1.0",
        "id": f"{alarm_id}:2",
        "source": "event-center",
        "type": "eventcenter.fiber.fiber_cut.change",
        "subject": "L1",
        "time": "2026-01-01T00:00:04.000Z",
        "datacontenttype": "application/json",
    }
    assert data.pop("measurement") == {
        "AZ": {
            "tx_dbm": 1.0,
            "rx_dbm": -40.0,
            "span_loss_db": 41.0,
            "span_loss_osc_db": None,
            "base_db": 10.0,
            "delta_db": None,
            "peak_delta_db": 4.0,
            "threshold_db": 10.0,
            "loss_is_lower_bound": True,
        },
        "ZA": {
            "tx_dbm": 1.0,
            "rx_dbm": -9.0,
            "span_loss_db": 10.0,
            "span_loss_osc_db": None,
            "base_db": 10.0,
            "delta_db": 0.0,
            "peak_delta_db": 0.0,
            "threshold_db": 10.0,
            "loss_is_lower_bound": False,
        },
    }
    impacted = data.pop("impacted_services")
    assert [(one["service_id"], one["protected"]) for one in impacted] == [
        ("S1", False),
        ("S2", True),
    ]
    assert data == {
        "alarm_id": alarm_id,
        "sequence": 2,
        "action": "CHANGE",
        "state": "ACTIVE",
        "code": CUT,
        "family": "FIBER",
        "severity": "critical",
        "previous_severity": "minor",
        "probable_cause": "lossOfSignal",
        "specific_problem": "osc-not-available",
        "direction": "AZ",
        "onset_time": "2026-01-01T00:00:01.000Z",
        "raised_time": "2026-01-01T00:00:03.000Z",
        "changed_time": "2026-01-01T00:00:04.000Z",
        "cleared_time": None,
        "detected_late": False,
        "duration_ms": 3000,
        "link": {"link_id": "L1", "name": "A-Z", "a_end": "A", "z_end": "Z"},
        "service_affecting": "SERVICE_AFFECTING",
        "impacted_capacity_gbps": 400.0,
        "suppressed": False,
        "suppressed_by": None,
        "protected": False,
        "topology_version": 7,
    }
    json.dumps(out.events)


def test_a_clear_carries_the_code_that_it_clears() -> None:
    out = replay(trace("4 7 7 0*10"), [link()], mode="batch")
    data = out.events[-1]["data"]
    assert (data["action"], data["state"], data["sequence"]) == ("CLEAR", "CLEARED", 3)
    assert (data["code"], data["severity"], data["previous_severity"]) == (SEVERE, "major", "major")
    assert [data[name][14:19] for name in ("raised_time", "changed_time", "cleared_time")] == [
        "00:02",
        "00:03",
        "00:13",
    ]
    assert data["measurement"]["AZ"]["peak_delta_db"] == 7.0
    assert data["duration_ms"] == 13_000


@pytest.mark.parametrize(
    ("fields", "az", "severity", "affecting"),
    [
        ({}, "x*2", "critical", True),
        ({"protected": True}, "x*2", "major", False),
        ({"services": []}, "x*2", "major", False),
        ({}, "7*2", "major", False),
        ({"protected": True}, "7*2", "minor", False),
        ({}, "4*2", "minor", False),
        ({"protected": True}, "4*2", "warning", False),
        ({"protected": True}, "u*2", "warning", False),
    ],
)
def test_severity(fields: dict[str, Any], az: str, severity: str, affecting: bool) -> None:
    (event,) = replay(trace(az), [link(**fields)], mode="batch").events
    assert event["data"]["severity"] == severity
    assert event["data"]["service_affecting"] == (
        "SERVICE_AFFECTING" if affecting else "NOT_SERVICE_AFFECTING"
    )


def test_lifecycle_states_without_events() -> None:
    for state, count in (
        (topo.PLANNED, 0),
        (topo.RETIRED, 0),
        (topo.MAINTENANCE, 1),
        (topo.LIFECYCLE_STATE_UNSPECIFIED, 1),
    ):
        out = replay(trace("x*2"), [link(lifecycle_state=state)], mode="batch")
        assert len(out.events) == count
        assert out.counters["components_matched"] == 8


WORD = st.sampled_from(["0", "0", "0", "0", "1", "4", "7", "12", "x", "u", "b", ".", "s", "-12"])
TRACE = st.lists(WORD, min_size=1, max_size=40).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(az=TRACE, za=TRACE, emit=st.sampled_from(["lifecycle", "matches"]))
def test_without_late_data_order_makes_no_difference(az: str, za: str, emit: str) -> None:
    """A stream replay has the outputs of a batch replay, and every id is unique."""
    payloads = trace(az, za)
    batch = replay(payloads, [link()], mode="batch", emit=emit)
    stream = replay(payloads, [link()], mode="stream", emit=emit)
    assert batch == stream
    assert len({event["id"] for event in batch.events}) == len(batch.events)
    # A batch takes the samples in any order.
    assert replay(payloads[::-1], [link()], mode="batch", emit=emit).events == batch.events
