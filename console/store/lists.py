"""Lists that are read page by page: order, cursor and total."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    Connection,
    Row,
    Select,
    func,
    literal,
    select,
    tuple_,
    union_all,
)

#: A total is exact up to here, and then this number: counting on would cost more than it tells.
MAX_TOTAL = 10_000


class BadCursorError(ValueError):
    """A cursor is none that a list of this order has given out."""


@dataclass(frozen=True)
class Page:
    """A part of a list.

    Attributes:
        items: in order.
        next: cursor of the next part; None = this is the last.
        total: of the whole list, counted up to MAX_TOTAL.
    """

    items: list[dict[str, Any]]
    next: str | None
    total: int


@dataclass(frozen=True)
class Bearers:
    """The rows that bear a name: few are found by an index, of many each is looked at in order.

    Attributes:
        queries: of their ids; what is found may be of another source. Empty = too many to ask for.
        condition: on a row of the list, exact.
    """

    queries: Sequence[Select[Any]]
    condition: ColumnElement[bool]


def unindexed(column: ColumnElement[str]) -> ColumnElement[str]:
    """Returns a column in a form that no index serves: to be asked of each row, in their order."""
    return column + literal("")


def narrowed(
    connection: Connection,
    query: Select[Any],
    key: ColumnElement[str],
    all_bearers: Sequence[Bearers],
) -> tuple[Select[Any], bool]:
    """Returns a list narrowed to what bears names, and whether any of these has MAX_TOTAL bearers.

    Args:
        connection: counts the bearers, for no database knows how many a name has.
        query: the list.
        key: the id of a row.
        all_bearers: rows have to be in each of these.
    """
    has_many = False
    for bearers in all_bearers:
        query = query.where(bearers.condition)
        if not bearers.queries:
            continue
        ids: Select[Any] | CompoundSelect[Any] = union_all(*bearers.queries)
        if len(bearers.queries) == 1:
            ids = bearers.queries[0]
        number = count_distinct(connection, ids)
        if number < MAX_TOTAL:
            query = query.where(key.in_(ids))
        has_many = has_many or number == MAX_TOTAL
    return query, has_many


def read_page(
    connection: Connection,
    query: Select[Any],
    order: tuple[ColumnElement[Any], ...],
    *,
    descending: bool,
    limit: int,
    cursor: str | None,
    offset: int = 0,
) -> tuple[list[Row[Any]], str | None]:
    """Returns the rows of a page, and the cursor of the next one.

    Args:
        connection: to read from.
        query: without order.
        order: columns that no two rows share, from the first on.
        descending: whether the greatest comes first.
        limit: rows of a page.
        cursor: of the page; None = the first.
        offset: rows passed over, for clients that know no cursor.

    Raises:
        BadCursorError: the cursor is of no such list.
    """
    query = query.add_columns(*(c.label(f"order_{n}") for n, c in enumerate(order)))
    if cursor is not None:
        place = tuple_(*_decoded(cursor, order))
        query = query.where(tuple_(*order) < place if descending else tuple_(*order) > place)
    query = query.order_by(*(c.desc() if descending else c.asc() for c in order))
    rows = list(connection.execute(query.limit(limit + 1).offset(offset)))
    if len(rows) <= limit:
        return rows, None
    return rows[:limit], _encoded(rows[limit - 1][-len(order) :])


def count(connection: Connection, query: Select[Any]) -> int:
    """Returns how many rows a query has, counted up to MAX_TOTAL."""
    some = query.with_only_columns(1, maintain_column_froms=True).limit(MAX_TOTAL)
    return int(connection.execute(select(func.count()).select_from(some.subquery())).scalar_one())


def count_distinct(connection: Connection, values: Select[Any] | CompoundSelect[Any]) -> int:
    """Returns how many different values a query of one column has, counted up to MAX_TOTAL."""
    some = select(values.subquery().c[0]).distinct().limit(MAX_TOTAL).subquery()
    return int(connection.execute(select(func.count()).select_from(some)).scalar_one())


def _encoded(place: tuple[Any, ...]) -> str:
    return base64.urlsafe_b64encode(orjson.dumps(list(place))).decode().rstrip("=")


def _decoded(cursor: str, order: tuple[ColumnElement[Any], ...]) -> list[Any]:
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        place = orjson.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise BadCursorError("cursor is none of this list") from error
    if not isinstance(place, list) or len(place) != len(order):
        raise BadCursorError("cursor is none of this list")
    for value, column in zip(place, order, strict=True):
        if type(value) is not column.type.python_type or "\0" in str(value):
            raise BadCursorError("cursor is none of this list")
        if isinstance(value, int) and abs(value) >= 2**63:
            raise BadCursorError("cursor is none of this list")
    return place
