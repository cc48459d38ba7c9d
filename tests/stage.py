"""A stateful step as a runner holds it: workers, state cells and timers.

Now and then another worker takes over, so that anything missing from the saved state shows as a
difference. With `failing`, each call of the state and each step of a kernel fails once, and the
bundle is rolled back and tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tests.cells import FailingCalls, roll_back, saved
from tests.timers import Timers
from transforms.state import HeldStates

#: Another worker takes over each time that a state has been opened so often.
TAKEN_OVER_EVERY = 7

S = TypeVar("S")


@dataclass
class Stage(Generic[S]):
    """A stateful step: its workers, state cells and timers."""

    codec: Any
    cells: dict[int, Any]
    failing: FailingCalls | None
    timers: Timers[tuple[int, str]] = field(default_factory=Timers)
    _opened: int = 0

    def __post_init__(self) -> None:
        self._worker: HeldStates[Any, Any] = HeldStates(self.codec)

    def bundle(self, shard: int, action: Callable[[Any], Iterable[S]]) -> list[S]:
        """Lets the kernel of a shard act, in its own bundle."""
        self._opened += 1
        if self._opened % TAKEN_OVER_EVERY == 0:
            self._worker = HeldStates(self.codec)
        steps: list[S] = []

        def attempt() -> None:
            steps.clear()
            with self._worker.open(shard, self.cells[shard]) as state:
                for step in action(state):
                    if self.failing:
                        self.failing()
                    steps.append(step)

        if self.failing:
            before = saved(self.cells[shard])
            self.failing.attempts(attempt, lambda: roll_back(self.cells[shard], before))
        else:
            attempt()
        return steps

    def due(self, watermark_us: int) -> Iterator[tuple[int, str]]:
        """Takes out the timers that are due, in order; then those that were set meanwhile."""
        while due := self.timers.take_due(watermark_us):
            yield from due
