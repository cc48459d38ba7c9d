"""When windows are due and close: moments that the watermark reaches (spec, section 4).

A window ``[kW, (k+1)W)`` is *due* when the watermark reaches (k+1)W + B: it is evaluated. It
*closes* when the watermark reaches (k+1)W + B + L, where the allowed lateness L ends. A *moment* is
an instant at which a window becomes due or closes, in microseconds since the Unix epoch. On a time
line that is *shifted* forward by B, a window is due at its end.
"""

from dataclasses import dataclass
from functools import cached_property

from schema.times import US_PER_S, WINDOW_S

__all__ = ["WindowBounds"]


@dataclass(frozen=True)
class WindowBounds:
    """How long a window waits for its samples.

    Attributes:
        out_of_orderness_s: B.
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

    def shifted_us(self, window_start_s: int) -> int:
        """Returns where a window starts on the shifted time line [us since the Unix epoch]."""
        return (window_start_s + self.out_of_orderness_s) * US_PER_S

    def due_us(self, window_start_s: int) -> int:
        """Returns the moment at which a window is due."""
        return self.shifted_us(window_start_s) + WINDOW_S * US_PER_S

    def closing_us(self, window_start_s: int) -> int:
        """Returns the moment at which a window closes."""
        return self.due_us(window_start_s) + self._allowed_us

    def newest_due_s(self, reached_us: int) -> int:
        """Returns the start of the newest window that is due at a moment [s]."""
        return reached_us // US_PER_S - WINDOW_S - self.out_of_orderness_s

    def newest_closed_s(self, reached_us: int) -> int:
        """Returns the start of the newest window that is closed at a moment [s]."""
        return self.newest_due_s(reached_us - self._allowed_us)

    def last_moment_us(self, watermark_us: int) -> int:
        """Returns the newest moment that a watermark has reached."""
        return self.moment_us(self.moment_after(watermark_us) - 1)

    @cached_property
    def _places_us(self) -> tuple[int, ...]:
        """Where in a window's length the moments lie."""
        length_us = WINDOW_S * US_PER_S
        due_us = self.out_of_orderness_s * US_PER_S % length_us
        return tuple(sorted({due_us, (due_us + self._allowed_us) % length_us}))

    def moment_us(self, number: int) -> int:
        """Returns a moment by its number; moments are numbered in order."""
        windows, place = divmod(number, len(self._places_us))
        return windows * WINDOW_S * US_PER_S + self._places_us[place]

    def moment_after(self, instant_us: int) -> int:
        """Returns the number of the first moment after an instant [us since the Unix epoch]."""
        windows, rest_us = divmod(instant_us, WINDOW_S * US_PER_S)
        passed = sum(place_us <= rest_us for place_us in self._places_us)
        return windows * len(self._places_us) + passed
