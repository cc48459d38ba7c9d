"""When a stream is broken off, and what a device is asked next."""

from __future__ import annotations

import asyncio
import time

import grpc
import pytest

from collector.connect import Asked, explain
from collector.counters import UnknownPaths
from collector.node import Node
from collector.subscribe import Subscription
from collector.targets import Target
from schema.gnmi_pb2 import JSON_IETF, PROTO

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
