"""What processes use over time, looked at in the background."""

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
    """What was used up to a moment; CPU times in s since the processes started."""

    time_s: float
    cpu_s: float
    memory_mb: float
    broker_cpu_s: float


class Sampler:
    """Samples an engine and the broker every half second, as long as the block lasts."""

    def __init__(self, engine: Callable[[], Iterable[int]], broker: Iterable[int]) -> None:
        """Describes what is sampled.

        Args:
            engine: returns the processes of the engine; their children count as well.
            broker: the processes of the broker.
        """
        self._engine, self._broker = engine, list(broker)
        self.moments: list[Moment] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sampler", daemon=True)

    def __enter__(self) -> Self:
        """Starts to sample."""
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Takes a last sample."""
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
    """Returns what had been used at a time: between two samples in proportion.

    Before the first and after the last sample it is that sample.
    """
    index = bisect.bisect(moments, time_s, key=lambda moment: moment.time_s)
    if index in (0, len(moments)):
        return moments[max(0, index - 1)]
    before, after = moments[index - 1], moments[index]
    share = (time_s - before.time_s) / (after.time_s - before.time_s)
    return Moment(*(b + share * (a - b) for b, a in zip(before, after, strict=True)))
