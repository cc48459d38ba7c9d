"""Oracle, part 5: what the powers did around the alarms of a link, window by window."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from schema.topology_pb2 import FiberLink
from tests.oracle_event import Decided, window_time
from tests.oracle_input import Reading
from tests.oracle_span import DIRECTIONS, see, span_of

WINDOWS_BEFORE, WINDOWS_AFTER = 9, 10

Event = dict[str, Any]


class TraceOracle:
    """Which windows of one link are told of; windows are numbers."""

    def __init__(self, window_s: int) -> None:
        self._window_s = window_s
        self._life: dict[str, tuple[int, int | None]] = {}  # alarm_id -> raised, cleared
        self._told: set[int] = set()

    def note(self, events: list[Event]) -> None:
        """Takes what the alarms of the link have come to."""
        for event in events:
            data = event["data"]
            raised = self._window_that_ends_at(data["raised_time"])
            cleared = data["cleared_time"] and self._window_that_ends_at(data["cleared_time"])
            self._life[data["alarm_id"]] = raised, cleared

    def lines(self, link: FiberLink, decided: Decided, evaluated: int | None) -> list[Event]:
        """Returns the lines that are new, or new again, after a window has been evaluated."""
        told = [
            window
            for window in sorted(decided)
            if (window in self._told or self._is_in_range(window))
            and (window == evaluated or window not in self._told)
        ]
        self._told |= set(told)
        return [self._line(link, decided, window) for window in told]

    def _window_that_ends_at(self, time: str) -> int:
        return int(datetime.fromisoformat(time).timestamp()) // self._window_s - 1

    def _is_in_range(self, window: int) -> bool:
        # The ranges of the alarms of one episode overlap: together they are that of the episode.
        return any(
            raised - WINDOWS_BEFORE <= window
            and (cleared is None or window <= cleared + WINDOWS_AFTER)
            for raised, cleared in self._life.values()
        )

    def _line(self, link: FiberLink, decided: Decided, window: int) -> Event:
        return {
            "link_id": link.link_id,
            "window_start": window_time(window, self._window_s),
            "alarm_ids": sorted(
                alarm_id
                for alarm_id, (raised, cleared) in self._life.items()
                if raised <= window and (cleared is None or window < cleared)
            ),
            "measurement": {d: _measurement(link, decided, window, d) for d in DIRECTIONS},
        }


def _measurement(link: FiberLink, decided: Decided, window: int, direction: str) -> Event:
    of_window = decided[window][direction]
    powers = of_window.powers
    seen = see(span_of(link, direction), powers)

    def shown(value: float | None) -> float | None:
        return None if value is None else round(value, 2) + 0.0

    def power(reading: Reading | None, dark: bool) -> float | None:
        return None if reading is None or dark else shown(reading.value)

    return {
        "tx_dbm": power(powers.t, seen.t_dark),
        "rx_dbm": power(powers.r, seen.r_dark),
        "tx_osc_dbm": power(powers.t_osc, seen.to_dark),
        "rx_osc_dbm": power(powers.r_osc, seen.ro_dark),
        "span_loss_db": shown(seen.loss),
        "span_loss_osc_db": shown(seen.osc_loss),
        "base_db": shown(of_window.base_db),
        "code": of_window.code,
        "tx_dark": seen.t_dark,
        "rx_dark": seen.r_dark,
    }
