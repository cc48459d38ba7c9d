"""Incidents as they are, and as they stood at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, and_, func, or_, select, tuple_

from console.lines import SEVERITIES
from console.store.alarms import text_condition
from console.store.lists import Page, count, read_page
from console.store.tables import ALARM_SERVICE, EVENT, INCIDENT, INCIDENT_PART


@dataclass(frozen=True)
class IncidentFilter:
    """Which incidents; what is None or empty does not matter.

    Attributes:
        state: ACTIVE or CLEARED.
        severity: any of these.
        kind: any of these.
        link_id: that it has named.
        node_id: that it has named as silent.
        srlg_id: by which alarms of it are related.
        service_id: of one of its alarms.
        customer: of a service of one of its alarms.
        suppressed: as last told.
        text: in what it says and names, whatever the case.
        from_ms: opened then or later.
        to_ms: opened before.
        at_ms: as it stood at that moment.
    """

    state: str | None = None
    severity: Sequence[str] = ()
    kind: Sequence[str] = ()
    link_id: str | None = None
    node_id: str | None = None
    srlg_id: str | None = None
    service_id: str | None = None
    customer: str | None = None
    suppressed: bool | None = None
    text: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    at_ms: int | None = None


def list_incidents(
    connection: Connection,
    filters: IncidentFilter,
    *,
    descending: bool = True,
    limit: int = 50,
    cursor: str | None = None,
) -> Page:
    """Returns a page of incidents, by the time they were opened.

    Raises:
        BadCursorError: the cursor is of no such list.
    """
    query = _query(filters.at_ms).where(*_conditions(filters))
    rows, following = read_page(
        connection,
        query,
        (INCIDENT.c.opened_ms, INCIDENT.c.incident_id, INCIDENT.c.source),
        descending=descending,
        limit=limit,
        cursor=cursor,
    )
    items = [_item(row.source, row.data, filters.at_ms) for row in rows]
    return Page(items, following, count(connection, query))


def incident(
    connection: Connection, incident_id: str, source: str | None = None
) -> dict[str, Any] | None:
    """Returns one incident; of several sources that use its id, the one that spoke last."""
    query = _query(None).where(INCIDENT.c.incident_id == incident_id)
    if source is not None:
        query = query.where(INCIDENT.c.source == source)
    row = connection.execute(query.order_by(INCIDENT.c.time_ms.desc(), INCIDENT.c.source)).first()
    return None if row is None else _item(row.source, row.data, None)


def _query(at_ms: int | None) -> Select[Any]:
    if at_ms is None:
        return select(INCIDENT.c.source, INCIDENT.c.data)
    newest = EVENT.alias("newest")
    sequence = (
        select(func.max(newest.c.sequence))
        .where(
            newest.c.subject_id == INCIDENT.c.incident_id,
            newest.c.source == INCIDENT.c.source,
            newest.c.time_ms <= at_ms,
        )
        .correlate(INCIDENT)
        .scalar_subquery()
    )
    joined = INCIDENT.join(
        EVENT,
        and_(
            EVENT.c.subject_id == INCIDENT.c.incident_id,
            EVENT.c.source == INCIDENT.c.source,
            EVENT.c.sequence == sequence,
        ),
    )
    columns = (INCIDENT.c.source, EVENT.c.body.label("data"))
    return select(*columns).select_from(joined).where(INCIDENT.c.opened_ms <= at_ms)


def _conditions(f: IncidentFilter) -> list[ColumnElement[bool]]:
    is_now = f.at_ms is None
    state = INCIDENT.c.state if is_now else EVENT.c.state
    severity = INCIDENT.c.severity if is_now else EVENT.c.severity
    kind = INCIDENT.c.kind if is_now else EVENT.c.code
    suppressed = INCIDENT.c.suppressed if is_now else EVENT.c.suppressed
    still_open = or_(INCIDENT.c.closed_ms.is_(None), INCIDENT.c.closed_ms > (f.at_ms or 0))
    parts = (("link", f.link_id), ("node", f.node_id), ("srlg", f.srlg_id))
    found: list[ColumnElement[bool] | None] = [
        state == f.state if f.state else None,
        still_open if not is_now and f.state == "ACTIVE" else None,
        severity.in_([SEVERITIES[name] for name in f.severity]) if f.severity else None,
        kind.in_(f.kind) if f.kind else None,
        suppressed.is_(f.suppressed) if f.suppressed is not None else None,
        text_condition(INCIDENT.c.words, f.text) if f.text else None,
        INCIDENT.c.opened_ms >= f.from_ms if f.from_ms is not None else None,
        INCIDENT.c.opened_ms < f.to_ms if f.to_ms is not None else None,
        *(_names(what, value) if value else None for what, value in parts),
        _carries(f),
    ]
    return [condition for condition in found if condition is not None]


def _names(what: str, value: str) -> ColumnElement[bool]:
    named = select(INCIDENT_PART.c.incident_id, INCIDENT_PART.c.source).where(
        INCIDENT_PART.c.what == what, INCIDENT_PART.c.value == value
    )
    return tuple_(INCIDENT.c.incident_id, INCIDENT.c.source).in_(named)


def _carries(f: IncidentFilter) -> ColumnElement[bool] | None:
    wanted = [
        column == value
        for column, value in (
            (ALARM_SERVICE.c.service_id, f.service_id),
            (ALARM_SERVICE.c.customer, f.customer),
        )
        if value
    ]
    if not wanted:
        return None
    carrying = (
        select(INCIDENT_PART.c.incident_id, INCIDENT_PART.c.source)
        .join(
            ALARM_SERVICE,
            and_(
                ALARM_SERVICE.c.alarm_id == INCIDENT_PART.c.value,
                ALARM_SERVICE.c.source == INCIDENT_PART.c.source,
            ),
        )
        .where(INCIDENT_PART.c.what == "alarm", *wanted)
    )
    return tuple_(INCIDENT.c.incident_id, INCIDENT.c.source).in_(carrying)


def _item(source: str, data: str, at_ms: int | None) -> dict[str, Any]:
    fields = orjson.loads(data)
    return {**(fields if at_ms is None else fields["data"]), "source": source}
