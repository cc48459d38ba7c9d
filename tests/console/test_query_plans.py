"""Nothing that is done often looks through a whole table of events or alarms."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from console.store.alarms import alarm, events_of, list_alarms
from console.store.database import Database
from console.store.filters import AlarmFilter, IncidentFilter
from console.store.incidents import incident, list_incidents
from console.store.journal import changes_after
from console.store.links import link_history
from tests.console.made import alarm_event, alarm_id_of, incident_event
from tests.console.test_recorder import take


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/c.db")
    yield opened
    opened.close()


class Asked:
    """The statements that were executed while it listens."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any]] = []

    def __enter__(self) -> Asked:
        event.listen(Engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(Engine, "before_cursor_execute", self._note)

    def _note(self, _c: object, _u: object, statement: str, values: Any, *_: object) -> None:
        if statement.startswith(("SELECT", "UPDATE", "DELETE")):
            self.statements.append((statement, values[0] if isinstance(values, list) else values))


def plans(database: Database, asked: Asked) -> list[str]:
    """Returns the steps of the statements' plans."""
    assert asked.statements
    with database.reading() as connection:
        return [
            row[3]
            for statement, values in asked.statements
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
        ]


def scans(database: Database, asked: Asked) -> list[str]:
    """Returns the steps of the statements' plans that look through a large table."""
    large = (
        "bearer",
        "open",
        "event",
        "alarm",
        "incident",
        "alarm_service",
        "incident_part",
        "journal",
        "trace",
    )
    steps = plans(database, asked)
    return [plan for plan in steps if plan.startswith(tuple(f"SCAN {name}" for name in large))]


def test_taking_in_looks_through_no_table(database: Database) -> None:
    with Asked() as asked:
        take(
            database,
            alarm_event(),
            alarm_event("L2", source="other"),
            incident_event([alarm_event()]),
        )
        take(database, alarm_event(action="CHANGE", sequence=2), alarm_event("L2", onset=50, at=52))
    assert scans(database, asked) == []


def test_what_is_asked_by_a_name_looks_through_no_table(database: Database) -> None:
    take(database, alarm_event(), incident_event([alarm_event()]))
    alarm_id = alarm_id_of("L1", "FIBER", 0)
    with database.reading() as connection:
        (item,) = list_incidents(connection, IncidentFilter()).items
        with Asked() as asked:
            alarm(connection, alarm_id)
            events_of(connection, "center", alarm_id)
            incident(connection, item["incident_id"])
            changes_after(connection, 0, 10)
            link_history(connection, "L1", 0, 1)
            for filters in (
                AlarmFilter(link_id="L1"),
                AlarmFilter(node_id="N1"),
                AlarmFilter(service_id="S1"),
                AlarmFilter(customer="Bank"),
                AlarmFilter(incident_id=item["incident_id"]),
                AlarmFilter(srlg_id="duct-1"),
                AlarmFilter(state="ACTIVE"),
                AlarmFilter(family=("FIBER",)),
                AlarmFilter(text="bank"),
            ):
                list_alarms(connection, filters)
            list_incidents(connection, IncidentFilter(link_id="L1"))
            list_incidents(connection, IncidentFilter(customer="Bank"))
            list_incidents(connection, IncidentFilter(text="bank"))
    assert scans(database, asked) == []


@pytest.mark.parametrize(
    "filters",
    [
        {},
        {"state": "ACTIVE"},
        {"state": "CLEARED"},
        {"severity": ("critical",)},
        {"family": ("FIBER",)},
        {"code": ("FIBER_CUT",)},
        {"suppressed": True},
        {"acknowledged": True},
    ],
)
def test_a_page_is_read_in_its_order_and_not_sorted(
    database: Database, filters: dict[str, Any]
) -> None:
    with database.reading() as connection, Asked() as asked:
        list_alarms(connection, AlarmFilter(**filters))
        if "acknowledged" not in filters and "family" not in filters and "code" not in filters:
            list_incidents(connection, IncidentFilter(**filters))
    assert [plan for plan in plans(database, asked) if "TEMP B-TREE" in plan] == []


def test_the_most_severe_are_read_in_their_order(database: Database) -> None:
    with database.reading() as connection, Asked() as asked:
        for state in (None, "ACTIVE", "CLEARED"):
            list_alarms(connection, AlarmFilter(state=state), order="-severity")
    assert [plan for plan in plans(database, asked) if "TEMP B-TREE" in plan] == []
