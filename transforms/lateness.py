"""The bounds of event time, and the shifted time lines on which Beam's windows keep them.

A window ``[s, s+1)`` is evaluated when the source's watermark reaches s + 1 + B, and closed for
good when it reaches s + 1 + B + L. The sources know no bound B of their own, so blocks are
re-stamped forward by it: a window of the shifted time line then fires at the right moment.
"""

from dataclasses import dataclass

from apache_beam.transforms.window import FixedWindows
from apache_beam.utils.timestamp import Duration, Timestamp

#: Length of a window [s].
WINDOW_S = 1


@dataclass(frozen=True)
class Lateness:
    """How long a window waits for its samples.

    Attributes:
        out_of_orderness_s: B, a multiple of the window.
        allowed_lateness_s: L.
    """

    out_of_orderness_s: int = 2
    allowed_lateness_s: float = 5.0

    @property
    def closing_s(self) -> float:
        """B + L: from the end of a window to its closing for good [s]."""
        return self.out_of_orderness_s + self.allowed_lateness_s

    @property
    def _closing_us(self) -> int:
        return round(self.closing_s * 1_000_000)

    def windows(self) -> FixedWindows:
        """Returns the windows of the shifted time line."""
        return FixedWindows(WINDOW_S)

    def closing_windows(self) -> FixedWindows:
        """Returns the windows of the time line on which a window ends when the real one closes."""
        return FixedWindows(WINDOW_S, offset=Timestamp(micros=self._closing_us % 1_000_000))

    def start_of_closing(self, window_start_s: int) -> Timestamp:
        """Returns the start of a window on that time line."""
        return Timestamp(window_start_s) + Duration(micros=self._closing_us)

    def start_of_window(self, window_start_s: int) -> Timestamp:
        """Returns the start of a window on the shifted time line."""
        return Timestamp(window_start_s + self.out_of_orderness_s)

    def due_timer(self, window_start_s: int) -> Timestamp:
        """Returns the timer that fires when the source's watermark makes a window due.

        It stands a tick before the end of the window on the shifted time line: on every runner
        such a timer fires when the watermark reaches that end.
        """
        return self.start_of_window(window_start_s) + Duration(seconds=WINDOW_S, micros=-1)

    def is_due(self, window_start_s: int, fired: Timestamp) -> bool:
        """Returns whether a window is due when a timer has fired; runners may round it to ms."""
        due_us, fired_us = self.due_timer(window_start_s).micros, fired.micros
        return bool(due_us // 1000 <= fired_us // 1000)
