"""What the powers of both ends of a span come to: losses, and what is dark (spec, section 5)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.track_links.limits import SpanLimits
from kernels.track_links.powers import SpanPowers

__all__ = ["SpanLosses", "losses_of"]


@dataclass(frozen=True)
class SpanLosses:
    """The losses of n links; arrays of shape (n, 2), directions AZ, ZA.

    Attributes:
        loss_db: L = T - R of lit readings, NaN = none.
        loss_osc_db: Lo of lit readings, NaN = none, or no OSC is measured.
        delta_db: D = L - base, NaN = none.
        tx_dark: T is dark.
        rx_dark: R is dark.
        rx_osc_dark: Ro is dark.
        osc_measured: the OSC can tell a broken fiber from a dead signal.
    """

    loss_db: NDArray[np.float64]
    loss_osc_db: NDArray[np.float64]
    delta_db: NDArray[np.float64]
    tx_dark: NDArray[np.bool_]
    rx_dark: NDArray[np.bool_]
    rx_osc_dark: NDArray[np.bool_]
    osc_measured: NDArray[np.bool_]


def losses_of(powers: SpanPowers, limits: SpanLimits) -> SpanLosses:
    """Compares both ends of every span."""
    tx_dark = powers.tx_dbm <= limits.los_dbm
    rx_dark = powers.rx_dbm <= limits.los_dbm
    rx_osc_dark = powers.rx_osc_dbm <= limits.los_dbm
    osc_sampled = ~np.isnan(powers.tx_osc_dbm) & ~np.isnan(powers.rx_osc_dbm)
    osc_measured = limits.has_osc & osc_sampled & ~(powers.tx_osc_dbm <= limits.los_dbm)
    with np.errstate(invalid="ignore"):  # dark less dark
        loss_db = np.where(tx_dark | rx_dark, np.nan, powers.tx_dbm - powers.rx_dbm)
        loss_osc_db = powers.tx_osc_dbm - powers.rx_osc_dbm
    return SpanLosses(
        loss_db=loss_db,
        loss_osc_db=np.where(osc_measured & ~rx_osc_dark, loss_osc_db, np.nan),
        delta_db=loss_db - limits.base_db,
        tx_dark=tx_dark,
        rx_dark=rx_dark,
        rx_osc_dark=rx_osc_dark,
        osc_measured=osc_measured,
    )
