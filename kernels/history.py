"""The last windows of n links: what each decided, and what was measured on those that matter.

A ring of small cells keeps, for every span, the decision and the FIBER hold level of the last H
windows: enough to decide a late window anew, to confirm it with its neighbours, and to count
towards a clear. What was measured is kept of windows that may still be decided anew; of older
ones only for links that an event may speak of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kernels.confirm import CONFIRM_WINDOWS_WARN
from kernels.decide import NOT_COUNTING, Decisions, SpanLimits, SpanPowers
from schema.events import FAMILY_OF, Code, SpanReading

# A cell: code in bits 0-3, FIBER hold level in bits 4-6, bit 7 = the link was evaluated.
_CODE_MASK, _HOLD_SHIFT, _HOLD_MASK, _EVALUATED = 0x0F, 4, 0x07, 0x80
#: Cell of a window in which a link was not evaluated.
EMPTY_CELL = np.uint8(Code.NO_DATA | NOT_COUNTING << _HOLD_SHIFT)

#: Columns of `Readings.values`.
TX, RX, LOSS, LOSS_OSC, BASE, DELTA = range(6)
#: Bits of `Readings.flags`.
TX_DARK, RX_DARK, CUT_WITHOUT_OSC = 1, 2, 4


def ring_windows(allowed_lateness_s: float) -> int:
    """Returns H: a confirmation may end at any window that can still be decided anew."""
    return CONFIRM_WINDOWS_WARN + int(np.ceil(allowed_lateness_s)) + 1


@dataclass
class Readings:
    """What was measured in one window.

    Attributes:
        link: (k,) int64, rows of the links, ascending.
        values: (k, 2, 6) float64, by direction and TX, RX, LOSS, LOSS_OSC, BASE, DELTA [dBm, dB].
        flags: (k, 2) uint8, bits TX_DARK, RX_DARK, CUT_WITHOUT_OSC.
    """

    link: NDArray[np.int64]
    values: NDArray[np.float64]
    flags: NDArray[np.uint8]

    @staticmethod
    def of(
        link: NDArray[np.int64], powers: SpanPowers, limits: SpanLimits, decided: Decisions
    ) -> "Readings":
        """Gathers what an event may say of each of k links."""
        columns = (
            powers.tx_dbm,
            powers.rx_dbm,
            decided.loss_db,
            decided.loss_osc_db,
            limits.base_db,
            decided.delta_db,
        )
        flags = (
            decided.tx_dark * TX_DARK
            + decided.rx_dark * RX_DARK
            + decided.cut_without_osc * CUT_WITHOUT_OSC
        )
        return Readings(link, np.stack(columns, axis=-1), flags.astype(np.uint8))

    def pick(self, mask: NDArray[np.bool_]) -> "Readings":
        """Returns the rows where `mask` is true."""
        return Readings(self.link[mask], self.values[mask], self.flags[mask])

    def merge(self, newer: "Readings") -> "Readings":
        """Returns both; of a link in both, the newer rows."""
        old = self.pick(~np.isin(self.link, newer.link))
        link = np.concatenate((old.link, newer.link))
        order = np.argsort(link)
        return Readings(
            link[order],
            np.concatenate((old.values, newer.values))[order],
            np.concatenate((old.flags, newer.flags))[order],
        )

    def position(self, link: int) -> int | None:
        """Returns where `link` stands, or None."""
        at = int(np.searchsorted(self.link, link))
        return at if at < len(self.link) and self.link[at] == link else None


@dataclass
class History:
    """The last H windows of n links.

    Attributes:
        newest_s: start of the newest window [s since the Unix epoch]; None before the first.
        cells: (H, n, 2) uint8, oldest window first; `Code` and FIBER hold level.
        run_start_s: (n, 2) int64, start of the run of one family that the oldest window is in.
        last_abnormal_s: (n,) int64, newest window in which either span was not sound.
        readings: what was measured, by window.
    """

    newest_s: int | None
    cells: NDArray[np.uint8]
    run_start_s: NDArray[np.int64]
    last_abnormal_s: NDArray[np.int64]
    readings: dict[int, Readings] = field(default_factory=dict)

    @classmethod
    def empty(cls, num_windows: int) -> "History":
        """Returns a history of no links."""
        return cls(
            newest_s=None,
            cells=np.empty((num_windows, 0, 2), np.uint8),
            run_start_s=np.empty((0, 2), np.int64),
            last_abnormal_s=np.empty(0, np.int64),
        )

    @property
    def num_windows(self) -> int:
        """H."""
        return len(self.cells)

    @property
    def oldest_s(self) -> int:
        """Start of the oldest window that is kept."""
        assert self.newest_s is not None
        return self.newest_s - self.num_windows + 1

    def position(self, window_s: int) -> int:
        """Returns the index of a window in `cells`.

        Raises:
            IndexError: the window is not kept any more, or has not come yet.
        """
        position = window_s - self.oldest_s
        if not 0 <= position < self.num_windows:
            raise IndexError(f"window {window_s} is not among the last {self.num_windows}")
        return position

    def grow(self, num_links: int) -> None:
        """Makes room for links that were not seen before."""
        more = num_links - self.cells.shape[1]
        self.cells = np.concatenate(
            (self.cells, np.full((self.num_windows, more, 2), EMPTY_CELL)), axis=1
        )
        never = np.iinfo(np.int64).min
        self.run_start_s = np.concatenate((self.run_start_s, np.full((more, 2), never)))
        self.last_abnormal_s = np.concatenate((self.last_abnormal_s, np.full(more, never)))

    def keep(self, kept: NDArray[np.bool_]) -> None:
        """Forgets the links where `kept` is false; rows move up."""
        new_row = np.cumsum(kept) - 1
        self.cells = self.cells[:, kept]
        self.run_start_s = self.run_start_s[kept]
        self.last_abnormal_s = self.last_abnormal_s[kept]
        for window_s, readings in self.readings.items():
            left = readings.pick(kept[readings.link])
            left.link = new_row[left.link]
            self.readings[window_s] = left

    def step(self) -> None:
        """Forgets the oldest window and appends an empty one."""
        assert self.newest_s is not None
        families = FAMILY_OF[self.cells[:2] & _CODE_MASK]
        goes_on = families[0] == families[1]
        self.run_start_s = np.where(goes_on, self.run_start_s, self.oldest_s + 1)
        self.readings.pop(self.oldest_s, None)
        self.cells[:-1] = self.cells[1:]
        self.cells[-1] = EMPTY_CELL
        self.newest_s += 1

    def record(self, window_s: int, rows: NDArray[np.int64], decided: Decisions) -> None:
        """Writes what `rows` decided in a window."""
        cells = decided.code | (decided.fiber_hold << _HOLD_SHIFT) | _EVALUATED
        self.cells[self.position(window_s), rows] = cells
        abnormal = rows[(decided.code > Code.NORMAL).any(axis=1)]
        self.last_abnormal_s[abnormal] = np.maximum(self.last_abnormal_s[abnormal], window_s)

    def codes(self, window_s: int, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Returns (H', k, 2) uint8 `Code` of `rows`, oldest window first, up to `window_s`."""
        return self.cells[: self.position(window_s) + 1, rows] & np.uint8(_CODE_MASK)

    def fiber_holds(self, window_s: int, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Returns the FIBER hold levels in the shape of `codes`."""
        cells: NDArray[np.uint8] = self.cells[: self.position(window_s) + 1, rows]
        return cells >> np.uint8(_HOLD_SHIFT) & np.uint8(_HOLD_MASK)

    def evaluated(self, window_s: int, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns those of `rows` that were evaluated in a window."""
        evaluated: NDArray[np.bool_] = self.cells[self.position(window_s), rows, 0] >= _EVALUATED
        return rows[evaluated]

    def span_readings(
        self, link: int, window_s: int, onset_s: int, folded_peak_db: Sequence[float]
    ) -> tuple[tuple[SpanReading, SpanReading], int]:
        """Returns what an event at a window says of the spans of a link.

        Args:
            link: row of the link.
            window_s: the event's window.
            onset_s: the peak is the largest delta from this window on.
            folded_peak_db: the largest delta, AZ and ZA, in windows not kept any more.

        Returns:
            The readings, and a bit mask of the spans that were cut while no OSC was measured.
        """
        peak_db = np.array(folded_peak_db)
        for at_s in range(max(onset_s, self.oldest_s), window_s + 1):
            peak_db = np.fmax(peak_db, self._measured(at_s, link)[0][:, DELTA])
        values, flags = self._measured(window_s, link)  # which may be before the onset
        az, za = (
            SpanReading(
                tx_dbm=float(values[direction, TX]),
                rx_dbm=float(values[direction, RX]),
                loss_db=float(values[direction, LOSS]),
                loss_osc_db=float(values[direction, LOSS_OSC]),
                base_db=float(values[direction, BASE]),
                delta_db=float(values[direction, DELTA]),
                peak_delta_db=float(peak_db[direction]),
                tx_dark=bool(flags[direction] & TX_DARK),
                rx_dark=bool(flags[direction] & RX_DARK),
            )
            for direction in (0, 1)
        )
        without_osc = (flags & CUT_WITHOUT_OSC) != 0
        return (az, za), int(without_osc[0]) + 2 * int(without_osc[1])

    def _measured(self, window_s: int, link: int) -> tuple[NDArray[np.float64], NDArray[np.uint8]]:
        """Returns the values (2, 6) and flags (2,) of a link in a window."""
        readings = self.readings.get(window_s)
        position = readings.position(link) if readings else None
        if readings is None or position is None:
            return np.full((2, 6), np.nan), np.zeros(2, np.uint8)
        return readings.values[position], readings.flags[position]
