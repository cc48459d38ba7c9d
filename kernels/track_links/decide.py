"""What one window says about each span: the decision rows, first true row decides.

| row | condition                                             | decision              |
|-----|-------------------------------------------------------|-----------------------|
| 1   | T or R has no valid sample                            | NO_DATA               |
| 2   | T dark, R dark, a cut is held                         | FIBER_CUT             |
| 3   | T dark                                                | UPSTREAM_POWER_LOSS   |
| 4   | R dark, OSC measured, Ro lit and Do < 1 dB or no base | SIGNAL_LOSS_EQUIPMENT |
| 5   | R dark                                                | FIBER_CUT             |
| 6   | L < -1 dB                                             | TOPOLOGY_MISMATCH     |
| 7   | D >= cut_db                                           | FIBER_CUT             |
| 8   | D >= degrade_severe_db                                | FIBER_DEGRADE_SEVERE  |
| 9   | D >= degrade_db                                       | FIBER_DEGRADE         |
| 10  | D >= degrade_warn_db                                  | FIBER_DEGRADE_WARN    |
| 11  | OSC measured, and Ro dark or Do >= 3 dB               | OSC_LOSS              |
| 12  | otherwise                                             | NORMAL                |

Row 2 keeps a cut a cut when automatic laser shutdown darkens T as well.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schema.events import Code

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

#: Row 4: the OSC counts as undisturbed below this loss above its base [dB].
OSC_SOUND_DB = 1.0
#: Row 11: the OSC is lost from this loss above its base on [dB].
OSC_LOSS_DB = 3.0
#: Row 6: no fiber amplifies; below this loss the cabling is wrong [dB].
MISMATCH_DB = -1.0
#: Levels of the FIBER family.
NUM_LEVELS = 4
#: Hold level of a window that does not count for the FIBER family.
NOT_COUNTING = 7


@dataclass(frozen=True)
class SpanLimits:
    """What the topology says of n links; arrays of shape (n, 2), directions AZ, ZA.

    Attributes:
        los_dbm: at or below it is dark.
        set_db: (n, 2, 4), thresholds of FIBER levels 1..4 above base.
        base_db: expected loss, NaN = none.
        base_osc_db: expected loss of the OSC, NaN = none.
        has_osc: both ends measure an OSC.
    """

    los_dbm: Floats
    set_db: Floats
    base_db: Floats
    base_osc_db: Floats
    has_osc: Bools

    def take(self, rows: Any) -> "SpanLimits":
        """Returns the limits of some links."""
        return SpanLimits(**{name: values[rows] for name, values in vars(self).items()})

    def put(self, rows: NDArray[np.int64], limits: "SpanLimits") -> None:
        """Writes the limits of some links."""
        for name, values in vars(limits).items():
            getattr(self, name)[rows] = values

    def moved(self, source: NDArray[np.int64]) -> "SpanLimits":
        """Returns (n',) limits, by new row the old row or -1; those of new rows are to be put."""
        return SpanLimits(
            **{
                name: np.concatenate((values, np.zeros((1, *values.shape[1:]), values.dtype)))[
                    source
                ]
                for name, values in vars(self).items()
            }
        )

    def with_base(self, base_db: Floats) -> "SpanLimits":
        """Returns the limits with other bases."""
        return replace(self, base_db=base_db)


@dataclass(frozen=True)
class SpanPowers:
    """What was read on n links in one window; shape (n, 2), NaN = none, -inf = dark."""

    tx_dbm: Floats
    rx_dbm: Floats
    tx_osc_dbm: Floats
    rx_osc_dbm: Floats

    def take(self, rows: Any) -> "SpanPowers":
        """Returns the powers of some links."""
        return SpanPowers(**{name: values[rows] for name, values in vars(self).items()})


@dataclass(frozen=True)
class Measurement:
    """What the powers of n links come to; arrays of shape (n, 2).

    Attributes:
        loss_db: signal loss of lit readings, NaN = none.
        loss_osc_db: OSC loss of lit readings, NaN = none or no OSC measured.
        delta_db: loss above base, NaN = none.
        tx_dark: T is dark.
        rx_dark: R is dark.
        rx_osc_dark: Ro is dark.
        osc_measured: the OSC can tell a broken fiber from a dead signal.
    """

    loss_db: Floats
    loss_osc_db: Floats
    delta_db: Floats
    tx_dark: Bools
    rx_dark: Bools
    rx_osc_dark: Bools
    osc_measured: Bools


@dataclass(frozen=True)
class Decisions:
    """What n links' spans decide; arrays of shape (n, 2).

    Attributes:
        code: uint8 `Code`.
        fiber_hold: uint8, highest FIBER level whose clear threshold is still met;
            `NOT_COUNTING` for rows 1, 3 and 4.
    """

    code: NDArray[np.uint8]
    fiber_hold: NDArray[np.uint8]


def measure(powers: SpanPowers, limits: SpanLimits) -> Measurement:
    """Compares both ends of every span."""
    tx_dark = powers.tx_dbm <= limits.los_dbm
    rx_dark = powers.rx_dbm <= limits.los_dbm
    rx_osc_dark = powers.rx_osc_dbm <= limits.los_dbm
    osc_sampled = ~np.isnan(powers.tx_osc_dbm) & ~np.isnan(powers.rx_osc_dbm)
    osc_measured = limits.has_osc & osc_sampled & ~(powers.tx_osc_dbm <= limits.los_dbm)
    with np.errstate(invalid="ignore"):  # dark less dark
        loss_db = np.where(tx_dark | rx_dark, np.nan, powers.tx_dbm - powers.rx_dbm)
        loss_osc_db = powers.tx_osc_dbm - powers.rx_osc_dbm
    return Measurement(
        loss_db=loss_db,
        loss_osc_db=np.where(osc_measured & ~rx_osc_dark, loss_osc_db, np.nan),
        delta_db=loss_db - limits.base_db,
        tx_dark=tx_dark,
        rx_dark=rx_dark,
        rx_osc_dark=rx_osc_dark,
        osc_measured=osc_measured,
    )


def cut_without_osc(code: NDArray[np.uint8], measured: Measurement) -> Bools:
    """Returns (n, 2) bool: row 5 decided while no OSC was measured."""
    dark = measured.rx_dark & ~measured.tx_dark
    without: Bools = (code == Code.FIBER_CUT) & dark & ~measured.osc_measured
    return without


def is_plainly_normal(powers: SpanPowers, limits: SpanLimits) -> Bools:
    """Returns (n,) bool: links of which row 12 and hold level 0 can be told at a glance.

    That is nearly all of them nearly always, and what `decide` would say of them: both signals
    lit, the loss above base under every threshold, clear thresholds included, and an OSC that is
    not to be looked at, or as sound as that.
    """
    with np.errstate(invalid="ignore"):  # dark less dark
        loss_db = powers.tx_dbm - powers.rx_dbm
    warn_db = limits.set_db[..., 0]
    normal = (powers.tx_dbm > limits.los_dbm) & (powers.rx_dbm > limits.los_dbm)
    normal &= loss_db >= MISMATCH_DB
    normal &= loss_db - limits.base_db < warn_db - np.minimum(1.0, warn_db / 2)
    if limits.has_osc.any():
        osc_lit = (powers.tx_osc_dbm > limits.los_dbm) & (powers.rx_osc_dbm > limits.los_dbm)
        with np.errstate(invalid="ignore"):
            delta_db = powers.tx_osc_dbm - powers.rx_osc_dbm - limits.base_osc_db
        normal &= ~limits.has_osc | (osc_lit & (delta_db < OSC_LOSS_DB))
    plain: Bools = normal[:, 0] & normal[:, 1]
    return plain


def decide(powers: SpanPowers, limits: SpanLimits, cut_held: Bools) -> Decisions:
    """Decides every span of one window.

    Args:
        powers: what was measured.
        limits: thresholds and bases in force.
        cut_held: (n, 2) bool, the second half of row 2's condition.
    """
    no_data = np.isnan(powers.tx_dbm) | np.isnan(powers.rx_dbm)
    m = measure(powers, limits)
    delta_osc_db = m.loss_osc_db - limits.base_osc_db
    osc_sound = ~m.rx_osc_dark & ((delta_osc_db < OSC_SOUND_DB) | np.isnan(limits.base_osc_db))
    osc_lost = m.rx_osc_dark | (delta_osc_db >= OSC_LOSS_DB)

    rows: list[tuple[Bools, Code]] = [
        (no_data, Code.NO_DATA),
        (m.tx_dark & m.rx_dark & cut_held, Code.FIBER_CUT),
        (m.tx_dark, Code.UPSTREAM_POWER_LOSS),
        (m.rx_dark & m.osc_measured & osc_sound, Code.SIGNAL_LOSS_EQUIPMENT),
        (m.rx_dark, Code.FIBER_CUT),
        (m.loss_db < MISMATCH_DB, Code.TOPOLOGY_MISMATCH),
        (m.delta_db >= limits.set_db[..., 3], Code.FIBER_CUT),
        (m.delta_db >= limits.set_db[..., 2], Code.FIBER_DEGRADE_SEVERE),
        (m.delta_db >= limits.set_db[..., 1], Code.FIBER_DEGRADE),
        (m.delta_db >= limits.set_db[..., 0], Code.FIBER_DEGRADE_WARN),
        (m.osc_measured & osc_lost, Code.OSC_LOSS),
    ]
    row = np.select([mask for mask, _ in rows], [*range(1, len(rows) + 1)], default=12)
    codes = np.array([0, *(code for _, code in rows), Code.NORMAL], dtype=np.uint8)
    return Decisions(codes[row], _fiber_hold(row, m.delta_db, limits.set_db, m.rx_dark))


def _fiber_hold(
    row: NDArray[np.int64], delta_db: Floats, set_db: Floats, rx_dark: Bools
) -> NDArray[np.uint8]:
    """Returns the hold level; a delta equal to a clear threshold still holds."""
    clear_db = set_db - np.minimum(1.0, set_db / 2)
    met = delta_db[..., None] >= clear_db
    level = np.max(np.where(met, np.arange(1, NUM_LEVELS + 1), 0), axis=-1)
    level = np.where(rx_dark, NUM_LEVELS, level)
    return np.where(np.isin(row, (1, 3, 4)), NOT_COUNTING, level).astype(np.uint8)
