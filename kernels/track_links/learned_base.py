"""Learned base: the expected loss of a span for which the topology states none.

It is the median of the first 60 windows with a measured loss in a row, NO_DATA skipped, whose
spread is under 0.5 dB; a dark window or one of TOPOLOGY_MISMATCH ends the row. It holds from the
window after the 60th on, and for good (spec, section 5).
"""

import bisect
import math
import statistics
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import moved, new_places
from schema.events import Code
from schema.times import NEVER

__all__ = ["LEARN_SPREAD_DB", "LEARN_WINDOWS", "LearnedBases", "LearningRow"]

#: Windows in a row that make a base.
LEARN_WINDOWS = 60
#: Their spread (largest less smallest loss) must stay under this [dB].
LEARN_SPREAD_DB = 0.5


@dataclass
class LearningRow:
    """The windows with data of one span that has no base yet.

    Attributes:
        windows: the windows, ascending.
        losses_db: their losses, NaN = the window ends a row.
    """

    windows: list[int] = field(default_factory=list)
    losses_db: list[float] = field(default_factory=list)

    def add(self, window: int, loss_db: float | None, *, spare: int) -> tuple[float, int] | None:
        """Adds what a window says, or replaces it where the window was evaluated before.

        Args:
            window: number of the window.
            loss_db: its loss, NaN where it ends a row, None where there is no data.
            spare: number of windows that may still change.

        Returns:
            The base and the 60th window that it rests on, once there is one.
        """
        at = bisect.bisect_left(self.windows, window)
        if at < len(self.windows) and self.windows[at] == window:
            del self.windows[at], self.losses_db[at]
        if loss_db is not None:
            self.windows.insert(at, window)
            self.losses_db.insert(at, loss_db)
        for end in range(max(at + 1, LEARN_WINDOWS), len(self.losses_db) + 1):
            row = self.losses_db[end - LEARN_WINDOWS : end]
            if not math.isnan(sum(row)) and max(row) - min(row) < LEARN_SPREAD_DB:
                return statistics.median(row), self.windows[end - 1]
        surplus = len(self.windows) - LEARN_WINDOWS - spare
        if surplus > 0:
            del self.windows[:surplus], self.losses_db[:surplus]
        return None


@dataclass
class LearnedBases:
    """The learned bases of n links.

    Attributes:
        base_db: (n, 2) float64, NaN = none.
        after: (n, 2) int64, the window after which the base holds.
        learning: what has been learned so far, by (row of the link, direction).
    """

    base_db: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    after: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    learning: dict[tuple[int, int], LearningRow] = field(default_factory=dict)

    def rearrange(self, source: NDArray[np.int64]) -> None:
        """Gives the links new rows, by new row the old one or -1."""
        places = new_places(source, len(self.base_db)).tolist()
        self.base_db = moved(self.base_db, source, np.nan)
        self.after = moved(self.after, source, NEVER)
        self.learning = {
            (places[row], direction): learning
            for (row, direction), learning in self.learning.items()
            if places[row] >= 0
        }

    def in_force_db(self, window: int, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Returns (k, 2), the bases of some links that hold in a window, NaN = none."""
        return np.where(self.after[rows] < window, self.base_db[rows], np.nan)

    def is_known(self, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Returns (k, 2) which spans of some links have a base."""
        return ~np.isnan(self.base_db[rows])

    def learn(
        self,
        window: int,
        rows: NDArray[np.int64],
        needed: NDArray[np.bool_],
        codes: NDArray[np.uint8],
        loss_db: NDArray[np.float64],
        *,
        late: bool,
        spare: int,
    ) -> None:
        """Learns from what a window says.

        Args:
            window: number of the window.
            rows: (k,) rows of the links.
            needed: (k, 2) spans that need a base and have none.
            codes: (k, 2) `Code` that the window decided.
            loss_db: (k, 2) its losses, NaN where one of the ends is dark.
            late: the window was evaluated before.
            spare: number of windows that may still change.
        """
        no_data = codes == Code.NO_DATA
        usable_db = np.where(codes == Code.TOPOLOGY_MISMATCH, np.nan, loss_db)
        for i, direction in np.argwhere(needed & (late | ~no_data)):
            loss = None if no_data[i, direction] else float(usable_db[i, direction])
            key = int(rows[i]), int(direction)
            learned = self.learning.setdefault(key, LearningRow()).add(window, loss, spare=spare)
            if learned:
                self.base_db[key], self.after[key] = learned
                del self.learning[key]
