"""Alarms and incidents beside what was last said of them up to a moment."""

from __future__ import annotations

from sqlalchemy import Column, Join, Table, and_, func, select

from console.store.lists import unindexed
from console.store.tables import EVENT


def with_event_at(table: Table, key: Column[str], at_ms: int) -> Join:
    """Returns alarms or incidents, each joined with its newest event up to a moment.

    Args:
        table: of alarms or incidents.
        key: its column of ids.
        at_ms: the moment.
    """
    newest = EVENT.alias("newest")
    sequence = (
        select(func.max(newest.c.sequence))
        .where(
            newest.c.subject_id == key,
            newest.c.source == table.c.source,
            newest.c.time_ms <= at_ms,
        )
        .correlate(table)
        .scalar_subquery()
    )
    # The few that are asked for come first, and then their events.
    return table.join(
        EVENT,
        and_(
            EVENT.c.subject_id == unindexed(key),
            EVENT.c.source == table.c.source,
            EVENT.c.sequence == sequence,
        ),
    )
