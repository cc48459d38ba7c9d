"""Oracle, part 4: the windows of one link, their confirmation, and the life of its alarms."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import islice
from typing import Any

from schema import topology_pb2 as topo
from schema.topology_pb2 import FiberLink
from tests.oracle_event import Alarm, maintenance_of, publish, span_of
from tests.oracle_input import Sample
from tests.oracle_span import (
    DIRECTIONS,
    FAMILIES,
    NO_DATA,
    SpanEnd,
    SpanWindow,
    decide,
    powers,
)

LEARN_WINDOWS = 60
LEARN_SPREAD_DB = 0.5
TOP_LEVEL = {"FIBER": 4, "SIGNAL": 2, "OSC": 1, "TOPOLOGY": 1}
LIVE_STATES = (topo.DEPLOYED, topo.MAINTENANCE, topo.LIFECYCLE_STATE_UNSPECIFIED)

Event = dict[str, Any]


class LinkOracle:
    """All that is known of one link. A window has a number; it is `window_s` seconds long."""

    def __init__(self, link: FiberLink, *, window_s: int, emit: str, source: str) -> None:
        self.link = link
        self.window_s = window_s
        self.emit = emit
        self.source = source
        self.pending: set[int] = set()  # windows that have samples and are not due yet
        self.joined: dict[int, dict[SpanEnd, list[Sample]]] = {}
        self.decided: dict[int, dict[str, SpanWindow]] = {}
        self.alarms: dict[str, Alarm] = {}  # the open alarm of a family
        self.matches: dict[tuple[int, str], Alarm] = {}  # emit=matches: (window, family)
        self.learned: dict[str, tuple[float, int]] = {}  # direction -> base, 60th window
        # (window, direction, family) -> highest level that was ever confirmed there.
        self.once_confirmed: dict[tuple[int, str, str], int] = {}

    def join(self, end: SpanEnd, sample: Sample) -> bool:
        """Adds a sample to its window; returns False for a duplicate, which changes nothing."""
        samples = self.joined.setdefault(sample.window(self.window_s), {}).setdefault(end, [])
        duplicate = any(_identity(sample) == _identity(other) for other in samples)
        samples.append(sample)
        return not duplicate

    def evaluate(self, window: int, *, late: bool) -> list[Event]:
        """Evaluates a window, on time or late.

        On time, the window is the newest one, and the walk below is that window alone. A late
        evaluation walks on through the windows already evaluated. An event that it causes belongs
        to the window at which the run or the count is complete.
        """
        self.pending.discard(window)
        if self.link.lifecycle_state not in LIVE_STATES:
            return []
        # Decisions of later windows stay as they are.
        self.decided[window] = {d: self._decide(window, d) for d in DIRECTIONS}
        for direction in DIRECTIONS:
            self._learn(direction, window)

        events: list[Event] = []
        reopened: dict[str, int] = {}  # family -> window of a RAISE or a fall in this walk
        for at in sorted(w for w in self.decided if w >= window):
            if self.emit == "matches":
                events += self._match(at, late)
                continue
            events += self._unsuppress(at, late)
            for family in FAMILIES:
                events += self._live(family, at, late, reopened)
        return events

    # --- Decision ---

    def _decide(self, window: int, direction: str) -> SpanWindow:
        alarm = self.alarms.get("FIBER")  # as it is now; none with emit=matches
        alarm_is_cut = alarm is not None and alarm.level == 4 and direction in alarm.directions
        before = self.decided.get(window - 1)
        before_is_cut = before is not None and before[direction].code == "FIBER_CUT"
        return decide(
            span_of(self.link, direction),
            powers(self.link, direction, self.joined[window]),
            self._base(window, direction),
            cut_holds=alarm_is_cut or before_is_cut,
        )

    def _base(self, window: int, direction: str) -> float | None:
        """Returns the configured base; else the learned one, after its 60th window."""
        span = span_of(self.link, direction)
        if span.HasField("span_loss_base_db"):
            return span.span_loss_base_db
        if direction in self.learned:
            base, sixtieth = self.learned[direction]
            return base if window > sixtieth else None
        return None

    def _learn(self, direction: str, window: int) -> None:
        """Learns a base, for good, from the first 60 losses in a row with a small spread."""
        if direction in self.learned:
            return
        if span_of(self.link, direction).HasField("span_loss_base_db"):
            return
        # Only a row that ends at the window just decided, or later, can be new.
        for last in sorted(w for w in self.decided if w >= window):
            row = self._losses_up_to(direction, last)
            if len(row) == LEARN_WINDOWS and max(row) - min(row) < LEARN_SPREAD_DB:
                self.learned[direction] = (statistics.median(row), last)
                return

    def _losses_up_to(self, direction: str, last: int) -> list[float]:
        """Returns the newest 60 losses up to a window; NO_DATA is skipped, dark ends the row."""
        row: list[float] = []
        if self.decided[last][direction].loss_db is None:
            return row
        for window in sorted((w for w in self.decided if w <= last), reverse=True):
            span_window = self.decided[window][direction]
            if span_window.code == NO_DATA:
                continue
            if span_window.loss_db is None or len(row) == LEARN_WINDOWS:
                break
            row.append(span_window.loss_db)
        return row

    # --- Confirmation ---

    def _run(self, window: int, direction: str, family: str) -> Iterator[SpanWindow]:
        """Yields the adjacent windows up to a window, newest first, that decided the family."""
        while window in self.decided and self.decided[window][direction].family == family:
            yield self.decided[window][direction]
            window -= 1

    def _confirmed_level(self, window: int, direction: str, family: str) -> int:
        """Returns the highest level confirmed for a span at a window; 0 for none."""
        run = islice(self._run(window, direction, family), 10)  # no level needs more
        levels = [span_window.level for span_window in run]
        for level in range(TOP_LEVEL[family], 0, -1):
            needed = 10 if family == "FIBER" and level == 1 and self.emit != "matches" else 2
            newest = levels[:needed]
            if len(newest) == needed and all(decided >= level for decided in newest):
                return level
        return 0

    def _confirmed(self, window: int, family: str) -> dict[str, int]:
        """Returns the spans that confirm the family at a window, with their levels."""
        levels = {d: self._confirmed_level(window, d, family) for d in DIRECTIONS}
        return {direction: level for direction, level in levels.items() if level}

    def _onset(self, window: int, family: str, directions: dict[str, int]) -> int:
        """Returns the start of the unbroken run; the earlier one if both spans confirm."""
        return min(window + 1 - len(list(self._run(window, d, family))) for d in directions)

    # --- Life of an alarm (emit=lifecycle) ---

    def _unsuppress(self, window: int, late: bool) -> list[Event]:
        """Publishes again what outlives its maintenance; before all other events of a window."""
        if maintenance_of(self.link, window * self.window_s) is not None:
            return []
        return [
            self._publish(alarm, "CHANGE", window, late)
            for family in FAMILIES
            if (alarm := self.alarms.get(family))
            and alarm.suppressed
            and window > alarm.event_window
        ]

    def _live(self, family: str, window: int, late: bool, reopened: dict[str, int]) -> list[Event]:
        """Returns at most one event of a family at a window: RAISE, CHANGE or CLEAR."""
        confirmed = self._confirmed(window, family)
        # A confirmation acts once, unless a RAISE or a fall at an earlier window of this walk has
        # put the alarm back to that window.
        acts = window > reopened.get(family, window) or any(
            level > self.once_confirmed.get((window, direction, family), 0)
            for direction, level in confirmed.items()
        )
        for direction, level in confirmed.items():
            key = (window, direction, family)
            self.once_confirmed[key] = max(level, self.once_confirmed.get(key, 0))
        if not acts:
            confirmed = {}

        alarm = self.alarms.get(family)
        if alarm is None:
            if not confirmed:
                return []
            self.alarms[family] = alarm = Alarm(
                family=family,
                onset=self._onset(window, family, confirmed),
                level=max(confirmed.values()),
                directions=set(confirmed),
                count_from=window,
            )
            reopened[family] = window
            return [self._publish(alarm, "RAISE", window, late)]

        rises = max(confirmed.values(), default=0) > alarm.level
        grows = not set(confirmed) <= alarm.directions
        alarm.directions |= set(confirmed)
        if rises:
            alarm.level = max(confirmed.values())
            alarm.count_from = window
        held = self._held_level(alarm, window)
        falls = held is not None
        if held is not None:
            alarm.count_from = window
            reopened[family] = window
            if held == 0:
                del self.alarms[family]
                return [self._publish(alarm, "CLEAR", window, late)]
            alarm.level = held
        if rises or grows or falls:
            return [self._publish(alarm, "CHANGE", window, late)]
        return []

    def _held_level(self, alarm: Alarm, window: int) -> int | None:
        """Returns the level that the alarm falls to at a window; None if it does not fall.

        Counts all windows since the last RAISE, rise or fall again, by the alarm's present
        direction and the decisions as they stand.
        """
        needed = 30 if (alarm.family, alarm.level) == ("FIBER", 1) else 10
        below: list[int] = []
        for counted in sorted(w for w in self.decided if alarm.count_from < w <= window):
            holds = [self.decided[counted][d].hold(alarm.family) for d in alarm.directions]
            known = [hold for hold in holds if hold is not None]
            if len(known) < len(holds):
                continue  # does not count: neither adds nor resets
            below = [*below, max(known)] if max(known) < alarm.level else []
        return max(below[-needed:]) if len(below) >= needed else None

    # --- Two windows in a row, without a life cycle (emit=matches) ---

    def _match(self, window: int, late: bool) -> list[Event]:
        events: list[Event] = []
        for family in FAMILIES:
            confirmed = self._confirmed(window, family)
            if not confirmed:
                continue
            level = max(confirmed.values())
            match = self.matches.get((window, family))
            if match is None:
                match = Alarm(family, window - 1, level, set(confirmed), count_from=window)
                self.matches[window, family] = match
            elif level <= match.level:
                continue  # published once
            match.level = level
            match.directions = set(confirmed)
            events.append(self._publish(match, "MATCH", window, late))
        return events

    def _publish(self, alarm: Alarm, action: str, window: int, late: bool) -> Event:
        return publish(
            self.link,
            alarm,
            action,
            window,
            self.decided,
            window_s=self.window_s,
            late=late,
            source=self.source,
        )


def _identity(sample: Sample) -> tuple[str, int, int, str]:
    return sample.component, sample.time_ns, sample.sequence, sample.state
