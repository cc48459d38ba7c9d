"""Dips: short losses that no alarm tells of; many in a minute make FIBER_JITTER (spec, section 5).

A dip is a run of windows that decided FIBER, was confirmed at none of them, and ended with a window
that is sound again. It is counted when that window is first evaluated, on time.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import new_places

__all__ = ["JITTER_DIPS", "JITTER_WINDOWS", "Dips"]

#: So many dips in so many windows are jitter.
JITTER_DIPS, JITTER_WINDOWS = 3, 60


@dataclass
class Dips:
    """The dips of n links.

    Attributes:
        ended: the windows that they ended with, ascending, by (row of the link, direction).
    """

    ended: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    def add(self, window: int, rows: NDArray[np.int64], ends: NDArray[np.bool_]) -> None:
        """Notes the dips that a window ends.

        Args:
            window: the newest window.
            rows: (k,) rows of the links.
            ends: (k, 2) which spans end one.
        """
        for i, direction in np.argwhere(ends).tolist():
            self.ended.setdefault((int(rows[i]), direction), []).append(window)

    def is_jitter(self, window: int, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Returns (k, 2) which spans decide FIBER_JITTER in a window."""
        jitter = np.zeros((len(rows), 2), bool)
        for (row, direction), ended in self.ended.items():
            if len(ended) >= JITTER_DIPS:
                recent = sum(window - JITTER_WINDOWS < at <= window for at in ended)
                if recent >= JITTER_DIPS:
                    jitter[rows == row, direction] = True
        return jitter

    def rows(self) -> NDArray[np.int64]:
        """Returns the rows of links that may decide it, ascending."""
        rows = {row for (row, _), ended in self.ended.items() if len(ended) >= JITTER_DIPS}
        return np.array(sorted(rows), np.int64)

    def forget(self, oldest: int) -> None:
        """Forgets what no window from `oldest` on can count any more."""
        if self.ended:
            kept = {
                key: [at for at in ended if at > oldest - JITTER_WINDOWS]
                for key, ended in self.ended.items()
            }
            self.ended = {key: ended for key, ended in kept.items() if ended}

    def drop(self, rows: NDArray[np.int64]) -> None:
        """Forgets the dips of some links."""
        gone = set(rows.tolist())
        self.ended = {key: ended for key, ended in self.ended.items() if key[0] not in gone}

    def rearrange(self, source: NDArray[np.int64]) -> None:
        """Gives the links new rows, by new row the old one or -1; forgets other links."""
        if self.ended:
            largest = max(max(row for row, _ in self.ended), int(source.max(initial=-1)))
            places = new_places(source, largest + 1)
            self.ended = {
                (int(places[row]), direction): ended
                for (row, direction), ended in self.ended.items()
                if places[row] >= 0
            }
