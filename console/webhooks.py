"""Tells other systems of events: signed, in order, and again until they have taken them."""

from __future__ import annotations

import hashlib
import hmac
import logging
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any

import orjson

from console.store import journal
from console.store.database import Database
from schema.errors import DatabaseError

_LOG = logging.getLogger("eventcenter.console")

#: Name of the header with the HMAC-SHA256 of the body.
SIGNATURE = "X-Signature-256"
_CHANGES = 100
_LOOK_EVERY_S = 0.5
_TIMEOUT_S = 10
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 1.0, 60.0


@dataclass(frozen=True)
class Webhook:
    """Who is told of what.

    Attributes:
        url: receives a POST for each event.
        key: of the signatures.
        severities: of the events; empty = all.
    """

    url: str
    key: bytes
    severities: Sequence[str] = ()

    def wants(self, event: dict[str, Any]) -> bool:
        """Whether an event passes the filter; the end of what passed it does, too."""
        data = event["data"]
        named = {data["severity"], data.get("previous_severity")}
        return not self.severities or bool(named & set(self.severities))


class WebhookSender:
    """The thread that tells one receiver, from where the store says it was told last."""

    def __init__(self, database: Database, webhook: Webhook) -> None:
        """Takes the store and the receiver; nothing is sent yet."""
        self._database = database
        self._webhook = webhook
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhook", daemon=True)

    def start(self) -> None:
        """Notes what is to be told from, and starts."""
        with self._database.writing() as connection:
            journal.webhook_position(connection, self._webhook.url)
        self._thread.start()

    def stop(self) -> None:
        """Stops; what was not taken is told after the next start."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while not self._stop.is_set():
            try:
                self._tell_some()
                pause_s = _FIRST_PAUSE_S
                self._stop.wait(_LOOK_EVERY_S)
            except (OSError, HTTPException, DatabaseError) as error:
                _LOG.warning("webhook %s: %s; it is told again", self._webhook.url, error)
                self._stop.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _tell_some(self) -> None:
        """Tells what is new, until there is nothing; each event is noted once it was taken."""
        while not self._stop.is_set():
            with self._database.reading() as connection:
                number = journal.webhook_position(connection, self._webhook.url)
                changes = journal.changes_after(connection, number, _CHANGES)
            if not changes:
                return
            told = number
            try:
                for change in changes:
                    if self._stop.is_set():
                        return
                    if change.event is not None and self._webhook.wants(change.event):
                        self._post(change.event)
                    told = change.number
            finally:
                self._note(told)

    def _post(self, event: dict[str, Any]) -> None:
        body = orjson.dumps(event)
        digest = hmac.new(self._webhook.key, body, hashlib.sha256).hexdigest()
        request = urllib.request.Request(
            self._webhook.url,
            data=body,
            method="POST",
            headers={
                "Content-Type": "application/cloudevents+json",
                SIGNATURE: f"sha256={digest}",
            },
        )
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:
            answer.read()

    def _note(self, number: int) -> None:
        with self._database.writing() as connection:
            journal.move_webhook(connection, self._webhook.url, number)
