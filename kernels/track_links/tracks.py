"""Tracks: all that is known of the links of a shard, and how a window is decided with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import is_among
from kernels.track_links.alarms import Alarms
from kernels.track_links.cells import cells_of, codes_in, in_maint
from kernels.track_links.confirm import Confirming
from kernels.track_links.decide import NUM_LEVELS, decide, is_plainly_normal
from kernels.track_links.dips import Dips
from kernels.track_links.history import History, Rows, WindowPowers
from kernels.track_links.learned_base import LearnedBases
from kernels.track_links.limits import SpanLimits, work_at
from kernels.track_links.link_rows import LinkRows, View
from kernels.track_links.losses import losses_of
from kernels.track_links.powers import LinkPowers
from kernels.track_links.revisions import Revisions
from kernels.track_links.runs import Runs
from kernels.track_links.traces import WINDOWS_BEFORE, Traces
from kernels.window_bounds import WindowBounds
from schema.events import Family

__all__ = ["Tracks"]


@dataclass
class Tracks:
    """What is known of the links of a shard; `kernels.track_links.evaluation` carries it forward.

    Attributes:
        lifecycle: False with ``--emit=matches``.
        bounds: when windows are due and close.
        history: the last windows.
        runs: what they and all before them confirm.
        links: the topology in force, and the rows of all that is kept by link.
        alarms: the open alarms.
        bases: the learned bases.
        dips: short losses that were not confirmed.
        revisions: what was acted upon and is not confirmed any more.
        traces: the alarms around which windows are told of; None = nothing is traced.
        unsaved: what was read since this list was last emptied, by window, in order.
    """

    lifecycle: bool
    bounds: WindowBounds
    history: History
    runs: Runs
    links: LinkRows = field(default_factory=LinkRows)
    alarms: Alarms = field(default_factory=Alarms)
    bases: LearnedBases = field(default_factory=LearnedBases)
    dips: Dips = field(default_factory=Dips)
    revisions: Revisions = field(default_factory=Revisions)
    traces: Traces | None = None
    unsaved: list[tuple[int, WindowPowers]] = field(default_factory=list)

    @classmethod
    def empty(
        cls,
        bounds: WindowBounds,
        *,
        lifecycle: bool,
        gap_windows: int = 1,
        has_traces: bool = False,
    ) -> "Tracks":
        """Returns the tracks of a shard that has seen nothing."""
        runs = Runs(Confirming(lifecycle=lifecycle, gap_windows=gap_windows))
        traced_before = WINDOWS_BEFORE if has_traces else 0
        history = History.empty(bounds.num_open, runs.rule.longest_row, traced_before)
        return cls(lifecycle, bounds, history, runs, traces=Traces() if has_traces else None)

    # --- topology --------------------------------------------------------------------------

    def set_links(self, links: Mapping[str, bytes]) -> bool:
        """Lays out a whole topology; links that are gone are forgotten with all they had.

        Args:
            links: serialized FiberLinks by link_id.

        Returns:
            Whether rows have moved.
        """
        return self._rearrange(self.links.set_links(links))

    def change_links(self, changes: Mapping[str, bytes | None]) -> bool:
        """Applies changes of the topology; None = the link is deleted.

        Returns:
            Whether rows have moved.
        """
        return self._rearrange(self.links.change_links(changes))

    def _rearrange(self, source: Rows | None) -> bool:
        self.history.limits = self.links.limits
        if source is None:
            return False
        parts = (self.history, self.runs, self.alarms, self.bases, self.dips, self.revisions)
        for part in parts:
            part.rearrange(source)
        if self.traces is not None:
            self.traces.rearrange(source)
        return True

    def forget(self, rows: Rows) -> None:
        """Forgets the windows of links that are not decided any more; not what was learned."""
        self.history.forget(rows)
        self.runs.forget(rows)
        self.dips.drop(rows)
        self.revisions.drop(rows)

    # --- a window --------------------------------------------------------------------------

    def advance(self, window: int) -> None:
        """Makes a window the newest, if it is newer than that."""
        history = self.history
        if history.newest is None:
            history.begin(window)
        assert history.newest is not None
        if window <= history.newest:
            return
        # Then only empty windows are left: what lies farther ahead needs no more.
        for _ in range(min(window - history.newest, history.num_read)):
            self.alarms.fold_oldest(history)
            self.runs.fold_oldest(history)
            history.step()
        if history.newest < window:
            history.read.clear()
            history.newest = window
        closed = window - self.bounds.num_open
        if self.traces is not None:
            self.traces.forget(history.oldest)
            closed -= WINDOWS_BEFORE  # all of it is kept until no alarm can reach back to it
        self._thin_out(closed)
        self.revisions.forget(history.oldest)
        self.dips.forget(history.oldest)

    def _thin_out(self, closed: int) -> None:
        """Keeps of a window that nothing can change any more what an event may speak of."""
        history = self.history
        read = history.read.get(closed)
        if read is not None:
            busy = history.last_abnormal[read.row] >= history.oldest_read
            busy |= is_among(read.row, np.unique(self.alarms.table["link"]))
            if busy.any():
                history.read[closed] = read.pick(busy)
            else:
                del history.read[closed]

    def decide(self, window: int, view: View, read: LinkPowers, *, late: bool) -> None:
        """Decides a window.

        Args:
            window: number of the window.
            view: the links that are decided.
            read: what was read in the window.
            late: the window was evaluated before.
        """
        history, rows = self.history, view.rows
        limits = self._with_learned_bases(window, view)
        powers = {name: values[view.taken] for name, values in read.powers.items()}
        measured = WindowPowers(rows, powers, limits.base_db)
        span_powers = measured.span_powers()
        normal = is_plainly_normal(span_powers, limits)
        if read.flags is None:
            flags = np.zeros((len(rows), 2), np.uint8)
        else:
            flags = read.flags[view.taken]
            normal &= ~flags.any(axis=1)
        suspects = np.flatnonzero(~normal)
        history.record_normal(window, rows[normal])
        abnormal = rows[suspects]
        runs = self.runs.before(history, window, abnormal, late=late)
        decided = decide(
            span_powers.take(suspects),
            limits.take(suspects),
            self._stands_at_cut(abnormal),
            self.runs.rule.was_cut(runs, window),
        )
        history.record(window, abnormal, cells_of(decided, flags[suspects]))
        needed = ~limits.base_is_told & ~self.bases.is_known(rows)
        if needed.any():
            codes = codes_in(history.at(window, rows))
            loss_db = losses_of(span_powers, limits).loss_db
            spare = self.bounds.num_open
            self.bases.learn(window, rows, needed, codes, loss_db, late=late, spare=spare)
        history.add_read(window, measured)
        self.unsaved.append((window, measured))

    def _with_learned_bases(self, window: int, view: View) -> SpanLimits:
        if view.limits.base_is_told.all():
            return view.limits
        learned_db = self.bases.in_force_db(window, view.rows)
        told = view.limits.base_is_told
        return view.limits.with_base(np.where(told, view.limits.base_db, learned_db))

    def _stands_at_cut(self, rows: Rows) -> NDArray[np.bool_]:
        """Returns (k, 2) which spans of some links stand at FIBER_CUT."""
        family = np.full((len(rows), 1, 2), Family.FIBER, np.uint8)
        at_cut: NDArray[np.bool_] = self.alarms.standing(rows, family)[:, 0] == NUM_LEVELS
        return at_cut

    def works(self, window: int, links: Rows, directions: Sequence[int]) -> list[str | None]:
        """Returns what work a window is under for events that name some spans; None = none.

        Args:
            window: number of the window.
            links: (k,) rows of the links.
            directions: bit mask of the spans, for each link.
        """
        start_s = self.bounds.start_s(window)
        spans_in_maint = in_maint(self.history.at(window, links)) @ np.array([1, 2])
        return [
            work_at(self.links.link(link), start_s, in_maint=bool(spans & direction))
            for link, spans, direction in zip(
                links.tolist(), spans_in_maint.tolist(), directions, strict=True
            )
        ]

    def count_dips(self, window: int, rows: Rows) -> None:
        """Notes the dips that the newest window ends, before it takes the runs forward."""
        if self.lifecycle:
            runs = self.runs.before(self.history, window, rows, late=False)
            codes = codes_in(self.history.at(window, rows))
            self.dips.add(window, rows, self.runs.rule.ends_dip(runs, window, codes))
