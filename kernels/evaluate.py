"""One window of a shard's links, from powers to events: decide, confirm, life cycle.

On time, a window is appended to the history and evaluated. A late evaluation decides its window
anew for the links of one report, confirms anew what that window is part of, and recounts; it may
raise or lift, and never takes back.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kernels import history as hist
from kernels.confirm import Confirmed, confirm, run_length
from kernels.decide import SpanLimits, SpanPowers, decide
from kernels.history import History, Readings, ring_windows
from kernels.learn import LearningRow
from kernels.lifecycle import NEVER, Alarms, Confirmation, confirmations
from kernels.limits import is_decided, limits_of, maintenance_at
from kernels.span_loss import span_column
from schema.events import (
    CODE_FACTS,
    CODE_OF,
    Action,
    Code,
    Family,
    FiberEvent,
    Severity,
    severity_of,
)
from schema.topology_pb2 import FiberLink

Rows = NDArray[np.int64]


@dataclass
class Tracks:
    """What is known of the links of one shard; `evaluate` carries it from window to window.

    Attributes:
        lifecycle: False with ``--emit=matches``.
        late_windows: number of windows that can still be decided anew.
        links: the topology in force, by link_id.
        row_of: row of each link that was ever seen, by link_id.
        history: the last windows.
        alarms: what is open.
        learned_db: (n, 2) float64, learned base, NaN = none.
        learned_s: (n, 2) int64, the window after which it holds.
        learning: rows of measured windows, by (row, direction).
        published: matches made or lifted by late evaluations: (sequence, level) by
            (row, family, window).
    """

    lifecycle: bool
    late_windows: int
    history: History
    links: dict[str, FiberLink] = field(default_factory=dict)
    row_of: dict[str, int] = field(default_factory=dict)
    alarms: Alarms = field(default_factory=Alarms)
    learned_db: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    learned_s: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    learning: dict[tuple[int, int], LearningRow] = field(default_factory=dict)
    published: dict[tuple[int, int, int], tuple[int, int]] = field(default_factory=dict)
    _limits: SpanLimits | None = None
    _rows: list[FiberLink | None] = field(default_factory=list)

    @classmethod
    def empty(cls, *, lifecycle: bool, allowed_lateness_s: float) -> "Tracks":
        """Returns the tracks of a shard that has seen nothing."""
        late_windows = int(np.ceil(allowed_lateness_s)) + 1
        return cls(lifecycle, late_windows, History.empty(ring_windows(allowed_lateness_s)))

    def set_links(self, links: dict[str, FiberLink]) -> None:
        """Takes over a topology; links that are gone are forgotten with all they had."""
        self.links = links
        gone = [link_id for link_id in self.row_of if link_id not in links]
        if gone:
            kept = np.ones(len(self.row_of), bool)
            kept[[self.row_of[link_id] for link_id in gone]] = False
            self._keep(kept)
        self._lay_out()

    def evaluate(self, window_s: int, spans: pa.RecordBatch, *, late: bool) -> list[FiberEvent]:
        """Evaluates one window.

        Args:
            window_s: start of the window [s since the Unix epoch].
            spans: SPANS rows of the links that have a sample in it.
            late: the window was evaluated before; `spans` holds the links of one report.

        Returns:
            The events, in the order they were made.
        """
        rows, taken = self._rows_of(spans)
        history = self.history
        if not late:
            self._advance(window_s)
        if not len(rows):
            return []
        before = self._confirmed(window_s, rows) if late else []
        self._decide(window_s, rows, spans, taken, late=late)
        assert history.newest_s is not None
        events: list[FiberEvent] = []
        for number, at_s in enumerate(range(window_s, history.newest_s + 1)):
            confirmed = confirm(history.codes(at_s, rows), lifecycle=self.lifecycle)
            news = confirmed.level > 0
            if late:
                was = before[number]
                news &= (confirmed.level > was.level) | (confirmed.family != was.family)
                news |= self._changed_by(events, rows, confirmed)
            found = confirmations(rows, confirmed, news)
            if self.lifecycle:
                events += self._unsuppress(at_s, history.evaluated(at_s, rows), late)
                events += self._raise_change_clear(at_s, found, rows, late)
            elif late:
                events += self._late_matches(at_s, found, rows, before[number])
            else:
                events += [self._match(at_s, c, 1, None, late=False) for c in found]
        return events

    # --- the window itself -----------------------------------------------------------------

    def _advance(self, window_s: int) -> None:
        history = self.history
        if history.newest_s is None:
            history.newest_s = window_s - 1
            history.run_start_s[:] = NEVER
        # After H steps only empty windows are left: what lies farther ahead needs no more.
        for _ in range(min(window_s - history.newest_s, history.num_windows)):
            self.alarms.fold_oldest(history)
            history.step()
        if history.newest_s < window_s:
            history.readings.clear()
            history.newest_s = window_s
        oldest_s = history.oldest_s
        self.published = {k: v for k, v in self.published.items() if k[2] >= oldest_s}

    def _decide(
        self, window_s: int, rows: Rows, spans: pa.RecordBatch, taken: Rows, *, late: bool
    ) -> None:
        assert self._limits is not None
        names = ("tx_dbm", "rx_dbm", "tx_osc_dbm", "rx_osc_dbm", "loss_db", "loss_osc_db")
        powers = SpanPowers(*(span_column(spans, name)[taken] for name in names))
        stated = self._limits
        learned_db = np.where(self.learned_s[rows] < window_s, self.learned_db[rows], np.nan)
        base_db = stated.base_db[rows]
        limits = SpanLimits(
            los_dbm=stated.los_dbm[rows],
            set_db=stated.set_db[rows],
            base_db=np.where(np.isnan(base_db), learned_db, base_db),
            base_osc_db=stated.base_osc_db[rows],
            has_osc=stated.has_osc[rows],
        )
        decided = decide(powers, limits, self._cut_held(window_s, rows))
        history = self.history
        history.record(window_s, rows, decided)
        readings = Readings.of(rows, powers, limits, decided)
        self._learn(window_s, rows, readings, np.isnan(base_db), late=late)
        if self.late_windows < hist.CONFIRM_WINDOWS_WARN:
            # No event of a later evaluation can speak of a link that was sound all along.
            busy = history.last_abnormal_s[rows] >= history.oldest_s
            busy |= np.isin(rows, self.alarms.table["link"])
            readings = readings.pick(busy)
        known = history.readings.get(window_s)
        history.readings[window_s] = known.merge(readings) if known else readings

    def _cut_held(self, window_s: int, rows: Rows) -> NDArray[np.bool_]:
        """Decision row 2: what keeps a dark span cut, (k, 2)."""
        history = self.history
        position = history.position(window_s)
        held = np.zeros((len(rows), 2), bool)
        if position > 0:
            held |= history.codes(window_s - 1, rows)[-1] == Code.FIBER_CUT
        table = self.alarms.table
        at_cut = table[(table["family"] == Family.FIBER) & (table["level"] == 4)]
        direction = np.zeros(len(self.row_of), np.uint8)
        direction[at_cut["link"]] = at_cut["direction"]
        named = direction[rows]
        return held | np.stack(((named & 1) != 0, (named & 2) != 0), axis=1)

    def _learn(
        self,
        window_s: int,
        rows: Rows,
        readings: Readings,
        no_base: NDArray[np.bool_],
        *,
        late: bool,
    ) -> None:
        needed = no_base & np.isnan(self.learned_db[rows])
        for i, direction in np.argwhere(needed):
            loss_db = readings.values[i, direction, hist.LOSS]
            dark = bool(readings.flags[i, direction] & (hist.TX_DARK | hist.RX_DARK))
            if np.isnan(loss_db) and not dark and not late:
                continue
            key = int(rows[i]), int(direction)
            row = self.learning.setdefault(key, LearningRow())
            learned = row.add(
                window_s,
                None if np.isnan(loss_db) else float(loss_db),
                dark=dark,
                spare=self.late_windows,
            )
            if learned:
                self.learned_db[key], self.learned_s[key] = learned
                del self.learning[key]

    # --- life cycle ------------------------------------------------------------------------

    def _confirmed(self, window_s: int, rows: Rows) -> list[Confirmed]:
        """Returns what is confirmed at each window from `window_s` to the newest."""
        assert self.history.newest_s is not None
        return [
            confirm(self.history.codes(at_s, rows), lifecycle=self.lifecycle)
            for at_s in range(window_s, self.history.newest_s + 1)
        ]

    def _unsuppress(self, window_s: int, rows: Rows, late: bool) -> list[FiberEvent]:
        """Publishes again what is still active after the maintenance that suppressed it."""
        table = self.alarms.table
        again = table["suppressed"] & (table["last_s"] < window_s) & np.isin(table["link"], rows)
        events = []
        for row in np.flatnonzero(again):
            if maintenance_at(self._link(int(table[row]["link"])), window_s) is None:
                events.append(self._event(Action.CHANGE, int(row), window_s, late))
        return events

    def _raise_change_clear(
        self, window_s: int, found: list[Confirmation], rows: Rows, late: bool
    ) -> list[FiberEvent]:
        """Applies confirmations, then what is due to fall; one event an alarm and window."""
        actions: dict[int, Action] = {}
        for confirmation in found:
            row = self.alarms.find(confirmation.link, confirmation.family)
            action = Action.CHANGE
            if row is None:
                action = Action.RAISE
                onset_s = self._onset_s(window_s, confirmation)
                row = self.alarms.open(confirmation.link, confirmation.family, onset_s, window_s)
            alarm = self.alarms.table[row]
            direction = int(alarm["direction"]) | confirmation.direction
            risen = confirmation.level > alarm["level"]
            if risen or direction != alarm["direction"]:
                actions[row] = action
            alarm["direction"] = direction
            if risen:
                alarm["level"] = confirmation.level
                self.alarms.restart_count(row, window_s)
        concerned = np.flatnonzero(np.isin(self.alarms.table["link"], rows))
        for row, level in self.alarms.due_to_fall(self.history, window_s, concerned):
            actions[row] = Action.CHANGE if level else Action.CLEAR
            if level:
                self.alarms.table[row]["level"] = level
                self.alarms.restart_count(row, window_s)
        table = self.alarms.table
        in_order = sorted(actions, key=lambda r: (table[r]["link"], table[r]["family"]))
        events = [self._event(actions[row], row, window_s, late) for row in in_order]
        self.alarms.close([row for row, action in actions.items() if action == Action.CLEAR])
        return events

    def _changed_by(
        self, events: list[FiberEvent], rows: Rows, confirmed: Confirmed
    ) -> NDArray[np.bool_]:
        """Late walk: what is confirmed at later windows acts again on an alarm just changed."""
        changed = np.zeros((len(self.row_of), len(Family)), bool)
        for event in events:
            row = self.row_of[event.link.link_id]
            changed[row, CODE_FACTS[event.code].family] = self.lifecycle
        return changed[rows[:, None], confirmed.family] & (confirmed.level > 0)

    def _onset_s(self, window_s: int, confirmation: Confirmation) -> int:
        """Returns the first window of the unbroken run, of the earlier span if both confirm."""
        rows = np.array([confirmation.link])
        length = run_length(self.history.codes(window_s, rows))[0]
        start_s = window_s - length + 1
        whole = start_s == self.history.oldest_s
        start_s = np.where(whole, self.history.run_start_s[confirmation.link], start_s)
        spans = [confirmation.direction & 1, confirmation.direction & 2]
        return int(min(s for s, named in zip(start_s, spans, strict=True) if named))

    # --- matches ---------------------------------------------------------------------------

    def _late_matches(
        self, window_s: int, found: list[Confirmation], rows: Rows, before: Confirmed
    ) -> list[FiberEvent]:
        events = []
        for confirmation in found:
            i = int(np.searchsorted(rows, confirmation.link))
            was = before.level[i][before.family[i] == confirmation.family]
            key = confirmation.link, confirmation.family, window_s
            sequence, level = self.published.get(key, (int(was.size > 0), int(max(was, default=0))))
            if confirmation.level > level:
                self.published[key] = sequence + 1, confirmation.level
                lifted = level if sequence else None
                events.append(self._match(window_s, confirmation, sequence + 1, lifted, late=True))
        return events

    def _match(
        self,
        window_s: int,
        confirmation: Confirmation,
        sequence: int,
        lifted_from: int | None,
        *,
        late: bool,
    ) -> FiberEvent:
        link = self._link(confirmation.link)
        code = CODE_OF[confirmation.family, confirmation.level]
        previous = None
        if lifted_from is not None:
            previous = severity_of(CODE_OF[confirmation.family, lifted_from], link)
        spans, without_osc = self.history.span_readings(
            confirmation.link, window_s, window_s - 1, (np.nan, np.nan)
        )
        maintenance = maintenance_at(link, window_s)
        return FiberEvent(
            action=Action.MATCH,
            code=code,
            direction=confirmation.direction,
            sequence=sequence,
            onset_s=window_s - 1,
            window_s=window_s,
            raised_s=window_s,
            changed_s=None,
            severity=severity_of(code, link),
            previous_severity=previous,
            specific_problem=_specific_problem(code, without_osc & confirmation.direction),
            detected_late=late,
            suppressed=maintenance is not None,
            suppressed_by=(maintenance and maintenance.ticket) or None,
            spans=spans,
            link=link,
        )

    # --- events ----------------------------------------------------------------------------

    def _event(self, action: Action, row: int, window_s: int, late: bool) -> FiberEvent:
        """Makes an event of an alarm and notes it in the alarm."""
        alarm = self.alarms.table[row]
        link = self._link(int(alarm["link"]))
        code = CODE_OF[int(alarm["family"]), int(alarm["level"])]
        previous = Severity(alarm["severity"]) if alarm["sequence"] else None
        # A CLEAR carries the severity it cleared from, whatever the topology says by now.
        severity = previous if action == Action.CLEAR and previous else severity_of(code, link)
        maintenance = maintenance_at(link, window_s)
        alarm["sequence"] += 1
        alarm["severity"] = severity
        alarm["suppressed"] = maintenance is not None
        alarm["last_s"] = window_s
        if action == Action.CHANGE:
            alarm["changed_s"] = window_s
        spans, without_osc = self.history.span_readings(
            int(alarm["link"]), window_s, int(alarm["onset_s"]), alarm["folded_peak_db"]
        )
        return FiberEvent(
            action=action,
            code=code,
            direction=int(alarm["direction"]),
            sequence=int(alarm["sequence"]),
            onset_s=int(alarm["onset_s"]),
            window_s=window_s,
            raised_s=int(alarm["raised_s"]),
            changed_s=None if alarm["changed_s"] == NEVER else int(alarm["changed_s"]),
            severity=severity,
            previous_severity=previous,
            specific_problem=_specific_problem(code, without_osc & int(alarm["direction"])),
            detected_late=late,
            suppressed=maintenance is not None,
            suppressed_by=(maintenance and maintenance.ticket) or None,
            spans=spans,
            link=link,
        )

    # --- rows ------------------------------------------------------------------------------

    def _link(self, row: int) -> FiberLink:
        link = self._rows[row]
        assert link is not None
        return link

    def _rows_of(self, spans: pa.RecordBatch) -> tuple[Rows, Rows]:
        """Returns the rows of the links that are decided, ascending, and where they stand."""
        link_ids = spans.column("link_id").to_pylist()
        new = [i for i in link_ids if i not in self.row_of and i in self.links]
        if new:
            for link_id in new:
                self.row_of[link_id] = len(self.row_of)
            self._lay_out()
        rows = np.array([self.row_of.get(link_id, -1) for link_id in link_ids], np.int64)
        decided = np.array([row >= 0 and self._decided[row] for row in rows], bool)
        taken = np.flatnonzero(decided)
        taken = taken[np.argsort(rows[taken])]
        return rows[taken], taken

    def _lay_out(self) -> None:
        """Brings all per-row arrays up to date with `links` and `row_of`."""
        links = [self.links[link_id] for link_id in self.row_of]
        more = len(links) - len(self.learned_db)
        self.history.grow(len(links))
        self.learned_db = np.concatenate((self.learned_db, np.full((more, 2), np.nan)))
        self.learned_s = np.concatenate((self.learned_s, np.full((more, 2), NEVER)))
        self._rows = list(links)
        self._decided = np.array([is_decided(link) for link in links], bool)
        self._limits = limits_of(links)

    def _keep(self, kept: NDArray[np.bool_]) -> None:
        new_row = np.cumsum(kept) - 1
        self.alarms.keep(kept)
        self.history.keep(kept)
        self.learned_db, self.learned_s = self.learned_db[kept], self.learned_s[kept]
        self.row_of = {i: int(new_row[r]) for i, r in self.row_of.items() if kept[r]}
        self.learning = {(int(new_row[r]), d): v for (r, d), v in self.learning.items() if kept[r]}
        self.published = {
            (int(new_row[r]), f, w): v for (r, f, w), v in self.published.items() if kept[r]
        }


def _specific_problem(code: Code, cut_without_osc: int) -> str | None:
    return "osc-not-available" if code == Code.FIBER_CUT and cut_without_osc else None
