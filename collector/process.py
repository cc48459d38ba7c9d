"""The collector as a whole: nodes with their streams, the clock that makes reports, the sink."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from collector.counters import UnknownPaths
from collector.deliver import Sink
from collector.merge import SequenceNumbers
from collector.node import Node
from collector.subscribe import Subscription
from collector.targets import Target

#: How often reports that are due are looked for [s].
_TICK_S = 0.02
#: A node slower than this never has two seconds in a row [s].
SLOW_INTERVAL_S = 1.5
#: How often streams are checked for silence [s].
_CHECK_S = 0.5
#: A tick that comes so late says that the machine is busy, not that devices are silent [s].
_STALL_S = 0.06
#: How long what waits is sent at the end [s].
FLUSH_S = 10.0

_log = logging.getLogger("collector")


@dataclass(slots=True)
class _Running:
    node: Node
    subscription: Subscription | None = None
    task: asyncio.Task[None] | None = None
    said_slow: bool = False


@dataclass
class Collector:
    """All nodes of one process.

    Attributes:
        sink: where reports go.
        linger_ns: how long a second waits once the next one has begun.
        with_streams: nodes are subscribed to; otherwise somebody else brings their messages.
        unknown: unknown paths of all nodes.
        malformed_records: records of Kafka that are not what gnmic writes.
        unknown_sources: records by their source, of devices that are not among the targets.
        changes: how often nodes have come or gone.
    """

    sink: Sink
    linger_ns: int
    with_streams: bool = True
    unknown: UnknownPaths = field(default_factory=UnknownPaths)
    malformed_records: int = 0
    unknown_sources: Counter[str] = field(default_factory=Counter)
    changes: int = 0
    _running: dict[str, _Running] = field(default_factory=dict)
    _sequence: SequenceNumbers = field(init=False)

    def __post_init__(self) -> None:
        self._sequence = SequenceNumbers(self.sink.last_sequence)

    def nodes(self) -> list[Node]:
        """Returns all nodes."""
        return [each.node for each in self._running.values()]

    def node(self, node_id: str) -> Node | None:
        """Returns a node; None if it is not of this process."""
        running = self._running.get(node_id)
        return running.node if running else None

    async def set_targets(self, targets: Iterable[Target]) -> None:
        """Starts, stops and restarts what has changed; other nodes notice nothing."""
        wanted = {target.node_id: target for target in targets}
        changed = [
            name for name, each in self._running.items() if wanted.get(name) != each.node.target
        ]
        for name in changed:
            await self._stop(name)
        added = [name for name in wanted if name not in self._running]
        for name in added:
            self._start(wanted[name])
        if changed or added:
            self.changes += 1
            gone = [name for name in changed if name not in wanted]
            _log.info(
                "%d nodes: %d new, %d changed, %d gone",
                *(len(self._running), len(added) - (len(changed) - len(gone))),
                *(len(changed) - len(gone), len(gone)),
            )

    async def run(self) -> None:
        """Makes reports when they are due, until the task is cancelled."""
        check_s, tick_s = 0.0, time.monotonic()
        while True:
            now_ns = time.time_ns()
            for each in self._running.values():
                if each.node.merger.due_ns <= now_ns:
                    self._send_due(each, now_ns)
            self.sink.serve()
            now_s = time.monotonic()
            if now_s - tick_s > _STALL_S:
                self._excuse(now_s - tick_s)
            tick_s = now_s
            if now_s >= check_s:
                check_s = now_s + _CHECK_S
                self._break_silent(now_s)
            await asyncio.sleep(_TICK_S)

    async def stop(self) -> None:
        """Ends all streams, makes the reports of what waits and delivers them."""
        tasks = [each.task for each in self._running.values() if each.task]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for each in self._running.values():
            self._flush(each.node)
        self.sink.close(FLUSH_S)
        _log.info("stopped: %s", self.sink.delivery.line())

    def _start(self, target: Target) -> None:
        running = _Running(Node(target, self.linger_ns, self.unknown, self._sequence))
        self._running[target.node_id] = running
        if self.with_streams:
            running.subscription = Subscription(running.node)
            running.task = asyncio.create_task(running.subscription.run())

    async def _stop(self, name: str) -> None:
        running = self._running[name]
        if running.task:
            running.task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running.task
        self._flush(running.node)
        del self._running[name]

    def _break_silent(self, now_s: float) -> None:
        for each in self._running.values():
            if each.subscription:
                each.subscription.break_if_silent(now_s)

    def _excuse(self, stalled_s: float) -> None:
        """Does not take for silence the time in which this process itself did nothing."""
        for each in self._running.values():
            if each.subscription:
                each.subscription.excuse(stalled_s)

    def _send_due(self, each: _Running, now_ns: int) -> None:
        for report in each.node.merger.take_due(now_ns):
            self.sink.send(report)
        interval_s = each.node.counts.interval_s
        if interval_s > SLOW_INTERVAL_S and not each.said_slow:
            each.said_slow = True
            _log.warning(
                "%s: its values come every %.1f s. Two seconds in a row are never both seen, so "
                "no event can be confirmed with --window_s=1",
                *(each.node.target.node_id, interval_s),
            )

    def _flush(self, node: Node) -> None:
        for report in node.merger.take_all(time.time_ns()):
            self.sink.send(report)
