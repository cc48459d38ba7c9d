"""Whether the console works, for monitoring: /healthz and /metrics."""

from __future__ import annotations

import time
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from sqlalchemy import Connection, func, select
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.intake.worker import Intake
from console.store.counters import last_number
from console.store.database import Database
from console.store.tables import JOURNAL
from console.times import to_text
from console.web.problems import Json
from schema.errors import DatabaseError

router = APIRouter(default_response_class=Json)


class Metrics:
    """The numbers of one console."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "console_requests",
            "Answers, by method and status",
            ["method", "status"],
            registry=self.registry,
        )
        self.latency_s = Histogram(
            "console_request_seconds", "Time to the start of an answer", registry=self.registry
        )
        self.taken_in = self._gauge("taken_in", "Records taken in since the start")
        self.lag = self._gauge("intake_lag", "Records, or bytes of files, not taken in yet")
        self.rejected = self._gauge("rejected", "Records that were rejected, ever")
        self.last_change = self._gauge("last_change_seconds", "Time of the last change")
        self.is_taking_in = self._gauge("intake_up", "1 while nothing keeps it from taking in")

    def _gauge(self, name: str, text: str) -> Gauge:
        return Gauge(f"console_{name}", text, registry=self.registry)


class Measured:
    """Counts requests, and how long they take."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        """Wraps an application."""
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start_s = time.monotonic()

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._metrics.latency_s.observe(time.monotonic() - start_s)
                self._metrics.requests.labels(scope["method"], message["status"]).inc()
            await send(message)

        await self._app(scope, receive, noted)


@router.get("/healthz", responses={503: {"description": "something keeps it from working"}})
def get_health(request: Request) -> Json:
    """Whether the database answers and everything that comes is taken in."""
    intake: Intake = request.app.state.intake
    database: Database = request.app.state.database
    trouble = intake.trouble
    known: dict[str, Any] = {"last_change": None, "rejected": None}
    try:
        with database.reading() as connection:
            known = {
                "last_change": to_text(_last_change_ms(connection)),
                "rejected": last_number(connection, "rejected") or 0,
            }
    except DatabaseError as error:
        trouble = str(error)
    if not intake.is_alive:
        trouble = trouble or "the intake has ended"
    answer = {
        "status": "ok" if trouble is None else "trouble",
        "trouble": trouble,
        "intake_lag": intake.lag,
        "taken_in": intake.taken_in,
        **known,
    }
    return Json(answer, 200 if trouble is None else 503)


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def get_metrics(request: Request) -> Response:
    """The same, and counts of requests, for Prometheus."""
    intake: Intake = request.app.state.intake
    database: Database = request.app.state.database
    metrics: Metrics = request.app.state.metrics
    metrics.taken_in.set(intake.taken_in)
    metrics.lag.set(intake.lag)
    metrics.is_taking_in.set(intake.is_alive and intake.trouble is None)
    with database.reading() as connection:
        metrics.rejected.set(last_number(connection, "rejected") or 0)
        metrics.last_change.set((_last_change_ms(connection) or 0) / 1000)
    return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)


def _last_change_ms(connection: Connection) -> int | None:
    last = select(func.max(JOURNAL.c.number)).scalar_subquery()
    found = connection.execute(select(JOURNAL.c.time_ms).where(JOURNAL.c.number == last)).scalar()
    return None if found is None else int(found)
