"""Fills a store with lives of alarms, quicker than a console takes them in: rows, not records."""

from __future__ import annotations

import itertools
import time
from typing import Any

import orjson
import psycopg
from sqlalchemy import Connection, Table, create_engine
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from benchmarks.console_events import life
from console.lines import CloudEvent, cloud_event
from console.store.database import Database
from console.store.names import alarm_names, incident_names, write_names
from console.store.operator_states import UNTOUCHED
from console.store.rows import alarm_row, event_row, incident_row, part_rows, service_rows
from console.store.tables import (
    ALARM,
    ALARM_SERVICE,
    COUNTER,
    EVENT,
    INCIDENT,
    INCIDENT_PART,
    JOURNAL,
)
from console.times import now_ms

_ALARMS_AT_ONCE = 2_000


def fill(url: str, alarms: int, total: int) -> float:
    """Fills in the first alarms of a number; returns how long it took [s].

    The rows are those that a console would have written, without a look at what is there, and
    without waiting for the disk.
    """
    began_s = time.monotonic()
    Database(url).close()
    parsed = make_url(url)
    is_sqlite = parsed.drivername == "sqlite"
    engine = create_engine(
        parsed if is_sqlite else parsed.set(drivername="postgresql+psycopg"), poolclass=NullPool
    )
    with engine.connect() as connection:
        if is_sqlite:
            for setting in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-2000000"):
                connection.exec_driver_sql(f"PRAGMA {setting}")
        else:
            connection.exec_driver_sql("SET synchronous_commit = off")
        connection.commit()
        number = 0
        for start in range(0, alarms, _ALARMS_AT_ONCE):
            numbers = range(start, min(start + _ALARMS_AT_ONCE, alarms))
            lives = [[cloud_event(orjson.dumps(one)) for one in life(n, total)] for n in numbers]
            number = _write(connection, lives, number)
            connection.commit()
        connection.execute(COUNTER.insert(), {"name": "journal", "value": number})
        connection.commit()
    engine.dispose()
    return time.monotonic() - began_s


def _write(connection: Connection, lives: list[list[CloudEvent]], number: int) -> int:
    """Writes the rows of some alarms and incidents; returns the last number of the journal."""
    events = list(itertools.chain.from_iterable(lives))
    last = {event.subject_id: event for event in events}
    alarms = [event for event in last.values() if not event.is_incident]
    incidents = [event for event in last.values() if event.is_incident]
    _insert(connection, EVENT, [event_row(event) for event in events])
    _insert(connection, ALARM, [{**alarm_row(event), **UNTOUCHED} for event in alarms])
    _insert(connection, ALARM_SERVICE, [row for event in alarms for row in service_rows(event)])
    _insert(connection, INCIDENT, [incident_row(event) for event in incidents])
    _insert(connection, INCIDENT_PART, [row for event in incidents for row in part_rows(event)])
    write_names(connection, (name for event in alarms for name in alarm_names(event.data)))
    write_names(connection, (name for event in incidents for name in incident_names(event.data)))
    time_ms = now_ms()
    changes = [
        {
            **{"number": n, "time_ms": time_ms, "source": event.source, "event_id": event.id},
            **{"kind": "incident" if event.is_incident else "alarm"},
            "subject_id": event.subject_id,
        }
        for n, event in enumerate(events, number + 1)
    ]
    _insert(connection, JOURNAL, changes)
    return number + len(changes)


def _insert(connection: Connection, table: Table, rows: list[dict[str, Any]]) -> None:
    if not rows:
        return
    if connection.dialect.name == "sqlite":
        connection.execute(table.insert(), rows)
        return
    names = ", ".join(rows[0])
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)
    with driver.cursor() as cursor, cursor.copy(f"COPY {table.name} ({names}) FROM STDIN") as copy:
        for row in rows:
            copy.write_row(tuple(row.values()))
