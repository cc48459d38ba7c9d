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
    func,
    literal,
    or_,
    select,
)

from console.store.lists import Bearers, unindexed
from console.store.tables import ALARM, ALARM_SERVICE, INCIDENT, INCIDENT_PART, NAME
from console.store.writes import insert_missing

#: So many names are asked for one by one; if a text is in more, each alarm is asked for its names.
_MAX_NAMES = 2_000
#: Sorts behind every character that an id can go on with.
_LAST = "\U0010ffff"
#: What an incident names: the kind of the name, and where its event has it.
_PARTS = (("link", "links"), ("node", "nodes"), ("srlg", "srlg_ids"))
_PART_KINDS = ("link", "node", "srlg", "service", "customer")
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
    insert_missing(connection, NAME, rows)


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


def values_with(connection: Connection, text: str) -> dict[str, list[str]] | None:
    """Returns the names that have a text in them, by kind; None if they are too many."""
    rows = connection.execute(
        select(NAME.c.kind, NAME.c.value)
        .where(_has(connection, text))
        .distinct()
        .limit(_MAX_NAMES + 1)
    ).all()
    if len(rows) > _MAX_NAMES:
        return None
    found: dict[str, list[str]] = {}
    for kind, value in rows:
        found.setdefault(kind, []).append(value)
    return found


def alarms_named(connection: Connection, text: str) -> Bearers:
    """Returns the alarms that name a text."""
    service, bearer = ALARM_SERVICE.c, ALARM.alias("bearer").c
    of_alarm = (service.source == ALARM.c.source, service.alarm_id == ALARM.c.alarm_id)
    values = values_with(connection, text)
    queries: list[Select[Any]] = []
    if values is None:
        own: list[ColumnElement[bool]] = [
            _bears(connection, column, kind, text) for column, kind in _ALARM_COLUMNS
        ]
        served: list[ColumnElement[bool]] = [
            _bears(connection, column, kind, text) for column, kind in _SERVICE_COLUMNS
        ]
    else:
        own = [unindexed(c).in_(values[kind]) for c, kind in _ALARM_COLUMNS if kind in values]
        served = [unindexed(c).in_(values[kind]) for c, kind in _SERVICE_COLUMNS if kind in values]
        queries = [
            select(bearer.alarm_id).where(_begins(bearer.alarm_id, text)),
            *(
                select(bearer.alarm_id).where(bearer[c.name].in_(values[kind]))
                for c, kind in _ALARM_COLUMNS
                if kind in values
            ),
            *(
                select(service.alarm_id).where(c.in_(values[kind]))
                for c, kind in _SERVICE_COLUMNS
                if kind in values
            ),
        ]
    if served:
        own.append(exists().where(*of_alarm, or_(*served)))
    return Bearers(queries, or_(_begins(unindexed(ALARM.c.alarm_id), text), *own))


def incidents_named(connection: Connection, text: str) -> Bearers:
    """Returns the incidents that name a text."""
    part, bearer = INCIDENT_PART.c, INCIDENT.alias("bearer").c
    values = values_with(connection, text)
    queries: list[Select[Any]] = []
    kinds: list[ColumnElement[bool]]
    parts: list[ColumnElement[bool]]
    if values is None:
        is_named = exists().where(
            NAME.c.kind == part.what, NAME.c.value == part.value, _has(connection, text)
        )
        kinds, parts = [_bears(connection, INCIDENT.c.kind, "kind", text)], [is_named]
    else:
        given = [(kind, values[kind]) for kind in _PART_KINDS if kind in values]
        kinds = [unindexed(INCIDENT.c.kind).in_(values[k]) for k in ("kind",) if k in values]
        parts = [and_(part.what == kind, unindexed(part.value).in_(names)) for kind, names in given]
        queries = [
            select(bearer.incident_id).where(_begins(bearer.incident_id, text)),
            *(select(bearer.incident_id).where(bearer.kind.in_(values["kind"])) for _ in kinds),
            *(
                select(part.incident_id).where(part.what == kind, part.value.in_(names))
                for kind, names in given
            ),
        ]
    if parts:
        of_incident = (part.source == INCIDENT.c.source, part.incident_id == INCIDENT.c.incident_id)
        kinds.append(exists().where(*of_incident, or_(*parts)))
    return Bearers(queries, or_(_begins(unindexed(INCIDENT.c.incident_id), text), *kinds))


def _service_names(data: dict[str, Any]) -> Iterator[Name]:
    for service in data.get("impacted_services", []):
        yield "service", service["service_id"], service["service_id"].lower()
        if customer := service.get("customer"):
            yield "customer", customer, customer.lower()


def _coded(kind: str, value: str) -> Name:
    """Returns a code as a name: FIBER_CUT is also found as "fiber cut"."""
    lower = value.lower()
    return kind, value, f"{lower}\n{lower.replace('_', ' ')}"


def _has(connection: Connection, text: str) -> ColumnElement[bool]:
    # As quick as LIKE, and no character of the text means anything else than itself.
    position = func.instr if connection.dialect.name == "sqlite" else func.strpos
    return position(NAME.c.words, text.lower()) > 0


def _bears(
    connection: Connection, column: ColumnElement[str], kind: str, text: str
) -> ColumnElement[bool]:
    """Returns the condition that a column has such a name, asked row by row."""
    return exists().where(NAME.c.kind == kind, NAME.c.value == column, _has(connection, text))


def _begins(column: ColumnElement[str], text: str) -> ColumnElement[bool]:
    """Returns the condition that an id begins with a text, in a form that an index answers."""
    return and_(column >= text, column < literal(text + _LAST))
