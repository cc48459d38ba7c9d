"""``python -m console``: records what the pipeline publishes, and serves the API and the page."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import ssl
import sys
from collections.abc import Sequence
from types import FrameType
from typing import Protocol

import uvicorn
from fastapi import FastAPI

from console.housekeeping import Housekeeping
from console.intake.files import FileSource
from console.intake.kafka import KafkaSource
from console.intake.source import Source
from console.intake.worker import Intake
from console.options import Options, parse
from console.store.database import Database
from console.store.retention import Retention
from console.users import read_users
from console.web.app import create_app
from console.webhooks import Webhook, WebhookSender
from schema.errors import EventCenterError, RunError, UsageError

#: Open streams are cut off after so long when the console stops [s].
_SHUTDOWN_S = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line until it is stopped, and returns its exit code.

    0: stopped; 2: the command line cannot be run; 1: something that it needs does not work.
    """
    signal.signal(signal.SIGTERM, _stop)
    logging.basicConfig(format="%(levelname)s: %(message)s", level=logging.WARNING)
    try:
        _run(parse(sys.argv[1:] if arguments is None else arguments))
    except EventCenterError as error:
        print(f"console: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 0
    return 0


class _Part(Protocol):
    """What runs beside the server."""

    def start(self) -> None:
        """Starts."""

    def stop(self) -> None:
        """Stops, and waits for the end."""


def _run(options: Options) -> None:
    _check_tls(options)
    users = read_users(options.users_file) if options.users_file else None
    webhooks = _webhooks(options)
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(_listen(options))
        database = Database(options.database)
        stack.callback(database.close)
        intake = Intake(database, _sources(options))
        retention = Retention(
            options.retention_days, options.trace_retention_days, options.webhooks
        )
        parts: tuple[_Part, ...] = (
            intake,
            Housekeeping(database, retention),
            *(WebhookSender(database, webhook) for webhook in webhooks),
        )
        for part in parts:
            part.start()
            stack.callback(part.stop)
        app = create_app(database, intake, users, is_tls=options.tls_cert is not None)
        server = uvicorn.Server(_config(options, app))
        port = listener.getsockname()[1]
        address = options.address.replace(f":{options.port}", f":{port}")
        print(f"Event center: {address}", flush=True)
        server.run(sockets=[listener])


def _sources(options: Options) -> list[Source]:
    sources: list[Source] = [FileSource(name, path) for name, path in options.files.items()]
    if options.topics:
        outputs = {topic: output for output, topic in options.topics.items()}
        sources.append(KafkaSource(outputs, options.kafka_config))
    return sources


def _webhooks(options: Options) -> list[Webhook]:
    if options.webhook_key_file is None:
        return []
    key = options.webhook_key_file.read_bytes().strip()
    if len(key) < 16:
        raise UsageError(f"--webhook_key_file={options.webhook_key_file} has less than 16 bytes")
    return [Webhook(url, key, options.webhook_severities) for url in options.webhooks]


def _listen(options: Options) -> socket.socket:
    """Returns the socket, so that a port in use is told before anything else begins."""
    family = socket.AF_INET6 if ":" in options.host else socket.AF_INET
    # Only of a socket that is named TCP asyncio sends small answers at once.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((options.host, options.port))
        # Who comes before the server is ready waits, and is not refused.
        listener.listen()
    except OSError as error:
        listener.close()
        raise RunError(
            f"--listen={options.host}:{options.port}: {error.strerror or error}"
        ) from error
    return listener


def _check_tls(options: Options) -> None:
    """Raises UsageError if certificate and key cannot be used, before anything else begins."""
    if options.tls_cert is None or options.tls_key is None:
        return
    files = f"--tls_cert={options.tls_cert}, --tls_key={options.tls_key}"
    asked = []

    def password() -> str:
        # Without an answer of ours OpenSSL would ask on the terminal.
        asked.append(True)
        return ""

    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(
            options.tls_cert, options.tls_key, password
        )
    except ssl.SSLError as error:
        if asked:
            raise UsageError(f"{files}: the key needs a password, which is not known") from error
        if error.reason == "KEY_VALUES_MISMATCH":
            raise UsageError(f"{files}: the key is not that of the certificate") from error
        raise UsageError(f"{files}: they are no certificate and its key in PEM") from error
    except OSError as error:
        raise UsageError(f"{files}: {error.strerror}") from error


def _config(options: Options, app: FastAPI) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_SHUTDOWN_S,
        ssl_certfile=options.tls_cert,
        ssl_keyfile=options.tls_key,
    )


def _stop(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
