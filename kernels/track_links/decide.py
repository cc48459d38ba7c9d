"""What one window says about each span: the first decision row that is true (spec, section 5).

T, R, T' and R' are as in the contract: T' and R' are those of the other span of the link.

| row | condition                                                      | decision              |
|-----|----------------------------------------------------------------|-----------------------|
| 1   | T or R has no valid sample                                     | NO_DATA               |
| 2   | T dark, R dark, a cut goes on (a, b or c)                      | FIBER_CUT             |
| 3   | T, R, T', R' dark, OSC measured on neither span                | LINK_DARK             |
| 4   | T dark                                                         | UPSTREAM_POWER_LOSS   |
| 5   | R dark, OSC sound                                              | SIGNAL_LOSS_EQUIPMENT |
| 6   | R dark                                                         | FIBER_CUT             |
| 7   | L < -1 dB, or D <= -6 dB with a base that the topology gives   | TOPOLOGY_MISMATCH     |
| 8   | D >= degrade_db, OSC measured with a base, Do < 1 dB and < D/5 | SIGNAL_DEGRADE        |
| 9   | D >= cut_db                                                    | FIBER_CUT             |
| 10  | D >= degrade_severe_db                                         | FIBER_DEGRADE_SEVERE  |
| 11  | D >= degrade_db                                                | FIBER_DEGRADE         |
| 12  | D >= degrade_warn_db                                           | FIBER_DEGRADE_WARN    |
| 13  | OSC measured, and Ro dark or Do >= 3 dB                        | OSC_LOSS              |
| 14  | otherwise                                                      | NORMAL                |

Row 2 keeps a cut a cut when automatic laser shutdown darkens T as well: (a) the OSC says so; (b) no
sound OSC denies it, and the alarm stands at a cut; (c) there is no OSC, R' is dark, and one of the
spans was cut in the window before.

Beside the row, a window says whether the loss is within its bounds, and what data is missing.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.track_links.limits import SpanLimits, clear_threshold_db
from kernels.track_links.losses import OSC_LOS_DBM, SpanLosses, losses_of
from kernels.track_links.powers import SpanPowers
from schema.events import MISMATCH_DB, OSC_LOSS_DB, Code

__all__ = [
    "NOT_COUNTING",
    "NUM_LEVELS",
    "RANGE_HIGH",
    "RANGE_INSIDE",
    "RANGE_LOW",
    "RANGE_NEAR",
    "RANGE_UNKNOWN",
    "Decisions",
    "decide",
    "is_plainly_normal",
    "problems_of",
]

#: Row 7: this far below the base that the topology gives [dB].
_BELOW_BASE_DB = -6.0
#: Row 8: the OSC lost less than this [dB], and less than this part of what the signal lost.
_FIBER_LOST_DB, _FIBER_LOST_PART = 1.0, 5
#: An alarm holds until the loss is this far inside its bounds [dB].
_RANGE_MARGIN_DB = 0.5
#: Number of levels of the families FIBER and SIGNAL.
NUM_LEVELS = 4
#: Hold level of a window that does not count.
NOT_COUNTING = 7
#: Where the loss is: not measured, inside its bounds, inside but too near to clear, outside.
RANGE_UNKNOWN, RANGE_INSIDE, RANGE_NEAR, RANGE_HIGH, RANGE_LOW = range(5)


@dataclass(frozen=True)
class Decisions:
    """What the spans of n links decide; arrays of shape (n, 2).

    Attributes:
        code: uint8 `Code`.
        fiber_hold: uint8, highest FIBER level that still holds, that is whose clear threshold is
            met; `NOT_COUNTING` for rows 1, 3, 4, 5 and 7.
        span_range: uint8, where the loss is.
    """

    code: NDArray[np.uint8]
    fiber_hold: NDArray[np.uint8]
    span_range: NDArray[np.uint8]


def decide(
    powers: SpanPowers,
    limits: SpanLimits,
    stands_at_cut: NDArray[np.bool_],
    was_cut: NDArray[np.bool_],
) -> Decisions:
    """Decides every span of one window.

    Args:
        powers: what was read.
        limits: thresholds and bases in force.
        stands_at_cut: (n, 2) bool, the FIBER alarm does, on this span.
        was_cut: (n, 2) bool, the window before in the span's row decided FIBER_CUT.
    """
    no_data = np.isnan(powers.tx_dbm) | np.isnan(powers.rx_dbm)
    losses = losses_of(powers, limits)
    delta_db, tx_dark, rx_dark = losses.delta_db, losses.tx_dark, losses.rx_dark
    delta_osc_db, osc_measured = losses.delta_osc_db, losses.osc_measured
    osc_lost = losses.rx_osc_dark | (delta_osc_db >= OSC_LOSS_DB)
    both_dark = tx_dark & rx_dark
    goes_on = osc_measured & losses.rx_osc_dark
    goes_on |= ~losses.osc_sound & stands_at_cut
    goes_on |= ~osc_measured & _other(rx_dark) & was_cut.any(axis=1, keepdims=True)
    below_base = limits.base_is_told & (delta_db <= _BELOW_BASE_DB)
    fiber_sound = (delta_osc_db < _FIBER_LOST_DB) & (delta_osc_db < delta_db / _FIBER_LOST_PART)

    rows: list[tuple[NDArray[np.bool_], Code]] = [
        (no_data, Code.NO_DATA),
        (both_dark & goes_on, Code.FIBER_CUT),
        (
            both_dark & _other(both_dark) & ~osc_measured & ~_other(osc_measured),
            Code.LINK_DARK,
        ),
        (tx_dark, Code.UPSTREAM_POWER_LOSS),
        (rx_dark & losses.osc_sound, Code.SIGNAL_LOSS_EQUIPMENT),
        (rx_dark, Code.FIBER_CUT),
        ((losses.loss_db < MISMATCH_DB) | below_base, Code.TOPOLOGY_MISMATCH),
        ((delta_db >= limits.set_db[..., 1]) & fiber_sound, Code.SIGNAL_DEGRADE),
        (delta_db >= limits.set_db[..., 3], Code.FIBER_CUT),
        (delta_db >= limits.set_db[..., 2], Code.FIBER_DEGRADE_SEVERE),
        (delta_db >= limits.set_db[..., 1], Code.FIBER_DEGRADE),
        (delta_db >= limits.set_db[..., 0], Code.FIBER_DEGRADE_WARN),
        (osc_measured & osc_lost, Code.OSC_LOSS),
    ]
    row = np.select([mask for mask, _ in rows], [*range(1, len(rows) + 1)], default=14)
    codes = np.array([0, *(code for _, code in rows), Code.NORMAL], dtype=np.uint8)
    return Decisions(
        code=codes[row],
        fiber_hold=_fiber_hold(row, delta_db, limits.set_db, rx_dark),
        span_range=_span_range(losses.loss_db, limits),
    )


def _other(of_span: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns what is so of the other span of the link."""
    return of_span[:, ::-1]


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
    return np.where(np.isin(row, (1, 3, 4, 5, 7)), NOT_COUNTING, level).astype(np.uint8)


def _span_range(loss_db: NDArray[np.float64], limits: SpanLimits) -> NDArray[np.uint8]:
    where = np.select(
        [np.isnan(loss_db), loss_db > limits.max_loss_db, loss_db < limits.min_loss_db],
        [RANGE_UNKNOWN, RANGE_HIGH, RANGE_LOW],
        default=np.where(_is_well_inside(loss_db, limits), RANGE_INSIDE, RANGE_NEAR),
    )
    return where.astype(np.uint8)


def _is_well_inside(loss_db: NDArray[np.float64], limits: SpanLimits) -> NDArray[np.bool_]:
    inside: NDArray[np.bool_] = loss_db <= limits.max_loss_db - _RANGE_MARGIN_DB
    inside &= loss_db >= limits.min_loss_db + _RANGE_MARGIN_DB
    return inside


def is_plainly_normal(powers: SpanPowers, limits: SpanLimits) -> NDArray[np.bool_]:
    """Returns (n,) bool: links for which row 14 and hold level 0 can be told at a glance.

    That is nearly all of them nearly always, and `decide` would say the same: both signals are
    lit, the loss is well inside its bounds and about its base, under every threshold, clear
    thresholds included, and there is no OSC to look at, or it is as sound as the signal.
    """
    with np.errstate(invalid="ignore"):  # dark less dark
        loss_db = powers.tx_dbm - powers.rx_dbm
    normal = (powers.tx_dbm > limits.los_dbm) & (powers.rx_dbm > limits.los_dbm)
    normal &= loss_db >= MISMATCH_DB
    normal &= _is_well_inside(loss_db, limits)
    delta_db = loss_db - limits.base_db
    normal &= delta_db < clear_threshold_db(limits.set_db[..., 0])
    normal &= delta_db > _BELOW_BASE_DB
    if limits.has_osc.any():
        # An OSC that lost less than OSC_LOSS_DB is not dark, unless the topology says when it is.
        los_osc_dbm = limits.los_osc_dbm
        is_default = np.isnan(los_osc_dbm)
        osc_lit = powers.tx_osc_dbm > np.where(is_default, OSC_LOS_DBM, los_osc_dbm)
        osc_lit &= is_default | (powers.rx_osc_dbm > los_osc_dbm)
        with np.errstate(invalid="ignore"):
            delta_osc_db = powers.tx_osc_dbm - powers.rx_osc_dbm - limits.base_osc_db
        normal &= ~limits.has_osc | (osc_lit & (delta_osc_db < OSC_LOSS_DB))
    plain: NDArray[np.bool_] = normal[:, 0] & normal[:, 1]
    return plain


def problems_of(
    code: NDArray[np.uint8], losses: SpanLosses
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns where a code has a specific problem, twice (n, 2).

    The first is a cut by row 6 while no OSC was measured, the second a mismatch that only D tells.
    """
    dark = losses.rx_dark & ~losses.tx_dark
    without_osc = (code == Code.FIBER_CUT) & dark & ~losses.osc_measured
    return without_osc, (code == Code.TOPOLOGY_MISMATCH) & (losses.loss_db >= MISMATCH_DB)
