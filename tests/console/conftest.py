"""Stores that the console's tests run on: SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from console.store.database import Database
from tests.console import local_postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """URL of a PostgreSQL server, without a database."""
    folder = local_postgres.binaries()
    if folder is None:
        assert not os.environ.get("CI"), ".ci/run installs PostgreSQL"
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with local_postgres.started(folder) as url:
        _wait(url)
        yield url


def _wait(url: str) -> None:
    """Waits until the server takes connections."""
    for _ in range(100):
        try:
            new_postgres(url)
        except OperationalError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("PostgreSQL does not take connections")


def new_postgres(server: str) -> str:
    """Returns the URL of a new database."""
    name = f"d{uuid4().hex}"
    address = server.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}/{name}"


@pytest.fixture(scope="session")
def postgres_database(postgres_server: str) -> str:
    """URL of a database that tests share, one after the other."""
    return new_postgres(postgres_server)


def _emptied(url: str) -> str:
    """Returns the URL of a database without tables; a new database would take longer."""
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of a new database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/center.db"
    return _emptied(request.getfixturevalue("postgres_database"))


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url)
    yield opened
    opened.close()
