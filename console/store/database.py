"""The database: opened, brought to the newest schema, read and written in transactions."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from console.store.migrations import MIGRATIONS, add_indexes
from console.store.tables import METADATA, SCHEMA_VERSION
from schema.errors import DatabaseError, UsageError

#: Version of the tables that this code reads and writes.
VERSION = 2

#: How long a write waits for another one [s].
_BUSY_TIMEOUT_S = 5
_CONNECT_TIMEOUT_S = 5
#: All who write take this lock of PostgreSQL, so the journal is numbered in the order of commits.
_WRITERS_LOCK = 0x6576656E74
_OLDEST_POSTGRESQL = 15


class Database:
    """Transactions on SQLite or PostgreSQL.

    Example:
        database = Database("sqlite:///center.db")
        with database.writing() as connection:
            connection.execute(...)
    """

    def __init__(self, url: str) -> None:
        """Opens the database, and creates or migrates its tables.

        Args:
            url: `sqlite:///FILE` or `postgresql://USER@HOST/NAME`.

        Raises:
            UsageError: the URL is of no such form.
            DatabaseError: it cannot be opened, or was written by a newer version.
        """
        self._url = _checked(url)
        self._engine = _engine(self._url)
        self._writing = self._engine.execution_options(writes=True)
        self.name = self._url.render_as_string(hide_password=True)
        with self.writing() as connection:
            _check_server(connection)
            _migrate(connection)

    @property
    def is_sqlite(self) -> bool:
        """Whether it is a file."""
        return self._engine.dialect.name == "sqlite"

    @contextlib.contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields a connection; all that is read in the block is of one moment in SQLite.

        Raises:
            DatabaseError: the database does not answer as it should.
        """
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields a connection in a transaction, committed at the end; one writer at a time.

        Raises:
            DatabaseError: the database does not answer as it should; nothing was written.
        """
        with self._told(), self._writing.begin() as connection:
            if not self.is_sqlite:
                connection.execute(
                    text("SELECT pg_advisory_xact_lock(:key)"), {"key": _WRITERS_LOCK}
                )
            yield connection

    def close(self) -> None:
        """Closes all connections."""
        self._engine.dispose()

    @contextlib.contextmanager
    def _told(self) -> Iterator[None]:
        """Turns errors of the driver into one clear line."""
        try:
            yield
        except DBAPIError as error:
            raise DatabaseError(f"database {self.name}: {_plain(error)}") from error
        except SQLAlchemyError as error:
            raise DatabaseError(f"database {self.name}: {_first_line(error)}") from error


def _checked(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        parsed = None
    if parsed is None or parsed.drivername not in ("sqlite", "postgresql"):
        raise UsageError("--database is sqlite:///FILE or postgresql://USER@HOST/NAME")
    if parsed.drivername == "sqlite" and not parsed.database:
        raise UsageError("--database=sqlite:///FILE needs the name of a file")
    return parsed


def _engine(url: URL) -> Engine:
    if url.drivername == "postgresql":
        try:
            return create_engine(
                url.set(drivername="postgresql+psycopg"),
                pool_pre_ping=True,
                connect_args={"connect_timeout": _CONNECT_TIMEOUT_S},
            )
        except NoSuchModuleError as error:
            raise DatabaseError(f"no driver for PostgreSQL: {_first_line(error)}") from error
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: Any) -> None:
    # Transactions are begun below; Python's own begin too late for a lock.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # What an operator was told is done outlives a loss of power.
    cursor.execute("PRAGMA synchronous=FULL")
    # The indexes of millions of events are written at any place: 256 MB of them are kept at hand,
    # and the log is worked in when it has 32 MB.
    cursor.execute("PRAGMA cache_size=-262144")
    cursor.execute("PRAGMA wal_autocheckpoint=8192")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _check_server(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        return
    number = int(connection.execute(text("SHOW server_version_num")).scalar_one())
    if number < _OLDEST_POSTGRESQL * 10_000:
        raise DatabaseError(f"PostgreSQL {_OLDEST_POSTGRESQL} or newer is needed")


def _migrate(connection: Connection) -> None:
    """Brings the tables to VERSION, or refuses those of a newer one."""
    if not inspect(connection).has_table(SCHEMA_VERSION.name):
        METADATA.create_all(connection)
        connection.execute(insert(SCHEMA_VERSION).values(version=VERSION))
        return
    found = connection.execute(select(SCHEMA_VERSION.c.version)).scalar_one()
    if found > VERSION:
        raise DatabaseError(
            f"the database has schema version {found}, this program knows {VERSION}: "
            "start a newer version of the program"
        )
    for version in range(found, VERSION):
        MIGRATIONS[version](connection)
    if found < VERSION:
        add_indexes(connection)
    connection.execute(SCHEMA_VERSION.update().values(version=VERSION))


def _plain(error: DBAPIError) -> str:
    """Returns what is wrong, and what to do where that is known."""
    said = _first_line(error.orig)
    for part, advice in _ADVICE.items():
        if part in said:
            return f"{said}: {advice}"
    return said


_ADVICE = {
    "database is locked": "another process holds it for long; nothing was written",
    "database or disk is full": "make room; nothing was written",
    "unable to open database file": "does the folder exist, and may this user write to it?",
    "file is not a database": "name another file",
    "readonly database": "may this user write to the file and its folder?",
}


def _first_line(error: BaseException | None) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
