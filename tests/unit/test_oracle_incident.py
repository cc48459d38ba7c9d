"""The rules of incidents, one by one, in literal events (spec, section 9)."""

from __future__ import annotations

import uuid

import pytest

from schema.events import Action, Code, FiberEvent
from schema.topology_pb2 import FiberLink
from tests.alarm_events import Life, alarm, short, told
from tests.builders import link, seconds, service
from tests.oracle_incident import incidents
from tests.oracle_incident import incidents as oracle

CUT, DARK, EQUIPMENT = Code.FIBER_CUT, Code.LINK_DARK, Code.SIGNAL_LOSS_EQUIPMENT
UPSTREAM, MISSING, DEGRADE = Code.UPSTREAM_POWER_LOSS, Code.PM_DATA_MISSING, Code.FIBER_DEGRADE
BOTH_ENDS = "A tx,A rx,Z tx,Z rx"


def risky(link_id: str, *srlg_ids: str) -> FiberLink:
    return link(link_id, f"{link_id}-A", f"{link_id}-Z", srlg_ids=srlg_ids)


def fed_by(link_id: str, *upstream: str) -> FiberLink:
    return link(link_id, f"{link_id}-A", f"{link_id}-Z", upstream_link_ids=upstream)


def run(*lives: list[FiberEvent], window_s: int = 1) -> list[dict]:
    return oracle(told(event for life in lives for event in life), window_s=window_s)


def opened(*lives: list[FiberEvent], window_s: int = 1) -> list[str]:
    """Returns kind, and links in order, of each incident that opens."""
    return [
        f"{e['data']['kind']} {' '.join(a['link_id'] for a in e['data']['alarms'])}"
        for e in run(*lives, window_s=window_s)
        if e["data"]["action"] == "OPEN"
    ]


# --- The four relations


def test_alarms_of_one_link_are_one_incident() -> None:
    one = link()
    assert opened(alarm(one, CUT, 10), alarm(one, UPSTREAM, 11)) == ["FIBER_CUT L1 L1"]


@pytest.mark.parametrize(("apart", "number"), [(0, 1), (2, 1), (3, 2)])
def test_cuts_of_a_shared_risk_are_one_within_two_seconds(apart: int, number: int) -> None:
    lives = alarm(risky("L1", "S1", "S2"), CUT, 10), alarm(risky("L2", "S2"), DARK, 10 + apart)
    found = opened(*lives)
    assert len(found) == number
    assert (found == ["CABLE_CUT L1 L2"]) == (number == 1)


def test_a_shared_risk_relates_cuts_only() -> None:
    assert len(opened(alarm(risky("L1", "S"), CUT, 10), alarm(risky("L2", "S"), DEGRADE, 10))) == 2
    assert len(opened(alarm(risky("L1", "S"), CUT, 10), alarm(risky("L2", "T"), CUT, 10))) == 2


@pytest.mark.parametrize("code", [CUT, DARK, EQUIPMENT, UPSTREAM])
@pytest.mark.parametrize("starved", [UPSTREAM, DARK])
def test_a_loss_upstream_is_the_cause(code: Code, starved: Code) -> None:
    found = opened(alarm(fed_by("L2", "L1"), starved, 10), alarm(link("L1"), code, 10))
    assert len(found) == 1


@pytest.mark.parametrize(("cause_at", "number"), [(2, 1), (12, 1), (13, 2)])
def test_a_cause_begins_two_seconds_after_its_effect_at_most(cause_at: int, number: int) -> None:
    lives = alarm(link("L1"), CUT, cause_at), alarm(fed_by("L2", "L1"), UPSTREAM, 10)
    assert len(opened(*lives)) == number


def test_what_is_downstream_is_no_cause() -> None:
    assert len(opened(alarm(fed_by("L2", "L1"), CUT, 10), alarm(link("L1"), UPSTREAM, 10))) == 2
    assert len(opened(alarm(fed_by("L2", "L1"), UPSTREAM, 10), alarm(link("L1"), DEGRADE, 10))) == 2


def test_a_chain_is_one_incident() -> None:
    chain = [
        alarm(fed_by("L3", "L2"), UPSTREAM, 10),
        alarm(link("L1"), CUT, 10),
        alarm(fed_by("L2", "L1"), UPSTREAM, 10),
    ]
    (found,) = run(*chain)
    assert found["data"]["root"]["link_id"] == "L1"
    assert [a["role"] for a in found["data"]["alarms"]] == ["ROOT", "CHILD", "CHILD"]


@pytest.mark.parametrize(
    ("problems", "kinds", "nodes"),
    [
        (("Z tx,Z rx", "A tx,A rx"), ["NODE_SILENT L1 L2"], ["Q"]),
        (("Z tx,Z rx", "A tx"), ["PM_DATA_MISSING L1", "PM_DATA_MISSING L2"], ["Q"]),
        (("A tx,A rx", "Z tx,Z rx"), ["PM_DATA_MISSING L1", "PM_DATA_MISSING L2"], ["P", "R"]),
        ((BOTH_ENDS, BOTH_ENDS), ["NODE_SILENT L1 L2"], ["P", "Q", "R"]),
    ],
)
def test_links_of_a_silent_node(
    problems: tuple[str, str], kinds: list[str], nodes: list[str]
) -> None:
    first, second = link("L1", "P", "Q"), link("L2", "Q", "R")
    lives = (
        alarm(first, MISSING, 10, problem=problems[0]),
        alarm(second, MISSING, 10, problem=problems[1]),
    )
    assert sorted(opened(*lives)) == kinds
    silent = {node for event in run(*lives) for node in event["data"]["nodes"]}
    assert sorted(silent) == nodes


def test_what_the_raise_said_makes_a_node_silent() -> None:
    life = Life(link("L1", "P", "Q"), 10, problem="Z tx,Z rx")
    life.tell(Action.RAISE, 13, MISSING)
    life.problem = "Z tx"
    life.tell(Action.CHANGE, 14, direction=3)
    other = alarm(link("L2", "Q", "R"), MISSING, 10, problem="A tx,A rx")
    assert opened(life.events, other) == ["NODE_SILENT L1 L2"]


# --- Ticks, placing, joining


def test_an_alarm_is_placed_three_seconds_after_it_was_raised() -> None:
    assert short(run(alarm(link(), CUT, 10))) == ["15 OPEN FIBER_CUT critical: FIBER_CUT L1"]


@pytest.mark.parametrize(("window_s", "raised", "opens"), [(2, 14, 18), (4, 16, 20), (3, 15, 18)])
def test_placing_waits_for_the_end_of_a_window(window_s: int, raised: int, opens: int) -> None:
    life = Life(link(), raised - 2 * window_s, window_s).tell(Action.RAISE, raised, CUT)
    (found,) = run(life.events, window_s=window_s)
    assert seconds(found["time"]) == opens


def test_two_seconds_are_a_window_where_that_is_longer() -> None:
    def life(link_id: str, onset: int) -> list[FiberEvent]:
        return Life(risky(link_id, "S"), onset, 5).tell(Action.RAISE, onset + 10, CUT).events

    assert opened(life("L1", 10), life("L2", 15), window_s=5) == ["CABLE_CUT L1 L2"]
    assert len(opened(life("L1", 10), life("L2", 20), window_s=5)) == 2


def test_what_has_cleared_by_then_is_in_no_incident() -> None:
    one = alarm(risky("L1", "S"), CUT, 10, clear=15)
    assert run(one) == []
    # Nor does it draw others in.
    between = alarm(fed_by("L3", "L1"), UPSTREAM, 10)
    assert opened(one, alarm(risky("L2", "S"), CUT, 10), between) == [
        "FIBER_CUT L2",
        "UPSTREAM_POWER_LOSS L3",
    ]


def test_what_is_related_is_placed_with_it_before_its_time() -> None:
    lives = [
        alarm(link("L1"), CUT, 10, raised=12),
        alarm(fed_by("L2", "L1"), UPSTREAM, 11, raised=14),
        alarm(fed_by("L3", "L2"), UPSTREAM, 12, raised=15),
        alarm(link("L4"), CUT, 10, raised=15),
    ]
    assert short(run(*lives)) == [
        "15 OPEN FIBER_CUT critical: FIBER_CUT L1, UPSTREAM_POWER_LOSS L2, UPSTREAM_POWER_LOSS L3",
        "18 OPEN FIBER_CUT critical: FIBER_CUT L4",
    ]


def test_an_alarm_joins_an_open_incident_with_an_active_alarm() -> None:
    lives = alarm(link(), CUT, 10, clear=60), alarm(link(), UPSTREAM, 20)
    assert short(run(*lives)) == [
        "15 OPEN FIBER_CUT critical: FIBER_CUT L1",
        "25 CHANGE FIBER_CUT critical: FIBER_CUT L1, UPSTREAM_POWER_LOSS L1",
        "60 CHANGE FIBER_CUT warning: FIBER_CUT L1 cleared, UPSTREAM_POWER_LOSS L1",
    ]


def test_a_closed_incident_takes_none() -> None:
    lives = alarm(link(), CUT, 10, clear=25), alarm(link(), UPSTREAM, 20)
    assert short(run(*lives)) == [
        "15 OPEN FIBER_CUT critical: FIBER_CUT L1",
        "25 CLOSE FIBER_CUT critical: FIBER_CUT L1 cleared",
        "25 OPEN UPSTREAM_POWER_LOSS warning: UPSTREAM_POWER_LOSS L1",
    ]


def test_of_several_incidents_that_whose_root_comes_first() -> None:
    lives = [
        alarm(link("L1"), EQUIPMENT, 10),
        alarm(link("L2"), CUT, 11),
        alarm(fed_by("L3", "L1", "L2"), UPSTREAM, 20),
    ]
    found = run(*lives)
    assert short(found)[-1] == (
        "25 CHANGE FIBER_CUT critical: FIBER_CUT L2, UPSTREAM_POWER_LOSS L3"
    )
    assert len({event["subject"] for event in found}) == 2  # incidents do not merge


def test_a_new_root_keeps_the_identity_of_the_incident() -> None:
    lives = alarm(fed_by("L2", "L1"), UPSTREAM, 10), alarm(link("L1"), CUT, 11, raised=20)
    first, second = run(*lives)
    opening = first["data"]["root"]["alarm_id"]
    assert first["subject"] == str(uuid.uuid5(uuid.NAMESPACE_URL, f"incident|{opening}"))
    assert second["subject"] == first["subject"]
    assert second["id"] == f"{first['subject']}:2"
    assert second["data"]["root"]["code"] == "FIBER_CUT"
    assert second["type"] == "eventcenter.incident.fiber_cut.change"


def test_a_late_event_is_taken_in_at_the_tick_after_what_was_due() -> None:
    life = Life(link(), 10).tell(Action.RAISE, 12, CUT, late_by=6)
    assert short(run(life.events)) == ["19 OPEN FIBER_CUT critical: FIBER_CUT L1"]


# --- What is published


def test_a_change_says_what_is_new_and_a_close_repeats() -> None:
    life = Life(link(), 10).tell(Action.RAISE, 12, DEGRADE).tell(Action.CHANGE, 20, CUT)
    life.tell(Action.CHANGE, 30, direction=3).tell(Action.CLEAR, 40, direction=3)
    found = run(life.events)
    assert short(found) == [
        "15 OPEN FIBER_DEGRADE minor: FIBER_DEGRADE L1",
        "20 CHANGE FIBER_CUT critical: FIBER_CUT L1",
        "30 CHANGE FIBER_CUT critical: FIBER_CUT L1",
        "40 CLOSE FIBER_CUT critical: FIBER_CUT L1 cleared",
    ]
    close = found[-1]["data"]
    assert close["state"] == "CLEARED" and close["sequence"] == 4
    assert close["service_affecting"] == "SERVICE_AFFECTING"
    assert [s["service_id"] for s in close["impacted_services"]] == ["S1"]
    times = ("onset_time", "opened_time", "changed_time", "closed_time")
    assert [seconds(close[name]) for name in times] == [10, 15, 30, 40]
    assert close["duration_ms"] == 30_000


def test_work_suppresses_an_incident_while_every_active_alarm_is() -> None:
    life = Life(link(), 10).tell(Action.RAISE, 12, CUT, suppressed_by="CHG1")
    other = Life(link(), 10).tell(Action.RAISE, 20, UPSTREAM)
    found = run(life.events, other.events)
    assert [event["data"]["suppressed"] for event in found] == [True, False]


def test_each_service_is_hit_once() -> None:
    services = [service("S1", 100), service("S2", 200, protected=True), service("S3", 0.1)]
    first = link("L1", services=services)
    second = link("L2", upstream_link_ids=["L1"], services=[service("S2", 400), service("S1", 7)])
    (found,) = run(alarm(first, CUT, 10), alarm(second, UPSTREAM, 10))
    data = found["data"]
    assert [(s["service_id"], s["capacity_gbps"]) for s in data["impacted_services"]] == [
        ("S1", 100.0),
        ("S2", 400.0),
        ("S3", 0.1),
    ]
    assert data["impacted_capacity_gbps"] == 500.1


def test_shared_risks_are_those_that_relate() -> None:
    lives = [
        alarm(risky("L1", "S1", "S9"), CUT, 10),
        alarm(risky("L2", "S1", "S2"), CUT, 11),
        alarm(risky("L3", "S2", "S7"), CUT, 13),
    ]
    (found,) = run(*lives)
    assert found["data"]["srlg_ids"] == ["S1", "S2"]
    assert found["data"]["links"] == ["L1", "L2", "L3"]


def test_an_alarm_that_was_cleared_a_day_ago_is_dropped() -> None:
    day = 24 * 3600
    lives = [
        alarm(link(), CUT, 10, clear=50),
        alarm(link(), UPSTREAM, 20),
        alarm(link("L9"), DEGRADE, 2 * day),
    ]
    found = short(run(*lives))
    assert found[2:] == [
        "50 CHANGE FIBER_CUT warning: FIBER_CUT L1 cleared, UPSTREAM_POWER_LOSS L1",
        f"{day + 51} CHANGE UPSTREAM_POWER_LOSS warning: UPSTREAM_POWER_LOSS L1",
        f"{2 * day + 5} OPEN FIBER_DEGRADE minor: FIBER_DEGRADE L9",
    ]
    assert short(run(*lives[:2])) == found[:3]  # the ticks end with the input


def test_an_event_of_an_older_sequence_says_nothing() -> None:
    raised, cleared = alarm(link(), CUT, 10, clear=11)
    assert incidents(told([cleared, raised])) == []
