"""Powers: what was read at both ends of every link in one window, both directions.

T is the power launched at the transmitting end's tx component, R the power received at the other
end's rx component; To and Ro are the same for the optical supervisory channel (spec, section 5).
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schema.blocks import ROLE_RX, ROLE_TX
from schema.columns import Columns, is_none, none_in
from schema.pm_report_pb2 import PmType
from schema.pm_types import SampleState

__all__ = [
    "IN_MAINT",
    "OUT_OF_SERVICE",
    "RX_MISSING",
    "TX_MISSING",
    "LinkPowers",
    "SpanPowers",
    "read_powers",
]

#: Flags of a span in a window: no sample, valid or not, has a reading of T, or of R; all samples of
#: T's component, or all of R's, are DISABLED; the sample that counts, of T or of R, is in MAINT.
TX_MISSING, RX_MISSING, OUT_OF_SERVICE, IN_MAINT = 1, 2, 4, 8

_A, _Z = 0, 1
_TX, _RX = 0, 1
#: End that launches, and end that receives, by direction (AZ, ZA).
_LAUNCHING, _RECEIVING = (_A, _Z), (_Z, _A)
#: Where each power is read: PM type, role, and the end by direction.
_READ_FROM = {
    "tx_dbm": (PmType.OUTPUT_POWER, _TX, _LAUNCHING),
    "rx_dbm": (PmType.INPUT_POWER, _RX, _RECEIVING),
    "tx_osc_dbm": (PmType.OUTPUT_POWER_OSC, _TX, _LAUNCHING),
    "rx_osc_dbm": (PmType.INPUT_POWER_OSC, _RX, _RECEIVING),
}


@dataclass(frozen=True)
class SpanPowers:
    """The powers of n links as numbers; (n, 2) float64, NaN = none, -inf = dark [dBm]."""

    tx_dbm: NDArray[np.float64]
    rx_dbm: NDArray[np.float64]
    tx_osc_dbm: NDArray[np.float64]
    rx_osc_dbm: NDArray[np.float64]

    def take(self, rows: Any) -> "SpanPowers":
        """Returns the powers of some links."""
        return SpanPowers(**{name: values[rows] for name, values in vars(self).items()})


class LinkPowers(NamedTuple):
    """What was read on n links in one window.

    Attributes:
        link: (n,) uint64 link keys, ascending, each once.
        powers: (n, 2) columns by name of `SPAN_POWERS`, by direction (AZ, ZA), coded or not;
            NaN = none, -inf = dark [dBm]. A name is missing where no link has such a reading.
        flags: (n, 2) uint8, by direction, see `TX_MISSING`; None = no link has any.
    """

    link: NDArray[np.uint64]
    powers: dict[str, NDArray[Any]]
    flags: NDArray[np.uint8] | None = None


def read_powers(ends: Columns, links: NDArray[np.uint64]) -> LinkPowers:
    """Returns the powers of those links that have a sample, valid or not.

    Of several samples of one component the latest sample time wins as a whole, then the highest
    sequence, then the first to arrive; a sample that counts as no data never wins (spec, section
    2).

    Args:
        ends: columns of ENDS rows of one window.
        links: (m,) link keys, ascending, each once; samples of other links are left out.
    """
    link = pc.index_in(pa.array(ends["link"]), value_set=pa.array(links)).fill_null(-1).to_numpy()
    sampled = np.zeros(len(links) + 1, bool)
    sampled[link] = True
    here = np.flatnonzero(sampled[:-1])
    winner = _winners(ends, link, len(links))
    if len(here) < len(links):
        winner = winner[here]
    powers: dict[str, NDArray[Any]] = {}
    for name, (pm_type, role, ends_by_direction) in _READ_FROM.items():
        values = ends.get(f"pm_{pm_type}")
        if values is not None:
            values = np.append(values, none_in(values))  # row -1: no sample
            powers[name] = values[np.ascontiguousarray(winner[:, ends_by_direction, role])]
    flags = None
    if ends["state"].any() or _is_incomplete(powers):
        flags = _flags(ends, link, len(links), winner, here)
    return LinkPowers(links[here], powers, flags)


def _is_incomplete(powers: dict[str, NDArray[Any]]) -> bool:
    """Whether a reading of T or R is missing somewhere."""
    read = [powers.get(name) for name in ("tx_dbm", "rx_dbm")]
    return any(values is None or bool(is_none(values).any()) for values in read)


def _flags(
    ends: Columns,
    link: NDArray[np.int32],
    num_links: int,
    winner: NDArray[np.int64],
    here: NDArray[np.int64],
) -> NDArray[np.uint8]:
    """Returns (n, 2) what is to be said of the spans of those links that have a sample."""
    state = ends["state"]
    told, sampled, served = (np.zeros((num_links, 2, 2), bool) for _ in range(3))
    for role, bit, pm_type in (
        (_TX, ROLE_TX, PmType.OUTPUT_POWER),
        (_RX, ROLE_RX, PmType.INPUT_POWER),
    ):
        rows = np.flatnonzero(((ends["role"] & bit) != 0) & (link >= 0))
        place = link[rows], ends["end"][rows], role
        sampled[place] = True
        is_served = state[rows] != SampleState.DISABLED
        served[link[rows[is_served]], ends["end"][rows[is_served]], role] = True
        readings = ends.get(f"pm_{pm_type}")
        if readings is not None:
            has_one = rows[~is_none(readings[rows])]
            told[link[has_one], ends["end"][has_one], role] = True
    is_told = told[here]
    out_of_service = (sampled & ~served)[here]
    in_maint = (winner >= 0) & (state[winner] == SampleState.MAINT)

    def by_span(at_ends: NDArray[np.bool_], role: int) -> NDArray[np.bool_]:
        ends_by_direction = _LAUNCHING if role == _TX else _RECEIVING
        return at_ends[:, ends_by_direction, role]

    flags = TX_MISSING * ~by_span(is_told, _TX) + RX_MISSING * ~by_span(is_told, _RX)
    for bit, at_ends in ((OUT_OF_SERVICE, out_of_service), (IN_MAINT, in_maint)):
        flags += bit * (by_span(at_ends, _TX) | by_span(at_ends, _RX))
    return flags.astype(np.uint8)


def _winners(ends: Columns, link: NDArray[np.int32], num_links: int) -> NDArray[np.int64]:
    """Returns (L, 2, 2) int64: row of the sample that counts, by link, end and role; -1 = none."""
    role, counts = ends["role"], (ends["state"] <= SampleState.MAINT) & (link >= 0)
    transmits, receives = (
        np.flatnonzero(counts & ((role & bit) != 0)) for bit in (ROLE_TX, ROLE_RX)
    )
    slot = link.astype(np.int64) * 4 + ends["end"].astype(np.int64) * 2
    slot = np.concatenate((slot[transmits], slot[receives] + 1))
    rows = np.concatenate((transmits, receives))
    winner = np.full(num_links * 4, -1, dtype=np.int64)
    winner[slot] = rows
    if np.count_nonzero(winner >= 0) < len(rows):
        # Some component has several samples. Sorted by merit within a slot, the best is last.
        report = ends["report"][rows]
        order = np.lexsort(
            (
                -rows,
                -ends["order"][report],
                ends["sequence"][report],
                ends["sample_time_ns"][rows],
                slot,
            )
        )
        is_last = np.append(np.diff(slot[order]) != 0, True)
        winner[slot[order][is_last]] = rows[order][is_last]
    return winner.reshape(num_links, 2, 2)
