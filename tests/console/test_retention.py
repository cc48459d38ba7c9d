"""What was kept long enough is removed, and nothing else."""

from __future__ import annotations

import orjson

from console.lines import trace
from console.store import journal
from console.store.database import Database
from console.store.recorder import Batch, record
from console.store.retention import MS_PER_DAY, Retention, remove_old
from console.times import now_ms
from tests.console.made import alarm_event, incident_event, time_at, trace_line
from tests.console.test_recorder import rows, take

DAY_S = 86_400


def test_cleared_alarms_go_with_all_that_is_theirs(database: Database) -> None:
    old, active = alarm_event(), alarm_event("L2")
    take(
        database,
        old,
        active,
        alarm_event(action="CLEAR", sequence=2, at=20),
        incident_event([old]),
        incident_event([old], "CLOSE", sequence=2, at=20),
        alarm_event("L3", onset=10 * DAY_S, at=10 * DAY_S + 2),
        incident_event([active], opened_time=time_at(10 * DAY_S)),
    )
    assert remove_old(database, Retention(days=11), now_ms()) == 0
    assert remove_old(database, Retention(days=9), now_ms()) == 2
    kept = rows(database)
    links = {orjson.loads(row[-1])["subject"] for row in kept["event"] if ":1" in row[1]}
    assert {"L2", "L3"} <= links
    assert "L1" not in links
    assert len(kept["alarm"]) == len(kept["alarm_service"]) == 2
    assert len(kept["incident"]) == 1


def test_age_counts_from_the_newest_so_an_old_capture_stays(database: Database) -> None:
    lines = [trace(orjson.dumps(trace_line("L1", day * DAY_S))) for day in (0, 1, 20)]
    record(database, Batch(traces=lines))
    remove_old(database, Retention(trace_days=19), now_ms() + 10_000 * MS_PER_DAY)
    assert len(rows(database)["trace"]) == 2


def test_the_journal_keeps_what_a_webhook_was_not_told(database: Database) -> None:
    hook = "http://127.0.0.1/hook"
    take(database, alarm_event())
    with database.writing() as connection:
        assert journal.webhook_position(connection, hook) == 1
    take(database, alarm_event("L2"))
    later_ms = now_ms() + 31 * MS_PER_DAY
    remove_old(database, Retention(webhooks=(hook,)), later_ms)
    with database.reading() as connection:
        assert [c.number for c in journal.changes_after(connection, 0, 9)] == [2]
    remove_old(database, Retention(), later_ms)
    take(database, alarm_event("L3"))
    with database.reading() as connection:
        assert [c.number for c in journal.changes_after(connection, 0, 9)] == [3]
