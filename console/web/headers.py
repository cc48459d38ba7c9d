"""What every answer says to browsers, and which names the console answers to."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from console.web.problems import problem

_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "frame-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
#: Of the document of a curve: Bokeh sets styles inline, so it has a document of its own, in which
#: nothing but the curve is.
CURVE_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "base-uri 'none'",
        "frame-ancestors 'self'",
    )
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


class SecureHeaders:
    """Adds the headers; on the loopback, refuses names that are not the loopback's.

    A page of another site can have its own name resolved to this machine; such a name is in the
    Host header, and is refused.
    """

    def __init__(self, app: ASGIApp, *, is_open: bool, is_tls: bool) -> None:
        """Wraps an application.

        Args:
            app: the application.
            is_open: everybody on this machine may do everything.
            is_tls: browsers are told to come by TLS only.
        """
        self._app = app
        self._is_open = is_open
        self._is_tls = is_tls

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path = scope["path"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if self._is_tls:
                    headers["Strict-Transport-Security"] = "max-age=31536000"
                if not path.startswith("/static/"):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        app = self._app
        if self._is_open and _host(Headers(scope=scope)) not in _LOOPBACK:
            app = problem(403, "Without --users_file only names of the loopback are answered to.")
        await app(scope, receive, send_with_headers)


def _host(headers: Headers) -> str:
    host = headers.get("host", "")
    return host if host.endswith("]") else host.rpartition(":")[0] or host
