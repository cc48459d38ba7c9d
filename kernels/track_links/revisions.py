"""Revisions: what had been confirmed, and acted upon, before a late evaluation changed it.

A confirmation acts once: what one late evaluation takes back and another one brings again is not
new. What is confirmed as the decisions stand has been acted upon. Only what is not confirmed any
more, or only at a lower level, has to be noted.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.track_links.confirm import Confirmed
from kernels.track_links.history import Rows

__all__ = ["Key", "Revisions"]

#: Row of the link, family, window.
Key = tuple[int, int, int]


@dataclass
class Revisions:
    """Notes on single windows of single links.

    Attributes:
        levels: highest level ever confirmed, AZ and ZA.
        sequences: number of the match published last, where a late evaluation published one.
    """

    levels: dict[Key, tuple[int, int]] = field(default_factory=dict)
    sequences: dict[Key, int] = field(default_factory=dict)

    def note(self, window: int, rows: Rows, before: Confirmed, now: Confirmed) -> NDArray[np.uint8]:
        """Notes what was confirmed at a window where that has changed.

        Args:
            window: the window.
            rows: (k,) rows of the links.
            before: what was confirmed, arrays of shape (k, K, 2).
            now: what is confirmed.

        Returns:
            (k, K, 2), the highest level at which the family confirmed now was ever acted upon.
        """
        level = now.level.copy()
        changed = (before.level != now.level) | (before.family != now.family)
        for i, kind in np.argwhere(changed.any(axis=2)).tolist():
            link = int(rows[i])
            for direction in np.flatnonzero(before.level[i, kind]).tolist():
                key = link, int(before.family[i, kind, direction]), window
                noted = list(self.levels.get(key, (0, 0)))
                noted[direction] = max(noted[direction], int(before.level[i, kind, direction]))
                self.levels[key] = noted[0], noted[1]
            for direction in (0, 1):
                key = link, int(now.family[i, kind, direction]), window
                level[i, kind, direction] = self.levels.get(key, (0, 0))[direction]
        return level

    def last_match(self, key: Key) -> tuple[int, int]:
        """Returns sequence and level of the match published last; zeros for none."""
        level = max(self.levels.get(key, (0, 0)))
        return self.sequences.get(key, int(level > 0)), level

    def forget(self, oldest: int) -> None:
        """Forgets the windows before `oldest`: nothing can change them any more."""
        self.levels = {key: noted for key, noted in self.levels.items() if key[2] >= oldest}
        self.sequences = {key: noted for key, noted in self.sequences.items() if key[2] >= oldest}

    def drop(self, rows: Rows) -> None:
        """Forgets the windows of some links."""
        gone = set(rows.tolist())
        self.levels = {key: noted for key, noted in self.levels.items() if key[0] not in gone}
        self.sequences = {
            key: number for key, number in self.sequences.items() if key[0] not in gone
        }

    def rearrange(self, source: Rows) -> None:
        """Gives the links new rows, by new row the old one or -1; forgets other links."""
        if not self.levels and not self.sequences:
            return
        new_row = {old: new for new, old in enumerate(source.tolist()) if old >= 0}
        self.levels = {
            (new_row[r], f, w): noted for (r, f, w), noted in self.levels.items() if r in new_row
        }
        self.sequences = {
            (new_row[r], f, w): noted for (r, f, w), noted in self.sequences.items() if r in new_row
        }
