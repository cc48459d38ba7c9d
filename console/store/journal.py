"""Changes in the order of their commits: what streams and webhooks follow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import Connection, Row, and_, func, select

from console.store.counters import last_number
from console.store.superseded import superseded_event
from console.store.tables import EVENT, JOURNAL, WEBHOOK

_NAME = "journal"


@dataclass(frozen=True)
class Change:
    """One change.

    Attributes:
        number: without gaps, in the order of commits.
        time_ms: when it was recorded.
        kind: alarm, incident or action.
        source: of the alarm or incident.
        subject_id: the alarm_id or incident_id.
        event_id: of the event that made it; None = an operator, or an alarm that took its place.
        event: that event as it came; of an alarm that was superseded, one that says so.
    """

    number: int
    time_ms: int
    kind: str
    source: str
    subject_id: str
    event_id: str | None
    event: dict[str, Any] | None


def newest(connection: Connection) -> int:
    """Returns the number of the last change; 0 before the first."""
    return last_number(connection, _NAME) or 0


def oldest(connection: Connection) -> int | None:
    """Returns the number of the first change that is still kept."""
    found = connection.execute(select(func.min(JOURNAL.c.number))).scalar()
    return None if found is None else int(found)


def changes_after(connection: Connection, number: int, limit: int) -> list[Change]:
    """Returns the changes that follow a number, at most `limit`."""
    joined = JOURNAL.outerjoin(
        EVENT, and_(EVENT.c.source == JOURNAL.c.source, EVENT.c.id == JOURNAL.c.event_id)
    )
    rows = connection.execute(
        select(JOURNAL, EVENT.c.body)
        .select_from(joined)
        .where(JOURNAL.c.number > number)
        .order_by(JOURNAL.c.number)
        .limit(limit)
    )
    return [
        Change(
            number=row.number,
            time_ms=row.time_ms,
            kind=row.kind,
            source=row.source,
            subject_id=row.subject_id,
            event_id=row.event_id,
            event=_event(connection, row),
        )
        for row in rows
    ]


def _event(connection: Connection, row: Row[Any]) -> dict[str, Any] | None:
    if row.kind == "alarm" and row.event_id is None:
        return superseded_event(connection, row.source, row.subject_id)
    return None if row.body is None else orjson.loads(row.body)


def webhook_position(connection: Connection, url: str) -> int:
    """Returns up to where a webhook was told; one that is new begins with what comes next."""
    found = connection.execute(select(WEBHOOK.c.number).where(WEBHOOK.c.url == url)).scalar()
    if found is not None:
        return int(found)
    number = newest(connection)
    connection.execute(WEBHOOK.insert().values(url=url, number=number))
    return number


def move_webhook(connection: Connection, url: str, number: int) -> None:
    """Notes that a webhook was told up to a number."""
    connection.execute(WEBHOOK.update().where(WEBHOOK.c.url == url).values(number=number))
