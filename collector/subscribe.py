"""The stream of one device: asks, reads, and asks again for good when it breaks.

`Subscription.run` is one task of the event loop for each node. A message that has come is taken in
at once; the loop reads the streams of all devices in turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc

from collector.connect import (
    SUBSCRIBE,
    Asked,
    explain,
    first_asked,
    login,
    open_channel,
    request,
    without_password,
)
from collector.node import Node
from schema.errors import TargetsError

_LONGEST_WAIT_S = 60.0
_MOST_DOUBLINGS = 5
#: A stream that lasted this long was sound: the waits begin anew.
_SOUND_S = 30.0
#: A stream that has brought nothing yet may be silent this long.
_START_S = 10.0
#: Intervals without a message after which a stream is broken off.
_SILENT_INTERVALS = 3
#: What a device that chooses its interval is given until it is measured [s].
_UNKNOWN_INTERVAL_S = 60.0
#: A device that sends more messages in a second waits for the next one.
MAX_MESSAGES_PER_S = 5_000

_log = logging.getLogger("collector")


class Subscription:
    """The stream of one node, with all its tries.

    Attributes:
        node: where messages go.
        asked: how the device is asked at present.
    """

    def __init__(self, node: Node, jitter: Callable[[], float] = random.random) -> None:
        self.node = node
        self._jitter = jitter
        self.asked: Asked = first_asked(node.target)
        self._reading: asyncio.Task[None] | None = None
        self._heard_s = 0.0
        self._any = False
        self._silent = False
        self._slowed = False

    async def run(self) -> None:
        """Keeps a stream open until the task is cancelled."""
        failures = 0
        while True:
            begun_s = time.monotonic()
            again_at_once = await self._try()
            if self._any and time.monotonic() - begun_s > _SOUND_S:
                failures = 0
            if not again_at_once:
                await asyncio.sleep(wait_s(failures, self._jitter()))
                failures += 1
            self.node.counts.reconnects += 1

    def break_if_silent(self, now_s: float) -> None:
        """Breaks the stream off if it has been silent for too long.

        Args:
            now_s: of the monotonic clock [s].
        """
        if self._reading is None or self._silent:
            return
        if now_s - self._heard_s > self._silence_s():
            self._silent = True
            self._reading.cancel()

    def excuse(self, stalled_s: float) -> None:
        """Adds to the time that the stream may be silent, once [s]."""
        self._heard_s += stalled_s

    def _silence_s(self) -> float:
        """Returns how long the stream may be silent."""
        allowed_s = silent_after_s(self.asked.sample_interval_ms, self.node.counts.interval_s)
        return allowed_s if self._any else max(allowed_s, _START_S)

    async def _try(self) -> bool:
        """Runs one stream to its end, and says why it ended; True = ask again at once."""
        node = self.node
        name, address = node.target.node_id, node.target.address
        try:
            metadata = login(node.target)
            channel = open_channel(node.target)
        except (TargetsError, ValueError) as error:
            _log.warning("%s: %s", name, error)
            return False
        self._heard_s, self._any, self._silent = time.monotonic(), False, False
        # A task of its own, so that it can be broken off wherever it hangs.
        self._reading = asyncio.create_task(self._read(channel, metadata))
        try:
            await self._reading
            _log.warning("%s (%s): the device has ended the stream", name, address)
        except grpc.aio.AioRpcError as error:
            details = without_password(error.details() or "", metadata)
            other = None if self._any else self.asked.instead(error.code(), details)
            if other:
                _log.warning(
                    "%s (%s): %s is refused (%s); asked for %s instead",
                    *(name, address, self.asked.text(), explain(error.code(), details)),
                    other.text(),
                )
                self.asked = other
                return True
            _log.warning("%s (%s): %s", name, address, explain(error.code(), details))
            self.asked = first_asked(node.target) if not self._any else self.asked
        except asyncio.CancelledError:
            if not self._silent or _is_stopped():
                raise
            _log.warning(
                "%s (%s): silent for %.1f s, the stream is broken off",
                *(name, address, self._silence_s()),
            )
        except Exception:
            # A bug that this device brings to light; the others go on.
            _log.exception("%s (%s): the stream failed", name, address)
        finally:
            self._reading.cancel()
            self._reading = None
            node.counts.up = False
            with contextlib.suppress(Exception):
                await channel.close()
        return False

    async def _read(self, channel: grpc.aio.Channel, metadata: list[tuple[str, str]]) -> None:
        node = self.node
        node.synced = False
        call = channel.stream_stream(SUBSCRIBE)(metadata=metadata)
        await call.write(request(node.target, self.asked))
        read: Callable[[], Awaitable[Any]] = call.read
        second, messages = 0, 0
        while (data := await read()) is not grpc.aio.EOF:
            now_ns = time.time_ns()
            self._heard_s = time.monotonic()
            if not self._any:
                self._any = node.counts.up = True
                _log.info("%s (%s): up, %s", *self._names(), self.asked.text())
            node.receive(data, now_ns)
            if now_ns // 1_000_000_000 != second:
                second, messages = now_ns // 1_000_000_000, 0
            messages += 1
            if messages >= MAX_MESSAGES_PER_S:
                self._say_slowed()
                # The rest waits in the device: HTTP/2 lets it send only what is read.
                await asyncio.sleep(1 - now_ns % 1_000_000_000 / 1e9)

    def _names(self) -> tuple[str, str]:
        return self.node.target.node_id, self.node.target.address

    def _say_slowed(self) -> None:
        if not self._slowed:
            self._slowed = True
            _log.warning(
                "%s (%s): more than %d messages a second; the device has to wait",
                *(*self._names(), MAX_MESSAGES_PER_S),
            )


def wait_s(failures: int, jitter: float) -> float:
    """Returns how long to wait after so many failures in a row: 1 to 60 s, twice as long each time.

    Args:
        failures: before this one.
        jitter: 0 to 1, so that not all devices are asked again at the same moment.
    """
    doubled: int = 2 ** min(failures, _MOST_DOUBLINGS)
    return min(doubled, _LONGEST_WAIT_S / 2) * (1 + jitter)


def silent_after_s(asked_ms: int, measured_s: float) -> float:
    """Returns how long a node is silent if it sends no more: three intervals [s].

    Args:
        asked_ms: the interval that it was asked for; 0 = its own [ms].
        measured_s: the interval that was measured; 0 while there is none [s].
    """
    asked_s = asked_ms / 1000 or measured_s or _UNKNOWN_INTERVAL_S
    return _SILENT_INTERVALS * max(asked_s, measured_s)


def _is_stopped() -> bool:
    """Tells whether this task itself is to end, and not only its stream."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
