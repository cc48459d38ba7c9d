"""The oracle against the contract: tables worked out by hand, one for each rule."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schema import topology_pb2 as topo
from tests.builders import link, maintenance, seconds, service, short, trace
from tests.oracle import replay

CUT, SEVERE, DEGRADE = "FIBER_CUT", "FIBER_DEGRADE_SEVERE", "FIBER_DEGRADE"


# --- Confirmation and life of an alarm ---

LIVES: list[tuple[str, str, list[str]]] = [
    # Two windows in a row confirm the lower of their levels; one NO_DATA does not part them.
    ("0 4 0 4 0", "", []),
    ("0 0 4 4 0", "", ["RAISE FIBER_DEGRADE AZ 2-4"]),
    ("0 4 7 0", "", ["RAISE FIBER_DEGRADE AZ 1-3"]),
    ("0 7 4 0", "", ["RAISE FIBER_DEGRADE AZ 1-3"]),
    ("0 4 7 7", "", ["RAISE FIBER_DEGRADE AZ 1-3", "CHANGE FIBER_DEGRADE_SEVERE AZ 1-4"]),
    ("4 . 4", "", ["RAISE FIBER_DEGRADE AZ 0-3"]),
    ("4 s 4", "", ["RAISE FIBER_DEGRADE AZ 0-3"]),
    ("4 . 4", ". . .", ["RAISE FIBER_DEGRADE AZ 0-3"]),
    ("4 s s 4", "", []),
    ("4 . . 4", ". . . .", []),
    ("4 s 0 s 4", "", []),
    ("1*9 0", "", []),
    ("1*10", "", ["RAISE FIBER_DEGRADE_WARN AZ 0-10"]),
    ("1*8 4 4", "", ["RAISE FIBER_DEGRADE AZ 0-10"]),
    ("1*5 4 1*4", "", ["RAISE FIBER_DEGRADE_WARN AZ 0-10"]),
    ("1*5 s 1*5", "", ["RAISE FIBER_DEGRADE_WARN AZ 0-11"]),
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
    ("12*2 0*5 s*3 0*5", "", ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-15"]),
    (
        "12*2 0*5 .*3 0*5",
        "",
        [
            "RAISE FIBER_CUT AZ 0-2",
            "RAISE PM_DATA_MISSING AZ 7-10",
            "CLEAR FIBER_CUT AZ 0-15",
            "CLEAR PM_DATA_MISSING AZ 7-15",
        ],
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
    # Each span counts and falls by itself; the alarm names those that still stand.
    (
        "12*2 0*12",
        "12*2 .*2 0*10",
        ["RAISE FIBER_CUT BOTH 0-2", "CHANGE FIBER_CUT ZA 0-12", "CLEAR FIBER_CUT ZA 0-14"],
    ),
    (
        "12*2 4*10",
        "7*2 0*10",
        ["RAISE FIBER_CUT BOTH 0-2", "CHANGE FIBER_DEGRADE AZ 0-12"],
    ),
    ("12*12", "7*2 4*10", ["RAISE FIBER_CUT BOTH 0-2"]),  # the lower span falls unseen
    (
        "12*2 0*10",
        "4*2 0.5*10 0*30",
        [
            "RAISE FIBER_CUT BOTH 0-2",
            "CHANGE FIBER_DEGRADE_WARN ZA 0-12",
            "CLEAR FIBER_DEGRADE_WARN ZA 0-42",
        ],
    ),
    # A span that does not stand holds nothing up.
    (
        "12*2 0*10",
        "0*2 4 0*3 .*3",
        ["RAISE FIBER_CUT AZ 0-2", "RAISE PM_DATA_MISSING ZA 6-9", "CLEAR FIBER_CUT AZ 0-12"],
    ),
    # A span that comes to stand does not restart the count of the other.
    (
        "12*2 0*10",
        "0*2 0*4 4*2 0*10",
        [
            "RAISE FIBER_CUT AZ 0-2",
            "CHANGE FIBER_CUT BOTH 0-8",
            "CHANGE FIBER_DEGRADE ZA 0-12",
            "CLEAR FIBER_DEGRADE ZA 0-18",
        ],
    ),
    # A span that falls and one that rises in one window are one CHANGE.
    ("12*2 0*10", "0*10 4*2", ["RAISE FIBER_CUT AZ 0-2", "CHANGE FIBER_DEGRADE ZA 0-12"]),
    # A raise after a clear is another alarm.
    (
        "12*2 0*10 12*2",
        "",
        ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-12", "RAISE FIBER_CUT AZ 12-14"],
    ),
    # Rows 4 and 5 do not count for FIBER; other families count by their own level.
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
    ("-6*2", "", ["RAISE TOPOLOGY_MISMATCH AZ 0-2"]),
    ("-5.9*2", "", []),
    # Laser shutdown: with both ends dark a cut holds by the alarm, on its span only. Without it,
    # the window before counts where nothing comes back either.
    ("x b b", "", ["RAISE UPSTREAM_POWER_LOSS AZ 1-3"]),
    ("x b b", "x b b", ["RAISE FIBER_CUT BOTH 0-2"]),
    ("x b b", "0 b b", ["RAISE FIBER_CUT AZ 0-2", "CHANGE FIBER_CUT BOTH 0-3"]),
    ("x s b b", "x . b b", ["RAISE FIBER_CUT BOTH 0-3"]),
    ("x s s b b", "x s s b b", ["RAISE LINK_DARK BOTH 3-5"]),
    ("x 0 b b", "x 0 b b", ["RAISE LINK_DARK BOTH 2-4"]),
    ("b*2 0*10", "b*2 0*10", ["RAISE LINK_DARK BOTH 0-2", "CLEAR LINK_DARK BOTH 0-12"]),
    ("0 b b", "", ["RAISE UPSTREAM_POWER_LOSS AZ 1-3"]),
    ("x x . b b", "", ["RAISE FIBER_CUT AZ 0-2"]),
    ("x x 0 b b", "", ["RAISE FIBER_CUT AZ 0-2"]),
    ("x*4", "0*2 b b", ["RAISE FIBER_CUT AZ 0-2", "CHANGE FIBER_CUT BOTH 0-4"]),
    ("x*2 0*2", "0*2 b b", ["RAISE FIBER_CUT AZ 0-2", "RAISE UPSTREAM_POWER_LOSS ZA 2-4"]),
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
        ("x b b", "", ["MATCH UPSTREAM_POWER_LOSS AZ 1-3"]),
        ("x b b", "x b b", ["MATCH FIBER_CUT BOTH 0-2", "MATCH FIBER_CUT BOTH 1-3"]),
        ("4 s 4", "", []),  # nothing is bridged
        ("x s b b", "x s b b", ["MATCH LINK_DARK BOTH 2-4"]),
        ("0 .*3 0 4 0 4 0 4 0", "", []),  # neither DATA nor JITTER
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
        ("0*30 s*6 0*30 4*2", ["RAISE FIBER_DEGRADE AZ 66-68"]),
        ("0*30 -12 0*59 4*2", []),  # row 7 ends the row
        ("0*30 -12 0*60 4*2", ["RAISE FIBER_DEGRADE AZ 91-93"]),
        ("0*60 -6*2", []),  # row 7 goes by D only with a base of the topology
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
        (
            "12*2 .*3 12",
            "",
            3,
            [("RAISE", 2, True), ("CHANGE", 4, False), ("RAISE", 5, False)],  # DATA
        ),
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
        "clear_reason": None,
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
        "ended_time": None,
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
    assert data["clear_reason"] == "NORMAL"
    assert data["ended_time"] == "2026-01-01T00:00:03.000Z"  # the first of the ten windows
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
