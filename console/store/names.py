"""What alarms and incidents name: the few names of a network, through which a text is looked up.

A search looks for a text in the names, which are some ten thousand, and finds what bears them by an
index. So it takes no longer with ten million events, costs next to nothing when events are taken
in, and needs no extension of PostgreSQL. Sentences are not searched: what they tell are the same
names, and numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    and_,
    delete,
    exists,
    literal,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from console.store.tables import ALARM, ALARM_SERVICE, INCIDENT, INCIDENT_PART, NAME

#: Sorts behind every character that an id can go on with.
_LAST = "\U0010ffff"
#: What an incident names: the kind of the name, and where its event has it.
_PARTS = (("link", "links"), ("node", "nodes"), ("srlg", "srlg_ids"))
_ALARM_COLUMNS = ((ALARM.c.link_id, "link"), (ALARM.c.code, "code"))
_SERVICE_COLUMNS = ((ALARM_SERVICE.c.service_id, "service"), (ALARM_SERVICE.c.customer, "customer"))

#: Kind of a name, its value, and the words by which it is found.
Name = tuple[str, str, str]


def alarm_names(data: dict[str, Any]) -> Iterator[Name]:
    """Yields what an alarm names, from the data of its event."""
    yield _coded("code", data["code"])
    link = data["link"]
    words = (link["link_id"], link.get("name"), link.get("a_end"), link.get("z_end"))
    yield "link", link["link_id"], "\n".join(filter(None, words)).lower()
    yield from _service_names(data)


def incident_names(data: dict[str, Any]) -> Iterator[Name]:
    """Yields what an incident names, from the data of its event."""
    yield _coded("kind", data["kind"])
    for kind, field in _PARTS:
        yield from ((kind, value, value.lower()) for value in data.get(field, []))
    yield from _service_names(data)


def incident_parts(data: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yields what an incident is found by: its alarms, and its names, with the kind of each."""
    yield from (("alarm", alarm["alarm_id"]) for alarm in data["alarms"])
    yield from ((kind, value) for kind, value, _ in incident_names(data) if kind != "kind")


def write_names(connection: Connection, names: Iterable[Name]) -> None:
    """Adds names that are not known yet."""
    keys = ("kind", "value", "words")
    rows = [dict(zip(keys, name, strict=True)) for name in dict.fromkeys(names)]
    if rows:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(dialect.insert(NAME).on_conflict_do_nothing(), rows)


def remove_unused(connection: Connection) -> None:
    """Removes names that nothing bears any more."""
    borne = (*_ALARM_COLUMNS, *_SERVICE_COLUMNS, (INCIDENT.c.kind, "kind"))
    part = INCIDENT_PART.c
    is_part = exists().where(part.what == NAME.c.kind, part.value == NAME.c.value)
    connection.execute(
        delete(NAME).where(
            ~is_part,
            *(~and_(NAME.c.kind == kind, exists().where(c == NAME.c.value)) for c, kind in borne),
        )
    )


def alarms_named(text: str) -> tuple[list[Select[Any]], ColumnElement[bool]]:
    """Returns the alarms that name a text: queries of their ids, and the condition on an alarm."""
    service, bearer = ALARM_SERVICE.c, ALARM.alias("bearer").c
    queries = [
        *(
            select(bearer.alarm_id).where(bearer[column.name].in_(_values(kind, text)))
            for column, kind in _ALARM_COLUMNS
        ),
        *(
            select(service.alarm_id).where(column.in_(_values(kind, text)))
            for column, kind in _SERVICE_COLUMNS
        ),
        select(bearer.alarm_id).where(_begins(bearer.alarm_id, text)),
    ]
    condition = or_(
        *(_bears(column, kind, text) for column, kind in _ALARM_COLUMNS),
        exists().where(
            service.source == ALARM.c.source,
            service.alarm_id == ALARM.c.alarm_id,
            or_(*(_bears(column, kind, text) for column, kind in _SERVICE_COLUMNS)),
        ),
        _begins(ALARM.c.alarm_id, text),
    )
    return queries, condition


def incidents_named(text: str) -> tuple[list[Select[Any]], ColumnElement[bool]]:
    """Returns the incidents that name a text: queries of their ids, and the condition on one."""
    part, bearer = INCIDENT_PART.c, INCIDENT.alias("bearer").c
    named = select(NAME.c.kind, NAME.c.value).where(_has(text)).subquery()
    queries = [
        select(part.incident_id).join(
            named, and_(named.c.kind == part.what, named.c.value == part.value)
        ),
        select(bearer.incident_id).where(bearer.kind.in_(_values("kind", text))),
        select(bearer.incident_id).where(_begins(bearer.incident_id, text)),
    ]
    condition = or_(
        _bears(INCIDENT.c.kind, "kind", text),
        exists().where(
            part.source == INCIDENT.c.source,
            part.incident_id == INCIDENT.c.incident_id,
            exists().where(NAME.c.kind == part.what, NAME.c.value == part.value, _has(text)),
        ),
        _begins(INCIDENT.c.incident_id, text),
    )
    return queries, condition


def _service_names(data: dict[str, Any]) -> Iterator[Name]:
    for service in data.get("impacted_services", []):
        yield "service", service["service_id"], service["service_id"].lower()
        if customer := service.get("customer"):
            yield "customer", customer, customer.lower()


def _coded(kind: str, value: str) -> Name:
    """Returns a code as a name: FIBER_CUT is also found as "fiber cut"."""
    lower = value.lower()
    return kind, value, f"{lower}\n{lower.replace('_', ' ')}"


def _has(text: str) -> ColumnElement[bool]:
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return NAME.c.words.like(f"%{escaped}%", escape="\\")


def _values(kind: str, text: str) -> Select[Any]:
    """Returns the names of a kind that have a text in them."""
    return select(NAME.c.value).where(NAME.c.kind == kind, _has(text))


def _bears(column: ColumnElement[str], kind: str, text: str) -> ColumnElement[bool]:
    """Returns the condition that a column has such a name, asked row by row."""
    return exists().where(NAME.c.kind == kind, NAME.c.value == column, _has(text))


def _begins(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Returns the condition that an id begins with a text, in a form that an index answers."""
    return and_(column >= text, column < literal(text + _LAST))
