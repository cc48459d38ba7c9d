"""State cells as Beam hands them to a DoFn; each call of them can be made to fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from transforms.correlator_state import CorrelatorCells
from transforms.joiner_state import JoinerCells
from transforms.state import TableCells
from transforms.tracker_state import TrackerCells


class StateError(Exception):
    """A call of the state has failed, and the bundle with it."""


def _nothing() -> None:
    """Stands before each call of the state, and lets it succeed."""


@dataclass
class Value:
    value: bytes | None = None
    before: Callable[[], None] = _nothing

    def read(self) -> bytes | None:
        self.before()
        return self.value

    def write(self, value: bytes) -> None:
        self.before()
        self.value = value

    def clear(self) -> None:
        self.before()
        self.value = None


@dataclass
class Bag:
    values: list[bytes] = field(default_factory=list)
    before: Callable[[], None] = _nothing
    reads: int = 0

    def read(self) -> list[bytes]:
        self.before()
        self.reads += 1
        return list(self.values)

    def add(self, value: bytes) -> None:
        self.before()
        self.values.append(value)

    def clear(self) -> None:
        self.before()
        self.values.clear()


def table_cells(before: Callable[[], None] = _nothing) -> TableCells:
    return TableCells(Value(before=before), Bag(before=before))


def joiner_cells(before: Callable[[], None] = _nothing) -> JoinerCells:
    return JoinerCells(Value(before=before), Bag(before=before), Bag(before=before))


def tracker_cells(before: Callable[[], None] = _nothing) -> TrackerCells:
    return TrackerCells(
        head=Value(before=before),
        ends=Bag(before=before),
        read=Bag(before=before),
        tracks=Value(before=before),
        links=Bag(before=before),
        links_head=Value(before=before),
    )


def correlator_cells(before: Callable[[], None] = _nothing) -> CorrelatorCells:
    return CorrelatorCells(
        head=Value(before=before),
        waiting=Bag(before=before),
        alarms=Bag(before=before),
        incidents=Bag(before=before),
    )


Cells = TableCells | JoinerCells | TrackerCells | CorrelatorCells


def saved(cells: Cells) -> dict[str, bytes | list[bytes] | None]:
    """Returns a copy of what the cells hold, for `roll_back`."""
    return {
        name: list(cell.values) if isinstance(cell, Bag) else cell.value
        for name, cell in vars(cells).items()
    }


def roll_back(cells: Cells, to: dict[str, bytes | list[bytes] | None]) -> None:
    """Restores the cells, as a runner does after a bundle has failed."""
    for name, cell in vars(cells).items():
        if isinstance(cell, Bag):
            cell.values = list(to[name] or ())
        else:
            cell.value = to[name]


class FailingCalls:
    """Makes one call fail in each attempt: the first, then the second, and so on."""

    def __init__(self) -> None:
        self.failures = 0
        self._fails_at: int | None = None
        self._calls = 0

    def __call__(self) -> None:
        self._calls += 1
        if self._calls == self._fails_at:
            self.failures += 1
            raise StateError

    def attempts(self, attempt: Callable[[], None], after_failure: Callable[[], None]) -> None:
        """Repeats an attempt until each of its calls has failed once; then it succeeds."""
        fails_at = 0
        while True:
            fails_at += 1
            self._calls, self._fails_at = 0, fails_at
            try:
                attempt()
            except StateError:
                after_failure()
                continue
            finally:
                self._fails_at = None
            return
