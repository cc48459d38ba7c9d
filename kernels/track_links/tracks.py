"""Tracks: all that is known of the links of a shard, and how a window is decided with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import is_among
from kernels.track_links.alarms import Alarms
from kernels.track_links.decide import NUM_LEVELS, decide, is_plainly_normal
from kernels.track_links.history import History, Rows, WindowPowers
from kernels.track_links.learned_base import LearnedBases
from kernels.track_links.limits import SpanLimits
from kernels.track_links.link_rows import LinkRows, View
from kernels.track_links.losses import losses_of
from kernels.track_links.powers import LinkPowers
from kernels.track_links.revisions import Revisions
from kernels.window_bounds import WindowBounds
from schema.events import Code, Family

__all__ = ["Tracks"]


@dataclass
class Tracks:
    """What is known of the links of a shard; `kernels.track_links.evaluation` carries it forward.

    Attributes:
        lifecycle: False with ``--emit=matches``.
        bounds: when windows are due and close.
        history: the last windows.
        links: the topology in force, and the rows of all that is kept by link.
        alarms: the open alarms.
        bases: the learned bases.
        revisions: what was acted upon and is not confirmed any more.
        unsaved: what was read since this list was last emptied, by window, in order.
    """

    lifecycle: bool
    bounds: WindowBounds
    history: History
    links: LinkRows = field(default_factory=LinkRows)
    alarms: Alarms = field(default_factory=Alarms)
    bases: LearnedBases = field(default_factory=LearnedBases)
    revisions: Revisions = field(default_factory=Revisions)
    unsaved: list[tuple[int, WindowPowers]] = field(default_factory=list)

    @classmethod
    def empty(cls, bounds: WindowBounds, *, lifecycle: bool) -> "Tracks":
        """Returns the tracks of a shard that has seen nothing."""
        return cls(lifecycle, bounds, History.empty(bounds.num_open))

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
        for part in (self.history, self.alarms, self.bases, self.revisions):
            part.rearrange(source)
        return True

    # --- a window --------------------------------------------------------------------------

    def advance(self, window: int) -> None:
        """Makes a window the newest, if it is newer than that."""
        history = self.history
        if history.newest is None:
            history.begin(window)
        assert history.newest is not None
        if window <= history.newest:
            return
        # After H steps only empty windows are left: what lies farther ahead needs no more.
        for _ in range(min(window - history.newest, history.num_windows)):
            self.alarms.fold_oldest(history)
            history.step()
        if history.newest < window:
            history.read.clear()
            history.newest = window
        self._thin_out(window - self.bounds.num_open)
        self.revisions.forget(history.oldest)

    def _thin_out(self, closed: int) -> None:
        """Keeps of a window that nothing can change any more what an event may speak of."""
        history = self.history
        read = history.read.get(closed)
        if read is not None:
            busy = history.last_abnormal[read.row] >= history.oldest
            busy |= is_among(read.row, np.unique(self.alarms.table["link"]))
            history.read[closed] = read.pick(busy)

    def decide(self, window: int, view: View, read: LinkPowers, *, late: bool) -> Rows:
        """Decides a window; returns the rows of the links that are not plainly normal.

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
        suspects = np.flatnonzero(~normal)
        history.record_normal(window, rows[normal])
        abnormal = rows[suspects]
        held = self._cut_held(window, abnormal)
        decided = decide(span_powers.take(suspects), limits.take(suspects), held)
        history.record(window, abnormal, decided)
        needed = view.no_base & ~self.bases.is_known(rows)
        if needed.any():
            losses = losses_of(span_powers, limits)
            self.bases.learn(
                window, rows, needed, span_powers, losses, late=late, spare=self.bounds.num_open
            )
        history.add_read(window, measured)
        self.unsaved.append((window, measured))
        return abnormal

    def _with_learned_bases(self, window: int, view: View) -> SpanLimits:
        if not view.no_base.any():
            return view.limits
        learned_db = self.bases.in_force_db(window, view.rows)
        return view.limits.with_base(np.where(view.no_base, learned_db, view.limits.base_db))

    def _cut_held(self, window: int, rows: Rows) -> NDArray[np.bool_]:
        """Returns (k, 2): decision row 2, what keeps a dark span cut."""
        history = self.history
        held = np.zeros((len(rows), 2), bool)
        if history.position(window) > 0:
            held |= history.codes(window - 1, rows)[-1] == Code.FIBER_CUT
        table = self.alarms.table
        at_cut = table[(table["family"] == Family.FIBER) & (table["level"] == NUM_LEVELS)]
        if len(at_cut):
            direction = np.zeros(len(self.links.keys), np.uint8)
            direction[at_cut["link"]] = at_cut["direction"]
            named = direction[rows]
            held |= np.stack(((named & 1) != 0, (named & 2) != 0), axis=1)
        return held
