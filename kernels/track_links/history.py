"""The last windows of n links: what each decided, and what was read on the links that matter.

A ring of small cells keeps, for every span, what the last H windows decided: enough to decide a
late window again, and to let an alarm fall late. What was read is kept for windows that may still
be decided again; for older ones only of links that an event may speak of.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import moved, new_places, spaced
from kernels.track_links.cells import (
    EMPTY_CELL,
    NORMAL_CELL,
    Cells,
    codes_in,
    is_evaluated,
    is_sound,
)
from kernels.track_links.decide import problems_of
from kernels.track_links.limits import SpanLimits, no_limits
from kernels.track_links.losses import losses_of
from kernels.track_links.powers import SpanPowers
from schema.blocks import SPAN_POWERS
from schema.columns import Columns, is_coded, none_in, plain
from schema.events import SpanReading
from schema.times import NEVER

__all__ = ["EventReadings", "History", "Rows", "WindowPowers"]

#: Rows of links in the arrays of a shard, int64.
Rows = NDArray[np.int64]


@dataclass(frozen=True)
class EventReadings:
    """What an event says of both spans of a link.

    Attributes:
        spans: what was measured, AZ and ZA.
        without_osc: bit mask of the spans cut while no OSC was measured.
        below_base: bit mask of the spans whose mismatch only the base tells.
    """

    spans: tuple[SpanReading, SpanReading]
    without_osc: int
    below_base: int


@dataclass(frozen=True)
class WindowPowers:
    """What was read on k links in one window, and the bases that were in force.

    Attributes:
        row: (k,) int64, rows of the links, ascending.
        powers: (k, 2) columns by name of `SPAN_POWERS`, coded or not; a name that is missing has
            no reading.
        base_db: (k, 2) float64, NaN = none.
    """

    row: Rows
    powers: dict[str, NDArray[Any]]
    base_db: NDArray[np.float64]

    @staticmethod
    def of(columns: Columns) -> "WindowPowers":
        """Returns the rows of a MEASURED block."""
        powers = {name: columns[name] for name in SPAN_POWERS if name in columns}
        return WindowPowers(columns["row"], powers, columns["base_db"])

    def columns(self) -> dict[str, Any]:
        """Returns the columns of a MEASURED block."""
        return {"row": self.row, **self.powers, "base_db": self.base_db}

    def span_powers(self, picked: Any = slice(None)) -> SpanPowers:
        """Returns the powers as numbers, all or some of them."""
        nothing = np.full((len(self.row[picked]), 2), np.nan)
        return SpanPowers(
            *(
                plain(self.powers[name][picked]) if name in self.powers else nothing
                for name in SPAN_POWERS
            )
        )

    def pick(self, picked: Any) -> "WindowPowers":
        """Returns some of the links."""
        powers = {name: values[picked] for name, values in self.powers.items()}
        return WindowPowers(self.row[picked], powers, self.base_db[picked])

    def merge(self, newer: "WindowPowers") -> "WindowPowers":
        """Returns both; of a link in both, the newer.

        The newer are mostly a few links of a whole window, so that is copied, and no more.
        """
        _, known = self.positions(newer.row)
        more = newer.row[~known]
        places = np.searchsorted(self.row, more)
        row = spaced(self.row, places, 0)
        row[places + np.arange(len(more))] = more
        at = np.searchsorted(row, newer.row)
        base_db = spaced(self.base_db, places, np.nan)
        base_db[at] = newer.base_db
        powers: dict[str, NDArray[Any]] = {}
        for name in SPAN_POWERS:
            old, new = self.powers.get(name), newer.powers.get(name)
            if old is not None:
                values = spaced(old, places, none_in(old))
            elif new is not None:
                values = np.full(base_db.shape, none_in(new), new.dtype)
            else:
                continue
            if new is None:
                new = np.full((len(at), 2), none_in(values), values.dtype)
            if is_coded(values) != is_coded(new):
                values, new = plain(values), plain(new)
            values[at] = new
            powers[name] = values
        return WindowPowers(row, powers, base_db)

    def positions(self, rows: Rows) -> tuple[Rows, NDArray[np.bool_]]:
        """Returns where some links stand, and which of them are there at all."""
        at = np.minimum(np.searchsorted(self.row, rows), max(len(self.row) - 1, 0))
        if not len(self.row):
            return at, np.zeros(len(rows), bool)
        return at, self.row[at] == rows


_NOTHING_READ = WindowPowers(np.empty(0, np.int64), {}, np.empty((0, 2)))


@dataclass
class History:
    """The last H windows of n links.

    Attributes:
        newest: the newest window; None before the first.
        cells: (H, n, 2) uint16, oldest window first; see `kernels.track_links.cells`.
        last_abnormal: (n,) int64, newest window in which either span was not sound.
        limits: of all n links.
        num_read: for so many windows what was read is kept: an event tells of all since its onset.
        read: what was read, by window.
    """

    newest: int | None
    cells: Cells
    last_abnormal: NDArray[np.int64]
    num_read: int
    limits: SpanLimits = field(default_factory=no_limits)
    read: dict[int, WindowPowers] = field(default_factory=dict)

    @classmethod
    def empty(cls, late_windows: int, longest_row: int, traced_before: int = 0) -> "History":
        """Returns a history of no links.

        Args:
            late_windows: number of windows that can still be decided again. A count that one of
                them completes may have been full as many windows before it.
            longest_row: number of windows that a confirmation reaches back, at most.
            traced_before: number of windows before any of these that a trace reaches back.
        """
        num_windows = max(2 * late_windows + 1, late_windows + traced_before + 1)
        return cls(
            newest=None,
            cells=np.empty((num_windows, 0, 2), np.uint16),
            last_abnormal=np.empty(0, np.int64),
            num_read=max(num_windows, late_windows + longest_row),
        )

    @property
    def num_windows(self) -> int:
        """H."""
        return len(self.cells)

    @property
    def oldest(self) -> int:
        """The oldest window that is kept."""
        assert self.newest is not None
        return self.newest - self.num_windows + 1

    @property
    def oldest_read(self) -> int:
        """The oldest window of which is kept what was read."""
        assert self.newest is not None
        return self.newest - self.num_read + 1

    def position(self, window: int) -> int:
        """Returns the index of a window in `cells`.

        Raises:
            IndexError: the window is not kept any more, or has not come yet.
        """
        position = window - self.oldest
        if not 0 <= position < self.num_windows:
            raise IndexError(f"window {window} is not among the last {self.num_windows}")
        return position

    def rearrange(self, source: Rows) -> None:
        """Gives the links new rows, by new row the old one or -1."""
        places = new_places(source, self.cells.shape[1])
        empty = np.full((self.num_windows, 1, 2), EMPTY_CELL)
        # numpy would lay that out link by link, which is slow to step and to pack.
        self.cells = np.ascontiguousarray(np.append(self.cells, empty, axis=1)[:, source])
        self.last_abnormal = moved(self.last_abnormal, source, NEVER)
        for window, read in self.read.items():
            row = places[read.row]
            kept = read.pick(row >= 0)
            self.read[window] = WindowPowers(row[row >= 0], kept.powers, kept.base_db)

    def reach_back(self, num_windows: int) -> None:
        """Keeps so many windows from now on, if it kept fewer; those before are empty."""
        if (more := num_windows - self.num_windows) > 0:
            none = np.full((more, *self.cells.shape[1:]), EMPTY_CELL)
            self.cells = np.concatenate((none, self.cells))

    def begin(self, window: int) -> None:
        """Makes a window the first; all before it are empty."""
        self.newest = window - 1

    def step(self) -> None:
        """Forgets the oldest window and appends an empty one."""
        assert self.newest is not None
        self.read.pop(self.oldest_read, None)
        self.cells[:-1] = self.cells[1:]
        self.cells[-1] = EMPTY_CELL
        self.newest += 1

    def record(self, window: int, rows: Any, cells: Cells) -> None:
        """Writes what `rows` decided in a window."""
        self.cells[self.position(window), rows] = cells
        abnormal = rows[~is_sound(cells).all(axis=1)]
        self.last_abnormal[abnormal] = np.maximum(self.last_abnormal[abnormal], window)

    def record_normal(self, window: int, rows: Rows) -> None:
        """Writes that `rows` were plainly normal in a window."""
        self.cells[self.position(window), rows] = NORMAL_CELL

    def at(self, window: int, rows: Any) -> Cells:
        """Returns (k, 2), what `rows` decided in a window."""
        cells: Cells = self.cells[self.position(window), rows]
        return cells

    def forget(self, rows: Rows) -> None:
        """Forgets the windows of some links."""
        self.cells[:, rows] = EMPTY_CELL
        self.last_abnormal[rows] = NEVER

    def evaluated(self, window: int, rows: Rows) -> Rows:
        """Returns those of `rows` that were evaluated in a window."""
        return rows[is_evaluated(self.at(window, rows)[:, 0])]

    def add_read(self, window: int, read: WindowPowers) -> None:
        """Adds what was read in a window; it replaces what was read on the same links before."""
        known = self.read.get(window)
        self.read[window] = known.merge(read) if known else read

    def delta_db(self, window: int, rows: Rows) -> NDArray[np.float64]:
        """Returns (k, 2), the losses above base of some links in a window; NaN = none."""
        delta_db = np.full((len(rows), 2), np.nan)
        read = self.read.get(window)
        if read is not None:
            at, here = read.positions(rows)
            at = at[here]
            limits = self.limits.take(rows[here]).with_base(read.base_db[at])
            delta_db[here] = losses_of(read.span_powers(at), limits).delta_db
        return delta_db

    def event_readings(
        self,
        links: Rows,
        window: int,
        onset: NDArray[np.int64],
        folded_peak_db: NDArray[np.float64],
    ) -> list[EventReadings]:
        """Returns what events at a window say of the spans of k links.

        Args:
            links: (k,) rows of the links.
            window: the window of the events.
            onset: (k,) the peak is the largest delta from this window on.
            folded_peak_db: (k, 2) the largest delta in windows not kept any more, NaN = none.
        """
        peak_db = folded_peak_db.copy()
        for at_window in range(max(int(onset.min()), self.oldest_read), window + 1):
            delta_db = self.delta_db(at_window, links)
            peak_db = np.fmax(peak_db, np.where(onset[:, None] <= at_window, delta_db, np.nan))
        powers, base_db = self.powers(links, window)  # which may be before the onset
        losses = losses_of(powers, self.limits.take(links).with_base(base_db))
        problems = problems_of(codes_in(self.at(window, links)), losses)
        columns = (
            *(powers.tx_dbm, powers.rx_dbm, losses.loss_db, losses.loss_osc_db),
            *(base_db, losses.delta_db, peak_db, losses.tx_dark, losses.rx_dark),
        )
        spans = [
            list(map(SpanReading, *(column[:, direction].tolist() for column in columns)))
            for direction in (0, 1)
        ]
        masks = [(problem @ np.array([1, 2])).tolist() for problem in problems]
        return [
            EventReadings((az, za), *of_link)
            for az, za, *of_link in zip(*spans, *masks, strict=True)
        ]

    def powers(self, links: Rows, window: int) -> tuple[SpanPowers, NDArray[np.float64]]:
        """Returns what was read on k links in a window, and their bases; NaN = nothing."""
        read = self.read.get(window, _NOTHING_READ)
        at, here = read.positions(links)
        if not here.all():
            rows = links[~here]
            read = read.merge(WindowPowers(rows, {}, np.full((len(rows), 2), np.nan)))
            at, _ = read.positions(links)
        return read.span_powers(at), read.base_db[at]
