"""One window of a shard's links, from powers to events: decide, confirm, life cycle.

On time, a window is appended to the history and evaluated. A late evaluation decides its window
anew for the links of one report, confirms anew what that window is part of, and recounts; it may
raise or lift, and never takes back.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.track_links.alarms import NEVER, Alarms, Confirmation, confirmations
from kernels.track_links.confirm import Confirmed, confirm, run_length
from kernels.track_links.decide import SpanLimits, SpanPowers, decide, is_plainly_normal, measure
from kernels.track_links.events import alarm_event, match_event
from kernels.track_links.history import History, Measured, Rows, is_among, ring_windows
from kernels.track_links.learned_base import LearningRow
from kernels.track_links.limits import maintenance_at
from kernels.track_links.link_rows import LinkRows, View
from kernels.track_links.revisions import ActedUpon
from schema.columns import Columns
from schema.events import Action, Code, Family, FiberEvent


@dataclass
class Tracks:
    """What is known of the links of one shard; `evaluate` carries it from window to window.

    Attributes:
        lifecycle: False with ``--emit=matches``.
        late_windows: number of windows that can still be decided anew.
        links: the topology in force: the rows of all that is kept by link.
        history: the last windows.
        alarms: what is open.
        learned_db: (n, 2) float64, learned base, NaN = none.
        learned_s: (n, 2) int64, the window after which it holds.
        learning: rows of measured windows, by (row, direction).
        acted: what was acted upon and is not confirmed any more.
        unsaved: what was measured since this was last empty, by window, in order.
    """

    lifecycle: bool
    late_windows: int
    history: History
    links: LinkRows = field(default_factory=LinkRows)
    alarms: Alarms = field(default_factory=Alarms)
    learned_db: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 2)))
    learned_s: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    learning: dict[tuple[int, int], LearningRow] = field(default_factory=dict)
    acted: ActedUpon = field(default_factory=ActedUpon)
    unsaved: list[tuple[int, Measured]] = field(default_factory=list)

    @classmethod
    def empty(cls, *, lifecycle: bool, allowed_lateness_s: float) -> "Tracks":
        """Returns the tracks of a shard that has seen nothing."""
        late_windows = int(np.ceil(allowed_lateness_s)) + 1
        return cls(lifecycle, late_windows, History.empty(ring_windows(allowed_lateness_s)))

    def set_links(self, links: Mapping[str, bytes]) -> bool:
        """Takes over a topology; links that are gone are forgotten with all they had.

        Args:
            links: serialized FiberLinks by link_id.

        Returns:
            Whether rows have changed.
        """
        return self._rearrange(self.links.set_links(links))

    def change_links(self, changes: Mapping[str, bytes | None]) -> bool:
        """Takes over changes of the topology; None = the link is gone.

        Returns:
            Whether rows have changed.
        """
        return self._rearrange(self.links.change_links(changes))

    def _rearrange(self, source: Rows | None) -> bool:
        self.history.limits = self.links.limits
        if source is None:
            return False
        self.learned_db = np.append(self.learned_db, [[np.nan] * 2], axis=0)[source]
        self.learned_s = np.append(self.learned_s, [[NEVER] * 2], axis=0)[source]
        self.history.rearrange(source)
        self.alarms.rearrange(source)
        self.acted.rearrange(source)
        if self.learning:
            new = {old: row for row, old in enumerate(source.tolist()) if old >= 0}
            self.learning = {(new[r], d): v for (r, d), v in self.learning.items() if r in new}
        return True

    def evaluate(self, window_s: int, spans: Columns, *, late: bool) -> list[FiberEvent]:
        """Evaluates one window.

        Args:
            window_s: start of the window [s since the Unix epoch].
            spans: columns of SPANS, the links that have a sample in it.
            late: the window was evaluated before; `spans` holds the links of one report.

        Returns:
            The events, in the order they were made.
        """
        view = self.links.view(spans["link"])
        rows, history = view.rows, self.history
        if history.newest_s is None or window_s > history.newest_s:
            self._advance(window_s)
        if not len(rows):
            return []
        before = self._confirmed(window_s, rows) if late else []
        abnormal = self._decide(window_s, view, spans, late=late)
        assert history.newest_s is not None
        events: list[FiberEvent] = []
        # On time nothing can be confirmed where the window itself is normal.
        suspects = rows if late else abnormal
        # Raised or fallen in this walk: what is confirmed at later windows acts again on it.
        reopened = np.zeros((len(rows), len(Family)), bool)
        for number, at_s in enumerate(range(window_s, history.newest_s + 1)):
            confirmed = confirm(history.codes(at_s, suspects), lifecycle=self.lifecycle)
            news = confirmed.level > 0
            if late:
                news &= confirmed.level > self.acted.note(at_s, rows, before[number], confirmed)
                again = reopened[np.arange(len(rows))[:, None], confirmed.family]
                news |= again & (confirmed.level > 0)
            found = confirmations(suspects, confirmed, news)
            if self.lifecycle:
                events += self._unsuppress(at_s, rows, late)
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
            history.measured.clear()
            history.newest_s = window_s
        self._thin_out(window_s - self.late_windows)
        self.acted.forget(history.oldest_s)

    def _thin_out(self, closed_s: int) -> None:
        """Keeps of a window that nothing can change any more what an event may speak of."""
        history = self.history
        measured = history.measured.get(closed_s)
        if measured is not None:
            busy = history.last_abnormal_s[measured.row] >= history.oldest_s
            busy |= is_among(measured.row, np.unique(self.alarms.table["link"]))
            history.measured[closed_s] = measured.pick(busy)

    def _decide(self, window_s: int, view: View, spans: Columns, *, late: bool) -> Rows:
        """Decides a window; returns the rows of the links that are not plainly normal."""
        history, rows = self.history, view.rows
        limits = self._with_learned(window_s, view)
        measured = Measured.of(rows, spans, limits.base_db)
        if not isinstance(view.taken, slice):
            measured = Measured(
                rows,
                {name: values[view.taken] for name, values in measured.powers.items()},
                limits.base_db,
            )
        powers = measured.span_powers()
        normal = is_plainly_normal(powers, limits)
        suspects = np.flatnonzero(~normal)
        history.record_normal(window_s, rows[normal])
        abnormal = rows[suspects]
        held = self._cut_held(window_s, abnormal)
        decided = decide(powers.take(suspects), limits.take(suspects), held)
        history.record(window_s, abnormal, decided)
        self._learn(window_s, view, powers, limits, late=late)
        history.add_measured(window_s, measured)
        self.unsaved.append((window_s, measured))
        return abnormal

    def _with_learned(self, window_s: int, view: View) -> SpanLimits:
        if not view.no_base.any():
            return view.limits
        learned_db, learned_s = self.learned_db[view.rows], self.learned_s[view.rows]
        learned_db = np.where(learned_s < window_s, learned_db, np.nan)
        base_db = np.where(view.no_base, learned_db, view.limits.base_db)
        return view.limits.with_base(base_db)

    def _cut_held(self, window_s: int, rows: Rows) -> NDArray[np.bool_]:
        """Decision row 2: what keeps a dark span cut, (k, 2)."""
        history = self.history
        held = np.zeros((len(rows), 2), bool)
        if history.position(window_s) > 0:
            held |= history.codes(window_s - 1, rows)[-1] == Code.FIBER_CUT
        table = self.alarms.table
        at_cut = table[(table["family"] == Family.FIBER) & (table["level"] == 4)]
        if len(at_cut):
            direction = np.zeros(len(self.links.keys), np.uint8)
            direction[at_cut["link"]] = at_cut["direction"]
            named = direction[rows]
            held |= np.stack(((named & 1) != 0, (named & 2) != 0), axis=1)
        return held

    def _learn(
        self, window_s: int, view: View, powers: SpanPowers, limits: SpanLimits, *, late: bool
    ) -> None:
        needed = view.no_base & np.isnan(self.learned_db[view.rows])
        if not needed.any():
            return
        loss_db = measure(powers, limits).loss_db
        no_data = np.isnan(powers.tx_dbm) | np.isnan(powers.rx_dbm)
        for i, direction in np.argwhere(needed & (late | ~no_data)):
            # Both ends are sampled: where there is no loss one of them is dark.
            loss = None if no_data[i, direction] else float(loss_db[i, direction])
            key = int(view.rows[i]), int(direction)
            row = self.learning.setdefault(key, LearningRow())
            learned = row.add(window_s, loss, spare=self.late_windows)
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
        if not table["suppressed"].any():
            return []
        evaluated = self.history.evaluated(window_s, rows)
        again = table["suppressed"] & (table["last_s"] < window_s)
        again &= is_among(table["link"], evaluated)
        changed = {
            row: Action.CHANGE
            for row in np.flatnonzero(again).tolist()
            if maintenance_at(self.links.link(int(table[row]["link"])), window_s) is None
        }
        return self._events(changed, window_s, late)

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
        concerned = np.flatnonzero(is_among(self.alarms.table["link"], rows))
        for row, level in self.alarms.due_to_fall(self.history, window_s, concerned):
            actions[row] = Action.CHANGE if level else Action.CLEAR
            fallen.append(row)
            if level:
                self.alarms.table[row]["level"] = level
                self.alarms.restart_count(row, window_s)
        raised = [row for row, action in actions.items() if action == Action.RAISE]
        anew = self.alarms.table[[*raised, *fallen]]
        reopened[np.searchsorted(rows, anew["link"]), anew["family"]] = True
        events = self._events(actions, window_s, late)
        self.alarms.close([row for row, action in actions.items() if action == Action.CLEAR])
        return events

    def _onset_s(self, window_s: int, confirmation: Confirmation) -> int:
        """Returns the first window of the unbroken run, of the earlier span if both confirm."""
        rows = np.array([confirmation.link])
        length = run_length(self.history.codes(window_s, rows))[0]
        start_s = window_s - length + 1
        whole = start_s == self.history.oldest_s
        start_s = np.where(whole, self.history.run_start_s[confirmation.link], start_s)
        spans = [confirmation.direction & 1, confirmation.direction & 2]
        return int(min(s for s, named in zip(start_s, spans, strict=True) if named))

    def _events(self, actions: Mapping[int, Action], window_s: int, late: bool) -> list[FiberEvent]:
        """Makes the events of a window, by row of the alarm; in order of link and family."""
        if not actions:
            return []
        table = self.alarms.table
        rows = np.array(list(actions))
        rows = rows[np.lexsort((table["family"][rows], table["link"][rows]))]
        links = table["link"][rows].astype(np.int64)
        readings = self.history.span_readings(
            links, window_s, table["onset_s"][rows], table["folded_peak_db"][rows]
        )
        return [
            alarm_event(actions[row], table[row], window_s, self.links.link(link), read, late=late)
            for row, link, read in zip(rows.tolist(), links.tolist(), readings, strict=True)
        ]

    # --- matches ---------------------------------------------------------------------------

    def _matches(self, window_s: int, found: list[Confirmation], late: bool) -> list[FiberEvent]:
        """Publishes matches; again where a late evaluation has lifted one."""
        news = []
        for confirmation in found:
            key = confirmation.link, confirmation.family, window_s
            sequence, level = self.acted.match(key) if late else (0, 0)
            if confirmation.level > level:
                if late:
                    self.acted.sequences[key] = sequence + 1
                news.append((confirmation, sequence + 1, level))
        if not news:
            return []
        links = np.array([confirmation.link for confirmation, *_ in news])
        onset_s = np.full(len(links), window_s - 1)
        readings = self.history.span_readings(
            links, window_s, onset_s, np.full((len(links), 2), np.nan)
        )
        return [
            match_event(
                confirmation,
                window_s,
                sequence,
                level,
                self.links.link(confirmation.link),
                read,
                late=late,
            )
            for (confirmation, sequence, level), read in zip(news, readings, strict=True)
        ]
