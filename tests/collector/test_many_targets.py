"""Many targets at a time, a tenth of which reboots; nothing received is lost from the counters."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest

from runners.local.processes import free_port_range
from schema import gnmi_pb2
from tests.collector.messages import SYNC, powers
from tests.collector.running import collecting, write_targets
from tests.collector.test_real_peers import check_conservation

pytestmark = pytest.mark.e2e

DEVICES, REBOOTED = 1000, 100


class Devices:
    """Many gNMI targets in one thread, each with a port and one component."""

    def __init__(self, first_port: int) -> None:
        self.first_port = first_port
        self._servers: dict[int, grpc.aio.Server] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def start(self, numbers: range) -> None:
        self._do(self._start(numbers))

    def stop(self, numbers: range) -> None:
        self._do(self._stop(numbers))

    def close(self) -> None:
        self.stop(range(DEVICES))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, work: object) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(120)  # type: ignore[arg-type]

    async def _start(self, numbers: range) -> None:
        handler = grpc.stream_stream_rpc_method_handler(
            subscribe,
            gnmi_pb2.SubscribeRequest.FromString,
            gnmi_pb2.SubscribeResponse.SerializeToString,
        )
        for number in numbers:
            server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
            server.add_generic_rpc_handlers(
                (grpc.method_handlers_generic_handler("gnmi.gNMI", {"Subscribe": handler}),)
            )
            server.add_insecure_port(f"127.0.0.1:{self.first_port + number}")
            await server.start()
            self._servers[number] = server

    async def _stop(self, numbers: range) -> None:
        stopped = [self._servers.pop(number) for number in numbers if number in self._servers]
        await asyncio.gather(*(server.stop(grace=None) for server in stopped))


async def subscribe(
    requests: AsyncIterator[gnmi_pb2.SubscribeRequest], context: grpc.aio.ServicerContext
) -> AsyncIterator[gnmi_pb2.SubscribeResponse]:
    yield SYNC
    while True:
        yield powers(time.time_ns(), "L1", input=-9.0, output=1.0)
        await asyncio.sleep(1)


@pytest.fixture
def devices() -> Iterator[Devices]:
    many = Devices(free_port_range(DEVICES))
    many.start(range(DEVICES))
    yield many
    with contextlib.suppress(TimeoutError):
        many.close()


def test_a_tenth_of_the_devices_reboots(devices: Devices, tmp_path: Path) -> None:
    nodes = [
        {"node_id": f"N{number}", "address": f"127.0.0.1:{devices.first_port + number}"}
        for number in range(DEVICES)
    ]
    targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True, keepalive_s=20)
    with collecting(tmp_path, targets) as collector:
        collector.wait_for("up", DEVICES, 200, 3)
        rebooted = range(REBOOTED)
        devices.stop(rebooted)
        collector.wait_for("reconnects", REBOOTED, 200, 3)
        before = collector.metrics()["reports"]
        devices.start(rebooted)
        collector.wait_for("up", DEVICES, 200, 3)
        collector.wait_for("reports", before + 2 * DEVICES, 200, 3)
        check_conservation(collector)
        said = collector.stop()
    assert "Traceback" not in said
    assert {report.node_id for report in collector.reports()} == {n["node_id"] for n in nodes}
