"""What one window says about each span: the first decision row that is true (spec, section 5).

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

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.track_links.limits import SpanLimits, clear_threshold_db
from kernels.track_links.losses import SpanLosses, losses_of
from kernels.track_links.powers import SpanPowers
from schema.events import MISMATCH_DB, OSC_LOSS_DB, Code

__all__ = [
    "NOT_COUNTING",
    "NUM_LEVELS",
    "Decisions",
    "cut_without_osc",
    "decide",
    "is_plainly_normal",
]

#: Row 4: the OSC counts as sound below this loss above its base [dB].
_OSC_SOUND_DB = 1.0
#: Number of levels of the FIBER family.
NUM_LEVELS = 4
#: Hold level of a window that does not count for the FIBER family.
NOT_COUNTING = 7


@dataclass(frozen=True)
class Decisions:
    """What the spans of n links decide; arrays of shape (n, 2).

    Attributes:
        code: uint8 `Code`.
        fiber_hold: uint8, highest FIBER level that still holds, that is whose clear threshold is
            met; `NOT_COUNTING` for rows 1, 3 and 4.
    """

    code: NDArray[np.uint8]
    fiber_hold: NDArray[np.uint8]


def decide(powers: SpanPowers, limits: SpanLimits, cut_held: NDArray[np.bool_]) -> Decisions:
    """Decides every span of one window.

    Args:
        powers: what was read.
        limits: thresholds and bases in force.
        cut_held: (n, 2) bool, the last part of row 2's condition.
    """
    no_data = np.isnan(powers.tx_dbm) | np.isnan(powers.rx_dbm)
    losses = losses_of(powers, limits)
    delta_db, tx_dark, rx_dark = losses.delta_db, losses.tx_dark, losses.rx_dark
    delta_osc_db = losses.loss_osc_db - limits.base_osc_db
    osc_sound = ~losses.rx_osc_dark & (
        (delta_osc_db < _OSC_SOUND_DB) | np.isnan(limits.base_osc_db)
    )
    osc_lost = losses.rx_osc_dark | (delta_osc_db >= OSC_LOSS_DB)

    rows: list[tuple[NDArray[np.bool_], Code]] = [
        (no_data, Code.NO_DATA),
        (tx_dark & rx_dark & cut_held, Code.FIBER_CUT),
        (tx_dark, Code.UPSTREAM_POWER_LOSS),
        (rx_dark & losses.osc_measured & osc_sound, Code.SIGNAL_LOSS_EQUIPMENT),
        (rx_dark, Code.FIBER_CUT),
        (losses.loss_db < MISMATCH_DB, Code.TOPOLOGY_MISMATCH),
        (delta_db >= limits.set_db[..., 3], Code.FIBER_CUT),
        (delta_db >= limits.set_db[..., 2], Code.FIBER_DEGRADE_SEVERE),
        (delta_db >= limits.set_db[..., 1], Code.FIBER_DEGRADE),
        (delta_db >= limits.set_db[..., 0], Code.FIBER_DEGRADE_WARN),
        (losses.osc_measured & osc_lost, Code.OSC_LOSS),
    ]
    row = np.select([mask for mask, _ in rows], [*range(1, len(rows) + 1)], default=12)
    codes = np.array([0, *(code for _, code in rows), Code.NORMAL], dtype=np.uint8)
    return Decisions(codes[row], _fiber_hold(row, delta_db, limits.set_db, rx_dark))


def _fiber_hold(
    row: NDArray[np.int64],
    delta_db: NDArray[np.float64],
    set_db: NDArray[np.float64],
    rx_dark: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    """Returns the hold levels; a delta equal to a clear threshold still holds."""
    met = delta_db[..., None] >= clear_threshold_db(set_db)
    level = np.max(np.where(met, np.arange(1, NUM_LEVELS + 1), 0), axis=-1)
    level = np.where(rx_dark, NUM_LEVELS, level)
    return np.where(np.isin(row, (1, 3, 4)), NOT_COUNTING, level).astype(np.uint8)


def is_plainly_normal(powers: SpanPowers, limits: SpanLimits) -> NDArray[np.bool_]:
    """Returns (n,) bool: links for which row 12 and hold level 0 can be told at a glance.

    That is nearly all of them nearly always, and `decide` would say the same: both signals are
    lit, the loss above base is under every threshold, clear thresholds included, and there is no
    OSC to look at, or it is as sound as the signal.
    """
    with np.errstate(invalid="ignore"):  # dark less dark
        loss_db = powers.tx_dbm - powers.rx_dbm
    normal = (powers.tx_dbm > limits.los_dbm) & (powers.rx_dbm > limits.los_dbm)
    normal &= loss_db >= MISMATCH_DB
    normal &= loss_db - limits.base_db < clear_threshold_db(limits.set_db[..., 0])
    if limits.has_osc.any():
        osc_lit = (powers.tx_osc_dbm > limits.los_dbm) & (powers.rx_osc_dbm > limits.los_dbm)
        with np.errstate(invalid="ignore"):
            delta_osc_db = powers.tx_osc_dbm - powers.rx_osc_dbm - limits.base_osc_db
        normal &= ~limits.has_osc | (osc_lit & (delta_osc_db < OSC_LOSS_DB))
    plain: NDArray[np.bool_] = normal[:, 0] & normal[:, 1]
    return plain


def cut_without_osc(code: NDArray[np.uint8], losses: SpanLosses) -> NDArray[np.bool_]:
    """Returns (n, 2) bool: row 5 decided while no OSC was measured."""
    dark = losses.rx_dark & ~losses.tx_dark
    without: NDArray[np.bool_] = (code == Code.FIBER_CUT) & dark & ~losses.osc_measured
    return without
