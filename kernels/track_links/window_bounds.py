"""When windows are due and close: moments that the watermark reaches (spec, section 4).

A window ``[s, s+1)`` is *due* when the watermark reaches s + 1 + B: it is evaluated. It *closes*
when the watermark reaches s + 1 + B + L, where the allowed lateness L ends. A *moment* is an
instant at which a window becomes due or closes, in microseconds since the Unix epoch.
"""

from dataclasses import dataclass

from schema.times import US_PER_S, WINDOW_S

__all__ = ["WindowBounds"]


@dataclass(frozen=True)
class WindowBounds:
    """How long a window waits for its samples.

    Attributes:
        out_of_orderness_s: B, a multiple of the window.
        allowed_lateness_s: L, whole milliseconds.
    """

    out_of_orderness_s: int = 2
    allowed_lateness_s: float = 5.0

    @property
    def _allowed_us(self) -> int:
        return round(self.allowed_lateness_s * US_PER_S)

    def closed_at_s(self, window_start_s: int) -> float:
        """Returns the moment at which a window closes [s since the Unix epoch]."""
        return window_start_s + WINDOW_S + self.out_of_orderness_s + self.allowed_lateness_s

    def due_us(self, window_start_s: int) -> int:
        """Returns the moment at which a window is due."""
        return (window_start_s + WINDOW_S + self.out_of_orderness_s) * US_PER_S

    def newest_due_s(self, reached_us: int) -> int:
        """Returns the start of the newest window that is due at a moment [s]."""
        return reached_us // US_PER_S - WINDOW_S - self.out_of_orderness_s

    def newest_closed_s(self, reached_us: int) -> int:
        """Returns the start of the newest window that is closed at a moment [s]."""
        return self.newest_due_s(reached_us - self._allowed_us)

    def last_moment_us(self, watermark_us: int) -> int:
        """Returns the newest moment that a watermark has reached."""
        fraction_us = self._allowed_us % US_PER_S
        due_us = watermark_us // US_PER_S * US_PER_S
        closing_us = (watermark_us - fraction_us) // US_PER_S * US_PER_S + fraction_us
        return max(due_us, closing_us)

    def next_moment_us(self, moment_us: int) -> int:
        """Returns the moment that follows another one."""
        fraction_us = self._allowed_us % US_PER_S
        second_us = moment_us // US_PER_S * US_PER_S
        later = (second_us + fraction_us, second_us + US_PER_S)
        return min(moment for moment in later if moment > moment_us)
