"""Alarms and incidents as they stood at any moment."""

from __future__ import annotations

import random
from typing import Any

import pytest

from console.store.actions import act
from console.store.alarms import list_alarms
from console.store.database import Database
from console.store.filters import AlarmFilter, IncidentFilter
from console.store.incidents import list_incidents
from console.store.operator_states import Action
from console.times import now_ms
from tests.console.made import START_S, alarm_event, alarm_id_of, incident_event
from tests.console.test_recorder import take


def at(database: Database, second: float, **filters: Any) -> list[dict[str, Any]]:
    with database.reading() as connection:
        chosen = AlarmFilter(at_ms=round((START_S + second) * 1000), **filters)
        page = list_alarms(connection, chosen)
    assert page.total == len(page.items)
    return page.items


@pytest.fixture
def lived(database: Database) -> Database:
    """An alarm that rises at 10 and clears at 20; one that is superseded at 102."""
    take(
        database,
        alarm_event(code="FIBER_DEGRADE"),
        alarm_event("L2"),
        alarm_event(action="CHANGE", sequence=2, at=10),
        alarm_event(action="CLEAR", sequence=3, at=20),
        alarm_event("L2", onset=100, at=102),
    )
    return database


@pytest.mark.parametrize(
    ("second", "stood"),
    [
        (1.9, []),
        (2, [("L1", "FIBER_DEGRADE", "ACTIVE"), ("L2", "FIBER_CUT", "ACTIVE")]),
        (10, [("L1", "FIBER_CUT", "ACTIVE"), ("L2", "FIBER_CUT", "ACTIVE")]),
        (20, [("L1", "FIBER_CUT", "CLEARED"), ("L2", "FIBER_CUT", "ACTIVE")]),
        (
            102,
            [
                ("L1", "FIBER_CUT", "CLEARED"),
                ("L2", "FIBER_CUT", "ACTIVE"),
                ("L2", "FIBER_CUT", "CLEARED"),
            ],
        ),
    ],
)
def test_alarms_stand_as_they_stood(lived: Database, second: float, stood: list[Any]) -> None:
    found = [(i["link"]["link_id"], i["code"], i["state"]) for i in at(lived, second)]
    assert sorted(found) == stood
    active = [i for i in at(lived, second, state="ACTIVE")]
    assert len(active) == sum(state == "ACTIVE" for *_, state in stood)


def test_filters_ask_for_what_stood_then(lived: Database) -> None:
    assert len(at(lived, 5, code=("FIBER_DEGRADE",))) == 1
    assert not at(lived, 10, code=("FIBER_DEGRADE",))
    assert len(at(lived, 10, severity=("critical",))) == 2


def test_acknowledged_is_what_was_said_up_to_then(lived: Database) -> None:
    alarm_id = alarm_id_of("L1", "FIBER", 0)
    before_s = now_ms() / 1000 - START_S - 0.001
    act(lived, "center", alarm_id, Action("ACKNOWLEDGE"), "anna")
    after_s = now_ms() / 1000 - START_S
    assert not at(lived, before_s, acknowledged=True)
    assert [i["alarm_id"] for i in at(lived, after_s, acknowledged=True)] == [alarm_id]
    act(lived, "center", alarm_id, Action("UNACKNOWLEDGE"), "anna")
    assert not at(lived, now_ms() / 1000 - START_S, acknowledged=True)


def test_what_operators_made_of_it_is_as_it_stood_then(lived: Database) -> None:
    alarm_id = alarm_id_of("L1", "FIBER", 0)
    before_s = now_ms() / 1000 - START_S - 0.001
    until_ms = now_ms() + 60_000
    act(lived, "center", alarm_id, Action("ASSIGN", assignee="ben"), "anna")
    act(lived, "center", alarm_id, Action("SHELVE", until_ms=until_ms), "anna")
    after_s = now_ms() / 1000 - START_S
    seen = {}
    for name, second in (("before", before_s), ("after", after_s), ("later", after_s + 90)):
        (item,) = at(lived, second, link_id="L1")
        seen[name] = (item["operator_state"], item["assignee"], bool(item["shelved_until"]))
    assert seen == {
        "before": ("none", None, False),
        "after": ("shelved", "ben", True),
        "later": ("un-shelved", "ben", False),
    }


def test_incidents_stand_as_they_stood(database: Database) -> None:
    alarms = [alarm_event(), alarm_event("L2")]
    take(
        database,
        incident_event(alarms, severity="major", kind="FIBER_CUT"),
        incident_event(alarms, "CHANGE", sequence=2, at=10),
        incident_event(alarms, "CLOSE", sequence=3, at=20),
    )
    seen = {}
    with database.reading() as connection:
        for second in (4, 5, 10, 20):
            chosen = IncidentFilter(at_ms=(START_S + second) * 1000, state="ACTIVE")
            page = list_incidents(connection, chosen)
            seen[second] = [(i["kind"], i["severity"]) for i in page.items]
    assert seen == {4: [], 5: [("FIBER_CUT", "major")], 10: [("CABLE_CUT", "critical")], 20: []}


def test_what_was_open_at_any_moment_whatever_it_lasted(database: Database) -> None:
    chance = random.Random(7)
    lives = [(chance.uniform(0, 1e5), 10 ** chance.uniform(0, 7)) for _ in range(60)]
    for number, (onset, lasted_s) in enumerate(lives):
        of = {"link_id": f"L{number}", "onset": round(onset)}
        raised = alarm_event(at=round(onset) + 2, **of)
        end = round(onset + lasted_s) + 3
        take(database, raised, incident_event([raised], opened_time=raised["time"]))
        if number % 10:
            take(database, alarm_event(action="CLEAR", sequence=2, at=end, **of))
            closed = {"sequence": 2, "at": end, "opened_time": raised["time"]}
            take(database, incident_event([raised], "CLOSE", **closed))
    for second in (0, 500, 30_000, 99_999, 200_000, 3_000_000):
        wanted = sum(
            round(onset) + 2 <= second
            and (number % 10 == 0 or round(onset + lasted_s) + 3 > second)
            for number, (onset, lasted_s) in enumerate(lives)
        )
        with database.reading() as connection:
            chosen_alarms = AlarmFilter(at_ms=(START_S + second) * 1000, state="ACTIVE")
            assert list_alarms(connection, chosen_alarms).total == wanted
        chosen = IncidentFilter(at_ms=(START_S + second) * 1000, state="ACTIVE")
        with database.reading() as connection:
            assert list_incidents(connection, chosen).total == wanted
