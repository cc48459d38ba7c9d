"""What a link went through: its alarms, hours in alarm, flaps; and the powers of its windows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, case, exists, func, or_, select

from console.lines import SEVERITY_NAMES
from console.store.lists import Page, count_distinct, read_page
from console.store.tables import ALARM, NAME, TRACE
from console.times import now_ms, to_text

#: An alarm that is raised again within this time after the same family had cleared is a flap [ms].
FLAP_MS = 600_000
_MS_PER_HOUR = 3_600_000
_MAX_TRACES = 20_000


def list_links(
    connection: Connection,
    *,
    node_id: str | None = None,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Returns a page of the links that ever had an alarm, by link_id.

    Raises:
        BadCursorError: the cursor is of no such list.
    """
    is_active = ALARM.c.state == "ACTIVE"
    at_node = or_(ALARM.c.a_end == node_id, ALARM.c.z_end == node_id)
    where: list[ColumnElement[bool]] = [at_node] if node_id else []
    query = (
        select(
            ALARM.c.link_id,
            func.max(ALARM.c.a_end).label("a_end"),
            func.max(ALARM.c.z_end).label("z_end"),
            func.count().label("alarms"),
            func.sum(case((is_active, 1), else_=0)).label("active"),
            func.max(case((is_active, ALARM.c.severity))).label("severity"),
            func.max(ALARM.c.raised_ms).label("raised_ms"),
        )
        .where(*where)
        .group_by(ALARM.c.link_id)
    )
    rows, following = read_page(
        connection, query, (ALARM.c.link_id,), descending=False, limit=limit, cursor=cursor
    )
    # Names are few; to count them among the alarms, all of these would be looked at.
    named = select(NAME.c.value).where(
        NAME.c.kind == "link", exists(ALARM.c.link_id).where(ALARM.c.link_id == NAME.c.value)
    )
    links = select(ALARM.c.link_id).where(*where) if node_id else named
    items = [
        {
            "link_id": row.link_id,
            "a_end": row.a_end,
            "z_end": row.z_end,
            "alarms": row.alarms,
            "active": int(row.active),
            "severity": SEVERITY_NAMES.get(row.severity),
            "last_raised_time": to_text(row.raised_ms),
        }
        for row in rows
    ]
    return Page(items, following, count_distinct(connection, links))


def link_history(
    connection: Connection, link_id: str, from_ms: int, to_ms: int
) -> dict[str, Any] | None:
    """Returns a link in a range of time; None if it never had an alarm.

    Hours in alarm are those in which any alarm of it was open, from onset on.
    """
    newest = connection.execute(
        select(ALARM.c.data).where(ALARM.c.link_id == link_id).order_by(ALARM.c.raised_ms.desc())
    ).first()
    if newest is None:
        return None
    rows = connection.execute(
        select(ALARM.c.family, ALARM.c.onset_ms, ALARM.c.raised_ms, ALARM.c.cleared_ms)
        .where(
            ALARM.c.link_id == link_id,
            ALARM.c.onset_ms < to_ms,
            or_(ALARM.c.cleared_ms.is_(None), ALARM.c.cleared_ms > from_ms),
        )
        .order_by(ALARM.c.family, ALARM.c.raised_ms)
    ).all()
    end_ms = min(to_ms, now_ms())
    intervals = [
        (max(row.onset_ms, from_ms), min(row.cleared_ms or end_ms, end_ms)) for row in rows
    ]
    return {
        **orjson.loads(newest.data)["link"],
        "from": to_text(from_ms),
        "to": to_text(to_ms),
        "alarms": len(rows),
        "active": sum(row.cleared_ms is None for row in rows),
        "hours_in_alarm": round(_covered_ms(intervals) / _MS_PER_HOUR, 4),
        "flaps": sum(
            before.family == after.family
            and before.cleared_ms is not None
            and 0 <= after.raised_ms - before.cleared_ms <= FLAP_MS
            for before, after in itertools.pairwise(rows)
        ),
    }


def traces_between(
    connection: Connection, source: str, link_id: str, from_ms: int, to_ms: int
) -> list[dict[str, Any]]:
    """Returns the windows of a link that start in a range, in order; of this source or of none."""
    rows = connection.execute(
        select(TRACE.c.body)
        .where(
            TRACE.c.source.in_((source, "")),
            TRACE.c.link_id == link_id,
            TRACE.c.window_start_ms.between(from_ms, to_ms),
        )
        .order_by(TRACE.c.window_start_ms)
        .limit(_MAX_TRACES)
    )
    return [orjson.loads(body) for (body,) in rows]


def _covered_ms(intervals: Iterable[tuple[int, int]]) -> int:
    """Returns how long any of the intervals lasted."""
    covered, reached = 0, 0
    for start, end in sorted(intervals):
        covered += max(end - max(start, reached), 0)
        reached = max(reached, end)
    return covered
