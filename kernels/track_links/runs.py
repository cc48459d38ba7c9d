"""The runs of a shard's spans, up to the newest window, and up to those that may still change.

On time a run goes forward by one window. A late evaluation starts again from the runs as they were
before the windows of the history, and takes them forward over the decisions as they stand.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import moved
from kernels.track_links.confirm import RUN, Confirmed, Confirming, no_runs
from kernels.track_links.history import History, Rows

__all__ = ["Runs"]


@dataclass
class Runs:
    """The runs of n links.

    Attributes:
        rule: how they go forward.
        settled: (n, 3, 2) of `RUN`, up to the window before the oldest of the history.
        newest: likewise, up to the newest window.
    """

    rule: Confirming
    settled: NDArray[np.void] = field(default_factory=lambda: no_runs(0))
    newest: NDArray[np.void] = field(default_factory=lambda: no_runs(0))

    def rearrange(self, source: Rows) -> None:
        """Gives the links new rows, by new row the old one or -1."""
        nothing = no_runs(1)[0, 0, 0]
        self.settled = moved(self.settled, source, nothing)
        self.newest = moved(self.newest, source, nothing)

    def forget(self, rows: Rows) -> None:
        """Forgets the runs of some links."""
        self.settled[rows] = self.newest[rows] = np.zeros((), RUN)

    def fold_oldest(self, history: History) -> None:
        """Folds the window that is about to leave the history."""
        rows = self.moving(history, history.oldest)
        if len(rows):
            runs = self.settled[rows]
            self.rule.step(runs, history.oldest, history.cells[0, rows])
            self.settled[rows] = runs

    def moving(self, history: History, window: int) -> Rows:
        """Returns the links whose runs a window may take forward, or end."""
        return np.flatnonzero(self._is_moving(history.last_abnormal, window))

    def in_motion(self, history: History, window: int, rows: Rows) -> Rows:
        """Returns those of `rows` whose runs a window may take forward, or end."""
        return rows[self._is_moving(history.last_abnormal[rows], window)]

    def _is_moving(self, last_abnormal: NDArray[np.int64], window: int) -> NDArray[np.bool_]:
        moving: NDArray[np.bool_] = last_abnormal >= window - 1 - self.rule.gap_windows
        return moving

    def before(self, history: History, window: int, rows: Rows, *, late: bool) -> NDArray[np.void]:
        """Returns (k, 3, 2), the runs of some links before a window."""
        if not late:
            return self.newest[rows]
        runs = self.settled[rows]
        for at_window in range(history.oldest, window):
            self.rule.step(runs, at_window, history.at(at_window, rows))
        return runs

    def step(self, history: History, window: int, rows: Rows) -> Confirmed:
        """Takes the runs of some links to the newest window; returns what it confirms."""
        runs = self.newest[rows]
        confirmed = self.rule.step(runs, window, history.at(window, rows))
        self.newest[rows] = runs
        return confirmed

    def again(self, history: History, window: int, rows: Rows) -> Iterator[Confirmed]:
        """Yields what each window from one to the newest confirms, as decisions stand."""
        assert history.newest is not None
        runs = self.before(history, window, rows, late=True)
        for at_window in range(window, history.newest + 1):
            yield self.rule.step(runs, at_window, history.at(at_window, rows))
        self.newest[rows] = runs
