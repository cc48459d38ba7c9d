"""Which alarms or incidents were open at a moment, without a look at all that ended before.

Each row that has ended bears a class of how long it lasted: of class n is what lasted less than
4**n milliseconds. Of a class only those can have been open at a moment that began within so long
before it.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, CompoundSelect, case, select, union_all

#: Of this class is also whatever lasted longer, which is 35 years.
_LAST = 20


def lasted(begun_ms: int, ended_ms: int | None) -> int | None:
    """Returns the class of a row; None while it is open."""
    if ended_ms is None:
        return None
    return min((max(ended_ms - begun_ms, 0).bit_length() + 1) // 2, _LAST)


def lasted_column(begun_ms: ColumnElement[int], ended_ms: ColumnElement[int]) -> Any:
    """Returns the same in SQL."""
    classes = [(ended_ms - begun_ms < 4**number, number) for number in range(_LAST)]
    return case((ended_ms.is_(None), None), *classes, else_=_LAST)


def open_at(
    key: ColumnElement[str],
    begun_ms: ColumnElement[int],
    ended_ms: ColumnElement[int],
    lasted_class: ColumnElement[int],
    at_ms: int,
) -> CompoundSelect[Any]:
    """Returns the query of the ids of what had begun at a moment, and not ended."""
    has_begun = begun_ms <= at_ms
    queries = [select(key).where(lasted_class.is_(None), has_begun)]
    for number in range(_LAST + 1):
        query = select(key).where(lasted_class == number, has_begun, ended_ms > at_ms)
        if number < _LAST:
            query = query.where(begun_ms > at_ms - 4**number)
        queries.append(query)
    return union_all(*queries)
