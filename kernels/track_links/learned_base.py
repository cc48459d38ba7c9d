"""Learned base: the expected loss of a span whose topology states none.

It is the median of the first 60 windows with a measured loss in a row, NO_DATA skipped, whose
spread is under 0.5 dB; a dark window ends the row. It holds from the window after the 60th on,
and for good.
"""

import bisect
import math
import statistics
from dataclasses import dataclass, field

#: Windows in a row that make a base.
LEARN_WINDOWS = 60
#: Their spread (largest less smallest loss) must stay under this [dB].
LEARN_SPREAD_DB = 0.5


@dataclass
class LearningRow:
    """The measured and the dark windows of one span that has no base yet.

    Attributes:
        windows_s: the windows, ascending.
        losses_db: their losses, NaN = dark.
    """

    windows_s: list[int] = field(default_factory=list)
    losses_db: list[float] = field(default_factory=list)

    def add(self, window_s: int, loss_db: float | None, *, spare: int) -> tuple[float, int] | None:
        """Takes over what a window measured, anew where it was evaluated before.

        Args:
            window_s: start of the window.
            loss_db: its loss, NaN where it is dark, None where there is no data.
            spare: number of windows that may still change.

        Returns:
            The base and the 60th window it rests on, once there is one.
        """
        at = bisect.bisect_left(self.windows_s, window_s)
        if at < len(self.windows_s) and self.windows_s[at] == window_s:
            del self.windows_s[at], self.losses_db[at]
        if loss_db is not None:
            self.windows_s.insert(at, window_s)
            self.losses_db.insert(at, loss_db)
        for end in range(max(at + 1, LEARN_WINDOWS), len(self.losses_db) + 1):
            row = self.losses_db[end - LEARN_WINDOWS : end]
            if not math.isnan(sum(row)) and max(row) - min(row) < LEARN_SPREAD_DB:
                return statistics.median(row), self.windows_s[end - 1]
        surplus = len(self.windows_s) - LEARN_WINDOWS - spare
        if surplus > 0:
            del self.windows_s[:surplus], self.losses_db[:surplus]
        return None
