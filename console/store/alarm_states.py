"""The newest state of alarms, event by event: by sequence, and superseded by a job started anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, select
from sqlalchemy.engine import RowMapping

from console.lines import CloudEvent
from console.store.keys import Key, chunks, conditions
from console.store.names import Name, alarm_names, write_names
from console.store.operator_states import UNTOUCHED
from console.store.rows import alarm_row, service_rows
from console.store.spans import lasted
from console.store.tables import ALARM, ALARM_SERVICE
from console.store.writes import insert

#: Why the console itself holds an alarm for cleared.
SUPERSEDED = "SUPERSEDED"
#: What an event never says: it stays as operators left it.
_OPERATORS = tuple(UNTOUCHED)

_Place = tuple[str, str, str]


class AlarmStates:
    """The alarms that a batch concerns: loaded, changed event by event, written at once."""

    def __init__(self, connection: Connection, events: Sequence[CloudEvent]) -> None:
        """Loads the alarms of the events, and those that their RAISEs may supersede."""
        self._rows: dict[Key, dict[str, Any]] = {}
        self._loaded: dict[Key, dict[str, Any]] = {}
        self._changed: dict[Key, None] = {}
        self._new: set[Key] = set()
        self._services: dict[Key, list[dict[str, Any]]] = {}
        self._names: dict[Name, None] = {}
        keys = [(event.source, event.subject_id) for event in events]
        for condition in conditions(ALARM.c.source, ALARM.c.alarm_id, keys):
            self._load(connection, condition)
        raised = {_place(event)[1] for event in events if event.data["action"] == "RAISE"}
        for link_ids in chunks(sorted(raised)):
            self._load(connection, ALARM.c.link_id.in_(link_ids), ALARM.c.state == "ACTIVE")
        self._active: dict[_Place, set[Key]] = {}
        for key, row in self._rows.items():
            self._note(key, row)

    def apply(self, event: CloudEvent) -> list[str]:
        """Applies one event; returns the ids of the alarms that it supersedes."""
        if event.data["action"] == "MATCH":
            return []
        key = (event.source, event.subject_id)
        known = self._rows.get(key)
        if known is not None and event.sequence <= known["sequence"]:
            return []
        row = alarm_row(event)
        if known is None:
            row.update(UNTOUCHED)
            self._new.add(key)
        else:
            row.update({name: known[name] for name in _OPERATORS})
            self._keep_superseded(row, known)
        is_told_anew = known is None or row["services_crc"] != known["services_crc"]
        if is_told_anew:
            self._services[key] = service_rows(event)
        if known is None or is_told_anew or row["code"] != known["code"]:
            self._names.update(dict.fromkeys(alarm_names(event.data)))
        self._rows[key] = row
        self._changed[key] = None
        self._note(key, row)
        if event.data["action"] != "RAISE":
            return []
        return self._supersede(event, key)

    def write(self, connection: Connection) -> None:
        """Writes the alarms that have changed, their services and names."""
        new = [self._rows[key] for key in self._changed if key in self._new]
        old = [self._rows[key] for key in self._changed if key not in self._new]
        insert(connection, ALARM, new)
        self._update(connection, old)
        self._write_services(connection)
        write_names(connection, self._names)

    def _update(self, connection: Connection, rows: Sequence[dict[str, Any]]) -> None:
        """Writes what has changed of alarms: a column that is set costs, also if it stays."""
        by_columns: dict[tuple[str, ...], list[dict[str, Any]]] = {}
        for row in rows:
            loaded = self._loaded[row["source"], row["alarm_id"]]
            changed = tuple(name for name in alarm_columns() if row[name] != loaded[name])
            by_columns.setdefault(changed, []).append(row)
        for changed, alike in by_columns.items():
            values: dict[str, Any] = {name: bindparam(f"new_{name}") for name in changed}
            statement = ALARM.update().where(
                ALARM.c.source == bindparam("key_source"),
                ALARM.c.alarm_id == bindparam("key_alarm_id"),
                ALARM.c.sequence <= bindparam("new_sequence"),
            )
            connection.execute(statement.values(values), [_bound(row) for row in alike])

    def _load(self, connection: Connection, *where: ColumnElement[bool]) -> None:
        for row in connection.execute(select(ALARM).where(*where)).mappings():
            self._rows[_key_of(row)] = dict(row)
            self._loaded[_key_of(row)] = dict(row)

    def _note(self, key: Key, row: dict[str, Any]) -> None:
        """Notes whether an alarm is active where it is."""
        active = self._active.setdefault((row["source"], row["link_id"], row["family"]), set())
        if row["state"] == "ACTIVE":
            active.add(key)
        else:
            active.discard(key)

    @staticmethod
    def _keep_superseded(row: dict[str, Any], known: dict[str, Any]) -> None:
        """An alarm that was superseded stays so until its own CLEAR."""
        row["superseded_ms"] = known["superseded_ms"]
        if row["superseded_ms"] is not None and row["state"] == "ACTIVE":
            row.update(_superseded(row["raised_ms"], known["superseded_ms"]))

    def _supersede(self, event: CloudEvent, key: Key) -> list[str]:
        """Ends the other active alarms where an alarm was raised."""
        ended = sorted(self._active[_place(event)] - {key})
        for other in ended:
            row = self._rows[other]
            row.update(_superseded(row["raised_ms"], event.time_ms))
            self._changed[other] = None
            self._note(other, row)
        return [alarm_id for _, alarm_id in ended]

    def _write_services(self, connection: Connection) -> None:
        told_anew = [key for key in self._services if key not in self._new]
        if told_anew:
            connection.execute(
                ALARM_SERVICE.delete().where(
                    ALARM_SERVICE.c.source == bindparam("key_source"),
                    ALARM_SERVICE.c.alarm_id == bindparam("key_alarm_id"),
                ),
                [
                    {"key_source": source, "key_alarm_id": alarm_id}
                    for source, alarm_id in told_anew
                ],
            )
        rows = [row for rows in self._services.values() for row in rows]
        insert(connection, ALARM_SERVICE, rows)


_KEY = ("source", "alarm_id")


def alarm_columns() -> list[str]:
    """Returns the names of an alarm's columns that events write."""
    return [column.name for column in ALARM.columns if column.name not in _OPERATORS]


def _bound(row: dict[str, Any]) -> dict[str, Any]:
    values = {f"new_{name}": row[name] for name in alarm_columns() if name not in _KEY}
    return {**values, "key_source": row["source"], "key_alarm_id": row["alarm_id"]}


def _superseded(raised_ms: int, at_ms: int) -> dict[str, Any]:
    """Returns what becomes of an alarm when another one takes its place."""
    return {
        "state": "CLEARED",
        "clear_reason": SUPERSEDED,
        "cleared_ms": at_ms,
        "lasted": lasted(raised_ms, at_ms),
        "superseded_ms": at_ms,
    }


def _key_of(row: RowMapping) -> Key:
    return row["source"], row["alarm_id"]


def _place(event: CloudEvent) -> _Place:
    return event.source, event.data["link"]["link_id"], event.data["family"]
