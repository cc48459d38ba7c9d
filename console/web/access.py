"""Who asks, and whether they may: sessions, tokens, CSRF, and a limit on failed logins."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from console.store import sessions
from console.store.database import Database
from console.times import now_ms
from console.users import Identity, Users

COOKIE = "event_center_session"
SESSION_S = 12 * 3600
CSRF_HEADER = "X-CSRF-Token"
#: Who asks where no users are known, which is on the loopback only.
LOCAL = Identity("local", "operator")
#: Failed logins of a name or address, in a time [s], after which more are refused.
_MAX_FAILED, _FAILED_S = 10, 900


@dataclass(frozen=True)
class Caller:
    """Who asks.

    Attributes:
        identity: name and role.
        csrf_token: that forms must carry; None = a program, which has no browser to be tricked.
        by_session: logged in with a cookie.
    """

    identity: Identity
    csrf_token: str | None
    by_session: bool = False


class Access:
    """Tells callers apart."""

    def __init__(self, database: Database, users: Users | None) -> None:
        """Takes the store of sessions, and the users; None = everybody on this machine."""
        self._database = database
        self._users = users
        self._local_csrf_token = secrets.token_urlsafe(24)
        self.failures = FailedLogins()

    @property
    def is_open(self) -> bool:
        """Whether everybody who reaches it may do everything."""
        return self._users is None

    def caller(self, request: Request) -> Caller | None:
        """Returns who asks; None if that is nobody known."""
        if self._users is None:
            return Caller(LOCAL, self._local_csrf_token)
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            identity = self._users.by_token(token.strip())
            return None if identity is None else Caller(identity, None)
        cookie = request.cookies.get(COOKIE)
        session = sessions.find(self._database, cookie, now_ms()) if cookie else None
        identity = self._users.by_name(session.name) if session else None
        if session is None or identity is None:
            return None
        return Caller(identity, session.csrf_token, by_session=True)

    def log_in(self, name: str, password: str, address: str) -> str | None:
        """Returns the cookie of a new session; None if name and password do not fit.

        Raises:
            HTTPException: too many logins have failed.
        """
        assert self._users is not None
        self.failures.check(name, address)
        identity = self._users.by_password(name, password)
        if identity is None:
            self.failures.note(name, address)
            return None
        return sessions.begin(self._database, identity.name, now_ms() + SESSION_S * 1000)

    def log_out(self, request: Request) -> None:
        """Ends the session of a browser."""
        if cookie := request.cookies.get(COOKIE):
            sessions.end(self._database, cookie)


class FailedLogins:
    """Counts failed logins by name and by address."""

    def __init__(self) -> None:
        self._failed: dict[str, deque[float]] = {}
        self._lock = threading.Lock()

    def check(self, name: str, address: str) -> None:
        """Raises HTTPException if too many logins have failed lately."""
        with self._lock:
            for key in (f"name {name}", f"address {address}"):
                times = self._failed.get(key, deque())
                while times and times[0] < time.monotonic() - _FAILED_S:
                    times.popleft()
                if len(times) >= _MAX_FAILED:
                    raise HTTPException(
                        429, "Too many logins have failed; wait 15 minutes.", {"Retry-After": "900"}
                    )

    def note(self, name: str, address: str) -> None:
        """Notes a failed login."""
        with self._lock:
            for key in (f"name {name}", f"address {address}"):
                self._failed.setdefault(key, deque(maxlen=_MAX_FAILED)).append(time.monotonic())


def known(request: Request) -> Caller:
    """Returns who asks.

    Raises:
        HTTPException: nobody known.
    """
    caller: Caller | None = request.app.state.access.caller(request)
    if caller is None:
        raise HTTPException(401, "Log in, or send a token.", {"WWW-Authenticate": "Bearer"})
    return caller


def operator(request: Request, caller: Annotated[Caller, Depends(known)]) -> Caller:
    """Returns who acts through the API.

    Raises:
        HTTPException: not an operator, or a browser on a page of someone else.
    """
    if not caller.identity.may_act:
        raise HTTPException(403, "Only operators may do that.")
    check_origin(request)
    if caller.by_session:
        check_csrf(caller, request.headers.get(CSRF_HEADER, ""))
    return caller


def check_origin(request: Request) -> None:
    """Raises HTTPException if a browser sends what a page of another site told it to."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise HTTPException(403, "This came from the page of another site.")
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise HTTPException(403, "This came from the page of another site.")


def check_csrf(caller: Caller, token: str) -> None:
    """Raises HTTPException if a form does not carry the token of its session."""
    wanted = caller.csrf_token or ""
    if not wanted or not secrets.compare_digest(token.encode(), wanted.encode()):
        raise HTTPException(403, "The form is too old or not ours: load the page again.")
