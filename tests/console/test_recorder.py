"""What is recorded of a stream, however it is cut, repeated and disordered."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from console.lines import cloud_event, trace
from console.store.alarms import alarm, list_alarms
from console.store.database import Database
from console.store.filters import AlarmFilter
from console.store.journal import changes_after
from console.store.recorder import Batch, PositionMovedError, Progress, Rejection, positions, record
from console.store.tables import (
    ALARM,
    ALARM_SERVICE,
    EVENT,
    INCIDENT,
    INCIDENT_PART,
    JOURNAL,
    METADATA,
    NAME,
    TRACE,
)
from tests.console.made import (
    START_S,
    alarm_event,
    alarm_id_of,
    incident_event,
    service,
    time_at,
    trace_line,
)


def take(database: Database, *events: dict[str, Any]) -> None:
    record(database, Batch(events=[cloud_event(orjson.dumps(event)) for event in events]))


def alarm_of(database: Database, link_id: str, onset: float, family: str = "FIBER") -> Any:
    with database.reading() as connection:
        return alarm(connection, alarm_id_of(link_id, family, onset))


def rows(database: Database) -> dict[str, Any]:
    """All rows but those of the clock."""
    tables = (EVENT, ALARM, ALARM_SERVICE, INCIDENT, INCIDENT_PART, NAME, TRACE, JOURNAL)
    with database.reading() as connection:
        return {
            table.name: sorted(
                connection.execute(
                    select(*(c for c in table.columns if c is not JOURNAL.c.time_ms))
                ).all(),
                key=repr,
            )
            for table in tables
        }


def test_an_event_that_comes_twice_is_one_row_and_one_change(database: Database) -> None:
    take(database, alarm_event(), alarm_event())
    take(database, alarm_event())
    with database.reading() as connection:
        assert len(connection.execute(select(EVENT)).all()) == 1
        assert len(changes_after(connection, 0, 10)) == 1


def test_two_pipelines_may_use_one_id(database: Database) -> None:
    take(database, alarm_event(source="a"), alarm_event(source="b"))
    with database.reading() as connection:
        page = list_alarms(connection, AlarmFilter())
    assert sorted(item["source"] for item in page.items) == ["a", "b"]


def test_only_a_greater_sequence_changes_the_state(database: Database) -> None:
    take(database, alarm_event(action="CLEAR", sequence=3, at=20))
    take(database, alarm_event(action="CHANGE", sequence=2, at=10, code="FIBER_DEGRADE_SEVERE"))
    item = alarm_of(database, "L1", 0)
    assert (item["sequence"], item["state"], item["code"]) == (3, "CLEARED", "FIBER_CUT")


def test_a_later_raise_supersedes_what_was_left_open(database: Database) -> None:
    take(database, alarm_event(), alarm_event("L2"), alarm_event(code="OSC_LOSS"))
    take(database, alarm_event(onset=100, at=102))
    old = alarm_of(database, "L1", 0)
    assert (old["state"], old["clear_reason"]) == ("CLEARED", "SUPERSEDED")
    assert old["cleared_time"] == time_at(102)
    for link_id, onset, family in (("L1", 100, "FIBER"), ("L2", 0, "FIBER"), ("L1", 0, "OSC")):
        assert alarm_of(database, link_id, onset, family)["state"] == "ACTIVE"


def test_an_alarm_stays_superseded_until_its_own_clear(database: Database) -> None:
    take(database, alarm_event(), alarm_event(onset=100, at=102))
    take(database, alarm_event(action="CHANGE", sequence=2, at=110))
    assert alarm_of(database, "L1", 0)["clear_reason"] == "SUPERSEDED"
    take(database, alarm_event(action="CLEAR", sequence=3, at=120))
    assert alarm_of(database, "L1", 0)["clear_reason"] == "NORMAL"
    assert alarm_of(database, "L1", 100)["state"] == "ACTIVE"


def test_a_match_is_kept_and_is_no_alarm(database: Database) -> None:
    take(database, alarm_event(action="MATCH"))
    with database.reading() as connection:
        assert len(connection.execute(select(EVENT)).all()) == 1
        assert not list_alarms(connection, AlarmFilter()).items


def test_services_are_those_last_told(database: Database) -> None:
    take(database, alarm_event(impacted_services=[service("S1"), service("S2")]))
    take(database, alarm_event(action="CHANGE", sequence=2, impacted_services=[service("S3")]))
    with database.reading() as connection:
        named = connection.execute(select(ALARM_SERVICE.c.service_id)).scalars().all()
    assert named == ["S3"]


def test_the_last_trace_of_a_window_counts(database: Database) -> None:
    first, last = (trace(orjson.dumps(trace_line("L1", 0, loss))) for loss in (20.0, 25.0))
    record(database, Batch(traces=[first, last, trace(orjson.dumps(trace_line("L1", 1)))]))
    record(database, Batch(traces=[last]))
    with database.reading() as connection:
        found = connection.execute(select(TRACE.c.window_start_ms, TRACE.c.body)).all()
    assert len(found) == 2
    assert orjson.loads(dict(found)[START_S * 1000])["measurement"]["AZ"]["span_loss_db"] == 25.0


def stream() -> list[dict[str, Any]]:
    """Lives of alarms on a few links, one of which is superseded, and an incident."""
    events = []
    for link in range(6):
        for round_s in range(0, 300, 100):
            raised = alarm_event(f"L{link}", onset=round_s, at=round_s + 2)
            events.append(raised)
            services = [service("S1"), service(f"S{round_s}")]
            events.append(
                alarm_event(
                    f"L{link}",
                    "CHANGE",
                    sequence=2,
                    onset=round_s,
                    at=round_s + 10,
                    impacted_services=services,
                )
            )
            if (link + round_s // 100) % 3:
                events.append(
                    alarm_event(f"L{link}", "CLEAR", sequence=3, onset=round_s, at=round_s + 30)
                )
    events.append(incident_event(events[:2]))
    events.append(incident_event(events[:1], "CLOSE", sequence=2, at=90))
    return events


def cut(events: Sequence[dict[str, Any]], seed: int) -> list[list[dict[str, Any]]]:
    """Returns the stream in batches of any size, with parts of it twice, as after a restart."""
    chance = random.Random(seed)
    batches, at = [], 0
    while at < len(events):
        size = chance.randint(1, 12)
        batches.append(list(events[max(at - chance.randint(0, 4), 0) : at + size]))
        at += size
    return batches


@pytest.mark.parametrize("seed", range(3))
def test_how_a_stream_is_cut_changes_no_row(database: Database, seed: int) -> None:
    for event in stream():
        take(database, event)
    wanted = rows(database)
    assert len(wanted["alarm"]) == 18
    with database.writing() as connection:
        for table in METADATA.tables.values():
            connection.execute(table.delete())
    for batch in cut(stream(), seed):
        take(database, *batch)
    assert rows(database) == wanted


def test_positions_move_with_the_rows_and_only_from_where_they_are(database: Database) -> None:
    batch = Batch(events=[cloud_event(orjson.dumps(alarm_event()))])
    batch.progress["kafka:events:0"] = Progress(None, 7)
    record(database, batch)
    assert positions(database) == {"kafka:events:0": (7, 0)}
    again = Batch(events=[cloud_event(orjson.dumps(alarm_event("L2")))])
    for before in (None, 5):
        again.progress["kafka:events:0"] = Progress(before, 9)
        with pytest.raises(PositionMovedError):
            record(database, again)
    assert alarm_of(database, "L2", 0) is None
    assert positions(database) == {"kafka:events:0": (7, 0)}


def test_rejected_input_is_kept_with_its_place(database: Database) -> None:
    record(database, Batch(rejections=[Rejection("file:x", 3, "no JSON", b"\0\xff")]))
    with database.reading() as connection:
        found = connection.execute(select(METADATA.tables["rejected"])).one()
    assert (found.origin, found.position, found.reason, bytes(found.body)) == (
        "file:x",
        3,
        "no JSON",
        b"\0\xff",
    )
