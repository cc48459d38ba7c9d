"""Errors as RFC 9457 problem details."""

from __future__ import annotations

import http
from collections.abc import Callable
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
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


#: Returns what is answered to a request that failed: status, detail, headers.
Answer = Callable[[Request, int, str, dict[str, str] | None], Response]


def add_handlers(app: FastAPI, answer: Answer) -> None:
    """Answers every error in the form that `answer` gives it."""

    @app.exception_handler(HTTPException)
    def _http(request: Request, error: HTTPException) -> Response:
        return answer(request, error.status_code, error.detail, dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    def _validation(request: Request, error: RequestValidationError) -> Response:
        said = [f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()]
        return answer(request, 422, "; ".join(said), None)

    @app.exception_handler(BadCursorError)
    @app.exception_handler(BadActionError)
    def _bad(request: Request, error: Exception) -> Response:
        return answer(request, 422, str(error), None)

    @app.exception_handler(DatabaseError)
    def _database(request: Request, error: DatabaseError) -> Response:
        return answer(request, 503, str(error), {"Retry-After": "5"})


class Json(JSONResponse):
    """JSON, written by orjson."""

    def render(self, content: Any) -> bytes:
        """Returns the bytes of the answer."""
        return orjson.dumps(content)
