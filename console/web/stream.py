"""Server-sent events: every change since the one that a client has seen last."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from console.store import alarms, incidents, journal
from console.store.database import Database
from console.web.access import known
from console.web.api import Store
from console.web.problems import RESPONSES
from schema.errors import DatabaseError

#: How often the journal is looked at [s]; a comment is sent after a longer silence [s].
_LOOK_EVERY_S = 0.15
_COMMENT_EVERY_S = 15
_CHANGES = 200
_MAX_NUMBER = 2**63 - 1

router = APIRouter(prefix="/api", dependencies=[Depends(known)], responses=RESPONSES)
Number = Annotated[int, Query(ge=0, le=_MAX_NUMBER)]


class Watch:
    """Looks at the journal for all clients, so that each costs nothing while nothing happens."""

    def __init__(self, database: Database) -> None:
        """Takes the database; `run` looks at it."""
        self._database = database
        self._newest = -1
        self._changed = asyncio.Condition()

    async def run(self) -> None:
        """Looks until it is cancelled; a database that does not answer is asked again."""
        while True:
            with contextlib.suppress(DatabaseError):
                newest = await run_in_threadpool(self._look)
                if newest != self._newest:
                    async with self._changed:
                        self._newest = newest
                        self._changed.notify_all()
            await asyncio.sleep(_LOOK_EVERY_S)

    async def wait_for_more_than(self, number: int) -> bool:
        """Waits for a change after a number; returns False after a longer silence."""
        async with self._changed:
            try:
                await asyncio.wait_for(
                    self._changed.wait_for(lambda: self._newest > number), _COMMENT_EVERY_S
                )
            except TimeoutError:
                return False
        return True

    def _look(self) -> int:
        with self._database.reading() as connection:
            return journal.newest(connection)


@router.get(
    "/stream",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
)
async def get_stream(
    request: Request,
    database: Store,
    after: Annotated[Number | None, Query(description="number of the last change seen")] = None,
    last_event_id: Annotated[str | None, Header()] = None,
) -> StreamingResponse:
    """Changes of alarms and incidents as they come.

    Each has the number of the change as its id, and in data: kind (alarm, incident, action),
    source, id of the alarm or incident, event_id, and `item` as it is when sent. `reset` says that
    changes were missed which are no longer kept: load everything anew.
    """
    number = after
    if last_event_id and last_event_id.isascii() and last_event_id.isdigit():
        number = min(int(last_event_id), _MAX_NUMBER)
    if number is None:
        number = await run_in_threadpool(_newest, database)
    watch: Watch = request.app.state.watch
    return StreamingResponse(
        _messages(database, watch, number),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )


async def _messages(database: Database, watch: Watch, number: int) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    first = await run_in_threadpool(_first_kept, database)
    newest = await run_in_threadpool(_newest, database)
    if number > newest or (first is not None and number < first - 1):
        number = newest
        yield b"id: %d\nevent: reset\ndata: {}\n\n" % number
    while True:
        try:
            messages = await run_in_threadpool(_changes, database, number)
        except DatabaseError:
            yield b": the database does not answer\n\n"
            await asyncio.sleep(1)
            continue
        for number, message in messages:  # noqa: B007
            yield message
        if not messages and not await watch.wait_for_more_than(number):
            yield b": nothing new\n\n"


def _newest(database: Database) -> int:
    with database.reading() as connection:
        return journal.newest(connection)


def _first_kept(database: Database) -> int | None:
    with database.reading() as connection:
        return journal.oldest(connection)


def _changes(database: Database, number: int) -> list[tuple[int, bytes]]:
    """Returns the next changes, each with its number and as a message."""
    with database.reading() as connection:
        changes = journal.changes_after(connection, number, _CHANGES)
        items: dict[tuple[bool, str, str], Any] = {}
        found = []
        for change in changes:
            key = (change.kind == "incident", change.source, change.subject_id)
            if key not in items:
                ask = incidents.incident if key[0] else alarms.alarm
                items[key] = ask(connection, change.subject_id, change.source)
            data = {
                "kind": change.kind,
                "source": change.source,
                "id": change.subject_id,
                "event_id": change.event_id,
                "item": items[key],
            }
            message = b"id: %d\nevent: change\ndata: %s\n\n" % (change.number, orjson.dumps(data))
            found.append((change.number, message))
        return found
