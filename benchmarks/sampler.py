"""Samples in the background what processes use."""

from __future__ import annotations

import bisect
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import NamedTuple, Self

from benchmarks.processes import usage

_EVERY_S = 0.5


class Moment(NamedTuple):
    """What is used at a moment; CPU times count from the start of the processes."""

    time_s: float
    cpu_s: float
    memory_mb: float
    broker_cpu_s: float


class Sampler:
    """Samples an engine and the broker every half second, until the block is left."""

    def __init__(self, engine: Callable[[], Iterable[int]], broker: Iterable[int]) -> None:
        """Describes what is sampled.

        Args:
            engine: returns the processes of the engine; their children also count.
            broker: the processes of the broker.
        """
        self._engine, self._broker = engine, list(broker)
        self.moments: list[Moment] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def __enter__(self) -> Self:
        """Starts sampling."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops sampling, with a last sample."""
        self._stopped.set()
        self._thread.join()
        self._sample()

    def _run(self) -> None:
        while not self._stopped.wait(_EVERY_S):
            self._sample()

    def _sample(self) -> None:
        cpu_s, memory_mb = usage(self._engine())
        broker_cpu_s, _ = usage(self._broker)
        self.moments.append(Moment(time.time(), cpu_s, memory_mb, broker_cpu_s))


def at(moments: list[Moment], time_s: float) -> Moment:
    """Returns what was used at a time, interpolated between two samples.

    Before the first sample, it is the first one; after the last sample, the last one.
    """
    index = bisect.bisect(moments, time_s, key=lambda moment: moment.time_s)
    if index in (0, len(moments)):
        return moments[max(0, index - 1)]
    before, after = moments[index - 1], moments[index]
    share = (time_s - before.time_s) / (after.time_s - before.time_s)
    return Moment(*(b + share * (a - b) for b, a in zip(before, after, strict=True)))
