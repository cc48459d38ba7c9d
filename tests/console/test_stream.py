"""Streams and webhooks tell every change, whatever is cut off and started again."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from console.store import journal
from console.store.database import Database
from console.webhooks import SIGNATURE, Webhook, WebhookSender
from tests.console.made import alarm_event, lines
from tests.console.served import get, served
from tests.console.test_recorder import take

_KEY = b"a key of sixteen bytes or more"


def read(url: str, number: int, after: str) -> list[tuple[int, dict[str, Any]]]:
    """Returns so many changes of a stream, with their numbers; then cuts it off."""
    found: list[tuple[int, dict[str, Any]]] = []
    with httpx.stream(
        "GET", f"{url}/api/stream?after=0", headers={"Last-Event-ID": after}, timeout=30
    ) as answer:
        last = 0
        for line in answer.iter_lines():
            if line.startswith("id: "):
                last = int(line[4:])
            elif line.startswith("data: "):
                found.append((last, orjson.loads(line[6:])))
                if len(found) == number:
                    break
    return found


def test_a_stream_misses_nothing_however_often_it_is_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.touch()
    wanted = [alarm_event(f"L{n}") for n in range(60)]

    def write() -> None:
        for event in wanted:
            with path.open("ab") as file:
                file.write(lines(event))
            time.sleep(0.01)

    with served(f"--events_file={path}", f"--database=sqlite:///{tmp_path}/c.db") as url:
        writer = threading.Thread(target=write)
        writer.start()
        found: list[tuple[int, dict[str, Any]]] = []
        while len(found) < len(wanted):
            found += read(url, min(7, len(wanted) - len(found)), str(len(found)))
        writer.join()
    assert [number for number, _ in found] == list(range(1, 61))
    assert [change["event_id"] for _, change in found] == [event["id"] for event in wanted]
    assert found[0][1]["item"]["code"] == "FIBER_CUT"


def test_who_was_away_for_too_long_is_told_to_begin_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(lines(alarm_event()))
    with served(f"--events_file={path}", f"--database=sqlite:///{tmp_path}/c.db") as url:
        while get(f"{url}/healthz")["taken_in"] < 1:
            time.sleep(0.05)
        assert read(url, 1, "999") == [(1, {})]


class Receiver:
    """Takes what webhooks send, and refuses every third of it."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.asked = 0


@contextlib.contextmanager
def receiving(receiver: Receiver) -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            digest = hmac.new(_KEY, body, hashlib.sha256).hexdigest()
            receiver.asked += 1
            is_refused = receiver.asked % 3 == 0 or self.headers[SIGNATURE] != f"sha256={digest}"
            if not is_refused:
                receiver.taken.append(orjson.loads(body)["id"])
            self.send_response(500 if is_refused else 204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def wait_for(receiver: Receiver, number: int) -> None:
    end_s = time.monotonic() + 30
    while len(receiver.taken) < number:
        assert time.monotonic() < end_s, receiver.taken
        time.sleep(0.02)


def test_a_webhook_is_told_everything_in_order_across_refusals_and_restarts(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.webhooks._FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr("console.webhooks._LOOK_EVERY_S", 0.05)
    take(database, alarm_event("before"))
    receiver = Receiver()
    wanted = [alarm_event(f"L{n}") for n in range(12)]
    with receiving(receiver) as url:
        for part in (wanted[:5], wanted[5:]):
            sender = WebhookSender(database, Webhook(url, _KEY))
            sender.start()
            take(database, *part)
            wait_for(receiver, len(receiver.taken) + 3)
            sender.stop()
        sender = WebhookSender(database, Webhook(url, _KEY))
        sender.start()
        wait_for(receiver, len(wanted))
        sender.stop()
    assert receiver.taken == [event["id"] for event in wanted]
    with database.reading() as connection:
        assert journal.webhook_position(connection, url) == journal.newest(connection)


def test_a_webhook_and_a_stream_are_told_that_an_alarm_is_superseded(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("console.webhooks._LOOK_EVERY_S", 0.05)
    first = alarm_event(code="FIBER_DEGRADE")
    changed = alarm_event(action="CHANGE", sequence=2, at=10)
    second = alarm_event(onset=100, at=102)
    receiver = Receiver()
    with receiving(receiver) as url:
        sender = WebhookSender(database, Webhook(url, _KEY, ("critical",)))
        sender.start()
        # Its own CLEAR comes before the webhook can be told: it is told of both.
        take(database, first, changed, second, alarm_event(action="CLEAR", sequence=3, at=120))
        wait_for(receiver, 4)
        sender.stop()
    ended = f"{first['data']['alarm_id']}:superseded"
    clear = f"{first['data']['alarm_id']}:3"
    assert receiver.taken == [changed["id"], ended, second["id"], clear]
    with database.reading() as connection:
        changes = journal.changes_after(connection, 0, 9)
    assert [change.event_id for change in changes] == [
        first["id"],
        changed["id"],
        None,
        second["id"],
        clear,
    ]
    event = changes[2].event
    assert event is not None
    assert event["time"] == second["time"]
    assert event["type"] == "eventcenter.fiber.fiber_cut.clear"
    told = {name: event["data"][name] for name in ("action", "state", "clear_reason", "sequence")}
    assert told == {
        "action": "CLEAR",
        "state": "CLEARED",
        "clear_reason": "SUPERSEDED",
        "sequence": 2,
    }
    assert event["data"]["cleared_time"] == second["time"]


def test_a_webhook_is_told_of_its_severities_and_of_their_end() -> None:
    webhook = Webhook("http://x", _KEY, ("critical",))
    assert webhook.wants(alarm_event())
    assert not webhook.wants(alarm_event(code="FIBER_DEGRADE"))
    fallen = alarm_event(action="CHANGE", code="FIBER_DEGRADE", previous_severity="critical")
    assert webhook.wants(fallen)
