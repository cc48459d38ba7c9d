"""Numbers without gaps, given out in the order of commits."""

from __future__ import annotations

from sqlalchemy import Connection, select

from console.store.tables import COUNTER


def next_numbers(connection: Connection, name: str, number: int) -> int:
    """Reserves numbers in a row and returns the first; they come back if the writer fails.

    Args:
        connection: in a writing transaction, of which there is one at a time.
        name: of the counter.
        number: how many.
    """
    last = last_number(connection, name)
    if last is None:
        connection.execute(COUNTER.insert().values(name=name, value=number))
        return 1
    connection.execute(COUNTER.update().where(COUNTER.c.name == name).values(value=last + number))
    return last + 1


def last_number(connection: Connection, name: str) -> int | None:
    """Returns the last number given out; None if none was."""
    found = connection.execute(select(COUNTER.c.value).where(COUNTER.c.name == name)).scalar()
    return None if found is None else int(found)
