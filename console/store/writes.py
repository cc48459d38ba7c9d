"""Writes many rows at once: new ones, missing ones, or in the place of what is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite


def insert(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts rows."""
    if rows:
        connection.execute(table.insert(), rows)


def insert_missing(connection: Connection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
    """Inserts those rows whose key is not there yet."""
    if rows:
        connection.execute(_insertion(connection, table).on_conflict_do_nothing(), rows)


def upsert(
    connection: Connection, table: Table, rows: Sequence[dict[str, Any]], *, newer: bool = False
) -> None:
    """Inserts rows, or puts them in the place of those with the same key.

    Args:
        connection: in a transaction.
        table: has a primary key.
        rows: all with the same columns.
        newer: only in the place of rows with a smaller sequence.
    """
    if not rows:
        return
    statement = _insertion(connection, table)
    keys = [column.name for column in table.primary_key]
    changed = {name: statement.excluded[name] for name in rows[0] if name not in keys}
    where = statement.excluded["sequence"] > table.c.sequence if newer else None
    connection.execute(
        statement.on_conflict_do_update(index_elements=keys, set_=changed, where=where), rows
    )


def _insertion(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """Returns an insertion that can say what becomes of rows with a key that is there."""
    if connection.dialect.name == "sqlite":
        return sqlite.insert(table)
    return postgresql.insert(table)
