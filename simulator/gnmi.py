"""Serves the simulated nodes as gNMI targets: each a server on a port of its own.

A node answers STREAM subscriptions in mode SAMPLE. It makes one report a second, so that is its
smallest interval. A report that is corrupt goes out as bytes that are no message.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import grpc
from google.protobuf.message import DecodeError

from schema import gnmi_pb2
from schema.errors import SendError
from schema.pm_report_pb2 import PmReport
from simulator.gnmi_paths import Asked, notifications
from simulator.transport import Arrival

_SERVICE = "gnmi.gNMI"
_SMALLEST_INTERVAL_NS = 1_000_000_000
_NO_MESSAGE = b"\xff"
_START_S = 60.0
#: A stream that does not read is this many reports behind at most; then it loses some.
_QUEUE = 16


@dataclass(frozen=True)
class GnmiSettings:
    """How the nodes are served.

    Attributes:
        port: of the first node; the others have the ports behind it.
        certificate: file with key and certificate in PEM; None = no TLS.
        login: user name and password that a client must give; None = anybody may.
    """

    port: int
    certificate: Path | None = None
    login: tuple[str, str] | None = None


def write_targets(path: Path, node_ids: Sequence[str], settings: GnmiSettings) -> None:
    """Writes a targets file of the collector; login and certificates are not in it."""
    lines = ["defaults: {insecure: true}"] if settings.certificate is None else []
    lines.append("nodes:")
    lines += [
        f'  - {{node_id: {node_id}, address: "127.0.0.1:{settings.port + number}"}}'
        for number, node_id in enumerate(node_ids)
    ]
    whole = path.with_name(f"{path.name}.part")
    whole.write_text("\n".join(lines) + "\n")
    whole.replace(path)


class GnmiNodes:
    """The servers of all nodes, in a thread of their own, as long as the block that starts them.

    Example:
        with GnmiNodes(["node-1", "node-2"], GnmiSettings(port=57400)) as nodes:
            nodes.publish(reports)
    """

    def __init__(self, node_ids: Sequence[str], settings: GnmiSettings) -> None:
        self._settings = settings
        self._nodes = {node_id: _Node(settings) for node_id in node_ids}
        self._loop = asyncio.new_event_loop()
        self._servers: list[grpc.aio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        """Starts to listen.

        Raises:
            SendError: a port is taken, or the certificate cannot be used.
        """
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(_START_S)
        except (RuntimeError, OSError) as error:
            self.__exit__()
            raise SendError(f"gNMI: {error}") from error
        return self

    def __exit__(self, *exception: object) -> None:
        """Ends all streams."""
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(_START_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def publish(self, reports: Iterable[Arrival]) -> Iterator[Arrival]:
        """Gives each report to the streams of its node, and passes it on."""
        for report in reports:
            node = self._nodes[report.node_id]
            self._loop.call_soon_threadsafe(node.publish, report.payload)
            yield report

    async def _start(self) -> None:
        for number, node in enumerate(self._nodes.values()):
            server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            server.add_generic_rpc_handlers((node.handlers(),))
            address = f"127.0.0.1:{self._settings.port + number}"
            if self._settings.certificate:
                pem = self._settings.certificate.read_bytes()
                server.add_secure_port(address, grpc.ssl_server_credentials([(pem, pem)]))
            else:
                server.add_insecure_port(address)
            await server.start()
            self._servers.append(server)

    async def _stop(self) -> None:
        await asyncio.gather(*(server.stop(grace=None) for server in self._servers))


class _Node:
    """One target: each report goes to all of its streams."""

    def __init__(self, settings: GnmiSettings) -> None:
        self._login = settings.login
        self._streams: set[asyncio.Queue[bytes]] = set()

    def publish(self, payload: bytes) -> None:
        """Gives a report to all streams; one that does not keep up loses it."""
        for stream in self._streams:
            with contextlib.suppress(asyncio.QueueFull):
                stream.put_nowait(payload)

    def handlers(self) -> grpc.GenericRpcHandler:
        """Returns the methods that the target has."""
        return grpc.method_handlers_generic_handler(
            _SERVICE,
            {
                "Capabilities": grpc.unary_unary_rpc_method_handler(
                    self._capabilities,
                    gnmi_pb2.CapabilityRequest.FromString,
                    gnmi_pb2.CapabilityResponse.SerializeToString,
                ),
                "Subscribe": grpc.stream_stream_rpc_method_handler(
                    self._subscribe, gnmi_pb2.SubscribeRequest.FromString, None
                ),
            },
        )

    async def _capabilities(
        self, request: gnmi_pb2.CapabilityRequest, context: grpc.aio.ServicerContext
    ) -> gnmi_pb2.CapabilityResponse:
        await self._check_login(context)
        return gnmi_pb2.CapabilityResponse(
            supported_encodings=[gnmi_pb2.PROTO, gnmi_pb2.JSON_IETF], gNMI_version="0.10.0"
        )

    async def _subscribe(
        self,
        requests: AsyncIterator[gnmi_pb2.SubscribeRequest],
        context: grpc.aio.ServicerContext,
    ) -> AsyncIterator[bytes]:
        await self._check_login(context)
        first = await anext(aiter(requests), gnmi_pb2.SubscribeRequest())
        await _check_request(first.subscribe, context)
        stream: asyncio.Queue[bytes] = asyncio.Queue(_QUEUE)
        self._streams.add(stream)
        try:
            yield gnmi_pb2.SubscribeResponse(sync_response=True).SerializeToString()
            async for message in _sampled(stream, first.subscribe):
                yield message
        finally:
            self._streams.discard(stream)

    async def _check_login(self, context: grpc.aio.ServicerContext) -> None:
        given = dict(context.invocation_metadata() or ())
        if self._login and (given.get("username"), given.get("password")) != self._login:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong user name or password")


async def _sampled(
    stream: asyncio.Queue[bytes], wanted: gnmi_pb2.SubscriptionList
) -> AsyncIterator[bytes]:
    """Yields the messages of the reports of a stream, at the interval that is wanted."""
    asked = Asked([each.path for each in wanted.subscription], wanted.prefix)
    as_json = wanted.encoding == gnmi_pb2.JSON_IETF
    interval_ns = max((each.sample_interval for each in wanted.subscription), default=0)
    # Reports come a little more or less than a second after one another.
    enough_ns = max(interval_ns - _SMALLEST_INTERVAL_NS // 2, 0)
    last_ns = 0
    while True:
        payload = await stream.get()
        try:
            report = PmReport.FromString(payload)
        except DecodeError:
            yield _NO_MESSAGE
            continue
        if last_ns <= report.collect_time_unix_ns < last_ns + enough_ns:
            continue
        last_ns = max(last_ns, report.collect_time_unix_ns)
        for response in notifications(report, asked, as_json=as_json):
            yield response.SerializeToString()


async def _check_request(
    asked: gnmi_pb2.SubscriptionList, context: grpc.aio.ServicerContext
) -> None:
    """Refuses what the target cannot do, as the gNMI specification says."""
    if asked.mode != gnmi_pb2.SubscriptionList.STREAM:
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the mode must be STREAM")
    if asked.encoding not in (gnmi_pb2.PROTO, gnmi_pb2.JSON_IETF):
        await context.abort(grpc.StatusCode.UNIMPLEMENTED, "the encoding must be PROTO, JSON_IETF")
    for subscription in asked.subscription:
        if subscription.mode == gnmi_pb2.ON_CHANGE:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, "the mode must be SAMPLE")
        if 0 < subscription.sample_interval < _SMALLEST_INTERVAL_NS:
            await context.abort(
                grpc.StatusCode.INVALID_ARGUMENT,
                f"the smallest sample interval is {_SMALLEST_INTERVAL_NS} ns",
            )
