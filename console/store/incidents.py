"""Incidents as they are, and as they stood at any moment."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, Select, select, tuple_

from console.store.as_of import with_event_at
from console.store.filters import Columns, IncidentFilter, common_conditions
from console.store.lists import MAX_TOTAL, Page, count, narrowed, read_page
from console.store.names import incidents_named
from console.store.spans import open_at
from console.store.tables import EVENT, INCIDENT, INCIDENT_PART


def list_incidents(
    connection: Connection,
    filters: IncidentFilter,
    *,
    descending: bool = True,
    limit: int = 50,
    cursor: str | None = None,
    is_counted: bool = True,
) -> Page:
    """Returns a page of incidents, by the time they were opened; its total is 0 if not counted.

    Raises:
        BadCursorError: the cursor is of no such list.
    """
    own = _conditions(filters)
    named = [incidents_named(connection, filters.text)] if filters.text else []
    query, has_many = narrowed(
        connection, _query(filters.at_ms).where(*own), INCIDENT.c.incident_id, named
    )
    rows, following = read_page(
        connection,
        query,
        (INCIDENT.c.opened_ms, INCIDENT.c.incident_id, INCIDENT.c.source),
        descending=descending,
        limit=limit,
        cursor=cursor,
    )
    items = [_item(row.source, row.data, filters.at_ms) for row in rows]
    total = 0
    if is_counted:
        is_known = has_many and not own and filters.at_ms is None
        total = MAX_TOTAL if is_known else count(connection, query)
    return Page(items, following, total)


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
    joined = with_event_at(INCIDENT, INCIDENT.c.incident_id, at_ms)
    columns = (INCIDENT.c.source, EVENT.c.body.label("data"))
    return select(*columns).select_from(joined).where(INCIDENT.c.opened_ms <= at_ms)


def _conditions(f: IncidentFilter) -> list[ColumnElement[bool]]:
    is_now = f.at_ms is None
    columns = Columns(
        INCIDENT.c.state if is_now else EVENT.c.state,
        INCIDENT.c.severity if is_now else EVENT.c.severity,
        INCIDENT.c.suppressed if is_now else EVENT.c.suppressed,
        INCIDENT.c.opened_ms,
    )
    found = common_conditions(f, columns)
    if f.at_ms is not None and f.state == "ACTIVE":
        of = INCIDENT.alias("open").c
        open_then = open_at(of.incident_id, of.opened_ms, of.closed_ms, of.lasted, f.at_ms)
        found.append(INCIDENT.c.incident_id.in_(open_then))
    if f.kind:
        found.append((INCIDENT.c.kind if is_now else EVENT.c.code).in_(f.kind))
    parts = {
        "link": f.link_id,
        "node": f.node_id,
        "srlg": f.srlg_id,
        "service": f.service_id,
        "customer": f.customer,
    }
    return [*found, *(_names(what, value) for what, value in parts.items() if value)]


def _names(what: str, value: str) -> ColumnElement[bool]:
    named = select(INCIDENT_PART.c.incident_id, INCIDENT_PART.c.source).where(
        INCIDENT_PART.c.what == what, INCIDENT_PART.c.value == value
    )
    return tuple_(INCIDENT.c.incident_id, INCIDENT.c.source).in_(named)


def _item(source: str, data: str, at_ms: int | None) -> dict[str, Any]:
    fields = orjson.loads(data)
    return {**(fields if at_ms is None else fields["data"]), "source": source}
