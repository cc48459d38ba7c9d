"""One window of a shard's links, from powers to events: decide, confirm, life cycle.

On time, a window is appended to the history and evaluated. A late evaluation decides its window
anew for the links of one report, confirms anew what that window is part of, and recounts; it may
raise or lift, and never takes back.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kernels.acted import ActedUpon
from kernels.confirm import Confirmed, confirm, run_length
from kernels.decide import SpanLimits, SpanPowers, decide
from kernels.history import LOSS, RX, TX, History, Readings, ring_windows
from kernels.learn import LearningRow
from kernels.lifecycle import NEVER, Alarms, Confirmation, confirmations
from kernels.limits import is_decided, limits_of, maintenance_at
from kernels.make_events import alarm_event, match_event
from kernels.span_loss import span_column
from schema.events import Action, Code, Family, FiberEvent
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
        acted: what was acted upon and is not confirmed any more.
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
    acted: ActedUpon = field(default_factory=ActedUpon)
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
        if history.newest_s is None or window_s > history.newest_s:
            self._advance(window_s)
        if not len(rows):
            return []
        before = self._confirmed(window_s, rows) if late else []
        self._decide(window_s, rows, spans, taken, late=late)
        assert history.newest_s is not None
        events: list[FiberEvent] = []
        # Raised or fallen in this walk: what is confirmed at later windows acts again on it.
        reopened = np.zeros((len(rows), len(Family)), bool)
        for number, at_s in enumerate(range(window_s, history.newest_s + 1)):
            confirmed = confirm(history.codes(at_s, rows), lifecycle=self.lifecycle)
            news = confirmed.level > 0
            if late:
                news &= confirmed.level > self.acted.note(at_s, rows, before[number], confirmed)
                again = reopened[np.arange(len(rows))[:, None], confirmed.family]
                news |= again & (confirmed.level > 0)
            found = confirmations(rows, confirmed, news)
            if self.lifecycle:
                events += self._unsuppress(at_s, history.evaluated(at_s, rows), late)
                events += self._raise_change_clear(at_s, found, rows, reopened, late)
            else:
                events += self._matches(at_s, found, late)
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
        self._thin_out(window_s - self.late_windows)
        self.acted.forget(history.oldest_s)

    def _thin_out(self, closed_s: int) -> None:
        """Keeps of a window that nothing can change any more what an event may speak of."""
        history = self.history
        readings = history.readings.get(closed_s)
        if readings is not None:
            busy = history.last_abnormal_s[readings.link] >= history.oldest_s
            busy |= np.isin(readings.link, self.alarms.table["link"])
            history.readings[closed_s] = readings.pick(busy)

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
        held |= np.stack(((named & 1) != 0, (named & 2) != 0), axis=1)
        return held

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
        no_data = np.isnan(readings.values[..., TX]) | np.isnan(readings.values[..., RX])
        for i, direction in np.argwhere(needed & (late | ~no_data)):
            # Both ends are sampled: where there is no loss one of them is dark.
            loss_db = float(readings.values[i, direction, LOSS])
            key = int(rows[i]), int(direction)
            row = self.learning.setdefault(key, LearningRow())
            learned = row.add(
                window_s, None if no_data[i, direction] else loss_db, spare=self.late_windows
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
        for row in self._in_order(np.flatnonzero(again).tolist()):
            if maintenance_at(self._link(int(table[row]["link"])), window_s) is None:
                events.append(self._event(Action.CHANGE, row, window_s, late))
        return events

    def _raise_change_clear(
        self,
        window_s: int,
        found: list[Confirmation],
        rows: Rows,
        reopened: NDArray[np.bool_],
        late: bool,
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
        fallen = []
        concerned = np.flatnonzero(np.isin(self.alarms.table["link"], rows))
        for row, level in self.alarms.due_to_fall(self.history, window_s, concerned):
            actions[row] = Action.CHANGE if level else Action.CLEAR
            fallen.append(row)
            if level:
                self.alarms.table[row]["level"] = level
                self.alarms.restart_count(row, window_s)
        raised = [row for row, action in actions.items() if action == Action.RAISE]
        anew = self.alarms.table[[*raised, *fallen]]
        reopened[np.searchsorted(rows, anew["link"]), anew["family"]] = True
        events = [self._event(actions[row], row, window_s, late) for row in self._in_order(actions)]
        self.alarms.close([row for row, action in actions.items() if action == Action.CLEAR])
        return events

    def _in_order(self, rows: Iterable[int]) -> list[int]:
        """Returns rows of the alarms by link and family: the order of the events of a window."""
        table = self.alarms.table
        return sorted(rows, key=lambda row: (table[row]["link"], table[row]["family"]))

    def _onset_s(self, window_s: int, confirmation: Confirmation) -> int:
        """Returns the first window of the unbroken run, of the earlier span if both confirm."""
        rows = np.array([confirmation.link])
        length = run_length(self.history.codes(window_s, rows))[0]
        start_s = window_s - length + 1
        whole = start_s == self.history.oldest_s
        start_s = np.where(whole, self.history.run_start_s[confirmation.link], start_s)
        spans = [confirmation.direction & 1, confirmation.direction & 2]
        return int(min(s for s, named in zip(start_s, spans, strict=True) if named))

    def _event(self, action: Action, row: int, window_s: int, late: bool) -> FiberEvent:
        alarm = self.alarms.table[row]
        link = self._link(int(alarm["link"]))
        return alarm_event(action, alarm, window_s, link, self.history, late=late)

    # --- matches ---------------------------------------------------------------------------

    def _matches(self, window_s: int, found: list[Confirmation], late: bool) -> list[FiberEvent]:
        """Publishes matches; again where a late evaluation has lifted one."""
        events = []
        for confirmation in found:
            key = confirmation.link, confirmation.family, window_s
            sequence, level = self.acted.match(key) if late else (0, 0)
            if confirmation.level > level:
                sequence += 1
                if late:
                    self.acted.sequences[key] = sequence
                link = self._link(confirmation.link)
                events.append(
                    match_event(
                        confirmation, window_s, sequence, level, link, self.history, late=late
                    )
                )
        return events

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
        self.acted.keep(kept)
