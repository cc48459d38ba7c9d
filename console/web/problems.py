"""Errors as RFC 9457 problem details."""

from __future__ import annotations

import http
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from console.store.actions import BadActionError
from console.store.lists import BadCursorError
from schema.errors import DatabaseError

MEDIA_TYPE = "application/problem+json"


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str


#: What every call may answer.
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {
        "description": http.HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for status in (400, 401, 403, 404, 405, 415, 422, 429, 503)
}


def problem(status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """Returns an answer that says what went wrong."""
    body = Problem(
        type="about:blank",
        title=http.HTTPStatus(status).phrase,
        status=status,
        detail=detail,
    )
    return Response(body.model_dump_json(), status, headers, MEDIA_TYPE)


def add_handlers(app: FastAPI) -> None:
    """Answers every error of the API with a problem."""

    @app.exception_handler(HTTPException)
    def _http(_: Request, error: HTTPException) -> Response:
        return problem(error.status_code, error.detail, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    def _validation(_: Request, error: RequestValidationError) -> Response:
        said = [f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()]
        return problem(422, "; ".join(said))

    @app.exception_handler(BadCursorError)
    @app.exception_handler(BadActionError)
    def _bad(_: Request, error: Exception) -> Response:
        return problem(422, str(error))

    @app.exception_handler(DatabaseError)
    def _database(_: Request, error: DatabaseError) -> Response:
        return problem(503, str(error), {"Retry-After": "5"})


class Json(Response):
    """JSON, written by orjson."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Returns the bytes of the answer."""
        return orjson.dumps(content)
