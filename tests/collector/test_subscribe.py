"""When a stream is broken off, and what a device is asked next."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from collector.connect import Asked, explain
from collector.counters import UnknownPaths
from collector.node import Node
from collector.settings import Secret
from collector.subscribe import Subscription, wait_s
from collector.targets import Target
from schema.gnmi_pb2 import JSON_IETF, PROTO
from tests.collector.messages import SYNC

INVALID, UNIMPLEMENTED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize(
    ("asked", "code", "details", "instead"),
    [
        (Asked(PROTO, 1000), UNIMPLEMENTED, "no PROTO", Asked(JSON_IETF, 1000)),
        (Asked(PROTO, 1000), INVALID, "unsupported encoding", Asked(JSON_IETF, 1000)),
        (Asked(PROTO, 1000), INVALID, "Sample interval too small", Asked(PROTO, 0)),
        (Asked(PROTO, 0), INVALID, "sample interval?", Asked(JSON_IETF, 0)),
        (Asked(JSON_IETF, 1000), INVALID, "?", Asked(JSON_IETF, 0)),
        (Asked(JSON_IETF, 0), INVALID, "?", None),
        (Asked(PROTO, 1000), grpc.StatusCode.UNAVAILABLE, "interval", None),
    ],
)
def test_what_is_refused_is_asked_in_another_way(
    asked: Asked, code: grpc.StatusCode, details: str, instead: Asked | None
) -> None:
    assert asked.instead(code, details) == instead


def test_refusals_come_to_an_end() -> None:
    for details in ("interval", "encoding"):
        asked: Asked | None = Asked(PROTO, 1000)
        tries = 0
        while asked := asked.instead(INVALID, details):
            tries += 1
        assert tries == 2


@pytest.mark.parametrize("stalled_s", [0.0, 60.0])
def test_time_in_which_we_did_nothing_is_not_silence(stalled_s: float) -> None:
    async def hang() -> bool:
        """Returns whether the stream was broken off after 20 s."""
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        target = Target("N1", f"127.0.0.1:{port}", None)
        subscription = Subscription(Node(target, 0, UnknownPaths()), jitter=lambda: 1.0)
        task = asyncio.create_task(subscription.run())
        await asyncio.sleep(0.2)
        subscription.excuse(stalled_s)
        subscription.break_if_silent(time.monotonic() + 20)
        await asyncio.sleep(2.5)
        broken = subscription.node.counts.reconnects > 0
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        server.close()
        return broken

    assert asyncio.run(hang()) == (stalled_s == 0.0)


@contextlib.asynccontextmanager
async def device(*messages: bytes) -> AsyncIterator[tuple[str, list[dict[str, str]]]]:
    """Runs a device that sends messages and stays; yields its address and the logins it saw.

    Without messages it refuses every login, and repeats the password.
    """
    logins: list[dict[str, str]] = []

    async def subscribe(_: object, context: Any) -> AsyncIterator[bytes]:
        login = {str(k): str(v) for k, v in context.invocation_metadata()}
        logins.append(login)
        if not messages:
            details = f"wrong: {login['password']}"
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, details)
        for message in messages:
            yield message
        await asyncio.Event().wait()

    server = grpc.aio.server()
    methods = {"Subscribe": grpc.stream_stream_rpc_method_handler(subscribe)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("gnmi.gNMI", methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}", logins
    finally:
        await server.stop(0)


async def tries(node: Node, least: int) -> None:
    """Subscribes until so many streams have ended."""
    task = asyncio.create_task(Subscription(node, jitter=lambda: 0.0).run())
    async with asyncio.timeout(30):
        while node.counts.reconnects < least:
            assert not task.done()
            await asyncio.sleep(0.05)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_bug_that_a_device_brings_to_light_is_told_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Broken(Node):
        def receive(self, data: bytes, receive_ns: int) -> None:
            raise RuntimeError("a bug")

    async def run() -> None:
        async with device(SYNC.SerializeToString()) as (address, _):
            await tries(Broken(Target("N1", address, None), 0, UnknownPaths()), 2)

    asyncio.run(run())
    assert caplog.text.count("RuntimeError: a bug") >= 2


@pytest.mark.parametrize("secret", ["p\u00e4ss-S3cret", "S3\ncret", "S3cret\x01"])
def test_a_secret_that_no_header_can_hold_is_one_line_a_try(
    caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    async def run() -> None:
        async with device(SYNC.SerializeToString()) as (address, logins):
            target = Target("N1", address, None, Secret(plain="u"), Secret(plain=secret))
            await tries(Node(target, 0, UnknownPaths()), 2)
            assert logins == []

    asyncio.run(run())
    lines = [record.getMessage() for record in caplog.records if record.name == "collector"]
    assert len(lines) >= 2
    assert set(lines) == {"N1: the password has characters that gNMI cannot carry"}
    assert "cret" not in caplog.text


def test_a_password_that_a_device_repeats_is_not_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def run() -> None:
        async with device() as (address, logins):
            target = Target("N1", address, None, password=Secret(plain="S3cret"))
            await tries(Node(target, 0, UnknownPaths()), 2)
            assert logins[0]["password"] == "S3cret"

    asyncio.run(run())
    assert "the device refuses the login: wrong: ..." in caplog.text
    assert "S3cret" not in caplog.text


def test_waits_grow_from_1_to_60_s_and_differ() -> None:
    assert [wait_s(failures, 0.0) for failures in range(8)] == [1, 2, 4, 8, 16, 30, 30, 30]
    assert [wait_s(failures, 1.0) for failures in (0, 5, 1_000_000)] == [2, 60, 60]


@pytest.mark.parametrize(
    ("details", "said"),
    [
        ("Connection refused (111)", "nothing listens at this address"),
        ("... CERTIFICATE_VERIFY_FAILED: self signed", "is not signed by the ca"),
        ("Peer name r1 is not in peer certificate", "is not for r1: set tls.server_name"),
        ("DNS resolution failed for r1", "this host name is not known"),
        ("x\ny" * 1000, "UNAVAILABLE: x yx yx"),
    ],
)
def test_a_failure_is_one_line(details: str, said: str) -> None:
    line = explain(grpc.StatusCode.UNAVAILABLE, details)
    assert said in line
    assert "\n" not in line and len(line) < 300
