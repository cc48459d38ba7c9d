"""When windows are due and close: moments that the watermark reaches (spec, section 4).

Window k is ``[kW, (k+1)W)``. It is *due* when the watermark reaches (k+1)W + B: it is evaluated. It
*closes* when the watermark reaches (k+1)W + B + L, where the allowed lateness L ends. A *moment* is
an instant at which a window becomes due or closes, in microseconds since the Unix epoch. On a time
line that is *shifted* forward by B, a window is due at its end.
"""

from dataclasses import asdict, dataclass
from functools import cached_property

from schema.times import US_PER_S

__all__ = ["WindowBounds"]


@dataclass(frozen=True, kw_only=True)
class WindowBounds:
    """How long windows are, and how long they wait for their samples.

    Attributes:
        window_s: W.
        out_of_orderness_s: B.
        allowed_lateness_s: L, whole milliseconds.
    """

    window_s: int = 1
    out_of_orderness_s: int = 2
    allowed_lateness_s: float = 5.0

    @property
    def _window_us(self) -> int:
        return self.window_s * US_PER_S

    @property
    def _shift_us(self) -> int:
        return self.out_of_orderness_s * US_PER_S

    @property
    def _allowed_us(self) -> int:
        return round(self.allowed_lateness_s * US_PER_S)

    @property
    def num_open(self) -> int:
        """How many windows are due and not closed, at most."""
        return -(-self._allowed_us // self._window_us) + 1

    def in_words(self) -> str:
        """Returns the bounds as they are given on the command line."""
        return " ".join(f"--{name}={value:g}" for name, value in asdict(self).items())

    def start_s(self, window: int) -> int:
        """Returns the start of a window [s since the Unix epoch]."""
        return window * self.window_s

    def closed_at_s(self, window: int) -> float:
        """Returns the moment at which a window closes [s since the Unix epoch]."""
        return self.start_s(window + 1) + self.out_of_orderness_s + self.allowed_lateness_s

    def shifted_us(self, window: int) -> int:
        """Returns where a window starts on the shifted time line [us since the Unix epoch]."""
        return window * self._window_us + self._shift_us

    def due_us(self, window: int) -> int:
        """Returns the moment at which a window is due."""
        return self.shifted_us(window + 1)

    def closing_us(self, window: int) -> int:
        """Returns the moment at which a window closes."""
        return self.due_us(window) + self._allowed_us

    def newest_due(self, reached_us: int) -> int:
        """Returns the newest window that is due at a moment."""
        return (reached_us - self._shift_us) // self._window_us - 1

    def newest_closed(self, reached_us: int) -> int:
        """Returns the newest window that is closed at a moment."""
        return self.newest_due(reached_us - self._allowed_us)

    def last_moment_us(self, watermark_us: int) -> int:
        """Returns the newest moment that a watermark has reached."""
        return self.moment_us(self.moment_after(watermark_us) - 1)

    @cached_property
    def _places_us(self) -> tuple[int, ...]:
        """Where in a window's length the moments lie."""
        due_us = self._shift_us % self._window_us
        return tuple(sorted({due_us, (due_us + self._allowed_us) % self._window_us}))

    def moment_us(self, number: int) -> int:
        """Returns a moment by its number; moments are numbered in order."""
        windows, place = divmod(number, len(self._places_us))
        return windows * self._window_us + self._places_us[place]

    def moment_after(self, instant_us: int) -> int:
        """Returns the number of the first moment after an instant [us since the Unix epoch]."""
        windows, rest_us = divmod(instant_us, self._window_us)
        passed = sum(place_us <= rest_us for place_us in self._places_us)
        return windows * len(self._places_us) + passed
