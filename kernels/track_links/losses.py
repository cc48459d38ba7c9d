"""What the powers of both ends of a span come to: losses, and what is dark (spec, section 5)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.track_links.limits import SpanLimits
from kernels.track_links.powers import SpanPowers

__all__ = ["OSC_LOS_DBM", "SpanLosses", "losses_of"]

#: An OSC at or below it is dark, where the topology says nothing else [dBm].
OSC_LOS_DBM = -35.0
#: And a received one so far below what its base lets expect, where that is lower [dB].
_OSC_LOS_BELOW_BASE_DB = 10.0
#: The OSC counts as sound below this loss above its base [dB].
_OSC_SOUND_DB = 1.0


@dataclass(frozen=True)
class SpanLosses:
    """The losses of n links; arrays of shape (n, 2), directions AZ, ZA.

    Attributes:
        loss_db: L = T - R of lit readings, NaN = none.
        loss_osc_db: Lo of lit readings, NaN = none, or no OSC is measured.
        delta_db: D = L - base, NaN = none.
        delta_osc_db: Do = Lo - base of the OSC, NaN = none.
        tx_dark: T is dark.
        rx_dark: R is dark.
        tx_osc_dark: To is dark.
        rx_osc_dark: Ro is dark.
        osc_measured: the OSC can tell a broken fiber from a dead signal.
        osc_sound: the OSC tells that the fiber is whole.
    """

    loss_db: NDArray[np.float64]
    loss_osc_db: NDArray[np.float64]
    delta_db: NDArray[np.float64]
    delta_osc_db: NDArray[np.float64]
    tx_dark: NDArray[np.bool_]
    rx_dark: NDArray[np.bool_]
    tx_osc_dark: NDArray[np.bool_]
    rx_osc_dark: NDArray[np.bool_]
    osc_measured: NDArray[np.bool_]
    osc_sound: NDArray[np.bool_]


def losses_of(powers: SpanPowers, limits: SpanLimits) -> SpanLosses:
    """Compares both ends of every span."""
    tx_dark = powers.tx_dbm <= limits.los_dbm
    rx_dark = powers.rx_dbm <= limits.los_dbm
    tx_osc_dbm, rx_osc_dbm = powers.tx_osc_dbm, powers.rx_osc_dbm
    is_default = np.isnan(limits.los_osc_dbm)
    los_osc_dbm = np.where(is_default, OSC_LOS_DBM, limits.los_osc_dbm)
    tx_osc_dark = tx_osc_dbm <= los_osc_dbm
    expected_dbm = tx_osc_dbm - limits.base_osc_db  # NaN without a base
    by_base = is_default & ~tx_osc_dark & ~np.isnan(expected_dbm)
    lower_dbm = np.minimum(OSC_LOS_DBM, expected_dbm - _OSC_LOS_BELOW_BASE_DB)
    rx_osc_dark = rx_osc_dbm <= np.where(by_base, lower_dbm, los_osc_dbm)
    osc_sampled = ~np.isnan(tx_osc_dbm) & ~np.isnan(rx_osc_dbm)
    osc_measured = limits.has_osc & osc_sampled & ~tx_osc_dark
    with np.errstate(invalid="ignore"):  # dark less dark
        loss_db = np.where(tx_dark | rx_dark, np.nan, powers.tx_dbm - powers.rx_dbm)
        loss_osc_db = np.where(osc_measured & ~rx_osc_dark, tx_osc_dbm - rx_osc_dbm, np.nan)
    delta_osc_db = loss_osc_db - limits.base_osc_db
    as_expected = (delta_osc_db < _OSC_SOUND_DB) | np.isnan(limits.base_osc_db)
    return SpanLosses(
        loss_db=loss_db,
        loss_osc_db=loss_osc_db,
        delta_db=loss_db - limits.base_db,
        delta_osc_db=delta_osc_db,
        tx_dark=tx_dark,
        rx_dark=rx_dark,
        tx_osc_dark=tx_osc_dark,
        rx_osc_dark=rx_osc_dark,
        osc_measured=osc_measured,
        osc_sound=osc_measured & ~rx_osc_dark & as_expected,
    )
