"""The oracle's input and event time: what is refused, joined, evaluated again, or late."""

from __future__ import annotations

import base64
import math
from typing import Any

import pytest

from schema import pm_report_pb2 as pm
from schema import topology_pb2 as topo
from tests.builders import (
    T0,
    capture,
    component,
    end,
    link,
    maintenance,
    ns,
    payload,
    report,
    rx,
    second,
    short,
    span,
    trace,
    tx,
    value,
)
from tests.oracle import Oracle, replay
from tests.oracle_input import Reading, Sample, State, bad_topology
from tests.oracle_span import winner

NAN, INF = math.nan, math.inf

# --- Validation ---


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\xff\xff", "MALFORMED_PROTOBUF"),
        (b"", "MISSING_NODE_ID"),
        (report("", -1, tx("tx", 0)), "MISSING_NODE_ID"),
        (pm.PmReport(node_id="A"), "MISSING_TIME"),
        (pm.PmReport(node_id="A", collect_time_unix_ns=-1), "MISSING_TIME"),
        (pm.PmReport(node_id="A", collect_time_unix_ns=T0 * 1000), "MISSING_TIME"),  # ms
        (pm.PmReport(node_id="A", collect_time_unix_ns=946_684_799_999_999_999), "MISSING_TIME"),
    ],
)
def test_rejected_reports(message: Any, reason: str) -> None:
    raw = message if isinstance(message, bytes) else message.SerializeToString()
    out = replay([raw], [link()], mode="batch")
    (line,) = out.invalid
    assert line["reason"] == reason
    assert base64.b64decode(line["payload_base64"]) == raw
    assert line["node_id"] == ("A" if reason == "MISSING_TIME" else None)
    components = 0 if isinstance(message, bytes) else len(message.components)
    assert out.counters["components"] == out.counters["components_rejected"] == components


@pytest.mark.parametrize(
    ("one", "reasons"),
    [
        (component("", at=9999), ["MISSING_COMPONENT"]),
        (tx("tx", 0, at=60), []),
        (tx("tx", 0, at=60.001), ["TIME_OUT_OF_BOUNDS"]),
        (tx("tx", 0, at=-600), []),
        (component("tx", at=-600.001), ["TIME_OUT_OF_BOUNDS"]),
        (component("tx"), ["NO_VALUES"]),
        (component("tx", value(99, 1.0)), ["UNKNOWN_TYPE", "NO_VALUES"]),
        (component("tx", value(0, unit=pm.DB)), ["UNKNOWN_TYPE", "NO_VALUES"]),
        (component("tx", value(1, unit=pm.DB), value(2, 0.0, unit=pm.DBM)), ["UNIT_MISMATCH"]),
        (component("tx", value(1, min=1.0), value(2, 0.0)), ["NO_READING"]),
        (component("tx", value(1, NAN, avg=0.0), value(2, avg=0.0)), ["NOT_FINITE"]),
        (component("tx", value(1, INF), value(2, -INF)), ["NOT_FINITE"]),
        (component("tx", value(pm.OSNR, -INF), value(2, NAN, no_light=True)), ["NOT_FINITE"]),
        (component("tx", value(1, 655.35), value(2, 35.0, max=99.0)), ["OUT_OF_RANGE"]),
        (component("tx", value(1, -70.1), value(2, -255.0)), []),
        (component("tx", value(1, 1.0, unit=99), value(2, 2.0, unit=-1)), []),
        (component("tx", value(pm.OSNR, 99.0), value(8, 35.1)), ["OUT_OF_RANGE"]),
    ],
)
def test_rejected_components_and_values(one: pm.ComponentPm, reasons: list[str]) -> None:
    out = replay([payload("A", 0, one, rx("rx", -9))], [link()], mode="batch")
    assert [line["reason"] for line in out.invalid] == reasons
    lost = int(any(r in ("MISSING_COMPONENT", "NO_VALUES") or "TIME" in r for r in reasons))
    assert out.counters["components_rejected"] == lost
    assert out.counters["components_matched"] == 2 - lost


def test_record_timestamp_is_the_reference() -> None:
    oracle = Oracle()
    oracle.report(payload("A", 0, tx("tx", 0)), ns(601))
    (line,) = oracle.finish().invalid
    assert (line["reason"], line["component"]) == ("TIME_OUT_OF_BOUNDS", "tx")


def test_the_last_valid_value_of_a_type_counts_and_dark_reads_minus_40() -> None:
    one = component("p", value(1, 1.0), value(1, 2.0), value(1, NAN), value(2, -INF))
    (line,) = replay([payload("A", 0, one)], [], mode="batch").unmatched
    assert line == {
        "node_id": "A",
        "component": "p",
        "sample_time_unix_ns": ns(0),
        "readings": {"INPUT_POWER": 2.0, "OUTPUT_POWER": -40.0},
    }


@pytest.mark.parametrize(
    ("arrivals", "won"),
    [
        ([(1, 1, "VALID"), (2, 1, "VALID"), (1, 9, "VALID")], 1),  # the latest sample time wins
        ([(1, 1, "VALID"), (1, 2, "MAINT")], 1),  # then the highest sequence
        ([(1, 1, "VALID"), (1, 1, "VALID")], 0),  # then the first to arrive
        ([(1, 1, "VALID"), (2, 1, "SUSPECT"), (3, 1, "DISABLED")], 0),  # they hide nothing
        ([(1, 1, "SUSPECT")], None),
    ],
)
def test_winner(arrivals: list[tuple[int, int, State]], won: int | None) -> None:
    samples = [
        Sample("A", "tx", time, sequence, state, {"OUTPUT_POWER": Reading(float(i))})
        for i, (time, sequence, state) in enumerate(arrivals)
    ]
    assert winner(samples) is (None if won is None else samples[won])


# --- Topology ---


@pytest.mark.parametrize(
    ("bad", "one"),
    [
        (False, link()),
        (True, link("")),
        (True, topo.FiberLink(link_id="L1", a_end=end("A"))),
        (True, link(a_end=end(""))),
        (True, link(a_end=topo.LinkEnd(node_id="A", tx_component="tx"))),
        (True, link(az=span(thresholds=topo.Thresholds(cut_db=6.0)))),  # as severe by default
        (False, link(az=span(thresholds=topo.Thresholds(cut_db=6.1)))),
        (True, link(za=span(min_span_loss_db=3, max_span_loss_db=2))),
        (False, link(za=span(min_span_loss_db=3, max_span_loss_db=3))),
    ],
)
def test_bad_topology(bad: bool, one: topo.FiberLink) -> None:
    assert bad_topology(one) == bad


def test_versions_and_deletion() -> None:
    oracle = Oracle(bounded=True)
    oracle.topology("L1", link(version=2, name="two"))
    oracle.topology("L1", link(version=1, name="one"))
    oracle.topology("L1", link(version=3, a_end=end("")))
    oracle.topology("l1", link(version=4, name="of another key"))
    for one in trace("x*2"):
        oracle.report(one)
    oracle.topology("L2", link("L2"))
    oracle.topology("L2", None)
    out = oracle.finish()
    assert [event["data"]["link"]["name"] for event in out.events] == ["two"]
    assert [(line["reason"], line["link_id"]) for line in out.invalid] == [
        ("BAD_TOPOLOGY", "L1")
    ] * 2


def test_pm_waits_for_the_first_topology_of_its_node() -> None:
    for watermark, matched in ((9.999, 1), (10, 0)):
        oracle = Oracle(allowed_lateness_s=60)
        oracle.report(payload("A", 0, tx("tx", 0), tx("other", 0)))
        oracle.advance(ns(watermark))
        oracle.topology("L1", link())
        oracle.report(payload("A", 12, tx("third", 0)))  # does not wait: the node is known by now
        out = oracle.finish()
        assert out.counters["components_matched"] == matched
        assert [line["component"] for line in out.unmatched] == (
            ["other", "third"] if matched else ["tx", "other", "third"]
        )


# --- Event time ---


def live(az: str, za: str = "", *, evaluated: int, **options: Any) -> Oracle:
    """Returns an oracle that has taken a trace and evaluated its windows before `evaluated`."""
    fields = options.pop("fields", {})
    oracle = Oracle(**options)
    oracle.topology("L1", link(**fields))
    for one in trace(az, za):
        oracle.report(one)
    oracle.advance(ns(evaluated + 2))
    return oracle


def report_again(oracle: Oracle, at: int, az: str) -> None:
    """Reports a window again for AZ, with samples half a second newer."""
    dbm = None if az == "x" else -9.0 - float(az)
    both = (rx("rx", dbm, at=at + 0.5), tx("tx", 1.0, at=at + 0.5))
    oracle.report(payload("Z", at, both[0]))
    oracle.report(payload("A", at, both[1]))


LATE: list[tuple[str, int, str, dict[str, Any], list[str]]] = [
    # A late RAISE; the windows already evaluated count towards its clear.
    ("0 12 . 0*3", 2, "12", {}, ["RAISE FIBER_CUT AZ 1-3 late"]),
    (
        "0 12 . 0*12",
        2,
        "12",
        {"allowed_lateness_s": 60},
        ["RAISE FIBER_CUT AZ 1-3 late", "CLEAR FIBER_CUT AZ 1-13 late"],
    ),
    # A run whose gap a late window fills is confirmed where it is complete.
    ("1*4 . 1*5", 4, "1", {"allowed_lateness_s": 60}, ["RAISE FIBER_DEGRADE_WARN AZ 0-10 late"]),
    ("0 . 12 0", 1, "12", {}, ["RAISE FIBER_CUT AZ 1-3 late"]),
    # A late rise; a higher level in a single window lifts nothing.
    (
        "4*2 . 4*2",
        2,
        "12",
        {},
        ["RAISE FIBER_DEGRADE AZ 0-2"],
    ),
    (
        "4*2 12 . 4*2",
        3,
        "12",
        {},
        ["RAISE FIBER_DEGRADE AZ 0-2", "CHANGE FIBER_CUT AZ 0-4 late"],
    ),
    # A RAISE is never retracted.
    ("12*2 0", 1, "0", {}, ["RAISE FIBER_CUT AZ 0-2"]),
    # The count towards a clear follows the decisions as they stand.
    (
        "12*2 0*5 . 0*4",
        7,
        "0",
        {},
        ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-12 late"],
    ),
    (
        "12*2 0*6 12 0*4",
        8,
        "0",
        {},
        ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-12 late"],
    ),
    # What is confirmed after a late clear acts again.
    (
        "12*2 0*9 . 12*2",
        11,
        "0",
        {},
        [
            "RAISE FIBER_CUT AZ 0-2",
            "CLEAR FIBER_CUT AZ 0-12 late",
            "RAISE FIBER_CUT AZ 12-14 late",
        ],
    ),
    # What has been confirmed and cleared is not raised again.
    (
        "12*2 0*10",
        1,
        "12",
        {"allowed_lateness_s": 60},
        ["RAISE FIBER_CUT AZ 0-2", "CLEAR FIBER_CUT AZ 0-12"],
    ),
    # The maintenance of the window counts; the alarm comes again at the first window after it.
    (
        "0 12 . 0*3",
        2,
        "12",
        {"fields": {"maintenance": [maintenance(0, 3)]}},
        ["RAISE FIBER_CUT AZ 1-3 late", "CHANGE FIBER_CUT AZ 1-4 late"],
    ),
    # A match is published once, and again when its level is lifted.
    (
        "4 . 4",
        1,
        "4",
        {"emit": "matches"},
        ["MATCH FIBER_DEGRADE AZ 0-2 late", "MATCH FIBER_DEGRADE AZ 1-3 late"],
    ),
    (
        "7 4",
        1,
        "7",
        {"emit": "matches"},
        ["MATCH FIBER_DEGRADE AZ 0-2", "MATCH FIBER_DEGRADE_SEVERE AZ 0-2 late"],
    ),
]


@pytest.mark.parametrize(("az", "at", "word", "options", "expected"), LATE)
def test_late_evaluation(
    az: str, at: int, word: str, options: dict[str, Any], expected: list[str]
) -> None:
    length = len(trace(az)) // 2
    oracle = live(az, evaluated=length, **options)
    report_again(oracle, at, word)
    assert short(oracle.finish().events) == expected


def test_windows_after_a_late_raise_count_on() -> None:
    oracle = live("0 12 . 0*3", evaluated=6)
    report_again(oracle, 2, "12")
    for one in trace("0*7", start=6):
        oracle.report(one)
    events = oracle.finish().events
    assert short(events) == ["RAISE FIBER_CUT AZ 1-3 late", "CLEAR FIBER_CUT AZ 1-13"]


def test_a_republished_match_has_the_next_sequence() -> None:
    oracle = live("7 4", evaluated=2, emit="matches")
    report_again(oracle, 1, "7")
    first, again = oracle.finish().events
    assert first["data"]["alarm_id"] == again["data"]["alarm_id"]
    assert (first["id"][-2:], again["id"][-2:]) == (":1", ":2")
    assert again["data"]["previous_severity"] == "minor"


def test_row_2_goes_by_the_alarm_as_it_is_now_and_a_duplicate_changes_nothing() -> None:
    # Both ends are dark before the cut is known: upstream. Reported again after the RAISE: a cut.
    oracle = live("0 b x x", evaluated=4)
    for one in second(1, "b", sequence=2):  # exactly the report of that second
        oracle.report(one)
    decided, window = oracle.links["L1"].decided, T0 + 1
    assert decided[window]["AZ"].code == "UPSTREAM_POWER_LOSS"
    for one in second(1, "b", sequence=3):
        oracle.report(one)
    assert decided[window]["AZ"].code == "FIBER_CUT"
    assert short(oracle.finish().events) == ["RAISE FIBER_CUT AZ 2-4"]


@pytest.mark.parametrize(
    ("watermark", "late"), [(2.999, None), (3.0, False), (7.999, False), (8.0, True)]
)
def test_limits_of_lateness(watermark: float, late: bool | None) -> None:
    """A window is due 2 s after its end, and closes 5 s later."""
    oracle = Oracle()
    oracle.topology("L1", link())
    for one in trace("x"):
        oracle.report(one)
    oracle.advance(ns(watermark))
    assert (T0 in oracle.links["L1"].decided) == (late is not None)
    oracle.report(payload("Z", 0, rx("rx", None, at=0.7)))
    out = oracle.finish()
    assert out.counters["ends_late"] == (1 if late else 0)
    assert out.counters["ends_joined"] == 5
    line = {
        "node_id": "Z",
        "component": "rx",
        "link_id": "L1",
        "end": "Z",
        "sample_time_unix_ns": ns(0.7),
        "window_start": "2026-01-01T00:00:00.000Z",
        "closed_at": "2026-01-01T00:00:08.000Z",
        "readings": {"INPUT_POWER": -40.0},
    }
    assert out.late == ([line] if late else [])


def test_conservation_with_fan_out() -> None:
    """A component for both directions serves one end, and two span ends, of each link."""
    port = topo.LinkEnd(node_id="A", tx_component="port", rx_component="port")
    links = [link("L1", a_end=port), link("L2", z="Y", a_end=port), link("L3", "C", "D")]
    one = component("port", value(1, 0.0), value(2, 0.0))
    out = replay(
        [
            payload("other", 0),
            payload("A", 0, one, tx("x", 0)),
            payload("A", 8, one),
            payload("A", 0, one),
        ],
        links,
        mode="stream",
    )
    assert out.counters == {
        "reports": 4,
        "components": 4,
        "components_rejected": 0,
        "components_unmatched": 1,
        "components_matched": 3,
        "ends_joined": 12,
        "ends_windowed": 8,
        "ends_late": 4,
    }
    assert [(line["link_id"], line["end"]) for line in out.late] == [("L1", "A"), ("L2", "A")]


def test_capture_is_length_delimited() -> None:
    assert capture([b"ab", b"x" * 200]) == b"\x02ab\xc8\x01" + b"x" * 200
