"""Bad usage and bad luck: one clear line, nothing lost."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from console.intake.files import FileSource
from console.intake.worker import Intake
from console.options import parse
from console.store import database as database_module
from console.store.database import VERSION, Database
from schema.errors import DatabaseError, UsageError
from tests.console.conftest import new_postgres
from tests.console.made import alarm_event, lines
from tests.console.served import address, get, process, served
from tests.console.test_recorder import rows


def run(*options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "console", *options]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--no_such_option"], "unrecognized arguments"),
        (["--listen=0.0.0.0:8400"], "only the loopback"),
        (["--listen=nowhere"], "not HOST:PORT"),
        (["--events_kafka_topic=events"], "need --bootstrap_servers"),
        (["--bootstrap_servers=x:1"], "needs a topic"),
        (["--events_file=x", "--database=mysql://x/y"], "--database is sqlite"),
        (["--events_file=x", "--users_file=/nowhere"], "/nowhere is no file"),
        (["--events_file=x", "--tls_cert=x"], "go together"),
        (["--events_file=x", "--retention_days=0"], "from 1 on"),
        (["--events_file=x", "--webhook=http://x"], "--webhook_key_file"),
        (["--events_file=x", "--kafka_config=x"], "KEY=VALUE"),
    ],
)
def test_bad_usage_is_one_line(options: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        options_of = parse(options)
        Database(options_of.database)
    assert "\n" not in str(error.value)


def assert_one_line(done: subprocess.CompletedProcess[str], code: int, said: str) -> None:
    assert done.returncode == code, done.stderr
    assert done.stderr.startswith("console: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr


def test_bad_usage_ends_with_code_2() -> None:
    assert_one_line(run("--listen=0.0.0.0:1"), 2, "only the loopback")


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        database = f"--database=sqlite:///{tmp_path}/c.db"
        done = run("--events_file=x", database, f"--listen=127.0.0.1:{port}")
    assert_one_line(done, 1, "in use")
    assert not (tmp_path / "c.db").exists()


def test_a_database_of_a_newer_schema_is_left_alone(url: str) -> None:
    opened = Database(url)
    with opened.writing() as connection:
        connection.exec_driver_sql(f"UPDATE schema_version SET version = {VERSION + 1}")
    opened.close()
    with pytest.raises(DatabaseError, match="start a newer version"):
        Database(url)


def test_each_earlier_version_is_brought_to_the_newest(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert set(database_module.MIGRATIONS) == set(range(1, VERSION))
    Database(url).close()
    monkeypatch.setattr(database_module, "VERSION", VERSION + 1)
    step = lambda c: c.exec_driver_sql("ALTER TABLE alarm ADD COLUMN more TEXT")  # noqa: E731
    monkeypatch.setitem(database_module.MIGRATIONS, VERSION, step)
    for _ in range(2):
        opened = Database(url)
        with opened.reading() as connection:
            connection.exec_driver_sql("SELECT more FROM alarm")
        opened.close()


@pytest.mark.parametrize(
    ("database", "said"),
    [
        ("sqlite:////nowhere/c.db", "does the folder exist"),
        ("postgresql://user:secret@127.0.0.1:1/x", "refused"),
    ],
)
def test_a_database_that_is_away_is_one_line(database: str, said: str) -> None:
    done = run("--events_file=x", "--listen=127.0.0.1:0", f"--database={database}")
    assert_one_line(done, 1, said)
    assert "secret" not in done.stderr


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    path.write_text("This is a letter, and no database at all." * 100)
    with pytest.raises(DatabaseError, match="name another file"):
        Database(f"sqlite:///{path}")


def test_a_full_disk_stops_nothing_for_good(tmp_path: Path) -> None:
    """A database that may not grow takes nothing in, says so, and goes on when it may."""
    path = tmp_path / "events.jsonl"
    database = Database(f"sqlite:///{tmp_path}/c.db")
    with database.reading() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    path.write_bytes(lines(*(alarm_event(f"L{n}") for n in range(200))))
    intake = Intake(database, [FileSource("events", path)])
    intake.start()
    wait_until(lambda: "full" in (intake.trouble or ""))
    assert len(rows(database)["event"]) == 0
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 100000")
    wait_until(lambda: intake.trouble is None and intake.taken_in == 200)
    intake.stop()
    assert len(rows(database)["event"]) == 200
    database.close()


def test_a_database_that_is_locked_loses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_module, "_BUSY_TIMEOUT_S", 0.1)
    path = tmp_path / "events.jsonl"
    database = Database(f"sqlite:///{tmp_path}/c.db")
    holder = sqlite3.connect(tmp_path / "c.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    path.write_bytes(lines(alarm_event()))
    intake = Intake(database, [FileSource("events", path)])
    intake.start()
    wait_until(lambda: "locked" in (intake.trouble or ""))
    holder.execute("ROLLBACK")
    holder.close()
    wait_until(lambda: intake.taken_in == 1)
    intake.stop()
    assert len(rows(database)["event"]) == 1
    database.close()


def test_a_database_that_goes_away_comes_back(postgres_server: str, tmp_path: Path) -> None:
    url = new_postgres(postgres_server)
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(alarm_event()))
    database = Database(url)
    intake = Intake(database, [FileSource("events", path)])
    intake.start()
    wait_until(lambda: intake.taken_in == 1)
    other = Database(url)
    with other.reading() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    other.close()
    with path.open("ab") as file:
        file.write(lines(alarm_event("L2")))
    wait_until(lambda: intake.taken_in == 2)
    intake.stop()
    assert len(rows(database)["event"]) == 2
    database.close()


def test_a_console_that_is_killed_while_it_reads_a_file_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    url = f"sqlite:///{tmp_path}/c.db"
    events = [alarm_event(f"L{n}") for n in range(6000)]
    path.write_bytes(lines(*events[:3000]))
    with process(f"--events_file={path}", f"--database={url}") as console:
        for part in (events[3000:4500], events[4500:]):
            wait_until((tmp_path / "c.db-wal").exists)
            time.sleep(0.2)
            console.kill()
            console.wait()
            with path.open("ab") as file:
                file.write(lines(*part))
            console.restart()
        database = Database(url)
        wait_until(lambda: len(rows(database)["event"]) >= len(events))
        found = rows(database)
        database.close()
    assert len(found["event"]) == len(found["journal"]) == len(found["alarm"]) == len(events)


def test_a_backup_goes_on_from_where_it_was_made(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(*(alarm_event(f"L{n}") for n in range(20))))
    database = Database(f"sqlite:///{tmp_path}/c.db")
    take_from(database, path, 20)
    with sqlite3.connect(tmp_path / "c.db") as live:
        live.execute("VACUUM INTO ?", (str(tmp_path / "backup.db"),))
    with path.open("ab") as file:
        file.write(lines(*(alarm_event(f"L{n}") for n in range(20, 30))))
    take_from(database, path, 10)
    restored = Database(f"sqlite:///{tmp_path}/backup.db")
    take_from(restored, path, 10)
    assert rows(restored) == rows(database)
    database.close()
    restored.close()


def take_from(database: Database, path: Path, number: int) -> None:
    intake = Intake(database, [FileSource("events", path)])
    intake.start()
    wait_until(lambda: intake.taken_in == number)
    intake.stop()


def test_stopping_ends_at_once_also_with_an_open_stream(tmp_path: Path) -> None:
    with process("--events_file=x", f"--database=sqlite:///{tmp_path}/c.db") as console:
        host = address(console).removeprefix("http://").split(":")
        with socket.create_connection((host[0], int(host[1]))) as stream:
            stream.sendall(b"GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert stream.recv(100).startswith(b"HTTP/1.1 200")
            os.kill(console.pid, 15)
            assert console.wait(30) == 0


def test_without_options_it_shows_what_a_run_has_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "events.jsonl").write_bytes(lines(alarm_event()))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    with served() as url:
        wait_until(lambda: get(f"{url}/api/alarms")["total"] == 1)
    assert (tmp_path / "out" / "center.db").exists()


def wait_until(true: object) -> None:
    assert callable(true)
    end_s = time.monotonic() + 40
    while not true():
        assert time.monotonic() < end_s
        time.sleep(0.02)
