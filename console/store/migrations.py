"""Brings the tables of earlier versions to the newest, in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from sqlalchemy import Connection, Table, inspect, select, text

from console.store.names import Name, alarm_names, incident_names, incident_parts, write_names
from console.store.spans import lasted_column
from console.store.tables import (
    ALARM,
    ALARM_SERVICE,
    EVENT,
    INCIDENT,
    INCIDENT_PART,
    METADATA,
    NAME,
)
from console.store.writes import insert

#: Rows that are read at once.
_ROWS = 1_000


def _look_names_up(connection: Connection) -> None:
    """Version 2: a search goes through names; lists are read off indexes in their order."""
    for table in (ALARM, ALARM_SERVICE, INCIDENT, INCIDENT_PART, EVENT):
        _drop_indexes(connection, table)
    NAME.create(connection)
    for table in (ALARM, INCIDENT):
        connection.execute(text(f"ALTER TABLE {table.name} DROP COLUMN words"))
    for table, begun_ms, ended_ms in (
        (ALARM, ALARM.c.raised_ms, ALARM.c.cleared_ms),
        (INCIDENT, INCIDENT.c.opened_ms, INCIDENT.c.closed_ms),
    ):
        connection.execute(text(f"ALTER TABLE {table.name} ADD COLUMN lasted SMALLINT"))
        connection.execute(table.update().values(lasted=lasted_column(begun_ms, ended_ms)))
    _add_names(connection)


def _add_names(connection: Connection) -> None:
    names: dict[Name, None] = {}  # few, however many bear them
    for (data,) in _rows(connection, select(ALARM.c.data)):
        names.update(dict.fromkeys(alarm_names(orjson.loads(data))))
    columns = (INCIDENT.c.incident_id, INCIDENT.c.source, INCIDENT.c.data)
    for incident_id, source, data in _rows(connection, select(*columns)):
        fields = orjson.loads(data)
        names.update(dict.fromkeys(incident_names(fields)))
        parts = dict.fromkeys(incident_parts(fields))
        rows = [
            {"incident_id": incident_id, "source": source, "what": what, "value": value}
            for what, value in parts
            if what in ("service", "customer")
        ]
        insert(connection, INCIDENT_PART, rows)
    write_names(connection, names)


def _rows(connection: Connection, query: Any) -> Any:
    return connection.execute(query, execution_options={"yield_per": _ROWS})


def _drop_indexes(connection: Connection, table: Table) -> None:
    for index in inspect(connection).get_indexes(table.name):
        connection.execute(text(f"DROP INDEX {index['name']}"))


def add_indexes(connection: Connection) -> None:
    """Makes the indexes that are missing."""
    for table in METADATA.sorted_tables:
        for index in table.indexes:
            index.create(connection, checkfirst=True)


#: From each earlier version to the next; a step changes the tables in the version's transaction.
MIGRATIONS: dict[int, Callable[[Connection], None]] = {1: _look_names_up}
