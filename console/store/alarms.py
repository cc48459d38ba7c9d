"""Alarms as they are, and as they stood at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    or_,
    select,
    true,
)

from console.store.alarm_states import SUPERSEDED
from console.store.as_of import with_event_at
from console.store.filters import AlarmFilter, Columns, common_conditions
from console.store.lists import MAX_TOTAL, Bearers, Page, count, narrowed, read_page
from console.store.names import alarms_named
from console.store.operator_states import UNTOUCHED, shown, stood_at
from console.store.spans import open_at
from console.store.tables import (
    ALARM,
    ALARM_SERVICE,
    EVENT,
    INCIDENT_PART,
    OPERATOR_ACTION,
)
from console.times import now_ms, to_text

#: What a list can be ordered by; with a minus in front the greatest comes first.
ORDERS = ("-raised", "raised", "-severity", "severity")
#: Actions that say whether an alarm is acknowledged.
_ACKNOWLEDGING = ("ACKNOWLEDGE", "UNACKNOWLEDGE")


def list_alarms(
    connection: Connection,
    filters: AlarmFilter,
    *,
    order: str = "-raised",
    limit: int = 50,
    cursor: str | None = None,
    offset: int = 0,
) -> Page:
    """Returns a page of alarms: the fields of the event's data, and what operators did.

    Raises:
        BadCursorError: the cursor is of no such list.
    """
    view = _View(filters.at_ms)
    own = view.conditions(filters)
    bearers = _bearers(connection, filters)
    query, has_many = narrowed(connection, view.query().where(*own), ALARM.c.alarm_id, bearers)
    rows, following = read_page(
        connection,
        query,
        view.order(order.lstrip("-")),
        descending=order.startswith("-"),
        limit=limit,
        cursor=cursor,
        offset=offset,
    )
    items = _items(connection, rows, filters.at_ms)
    is_counted = has_many and not own and filters.at_ms is None and len(bearers) == 1
    return Page(items, following, MAX_TOTAL if is_counted else count(connection, query))


def alarm(
    connection: Connection, alarm_id: str, source: str | None = None
) -> dict[str, Any] | None:
    """Returns one alarm; of several sources that use its id, the one that spoke last."""
    query = _View(None).query().where(ALARM.c.alarm_id == alarm_id)
    if source is not None:
        query = query.where(ALARM.c.source == source)
    row = connection.execute(query.order_by(ALARM.c.time_ms.desc(), ALARM.c.source)).first()
    return None if row is None else _items(connection, [row], None)[0]


def alarms_by_id(
    connection: Connection, source: str, alarm_ids: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Returns alarms of a source by their ids; those that are not known are missing."""
    query = _View(None).query().where(ALARM.c.source == source, ALARM.c.alarm_id.in_(alarm_ids))
    items = _items(connection, list(connection.execute(query)), None)
    return {item["alarm_id"]: item for item in items}


def events_of(connection: Connection, source: str, subject_id: str) -> list[dict[str, Any]]:
    """Returns all events of an alarm or incident, as they came, by sequence."""
    rows = connection.execute(
        select(EVENT.c.body)
        .where(EVENT.c.source == source, EVENT.c.subject_id == subject_id)
        .order_by(EVENT.c.sequence)
    )
    return [orjson.loads(body) for (body,) in rows]


class _View:
    """The columns of an alarm as they are now, or as they were at a moment."""

    def __init__(self, at_ms: int | None) -> None:
        self._at_ms = at_ms
        if at_ms is None:
            self.state: ColumnElement[str] = ALARM.c.state
            self.severity: ColumnElement[int] = ALARM.c.severity
            self.code: ColumnElement[str] = ALARM.c.code
            self.suppressed: ColumnElement[bool] = ALARM.c.suppressed
            self.acknowledged: ColumnElement[bool] = ALARM.c.acknowledged
            self._data: ColumnElement[str] = ALARM.c.data
            return
        self.is_superseded = and_(EVENT.c.state == "ACTIVE", ALARM.c.superseded_ms <= at_ms)
        self.state = case((self.is_superseded, "CLEARED"), else_=EVENT.c.state)
        self.severity = EVENT.c.severity
        self.code = EVENT.c.code
        self.suppressed = EVENT.c.suppressed
        self.acknowledged = _acknowledged_at(at_ms)
        self._data = EVENT.c.body

    def query(self) -> Select[Any]:
        columns = (
            ALARM.c.source,
            ALARM.c.alarm_id,
            self.state.label("state"),
            ALARM.c.superseded_ms,
            ALARM.c.acknowledged,
            ALARM.c.operator_state,
            ALARM.c.shelved_until_ms,
            ALARM.c.assignee,
            self._data.label("data"),
        )
        if self._at_ms is None:
            return select(*columns)
        joined = with_event_at(ALARM, ALARM.c.alarm_id, self._at_ms)
        return select(*columns).select_from(joined).where(ALARM.c.raised_ms <= self._at_ms)

    def order(self, name: str) -> tuple[ColumnElement[Any], ...]:
        rest = (ALARM.c.raised_ms, ALARM.c.alarm_id, ALARM.c.source)
        return (self.severity, *rest) if name == "severity" else rest

    def conditions(self, f: AlarmFilter) -> list[ColumnElement[bool]]:
        """Returns the conditions on an alarm's own columns."""
        columns = Columns(self.state, self.severity, self.suppressed, ALARM.c.raised_ms)
        found = common_conditions(f, columns)
        if f.at_ms is not None and f.state == "ACTIVE":
            of = ALARM.alias("open").c
            open_then = open_at(of.alarm_id, of.raised_ms, of.cleared_ms, of.lasted, f.at_ms)
            found.append(ALARM.c.alarm_id.in_(open_then))
        if f.family:
            found.append(ALARM.c.family.in_(f.family))
        if f.code:
            found.append(self.code.in_(f.code))
        if f.link_id:
            found.append(ALARM.c.link_id == f.link_id)
        if f.node_id:
            found.append(or_(ALARM.c.a_end == f.node_id, ALARM.c.z_end == f.node_id))
        if f.acknowledged is not None:
            found.append(self.acknowledged.is_(f.acknowledged))
        if f.in_incident is not None:
            any_incident = _in_incident(true())
            found.append(any_incident if f.in_incident else ~any_incident)
        return found


def _bearers(connection: Connection, f: AlarmFilter) -> list[Bearers]:
    """Returns the alarms by what they name, and by the incidents that name them."""
    found = []
    service = [
        column == value
        for column, value in (
            (ALARM_SERVICE.c.service_id, f.service_id),
            (ALARM_SERVICE.c.customer, f.customer),
        )
        if value
    ]
    if service:
        named = exists().where(
            ALARM_SERVICE.c.source == ALARM.c.source,
            ALARM_SERVICE.c.alarm_id == ALARM.c.alarm_id,
            *service,
        )
        found.append(Bearers([select(ALARM_SERVICE.c.alarm_id).where(*service)], named))
    if f.text:
        found.append(alarms_named(connection, f.text))
    if f.incident_id:
        found.append(_members(INCIDENT_PART.c.incident_id == f.incident_id))
    if f.srlg_id:
        risk = INCIDENT_PART.alias("risk")
        sharing = select(risk.c.incident_id).where(risk.c.what == "srlg", risk.c.value == f.srlg_id)
        found.append(_members(INCIDENT_PART.c.incident_id.in_(sharing)))
    return found


def _members(of: ColumnElement[bool]) -> Bearers:
    """Returns the alarms of some incidents."""
    members = select(INCIDENT_PART.c.value).where(INCIDENT_PART.c.what == "alarm", of)
    return Bearers([members], _in_incident(of))


def _in_incident(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(
        INCIDENT_PART.c.source == ALARM.c.source,
        INCIDENT_PART.c.what == "alarm",
        INCIDENT_PART.c.value == ALARM.c.alarm_id,
        condition,
    )


def _acknowledged_at(at_ms: int) -> ColumnElement[bool]:
    """Returns whether the last word on it, up to a moment, was that it is acknowledged."""
    said = (
        select(OPERATOR_ACTION.c.action)
        .where(
            OPERATOR_ACTION.c.alarm_id == ALARM.c.alarm_id,
            OPERATOR_ACTION.c.source == ALARM.c.source,
            OPERATOR_ACTION.c.time_ms <= at_ms,
            OPERATOR_ACTION.c.action.in_(_ACKNOWLEDGING),
        )
        .order_by(OPERATOR_ACTION.c.number.desc())
        .limit(1)
        .correlate(ALARM)
        .scalar_subquery()
    )
    return func.coalesce(said, literal("")) == "ACKNOWLEDGE"


def _items(
    connection: Connection, rows: Sequence[Row[Any]], at_ms: int | None
) -> list[dict[str, Any]]:
    """Returns alarms as the API shows them."""
    alarm_ids = [row.alarm_id for row in rows]
    incidents = _incidents_of(connection, alarm_ids)
    stood = {} if at_ms is None else stood_at(connection, alarm_ids, at_ms)
    items = []
    for row in rows:
        data = orjson.loads(row.data)
        item = {**(data if at_ms is None else data["data"]), "source": row.source}
        if row.state == "CLEARED" and item["state"] == "ACTIVE":
            item.update(
                state="CLEARED",
                clear_reason=SUPERSEDED,
                cleared_time=to_text(row.superseded_ms),
            )
        item.update(_operators_word(row) if at_ms is None else _word_at(row, stood, at_ms))
        item["incident_id"] = incidents.get((row.source, row.alarm_id))
        items.append(item)
    return items


def _operators_word(row: Row[Any]) -> dict[str, Any]:
    """Returns what operators made of an alarm."""
    return shown({name: getattr(row, name) for name in UNTOUCHED}, now_ms())


def _word_at(
    row: Row[Any], stood: dict[tuple[str, str], dict[str, Any]], at_ms: int
) -> dict[str, Any]:
    """Returns what operators had made of an alarm at a moment."""
    return shown(stood.get((row.source, row.alarm_id), UNTOUCHED), at_ms)


def _incidents_of(connection: Connection, alarm_ids: Sequence[str]) -> dict[tuple[str, str], str]:
    if not alarm_ids:
        return {}
    rows = connection.execute(
        select(INCIDENT_PART.c.source, INCIDENT_PART.c.value, INCIDENT_PART.c.incident_id).where(
            INCIDENT_PART.c.what == "alarm", INCIDENT_PART.c.value.in_(alarm_ids)
        )
    )
    return {(source, alarm_id): incident_id for source, alarm_id, incident_id in rows}
