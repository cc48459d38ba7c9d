"""Removes what was kept long enough, a little at a time."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, select

from console.store.database import Database
from console.store.keys import conditions
from console.store.names import remove_unused
from console.store.tables import (
    ALARM,
    ALARM_SERVICE,
    EVENT,
    INCIDENT,
    INCIDENT_PART,
    JOURNAL,
    REJECTED,
    SESSION,
    TRACE,
    WEBHOOK,
)

MS_PER_DAY = 86_400_000
#: Alarms or incidents in one transaction.
_SLICE = 500


@dataclass(frozen=True)
class Retention:
    """How long things are kept.

    Attributes:
        days: cleared alarms and incidents with their events, and rejections.
        trace_days: traces, and the journal that streams and webhooks follow.
        webhooks: URLs that are told; the journal keeps what they do not have yet.
    """

    days: int = 400
    trace_days: int = 30
    webhooks: tuple[str, ...] = ()


def remove_old(database: Database, retention: Retention, at_ms: int) -> int:
    """Removes what is older than it is kept; returns the number of alarms and incidents removed.

    Age counts from the newest that is recorded, so that a capture of long ago can be looked at.
    """
    kept_ms = retention.days * MS_PER_DAY
    removed = 0
    for table, key, begun, ended in (
        (ALARM, "alarm_id", ALARM.c.raised_ms, ALARM.c.cleared_ms),
        (INCIDENT, "incident_id", INCIDENT.c.opened_ms, INCIDENT.c.closed_ms),
    ):
        while True:
            with database.writing() as connection:
                before_ms = _newest_ms(connection, begun, at_ms) - kept_ms
                old = select(table.c.source, table.c[key]).where(ended < before_ms).limit(_SLICE)
                keys = [(source, name) for source, name in connection.execute(old)]
                _remove(connection, table, key, keys)
            removed += len(keys)
            if len(keys) < _SLICE:
                break
    if removed:
        with database.writing() as connection:
            remove_unused(connection)
    with database.writing() as connection:
        trace_kept_ms = retention.trace_days * MS_PER_DAY
        newest_ms = _newest_ms(connection, TRACE.c.window_start_ms, at_ms)
        connection.execute(delete(TRACE).where(TRACE.c.window_start_ms < newest_ms - trace_kept_ms))
        connection.execute(delete(REJECTED).where(REJECTED.c.time_ms < at_ms - kept_ms))
        connection.execute(delete(SESSION).where(SESSION.c.expires_ms < at_ms))
        _trim_journal(connection, at_ms - trace_kept_ms, retention.webhooks)
    return removed


def _newest_ms(connection: Connection, column: ColumnElement[int], at_ms: int) -> int:
    """Returns the newest time of a column, at most the time of this machine."""
    newest = connection.execute(select(func.max(column))).scalar()
    return at_ms if newest is None else min(int(newest), at_ms)


def _remove(connection: Connection, table: Table, key: str, keys: list[tuple[str, str]]) -> None:
    if not keys:
        return
    parts = {ALARM: ALARM_SERVICE, INCIDENT: INCIDENT_PART}[table]
    for of, column in ((parts, key), (EVENT, "subject_id"), (table, key)):
        for condition in conditions(of.c.source, of.c[column], keys):
            connection.execute(delete(of).where(condition))


def _trim_journal(connection: Connection, before_ms: int, webhooks: tuple[str, ...]) -> None:
    told = connection.execute(
        select(func.min(WEBHOOK.c.number)).where(WEBHOOK.c.url.in_(webhooks))
    ).scalar()
    where = JOURNAL.c.time_ms < before_ms
    if told is not None:
        where = and_(where, JOURNAL.c.number <= told)
    connection.execute(delete(JOURNAL).where(where))
