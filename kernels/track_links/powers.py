"""The span measurement: both ends of every link in one window, both directions.

T is the power launched at the transmitting end's tx component, R the power received at the
other end's rx component, To and Ro the same for the optical supervisory channel (OSC). The loss
of a span is T - R; `kernels.track_links.decide` takes it of lit readings.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schema.blocks import ROLE_RX, ROLE_TX, SCHEMAS, BlockKind, num_rows
from schema.columns import Columns, concatenated, none_in
from schema.pm_report_pb2 import PmType

_A, _Z = 0, 1
_TX, _RX = 0, 1
#: End that launches, and end that receives, per direction (AZ, ZA).
_LAUNCHING, _RECEIVING = (_A, _Z), (_Z, _A)
#: What each column of SPANS is read from: PM type, role, and the end by direction.
_POWERS = {
    "tx_dbm": (PmType.OUTPUT_POWER, _TX, _LAUNCHING),
    "rx_dbm": (PmType.INPUT_POWER, _RX, _RECEIVING),
    "tx_osc_dbm": (PmType.OUTPUT_POWER_OSC, _TX, _LAUNCHING),
    "rx_osc_dbm": (PmType.INPUT_POWER_OSC, _RX, _RECEIVING),
}


def measure_spans(ends: Columns, links: NDArray[np.uint64]) -> dict[str, Any]:
    """Returns what the spans of some links measure that have a sample, valid or not.

    Of several samples of one component the latest sample time wins as a whole, then the highest
    sequence, then the first to arrive; samples that count as no data never win.

    Args:
        ends: columns of ENDS rows of one window.
        links: (m,) link keys, ascending, each once; samples of other links are left out.

    Returns:
        SPANS columns: ``link``, (n,) uint64, ascending, each once; and where any has a reading
        ``tx_dbm``, ``rx_dbm``, ``tx_osc_dbm``, ``rx_osc_dbm``, (n, 2) by direction (AZ, ZA) [dBm],
        coded or not, NaN = none, -inf = dark.
    """
    link = pc.index_in(pa.array(ends["link"]), value_set=pa.array(links)).fill_null(-1).to_numpy()
    sampled = np.zeros(len(links) + 1, bool)
    sampled[link] = True
    here = np.flatnonzero(sampled[:-1])
    winner = _winners(ends, link, len(links))
    if len(here) < len(links):
        winner = winner[here]
    columns: dict[str, Any] = {"link": links[here]}
    for name, (pm_type, role, ends_by_direction) in _POWERS.items():
        values = ends.get(f"pm_{pm_type}")
        if values is not None:
            values = np.append(values, none_in(values))  # row -1: no sample
            columns[name] = values[np.ascontiguousarray(winner[:, ends_by_direction, role])]
    return columns


def new_samples(rows: Columns, known: Sequence[Columns]) -> dict[str, Any]:
    """Returns the ENDS rows that are not known yet; a duplicate changes nothing.

    A duplicate has the link end, role, sample time, sequence and usability of a known sample.
    """
    seen = {key for columns in known for key in _identities(columns)}
    new = np.array([key not in seen for key in _identities(rows)], bool)
    return pick_ends(rows, new)


def _identities(rows: Columns) -> Iterator[tuple[object, ...]]:
    names = ("link", "end", "role", "sample_time_ns", "has_data")
    sequence = rows["sequence"][rows["report"]]
    return zip(*(rows[name].tolist() for name in names), sequence.tolist(), strict=True)


def pick_ends(rows: Columns, picked: NDArray[Any]) -> dict[str, Any]:
    """Returns some ENDS rows, by position or by mask; the reports stay."""
    schema = SCHEMAS[BlockKind.ENDS]
    return {
        name: values if schema[name].per_report else values[picked] for name, values in rows.items()
    }


def concat_ends(parts: Sequence[Columns]) -> dict[str, Any]:
    """Returns all ENDS rows of some blocks, one block behind the other."""
    if len(parts) == 1:
        return dict(parts[0])
    lengths = [num_rows(BlockKind.ENDS, part) for part in parts]
    columns: dict[str, Any] = {}
    for name, column in SCHEMAS[BlockKind.ENDS].items():
        values = [part.get(name) for part in parts]
        if column.dtype == "float64":
            if any(value is not None for value in values):
                columns[name] = concatenated(values, lengths)
        else:
            columns[name] = np.concatenate([value for value in values if value is not None])
    reports = np.array([len(part["order"]) for part in parts])
    columns["report"] += np.repeat(np.cumsum(reports) - reports, lengths)
    return columns


def _winners(ends: Columns, link: NDArray[np.int32], num_links: int) -> NDArray[np.int64]:
    """Returns (L, 2, 2) int64: row of the sample that counts, by link, end and role; -1 = none."""
    role, counts = ends["role"], ends["has_data"] & (link >= 0)
    transmits, receives = (
        np.flatnonzero(counts & ((role & bit) != 0)) for bit in (ROLE_TX, ROLE_RX)
    )
    slot = link.astype(np.int64) * 4 + ends["end"].astype(np.int64) * 2
    slot = np.concatenate((slot[transmits], slot[receives] + 1))
    rows = np.concatenate((transmits, receives))
    winner = np.full(num_links * 4, -1, dtype=np.int64)
    winner[slot] = rows
    if np.count_nonzero(winner >= 0) < len(rows):
        # Several samples of one component. Ascending by merit within a slot, the best is last.
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
