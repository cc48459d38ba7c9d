"""Carries reports to the event center: delayed, out of order, twice, or not at all."""

import heapq
import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simulator.fault_model import SECOND_NS
from simulator.network import FloatArray

_DELAY_S = (0.02, 0.12)
# Below the 2 s of disorder that the event center tolerates by default.
_DISORDER_MAX_S = 1.5
# A report this late misses the first evaluation of its window.
_LATE_MIN_S = 4.0


class Arrival(NamedTuple):
    """A report as it arrives: when it was sent, by which node, and its bytes."""

    send_ns: int
    node_id: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Transport:
    """How reports are disturbed on their way; each rate is a share between 0 and 1.

    Disordered reports arrive up to 1.5 s after their time, late ones 4 s to `late_max_s` after.
    """

    late_rate: float = 0.0
    disorder_rate: float = 0.05
    duplicate_rate: float = 0.0
    missing_rate: float = 0.0
    late_max_s: float = 12.0

    def __post_init__(self) -> None:
        for name in ("late_rate", "disorder_rate", "duplicate_rate", "missing_rate"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie between 0 and 1")
        if self.late_rate and not _LATE_MIN_S <= self.late_max_s < math.inf:
            raise ValueError(f"late_max_s must be at least {_LATE_MIN_S:g} s, and finite")


class Courier:
    """Takes reports second by second and delivers them in order of arrival."""

    def __init__(self, transport: Transport, seed: int) -> None:
        self._transport = transport
        self._rng = np.random.default_rng((seed, 5))
        self._waiting: list[tuple[int, int, Arrival]] = []
        self._counter = itertools.count()

    def carry(self, reports: Iterable[Arrival], count: int, until_ns: int) -> Iterator[Arrival]:
        """Takes `count` reports as collected, and yields those that arrive before `until_ns`."""
        delays_s = self._delays_s(count)
        lost = self._rng.random(count) < self._transport.missing_rate
        doubled = self._rng.random(count) < self._transport.duplicate_rate
        again_s = self._rng.uniform(0.0, 1.0, count)
        for number, report in enumerate(reports):
            if not lost[number]:
                self._post(report, delays_s[number])
                if doubled[number]:
                    self._post(report, delays_s[number] + again_s[number])
        yield from self._deliver(until_ns)

    def rest(self) -> Iterator[Arrival]:
        """Yields all reports that are still on their way."""
        while self._waiting:
            yield heapq.heappop(self._waiting)[-1]

    def _delays_s(self, count: int) -> FloatArray:
        rng, transport = self._rng, self._transport
        delays_s = rng.uniform(*_DELAY_S, count)
        fate = rng.random(count)
        disordered = fate < transport.disorder_rate
        delays_s[disordered] = rng.uniform(_DELAY_S[1], _DISORDER_MAX_S, int(disordered.sum()))
        late = fate >= 1.0 - transport.late_rate
        delays_s[late] = rng.uniform(_LATE_MIN_S, transport.late_max_s, int(late.sum()))
        return delays_s

    def _post(self, report: Arrival, delay_s: float) -> None:
        arrival = report._replace(send_ns=report.send_ns + int(delay_s * SECOND_NS))
        heapq.heappush(self._waiting, (arrival.send_ns, next(self._counter), arrival))

    def _deliver(self, until_ns: int) -> Iterator[Arrival]:
        while self._waiting and self._waiting[0][0] < until_ns:
            yield heapq.heappop(self._waiting)[-1]
