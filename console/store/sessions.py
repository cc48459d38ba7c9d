"""Sessions of browsers, which outlive a restart of the console."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import delete, select

from console.store.database import Database
from console.store.tables import SESSION
from console.users import hash_of


@dataclass(frozen=True)
class Session:
    """A browser that is logged in.

    Attributes:
        name: of the user.
        csrf_token: that its forms must carry.
    """

    name: str
    csrf_token: str


def begin(database: Database, name: str, expires_ms: int) -> str:
    """Begins a session; returns the value of its cookie, which is not kept."""
    cookie = secrets.token_urlsafe(32)
    with database.writing() as connection:
        connection.execute(
            SESSION.insert().values(
                cookie_hash=hash_of(cookie),
                name=name,
                csrf_token=secrets.token_urlsafe(24),
                expires_ms=expires_ms,
            )
        )
    return cookie


def find(database: Database, cookie: str, now_ms: int) -> Session | None:
    """Returns the session of a cookie; None if it has ended."""
    with database.reading() as connection:
        row = connection.execute(
            select(SESSION.c.name, SESSION.c.csrf_token).where(
                SESSION.c.cookie_hash == hash_of(cookie), SESSION.c.expires_ms > now_ms
            )
        ).first()
    return None if row is None else Session(row.name, row.csrf_token)


def end(database: Database, cookie: str) -> None:
    """Ends a session."""
    with database.writing() as connection:
        connection.execute(delete(SESSION).where(SESSION.c.cookie_hash == hash_of(cookie)))
