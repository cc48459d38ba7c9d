"""Traces: what the powers did around the alarms of links, window by window (spec, section 10).

A link is traced from 9 windows before the one that raised its first open alarm to 10 windows after
the one that cleared its last. While a link has an open alarm the ranges of its alarms overlap. So
its trace is what lies in the range of any of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kernels.arrays import new_places
from kernels.track_links.history import Rows
from schema.times import NEVER

__all__ = ["WINDOWS_BEFORE", "Step", "TracedAlarm", "Traces", "traces_of_open_alarms"]

WINDOWS_BEFORE, WINDOWS_AFTER = 9, 10

#: Instead of a window: the alarm is open.
_OPEN = 2**62


class Step(NamedTuple):
    """A RAISE or a CLEAR; windows are numbers.

    Attributes:
        link: row of the link.
        family: of the alarm.
        onset: of the alarm.
        raised: the window that raised it.
        cleared: the window that cleared it, None = it is open.
    """

    link: int
    family: int
    onset: int
    raised: int
    cleared: int | None


class TracedAlarm(NamedTuple):
    """An alarm that is open, or was cleared a short time ago.

    Attributes:
        family: of the alarm.
        onset: of the alarm.
        raised: the window that raised it.
        cleared: the window that cleared it.
        until: the last window of its range.
        told: the last window that was told of while it was open. A CLEAR that is found late may
            leave it behind the range.
    """

    family: int
    onset: int
    raised: int
    cleared: int = _OPEN
    until: int = _OPEN
    told: int = NEVER

    @property
    def first(self) -> int:
        """The first window of its range."""
        return self.raised - WINDOWS_BEFORE

    def is_open_after(self, window: int) -> bool:
        """Whether it is open at the end of a window."""
        return self.raised <= window < self.cleared


@dataclass
class Traces:
    """The alarms around which windows are told of.

    Attributes:
        alarms: by row of the link, in order of their first events.
    """

    alarms: dict[int, list[TracedAlarm]] = field(default_factory=dict)

    def note(self, steps: Iterable[Step], newest: int) -> dict[int, list[int]]:
        """Takes what has become of alarms in one evaluation.

        Args:
            steps: the RAISEs and CLEARs, in order.
            newest: the newest window that was evaluated.

        Returns:
            The windows, ascending, that come into the trace of a link by that; by row of the link.
        """
        before: dict[int, list[TracedAlarm]] = {}
        for step in steps:
            alarms = self.alarms.setdefault(step.link, [])
            known = before.setdefault(step.link, alarms.copy())
            same = next((a for a in alarms if a[:2] == (step.family, step.onset)), None)
            if same:
                alarms.remove(same)
            alarm = TracedAlarm(step.family, step.onset, step.raised)
            if step.cleared is not None:
                told = newest if same in known else NEVER
                until = step.cleared + WINDOWS_AFTER
                alarm = alarm._replace(cleared=step.cleared, until=until, told=told)
            alarms.append(alarm)
        return {link: self._new_windows(link, known, newest) for link, known in before.items()}

    def _new_windows(self, link: int, known: list[TracedAlarm], newest: int) -> list[int]:
        """Returns the windows of a link that are in a range now, and were in none before."""
        found: set[int] = set()
        for alarm in self.alarms[link]:
            if alarm not in known:
                found.update(range(alarm.first, min(alarm.until, newest) + 1))
        return sorted(
            window
            for window in found
            if not any(was.first <= window <= max(was.until, was.told) for was in known)
        )

    def at(self, window: int, again: set[int]) -> set[int]:
        """Returns the rows of the links that a window is told of when it is evaluated.

        Args:
            window: number of the window.
            again: rows of links that it was evaluated for before.
        """
        return {
            link
            for link, alarms in self.alarms.items()
            if any(
                alarm.first <= window
                and (window <= alarm.until or (window <= alarm.told and link in again))
                for alarm in alarms
            )
        }

    def open_after(self, window: int, link: int) -> list[TracedAlarm]:
        """Returns the alarms of a link that are open at the end of a window."""
        return [alarm for alarm in self.alarms.get(link, ()) if alarm.is_open_after(window)]

    def forget(self, oldest: int) -> None:
        """Forgets alarms of which no window from `oldest` on is told."""
        kept = {
            link: [alarm for alarm in alarms if max(alarm.until, alarm.told) >= oldest]
            for link, alarms in self.alarms.items()
        }
        self.alarms = {link: alarms for link, alarms in kept.items() if alarms}

    def rearrange(self, source: Rows) -> None:
        """Gives the links new rows, by new row the old one or -1; drops alarms of other links."""
        num_old = max([*self.alarms, int(source.max(initial=-1))], default=-1) + 1
        places = new_places(source, num_old).tolist()
        self.alarms = {
            places[link]: alarms for link, alarms in self.alarms.items() if places[link] >= 0
        }


def traces_of_open_alarms(table: np.ndarray[tuple[int], np.dtype[np.void]]) -> Traces:
    """Returns the traces of a tracker that traced nothing before.

    Args:
        table: its open alarms, of dtype `ALARM`.
    """
    traces = Traces()
    for alarm in table:
        one = TracedAlarm(int(alarm["family"]), int(alarm["onset"]), int(alarm["raised"]))
        traces.alarms.setdefault(int(alarm["link"]), []).append(one)
    return traces
