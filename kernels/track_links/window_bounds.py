"""The bounds of event time, as moments that the source's watermark reaches.

A window ``[s, s+1)`` is evaluated when the watermark reaches s + 1 + B, and closed for good when
it reaches s + 1 + B + L. Moments are in microseconds since the Unix epoch.
"""

from dataclasses import dataclass

from schema.times import US_PER_S, WINDOW_S


@dataclass(frozen=True)
class WindowBounds:
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
    def _allowed_us(self) -> int:
        return round(self.allowed_lateness_s * US_PER_S)

    def due_us(self, window_start_s: int) -> int:
        """Returns the moment that makes a window due."""
        return (window_start_s + WINDOW_S + self.out_of_orderness_s) * US_PER_S

    def newest_due_s(self, reached_us: int) -> int:
        """Returns the start of the newest window that is due at a moment [s]."""
        return reached_us // US_PER_S - WINDOW_S - self.out_of_orderness_s

    def newest_closed_s(self, reached_us: int) -> int:
        """Returns the start of the newest window that is closed at a moment [s]."""
        return self.newest_due_s(reached_us - self._allowed_us)

    def last_moment_us(self, watermark_us: int) -> int:
        """Returns the newest moment up to a watermark at which a window is due or closes."""
        fraction_us = self._allowed_us % US_PER_S
        due_us = watermark_us // US_PER_S * US_PER_S
        closing_us = (watermark_us - fraction_us) // US_PER_S * US_PER_S + fraction_us
        return max(due_us, closing_us)

    def next_moment_us(self, moment_us: int) -> int:
        """Returns the next such moment after one."""
        fraction_us = self._allowed_us % US_PER_S
        second_us = moment_us // US_PER_S * US_PER_S
        later = (second_us + fraction_us, second_us + US_PER_S)
        return min(moment for moment in later if moment > moment_us)
