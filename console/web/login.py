"""Logging in and out."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from console.web.access import COOKIE, SESSION_S, Access, check_csrf, check_origin
from console.web.rendering import Visitor, render

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/login")
def login_form(request: Request, next: str = "/") -> Response:
    """The form to log in."""
    if request.app.state.access.is_open:
        return RedirectResponse("/", 303)
    return render(request, "login.html", None, after=0, next=_own_path(next), error="")


@router.post("/login")
def log_in(
    request: Request,
    name: Annotated[str, Form(max_length=500)],
    password: Annotated[str, Form(max_length=1000)],
    next: Annotated[str, Form()] = "/",
) -> Response:
    """Begins a session."""
    check_origin(request)
    access: Access = request.app.state.access
    if access.is_open:
        return RedirectResponse("/", 303)
    address = request.client.host if request.client else ""
    cookie = access.log_in(name, password, address)
    if cookie is None:
        return render(
            request,
            "login.html",
            None,
            status=401,
            after=0,
            next=_own_path(next),
            error="Name and password do not fit.",
        )
    answer = RedirectResponse(_own_path(next), 303)
    answer.set_cookie(
        COOKIE,
        cookie,
        max_age=SESSION_S,
        httponly=True,
        samesite="lax",
        secure=request.app.state.is_tls,
    )
    return answer


@router.post("/logout")
def log_out(request: Request, caller: Visitor, csrf_token: Annotated[str, Form()] = "") -> Response:
    """Ends a session."""
    check_csrf(caller, csrf_token)
    request.app.state.access.log_out(request)
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(COOKIE)
    return answer


def _own_path(path: str) -> str:
    """Returns a path of ours, whatever was asked for."""
    is_ours = path.startswith("/") and not path.startswith(("//", "/\\"))
    return path if is_ours and path.isprintable() else "/"
