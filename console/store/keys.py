"""Looks rows up by many keys at once, by an index: SQLite has none for lists of pairs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sqlalchemy import Column, ColumnElement, and_

#: Values in one IN list.
_CHUNK = 500

Key = tuple[str, str]


def conditions(
    source: Column[str], name: Column[str], keys: Iterable[Key]
) -> Iterator[ColumnElement[bool]]:
    """Yields conditions that together find the rows of all keys.

    Args:
        source: column of the keys' first part.
        name: column of their second part.
        keys: pairs of source and id.
    """
    by_source: dict[str, list[str]] = {}
    for of, key in dict.fromkeys(keys):
        by_source.setdefault(of, []).append(key)
    for of, names in by_source.items():
        for chunk in chunks(names):
            yield and_(source == of, name.in_(chunk))


def chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yields parts of a sequence that fit into an IN list."""
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
