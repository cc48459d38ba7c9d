"""Templates of the page: who may see them, and how they are filled in. All texts are escaped."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from console.web.access import Access, Caller

_TEMPLATES = Path(__file__).parent / "templates"
_ABBREVIATION = re.compile(r"\b(osc|pm)\b", re.IGNORECASE)


class LoginNeededError(Exception):
    """Nobody known asks for a page."""


def visitor(request: Request) -> Caller:
    """Returns who asks for a page.

    Raises:
        LoginNeededError: nobody known.
    """
    access: Access = request.app.state.access
    caller = access.caller(request)
    if caller is None:
        raise LoginNeededError
    return caller


Visitor = Annotated[Caller, Depends(visitor)]


def error_page(request: Request, status: int, title: str, detail: str) -> Response:
    """Returns a page that says what went wrong."""
    return render(request, "error.html", None, status=status, after=0, title=title, detail=detail)


def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined
    )
    made.filters.update(
        clock=lambda text: f"{text[:10]} {text[11:19]} UTC",
        words=_words,
        number=lambda value: f"{value:,.10g}",
        several=lambda number, thing: f"{number:,} {thing}{'' if number == 1 else 's'}",
        urlpart=lambda text: quote(text, safe=""),
    )
    return made


def _words(name: str) -> str:
    """Returns a code for a person: OSC_LOSS is "OSC loss"."""
    words = name.capitalize().replace("_", " ")
    return _ABBREVIATION.sub(lambda found: found.group().upper(), words)


_ENVIRONMENT = _environment()


def render(
    request: Request, template: str, caller: Caller | None, *, status: int = 200, **fields: Any
) -> Response:
    """Returns a page.

    Args:
        request: that is answered.
        template: name of its file.
        caller: who asked; None = nobody who is logged in.
        status: of the answer.
        fields: what the template shows.
    """
    fields = {"section": "", "error": "", **fields, "caller": caller}
    return HTMLResponse(_ENVIRONMENT.get_template(template).render(fields), status)
