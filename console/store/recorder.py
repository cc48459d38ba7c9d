"""Takes in what was read, and how far it was read, in one transaction: exactly once.

Whatever a batch holds, the rows are those of its records one by one: how a stream is cut into
batches, and how often a batch is begun again, changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from console.lines import CloudEvent, Trace
from console.store.alarm_states import AlarmStates
from console.store.counters import next_numbers
from console.store.database import Database
from console.store.keys import conditions
from console.store.names import incident_names, write_names
from console.store.rows import event_row, incident_row, part_rows
from console.store.tables import (
    EVENT,
    INCIDENT,
    INCIDENT_PART,
    JOURNAL,
    POSITION,
    REJECTED,
    TRACE,
)
from console.store.writes import insert, insert_missing, upsert
from console.times import now_ms


@dataclass(frozen=True)
class Rejection:
    """Input that is not recorded as what it should be."""

    origin: str
    position: int
    reason: str
    body: bytes


@dataclass(frozen=True)
class Progress:
    """How far an origin was read: from where the store says, up to where the batch ends.

    Attributes:
        before: position before the batch; None = nothing of it was taken in yet.
        after: position after it.
        fingerprint_before: of the file that `before` is a position of; 0 for a partition.
        fingerprint: of the file; 0 for a partition.
    """

    before: int | None
    after: int
    fingerprint_before: int = 0
    fingerprint: int = 0


@dataclass
class Batch:
    """What was read, in order, and how far.

    Attributes:
        events: events of alarms and incidents.
        traces: lines of traces.
        rejections: all else.
        progress: by origin.
    """

    events: list[CloudEvent] = field(default_factory=list)
    traces: list[Trace] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    progress: dict[str, Progress] = field(default_factory=dict)


class PositionMovedError(Exception):
    """Another process has taken in the same input meanwhile; read again from where it is."""


def positions(database: Database) -> dict[str, tuple[int, int]]:
    """Returns position and fingerprint of each origin that was taken in."""
    with database.reading() as connection:
        rows = connection.execute(
            select(POSITION.c.origin, POSITION.c.position, POSITION.c.fingerprint)
        )
        return {origin: (position, fingerprint) for origin, position, fingerprint in rows}


def record(database: Database, batch: Batch) -> None:
    """Records a batch.

    Raises:
        PositionMovedError: the store is at another position than the batch begins at.
        DatabaseError: the database does not answer as it should. In both cases nothing was written.
    """
    with database.writing() as connection:
        _move_positions(connection, batch.progress)
        new = _new_events(connection, batch.events)
        insert(connection, EVENT, [event_row(event) for event in new])
        states = AlarmStates(connection, [e for e in new if not e.is_incident])
        changes = [change for event in new for change in _apply(states, event)]
        states.write(connection)
        _write_incidents(connection, [event for event in new if event.is_incident])
        _write_traces(connection, batch.traces)
        _write_rejections(connection, batch.rejections)
        _write_journal(connection, changes)


def _move_positions(connection: Connection, progress: dict[str, Progress]) -> None:
    """Moves the positions forward, if they are where the batch began."""
    for origin, moved in progress.items():
        row = {"position": moved.after, "fingerprint": moved.fingerprint}
        if moved.before is None:
            found = connection.execute(select(POSITION.c.origin).where(POSITION.c.origin == origin))
            if found.first():
                raise PositionMovedError(origin)
            connection.execute(POSITION.insert().values(origin=origin, **row))
            continue
        done = connection.execute(
            POSITION.update()
            .where(
                POSITION.c.origin == origin,
                POSITION.c.position == moved.before,
                POSITION.c.fingerprint == moved.fingerprint_before,
            )
            .values(row)
        )
        if done.rowcount != 1:
            raise PositionMovedError(origin)


def _new_events(connection: Connection, events: Sequence[CloudEvent]) -> list[CloudEvent]:
    """Returns the events that are not in the store yet, each once, in order."""
    known = set[tuple[str, str]]()
    keys = [(event.source, event.id) for event in events]
    for condition in conditions(EVENT.c.source, EVENT.c.id, keys):
        rows = connection.execute(select(EVENT.c.source, EVENT.c.id).where(condition))
        known.update((source, event_id) for source, event_id in rows)
    new = []
    for event in events:
        if (event.source, event.id) not in known:
            known.add((event.source, event.id))
            new.append(event)
    return new


@dataclass(frozen=True)
class _Change:
    """A row of the journal, without its number."""

    kind: str
    source: str
    subject_id: str
    event_id: str | None


def _apply(states: AlarmStates, event: CloudEvent) -> Iterable[_Change]:
    """Applies an event to the alarms; returns what has changed."""
    if event.is_incident:
        return [_Change("incident", event.source, event.subject_id, event.id)]
    ended = states.apply(event)
    return [
        *(_Change("alarm", event.source, alarm_id, None) for alarm_id in ended),
        _Change("alarm", event.source, event.subject_id, event.id),
    ]


def _write_incidents(connection: Connection, events: Sequence[CloudEvent]) -> None:
    newest: dict[tuple[str, str], CloudEvent] = {}
    parts: dict[tuple[str, ...], dict[str, Any]] = {}
    for event in events:
        key = (event.source, event.subject_id)
        if key not in newest or event.sequence > newest[key].sequence:
            newest[key] = event
        parts.update({tuple(part.values()): part for part in part_rows(event)})
    upsert(connection, INCIDENT, [incident_row(event) for event in newest.values()], newer=True)
    insert_missing(connection, INCIDENT_PART, list(parts.values()))
    write_names(connection, (name for event in events for name in incident_names(event.data)))


def _write_traces(connection: Connection, traces: Sequence[Trace]) -> None:
    last = {
        (trace.source, trace.link_id, trace.window_start_ms): {
            "source": trace.source,
            "link_id": trace.link_id,
            "window_start_ms": trace.window_start_ms,
            "body": trace.body,
        }
        for trace in traces
    }
    upsert(connection, TRACE, list(last.values()))


def _write_rejections(connection: Connection, rejections: Sequence[Rejection]) -> None:
    if not rejections:
        return
    time_ms = now_ms()
    rows = [
        {
            "origin": r.origin,
            "position": r.position,
            "time_ms": time_ms,
            "reason": r.reason,
            "body": r.body,
        }
        for r in rejections
    ]
    # A file that was written anew can have rubbish at a place that had some before.
    upsert(connection, REJECTED, rows)
    next_numbers(connection, "rejected", len(rows))


def _write_journal(connection: Connection, changes: Sequence[_Change]) -> None:
    if not changes:
        return
    first, time_ms = next_numbers(connection, "journal", len(changes)), now_ms()
    insert(
        connection,
        JOURNAL,
        [
            {
                "number": number,
                "time_ms": time_ms,
                "kind": change.kind,
                "source": change.source,
                "subject_id": change.subject_id,
                "event_id": change.event_id,
            }
            for number, change in enumerate(changes, first)
        ],
    )
