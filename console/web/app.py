"""The application: API, page and all that stands around them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import bokeh
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from console.intake.worker import Intake
from console.store.database import Database
from console.users import Users
from console.web import api, health, stream, tmf
from console.web.access import Access
from console.web.headers import SecureHeaders
from console.web.problems import Problem, add_handlers

_STATIC = Path(__file__).parent / "static"
_BOKEH = Path(bokeh.__file__).parent / "server" / "static" / "js"


def create_app(
    database: Database, intake: Intake, users: Users | None = None, *, is_tls: bool = False
) -> FastAPI:
    """Returns the application.

    Args:
        database: opened.
        intake: asked how it is; its owner starts and stops it.
        users: who may come in; None = everybody on this machine.
        is_tls: whether browsers come by TLS.
    """
    app = FastAPI(
        title="Event center",
        version="1",
        description="All that the network has gone through: alarms, incidents, links.",
        docs_url=None,
        redoc_url=None,
        lifespan=_watching,
    )
    app.state.database = database
    app.state.intake = intake
    app.state.access = Access(database, users)
    app.state.metrics = health.Metrics()
    app.state.is_tls = is_tls
    for router in (api.router, stream.router, tmf.router, health.router):
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=_STATIC), "static")
    add_handlers(app)
    _describe_problems(app)
    app.add_middleware(health.Measured, metrics=app.state.metrics)
    app.add_middleware(SecureHeaders, is_open=users is None, is_tls=is_tls)
    return app


@contextlib.asynccontextmanager
async def _watching(app: FastAPI) -> AsyncIterator[None]:
    app.state.watch = stream.Watch(app.state.database)
    looking = asyncio.create_task(app.state.watch.run())
    yield
    looking.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await looking


def _describe_problems(app: FastAPI) -> None:
    """Adds the form of errors to the OpenAPI, in the place of FastAPI's own."""
    made = app.openapi

    def described() -> dict[str, object]:
        schema = made()
        schemas = schema["components"]["schemas"]
        schemas.setdefault("Problem", Problem.model_json_schema())
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        return schema

    app.openapi = described  # type: ignore[method-assign]
