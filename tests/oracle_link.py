"""Oracle, part 4: the windows of one link, their confirmation, and the life of its alarms."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from itertools import islice
from typing import Any

from schema import topology_pb2 as topo
from schema.topology_pb2 import FiberLink
from tests.oracle_event import Alarm, Standing, missing_parts, publish, work_on
from tests.oracle_input import Sample
from tests.oracle_span import (
    DIRECTIONS,
    FAMILIES,
    NO_DATA,
    ROW_FAMILIES,
    Before,
    SpanEnd,
    SpanWindow,
    decide,
    powers,
    span_of,
)
from tests.oracle_trace import TraceOracle

LEARN_WINDOWS = 60
LEARN_SPREAD_DB = 0.5
TOP_LEVEL = {"FIBER": 4, "SIGNAL": 4}  # of other families 1
CONFIRM = {("FIBER", 1): 10, ("DATA", 1): 3, ("RANGE", 1): 10, ("JITTER", 1): 1}  # N, else 2
CLEAR = {("FIBER", 1): 30, ("DATA", 1): 5, ("JITTER", 1): 60}  # M, else 10
JITTER_DIPS, JITTER_WINDOWS = 3, 60
LIVE_STATES = (topo.DEPLOYED, topo.MAINTENANCE, topo.LIFECYCLE_STATE_UNSPECIFIED)

Event = dict[str, Any]


class LinkOracle:
    """All that is known of one link. A window has a number; it is `window_s` seconds long."""

    def __init__(
        self, link: FiberLink, *, window_s: int, gap_windows: int, emit: str, source: str
    ) -> None:
        self.link = link
        self.window_s = window_s
        self.emit = emit
        self.gap_windows = 0 if emit == "matches" else gap_windows
        self.source = source
        self.pending: set[int] = set()  # windows that have samples and are not due yet
        self.joined: dict[int, dict[SpanEnd, list[Sample]]] = {}
        self.learned: dict[str, tuple[float, int]] = {}  # direction -> base, 60th window
        self.traces: list[Event] = []  # lines, since they were taken
        self._trace = TraceOracle(window_s)
        self._forget()

    def _forget(self) -> None:
        self.decided: dict[int, dict[str, SpanWindow]] = {}
        self.standing = {(family, d): Standing() for family in FAMILIES for d in DIRECTIONS}
        self.alarms: dict[str, Alarm] = {}  # the open alarm of a family
        self.matches: dict[tuple[int, str], Alarm] = {}  # emit=matches: (window, family)
        self.dips: dict[str, list[int]] = {d: [] for d in DIRECTIONS}  # the windows they end with
        # (window, direction, family) -> highest level that was ever confirmed there.
        self.once_confirmed: dict[tuple[int, str, str], int] = {}

    @property
    def is_live(self) -> bool:
        return self.link.lifecycle_state in LIVE_STATES

    def join(self, end: SpanEnd, sample: Sample) -> bool:
        """Adds a sample to its window; returns False for a duplicate, which changes nothing."""
        samples = self.joined.setdefault(sample.window(self.window_s), {}).setdefault(end, [])
        duplicate = any(_identity(sample) == _identity(other) for other in samples)
        samples.append(sample)
        return not duplicate

    def remove(self, newest_due: int) -> list[Event]:
        """Ends all open alarms, as the link is deleted or not decided any more."""
        events = [
            self._publish(
                self.alarms[family],
                "CLEAR",
                newest_due,
                late=False,
                problem=self.alarms[family].problem,
                clear_reason="LINK_REMOVED",
                ended=newest_due + 1,
            )
            for family in FAMILIES
            if family in self.alarms
        ]
        self._forget()
        self._trace.note(events)
        return events

    def evaluate(self, window: int, *, late: bool) -> list[Event]:
        """Evaluates a window, on time or late.

        On time, the window is the newest one, and the walk below is that window alone. A late
        evaluation walks over all windows. An event that it causes belongs to the window at which
        the run or the count is complete.
        """
        self.pending.discard(window)
        if not self.is_live:
            return []
        # Decisions of later windows stay as they are.
        self.decided[window] = self._decide(window)
        if not late:
            self._count_dips(window)
        for direction in DIRECTIONS:
            self._learn(direction, window)

        events: list[Event] = []
        for at in sorted(self.decided) if late else [window]:
            if self.emit == "matches":
                events += self._match(at, late) if at >= window else []
                continue
            if at >= window:
                events += self._unsuppress(at, late)
            for family in FAMILIES:
                events += self._live(family, at, late)
        if self.emit == "lifecycle":
            self._trace.note(events)
            self.traces += self._trace.lines(self.link, self.decided, window)
        return events

    # --- Decision ---

    def _decide(self, window: int) -> dict[str, SpanWindow]:
        before = {}
        for d in DIRECTIONS:
            last = self._before(window, d)
            before[d] = Before(
                base_db=self._base(window, d),
                stands_at_cut=self.standing["FIBER", d].level == 4,
                was_cut=last is not None and self.decided[last][d].code == "FIBER_CUT",
                jitter=self._is_jitter(window, d),
            )
        read = {d: powers(self.link, d, self.joined[window]) for d in DIRECTIONS}
        return decide(self.link, read, before)

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
        """Returns the newest 60 losses up to a window.

        NO_DATA is skipped; a dark window and one decided by row 7 end the row.
        """
        row: list[float] = []
        if self.decided[last][direction].code == NO_DATA:
            return row
        for window in sorted((w for w in self.decided if w <= last), reverse=True):
            span_window = self.decided[window][direction]
            if span_window.code == NO_DATA:
                continue
            loss_db = span_window.loss_db
            if loss_db is None or span_window.row == 7 or len(row) == LEARN_WINDOWS:
                break
            row.append(loss_db)
        return row

    def _count_dips(self, window: int) -> None:
        """Notes the dips that end with a window, and decides FIBER_JITTER with them."""
        for d in DIRECTIONS:
            last = self._before(window, d)
            ends = self.decided[window][d].code in ("NORMAL", "OSC_LOSS")
            if not ends or last is None or not self.decided[last][d].level("FIBER"):
                continue
            if any(self._confirmed_level(w, d, "FIBER") for w in self._run(last, d, "FIBER")):
                continue
            self.dips[d].append(window)
        self.decided[window] = self._decide(window)

    def _is_jitter(self, window: int, direction: str) -> bool:
        recent = [w for w in self.dips[direction] if window - JITTER_WINDOWS < w <= window]
        return len(recent) >= JITTER_DIPS

    # --- In a row, confirmation ---

    def _before(self, window: int, direction: str) -> int | None:
        """Returns the window that is not NO_DATA and that a window is next in a row to."""
        for gap in range(self.gap_windows + 1):
            earlier = self.decided.get(window - 1 - gap)
            if earlier is not None and earlier[direction].code != NO_DATA:
                return window - 1 - gap
        return None

    def _run(self, window: int, direction: str, family: str) -> Iterator[int]:
        """Yields the windows in a row up to a window, newest first, that decided the family."""
        at: int | None = window
        while at is not None and at in self.decided and self.decided[at][direction].level(family):
            yield at
            if family in ("DATA", "JITTER"):
                at -= 1
            else:
                at = self._before(at, direction)

    def _confirmed_level(self, window: int, direction: str, family: str) -> int:
        """Returns the highest level confirmed for a span at a window; 0 for none."""
        run = islice(self._run(window, direction, family), 10)  # no level needs more
        levels = [self.decided[w][direction].level(family) for w in run]
        for level in range(TOP_LEVEL.get(family, 1), 0, -1):
            needed = 2 if self.emit == "matches" else CONFIRM.get((family, level), 2)
            newest = levels[:needed]
            if len(newest) == needed and all(decided >= level for decided in newest):
                return level
        return 0

    def _confirmed(self, window: int, family: str) -> dict[str, int]:
        """Returns the spans that confirm the family at a window, with their levels."""
        levels = {d: self._confirmed_level(window, d, family) for d in DIRECTIONS}
        return {direction: level for direction, level in levels.items() if level}

    # --- Life of an alarm (emit=lifecycle) ---

    def _unsuppress(self, window: int, late: bool) -> list[Event]:
        """Publishes again what outlives the work on it; before all other events of a window."""
        return [
            self._publish(alarm, "CHANGE", window, late, problem=alarm.problem)
            for family in FAMILIES
            if (alarm := self.alarms.get(family))
            and alarm.suppressed
            and window > alarm.event_window
            and work_on(self.link, alarm.directions, window, self.window_s, self.decided) is None
        ]

    def _live(self, family: str, window: int, late: bool) -> list[Event]:
        """Returns at most one event of a family at a window: RAISE, CHANGE or CLEAR."""
        confirmed = self._confirmed(window, family)
        risen = []
        for d, level in confirmed.items():
            key = (window, d, family)
            standing = self.standing[family, d]
            if level > self.once_confirmed.get(key, 0):  # a confirmation acts once
                self.once_confirmed[key] = level
                if level > standing.level:
                    standing.level, standing.count_from = level, window
                    risen.append(d)
        fallen: dict[str, int] = {}  # direction -> first window of the counting row
        for d in DIRECTIONS:
            standing = self.standing[family, d]
            row = self._counting_row(family, d, window) if standing.level else []
            if row:
                fallen[d] = row[0][0]
                standing.level = max(hold for _, hold in row)
                standing.count_from = window

        alarm = self.alarms.get(family)
        stand = {d: s.level for d in DIRECTIONS if (s := self.standing[family, d]).level}
        if alarm is None:
            if not stand:
                return []
            onset = min(list(self._run(window, d, family))[-1] for d in risen)
            self.alarms[family] = alarm = Alarm(family=family, onset=onset)
            action = "RAISE"
        elif not stand:
            del self.alarms[family]
            down = any(self.decided[window][d].out_of_service for d in alarm.directions)
            return [
                self._publish(
                    alarm,
                    "CLEAR",
                    window,
                    late,
                    problem=alarm.problem,
                    clear_reason="ADMIN_DOWN" if down else "NORMAL",
                    ended=max(fallen.values()),
                )
            ]
        elif (max(stand.values()), set(stand)) == (alarm.level, alarm.directions):
            return []
        else:
            action = "CHANGE"
        alarm.level, alarm.directions = max(stand.values()), set(stand)
        if risen:
            alarm.problem = self._problem(family, window, confirmed)
        return [self._publish(alarm, action, window, late, problem=alarm.problem)]

    def _problem(self, family: str, window: int, confirmed: dict[str, int]) -> str | None:
        if family == "DATA":
            return missing_parts(self.decided[window])
        if family == "RANGE":
            sides = {self.decided[window][d].span_range for d in confirmed}
            return "high" if "high" in sides else "low"
        return None

    def _counting_row(self, family: str, direction: str, window: int) -> list[tuple[int, int]]:
        """Returns the windows, with their hold levels, that let a span fall at a window.

        Counts all windows since the last rise or fall again, by the decisions as they stand. The
        row goes on to the newest window.
        """
        standing = self.standing[family, direction]
        needed = CLEAR.get((family, standing.level), 10)
        row: list[tuple[int, int]] = []
        for counted in sorted(w for w in self.decided if w > standing.count_from):
            hold = self.decided[counted][direction].hold(family)
            if hold is not None:  # otherwise it does not count: neither adds nor resets
                row = [*row, (counted, hold)] if hold < standing.level else []
        row = row[:needed]
        return row if len(row) == needed and row[-1][0] <= window else []

    # --- Two windows in a row, without a life cycle (emit=matches) ---

    def _match(self, window: int, late: bool) -> list[Event]:
        events: list[Event] = []
        for family in ROW_FAMILIES:
            confirmed = self._confirmed(window, family)
            if not confirmed:
                continue
            level = max(confirmed.values())
            match = self.matches.get((window, family))
            if match is None:
                match = Alarm(family, window - 1)
                self.matches[window, family] = match
            elif level <= match.level:
                continue  # published once
            match.level = level
            match.directions = set(confirmed)
            events.append(self._publish(match, "MATCH", window, late))
        return events

    def _publish(self, alarm: Alarm, action: str, window: int, late: bool, **said: Any) -> Event:
        return publish(
            self.link,
            alarm,
            action,
            window,
            self.decided,
            window_s=self.window_s,
            late=late,
            source=self.source,
            **said,
        )


def _identity(sample: Sample) -> tuple[str, int, int, str]:
    return sample.component, sample.time_ns, sample.sequence, sample.state
