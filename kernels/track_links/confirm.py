"""Confirmation: a level counts once enough windows in a row decided at least it (spec, section 6).

Level k of family F is confirmed for a span at window w when w and the N - 1 windows before it in a
row all decided F at a level >= k. Windows are in a row when they are adjacent, or when all between
them are NO_DATA, and no more than G. For DATA they must be adjacent.

What the past contributes is a *run* for each span: the windows in a row, up to the newest, that
decided one family. A run goes forward window by window, so a row may bridge gaps of any length.
The first true row, DATA and RANGE are decided beside each other, so each has a run of its own.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from kernels.track_links.cells import decided_in
from kernels.track_links.decide import NUM_LEVELS
from schema.events import Code, Family

__all__ = ["RUN", "Confirmation", "Confirmed", "Confirming", "by_link", "no_runs"]

#: A run of a span.
RUN = np.dtype(
    [
        ("family", "u1"),  # NONE = no run
        ("count", "u1", (NUM_LEVELS,)),  # newest windows in a row at level >= 1, 2, 3, 4
        ("confirmed", "?"),  # it was, at some window of the run
        ("first", "i8"),
        ("last", "i8"),
    ]
)
#: N where it is not 2.
_CONFIRM_WINDOWS = {(Family.FIBER, 1): 10, (Family.DATA, 1): 3, (Family.RANGE, 1): 10}
_PLAIN_CONFIRM_WINDOWS = 2
_LEVELS = np.arange(1, NUM_LEVELS + 1, dtype=np.uint8)


@dataclass(frozen=True)
class Confirmed:
    """What is confirmed for the spans of n links at one window; arrays of shape (n, K, 2).

    K are the decisions that stand beside each other: the row; with the life cycle DATA and RANGE
    too.

    Attributes:
        family: uint8 `Family`; NONE where nothing is confirmed.
        level: uint8, highest confirmed level; 0 where nothing is confirmed.
        first: int64, first window of the run.
    """

    family: NDArray[np.uint8]
    level: NDArray[np.uint8]
    first: NDArray[np.int64]

    def where(self, picked: NDArray[np.bool_]) -> "Confirmed":
        """Returns the same with level 0 where `picked` (n, K, 2) is not so."""
        return replace(self, level=np.where(picked, self.level, 0).astype(np.uint8))


@dataclass(frozen=True)
class Confirmation:
    """A family that is confirmed on a link at one window.

    Attributes:
        link: row of the link.
        family: `Family`.
        level: highest confirmed level over both spans.
        direction: bit mask of the spans that confirm it.
    """

    link: int
    family: int
    level: int
    direction: int


def no_runs(num_links: int) -> NDArray[np.void]:
    """Returns (num_links, 3, 2) runs that have no window."""
    return np.zeros((num_links, 3, 2), RUN)


class Confirming:
    """How runs go forward, and what they confirm."""

    def __init__(self, *, lifecycle: bool, gap_windows: int) -> None:
        """Takes the rule.

        Args:
            lifecycle: False for the plain two-in-a-row rule of ``--emit=matches``.
            gap_windows: G.
        """
        self._gaps = (
            np.array([[gap_windows], [0], [gap_windows]]) if lifecycle else np.zeros((3, 1))
        )
        self._needed = np.full((len(Family), NUM_LEVELS), _PLAIN_CONFIRM_WINDOWS, np.uint8)
        if lifecycle:
            for (family, level), windows in _CONFIRM_WINDOWS.items():
                self._needed[family, level - 1] = windows
        self._enough = int(self._needed.max())
        self.gap_windows = gap_windows if lifecycle else 0

    @property
    def longest_row(self) -> int:
        """Windows from the first of a run to the one at which it is confirmed, at most."""
        return self._enough + (self._enough - 1) * self.gap_windows

    def step(self, runs: NDArray[np.void], window: int, cells: NDArray[np.uint16]) -> Confirmed:
        """Takes runs forward by a window, in place, and returns what is confirmed at it.

        Args:
            runs: (k, 3, 2) of `RUN`.
            window: newer than the newest of the runs.
            cells: (k, 2) what it decided, see `kernels.track_links.cells`.
        """
        family, level, is_told = decided_in(cells)
        goes_on = self.goes_on(runs, window) & (family == runs["family"]) & (family != Family.NONE)
        count = np.where(goes_on[..., None], runs["count"], 0)
        more = np.minimum(count + 1, self._enough).astype(np.uint8)
        count = np.where(level[..., None] >= _LEVELS, more, 0)
        met = count >= self._needed[family]
        confirmed = np.where(is_told, np.where(met, _LEVELS, 0).max(axis=-1), 0).astype(np.uint8)
        first = np.where(goes_on, runs["first"], window)
        was_confirmed = (goes_on & runs["confirmed"]) | (confirmed > 0)
        for name, value in (
            ("family", family),
            ("confirmed", was_confirmed),
            ("first", first),
            ("last", window),
        ):
            runs[name] = np.where(is_told, value, runs[name])
        runs["count"] = np.where(is_told[..., None], count, runs["count"])
        return Confirmed(np.where(confirmed > 0, family, 0).astype(np.uint8), confirmed, first)

    def goes_on(self, runs: NDArray[np.void], window: int) -> NDArray[np.bool_]:
        """Returns (k, 3, 2) whether a window is next in a row to the last of a run."""
        near: NDArray[np.bool_] = window - runs["last"] <= self._gaps + 1
        return near

    def was_cut(self, runs: NDArray[np.void], window: int) -> NDArray[np.bool_]:
        """Returns (k, 2): the window before in the span's row decided FIBER_CUT."""
        rows = runs[:, 0]
        at_top = (rows["family"] == Family.FIBER) & (rows["count"][..., NUM_LEVELS - 1] > 0)
        was: NDArray[np.bool_] = at_top & self.goes_on(runs, window)[:, 0]
        return was

    def ends_dip(
        self, runs: NDArray[np.void], window: int, codes: NDArray[np.uint8]
    ) -> NDArray[np.bool_]:
        """Returns (k, 2): a window ends a dip, a run of FIBER that was never confirmed.

        Args:
            runs: (k, 3, 2) before the window.
            window: the window.
            codes: (k, 2) what it decided.
        """
        rows = runs[:, 0]
        is_dip = (rows["family"] == Family.FIBER) & ~rows["confirmed"]
        is_dip &= self.goes_on(runs, window)[:, 0]
        ends: NDArray[np.bool_] = is_dip & np.isin(codes, (Code.NORMAL, Code.OSC_LOSS))
        return ends


def by_link(
    rows: NDArray[np.int64], confirmed: Confirmed, is_new: NDArray[np.bool_]
) -> Iterable[Confirmation]:
    """Yields what the rows confirm on each link, both spans combined.

    Args:
        rows: (k,) rows of the links.
        confirmed: what is confirmed.
        is_new: (k, 2) bool; a family counts where it is new on at least one of its spans.
    """
    family, level = confirmed.family[:, 0], confirmed.level[:, 0]
    is_new = is_new & (level > 0)
    # What both spans say anew is told once.
    is_new[:, 1] &= ~(is_new[:, 0] & (family[:, 0] == family[:, 1]))
    at, span = np.nonzero(is_new)
    one = family[at, span]
    order = np.lexsort((one, at))
    at, one = at[order], one[order]
    spans = family[at] == one[:, None]
    highest = np.where(spans, level[at], 0).max(axis=1)
    columns = rows[at], one, highest, spans @ np.array([1, 2])
    yield from map(Confirmation, *(column.tolist() for column in columns))
