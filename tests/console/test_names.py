"""A search finds what bears a name, however many do; and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import inspect, select, text

from console.store import lists, names
from console.store.alarms import list_alarms
from console.store.database import Database
from console.store.filters import AlarmFilter, IncidentFilter
from console.store.incidents import list_incidents
from console.store.retention import Retention, remove_old
from console.store.tables import ALARM, ALARM_SERVICE, INCIDENT, INCIDENT_PART, NAME
from console.times import now_ms
from tests.console.made import alarm_event, alarm_id_of, incident_event, service
from tests.console.test_recorder import rows, take

_CUT = alarm_event(impacted_services=[service("OCH-7", customer="Zoë_100% Ltd")])
_LOSS = alarm_event("L2", code="OSC_LOSS", onset=10, at=12)
_OTHER = alarm_event("L2", source="other", onset=20, at=22, impacted_services=[])
_TABLES = (ALARM, ALARM_SERVICE, INCIDENT, INCIDENT_PART)


@pytest.fixture
def filled(database: Database) -> Database:
    take(database, _CUT, _LOSS, _OTHER, incident_event([_CUT], nodes=["N7"]))
    return database


def found(database: Database, text: str, **filters: Any) -> list[str]:
    """Returns the sources and links of the alarms that a search finds, by the newest."""
    with database.reading() as connection:
        page = list_alarms(connection, AlarmFilter(text=text, **filters))
    assert page.total == len(page.items)
    return [f"{item['source']} {item['link']['link_id']}" for item in page.items]


#: Few bear a name; many do, and each alarm is looked at; it is in too many names to ask for each.
WAYS = {"few": (lists, "MAX_TOTAL", lists.MAX_TOTAL), "many": (lists, "MAX_TOTAL", 1)}
WAYS["in too many names"] = (names, "_MAX_NAMES", 0)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("oute l1", ["center L1"]),
        ("n2", ["other L2", "center L2", "center L1"]),
        ("och-7", ["center L1"]),
        ("ZOË_1", ["center L1"]),
        ("0%", ["center L1"]),
        ("fiber CUT", ["other L2", "center L1"]),
        ("fiber_cut", ["other L2", "center L1"]),
        ("bank", ["center L2"]),
        ("L2", ["other L2", "center L2"]),
        (alarm_id_of("L1", "FIBER", 0)[:13], ["center L1"]),
        ("nowhere", []),
        ("l_", []),
        ("\\", []),
    ],
)
def test_alarms_are_found_by_their_names_few_or_many(
    filled: Database, monkeypatch: pytest.MonkeyPatch, way: str, text: str, links: list[str]
) -> None:
    monkeypatch.setattr(*WAYS[way])
    with filled.reading() as connection:
        page = list_alarms(connection, AlarmFilter(text=text))
    assert [f"{i['source']} {i['link']['link_id']}" for i in page.items] == links


def test_a_search_goes_with_other_filters(filled: Database) -> None:
    assert found(filled, "fiber", state="ACTIVE", customer="Zoë_100% Ltd") == ["center L1"]
    assert found(filled, "n2", code=("OSC_LOSS",)) == ["center L2"]
    assert found(filled, "n2", at_ms=now_ms(), severity=("minor",)) == ["center L2"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("text", "number"),
    [("L1", 1), ("N7", 1), ("duct", 1), ("zoë", 1), ("och-7", 1), ("cable cut", 1), ("L2", 0)],
)
def test_incidents_are_found_by_their_names(
    filled: Database, monkeypatch: pytest.MonkeyPatch, way: str, text: str, number: int
) -> None:
    monkeypatch.setattr(*WAYS[way])
    with filled.reading() as connection:
        assert len(list_incidents(connection, IncidentFilter(text=text)).items) == number


def test_a_link_that_was_renamed_is_found_by_either_name(database: Database) -> None:
    link = {"link_id": "L1", "name": "New road", "a_end": "N1", "z_end": "N2"}
    take(database, alarm_event(), alarm_event(onset=50, at=52, link=link))
    assert found(database, "route l1") == found(database, "new road") == ["center L1"] * 2


def test_names_go_with_the_last_that_bears_them(database: Database) -> None:
    day_s = 86_400
    ended = alarm_event("L9", impacted_services=[service("S9", customer="Gone")])
    clear = alarm_event(
        "L9",
        "CLEAR",
        sequence=2,
        at=9,
        impacted_services=[service("S9", customer="Gone")],
    )
    take(database, ended, clear, alarm_event("L2", onset=10 * day_s, at=10 * day_s + 2))
    assert remove_old(database, Retention(days=5), now_ms()) == 1
    with database.reading() as connection:
        kept = connection.execute(select(NAME.c.kind, NAME.c.value).order_by(NAME.c.kind)).all()
    assert set(map(tuple, kept)) == {
        ("code", "FIBER_CUT"),
        ("customer", "Bank"),
        ("link", "L2"),
        ("service", "S1"),
    }


def test_a_store_of_version_1_can_be_searched(filled: Database, url: str) -> None:
    wanted = rows(filled)
    with filled.writing() as connection:
        _make_version_1(connection)
    filled.close()
    again = Database(url)
    assert rows(again) == wanted
    assert found(again, "zoë") == ["center L1"]
    take(again, alarm_event("L5", onset=90, at=92))
    assert found(again, "l5") == ["center L5"]
    with again.reading() as connection:
        assert _indexes(connection) == {
            index.name
            for t in (ALARM, ALARM_SERVICE, INCIDENT, INCIDENT_PART)
            for index in t.indexes
        }
    again.close()


def _make_version_1(connection: Any) -> None:
    """Makes of the tables what version 1 had."""
    names = "('service', 'customer')"
    statements = [
        *(f"DROP INDEX {name}" for name in _indexes(connection)),
        "DROP TABLE name",
        f"DELETE FROM incident_part WHERE what IN {names}",
        "ALTER TABLE alarm DROP COLUMN lasted",
        "ALTER TABLE incident DROP COLUMN lasted",
        "ALTER TABLE alarm ADD COLUMN words TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE incident ADD COLUMN words TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX alarm_by_state ON alarm (state, severity, raised_ms, alarm_id)",
        "CREATE INDEX alarm_by_code ON alarm (code, raised_ms)",
        "CREATE INDEX alarm_of_customer ON alarm_service (customer)",
        "CREATE INDEX incident_of_part ON incident_part (what, value)",
        "UPDATE schema_version SET version = 1",
    ]
    for statement in statements:
        connection.execute(text(statement))


def _indexes(connection: Any) -> set[str]:
    found = inspect(connection)
    return {index["name"] for table in _TABLES for index in found.get_indexes(table.name)}
