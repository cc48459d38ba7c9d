"""The application: API, page and all that stands around them."""

from __future__ import annotations

import asyncio
import contextlib
import http
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import bokeh
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse
from fastapi.staticfiles import StaticFiles

from console.intake.worker import Intake
from console.store.database import Database
from console.users import Users
from console.web import api, health, login, pages, stream, tmf
from console.web.access import Access
from console.web.headers import SecureHeaders
from console.web.problems import Problem, add_handlers, problem
from console.web.rendering import LoginNeededError, error_page

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
    for router in (
        api.router,
        stream.router,
        tmf.router,
        health.router,
        login.router,
        pages.router,
    ):
        app.include_router(router)
    app.mount("/static/bokeh", StaticFiles(directory=_BOKEH), "bokeh")
    app.mount("/static", StaticFiles(directory=_STATIC), "static")
    add_handlers(app, _failed)
    app.add_exception_handler(LoginNeededError, _to_login)
    _describe_problems(app)
    app.add_middleware(health.Measured, metrics=app.state.metrics)
    app.add_middleware(SecureHeaders, is_open=users is None, is_tls=is_tls)
    return app


def _failed(request: Request, status: int, detail: str, headers: dict[str, str] | None) -> Response:
    """Answers a browser that asks for a page with a page, all others with a problem."""
    path = request.url.path
    wants_page = "text/html" in request.headers.get("accept", "")
    if not wants_page or path.startswith(("/api/", tmf.PATH)):
        return problem(status, detail, headers)
    answer = error_page(request, status, http.HTTPStatus(status).phrase, detail)
    answer.headers.update(headers or {})
    return answer


def _to_login(request: Request, _: Exception) -> Response:
    """Sends a browser to the form to log in, and from there back."""
    if request.method != "GET":
        return _failed(request, 401, "The session has ended: log in again.", None)
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return RedirectResponse(f"/login?{urlencode({'next': path})}", 303)


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
