"""The span measurement: both ends of every link in one window, both directions.

T is the power launched at the transmitting end's tx component, R the power received at the
other end's rx component, To and Ro the same for the optical supervisory channel (OSC); the loss
of a span is T - R.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from schema.blocks import ROLE_RX, ROLE_TX, SCHEMAS, BlockKind

_A, _Z = 0, 1
_TX, _RX = 0, 1
#: End that launches, and end that receives, per direction (AZ, ZA).
_LAUNCHING, _RECEIVING = (_A, _Z), (_Z, _A)


def measure_spans(ends: pa.RecordBatch) -> pa.RecordBatch:
    """Returns a SPANS row for every link that has a sample, valid or not.

    Of several samples of one component the latest sample time wins as a whole, then the highest
    sequence, then the first to arrive; samples that count as no data never win.

    Args:
        ends: ENDS rows of one window.
    """
    link = ends.column("link_id").dictionary_encode()
    link_ids = link.dictionary
    winner = _winners(ends, link.indices.to_numpy(), len(link_ids))

    def power(column: str, role: int, ends_by_direction: tuple[int, int]) -> NDArray[np.float64]:
        """(L, 2) readings of a role at the given end of each direction; NaN = none."""
        values = np.append(ends.column(column).to_numpy(), np.nan)  # row -1: no sample
        return values[winner[:, ends_by_direction, role]]

    tx_dbm = power("output_power_dbm", _TX, _LAUNCHING)
    rx_dbm = power("input_power_dbm", _RX, _RECEIVING)
    tx_osc_dbm = power("output_power_osc_dbm", _TX, _LAUNCHING)
    rx_osc_dbm = power("input_power_osc_dbm", _RX, _RECEIVING)
    schema = SCHEMAS[BlockKind.SPANS]
    arrays = [tx_dbm, rx_dbm, tx_osc_dbm, rx_osc_dbm]
    arrays += [_loss_db(tx_dbm, rx_dbm), _loss_db(tx_osc_dbm, rx_osc_dbm)]
    per_span = schema.field("tx_dbm").type
    return pa.RecordBatch.from_arrays(
        [
            link_ids,
            *(
                pa.FixedSizeListArray.from_arrays(pa.array(a.ravel()), type=per_span)
                for a in arrays
            ),
        ],
        schema=schema,
    )


def new_samples(rows: pa.RecordBatch, known: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    """Returns the ENDS rows that are not known yet; a duplicate changes nothing.

    A duplicate has the link end, role, sample time, sequence and usability of a known sample.
    """
    seen = {key for batch in known for key in _identities(batch)}
    return rows.filter(pa.array([key not in seen for key in _identities(rows)], pa.bool_()))


def _identities(rows: pa.RecordBatch) -> Iterator[tuple[object, ...]]:
    names = ("link_id", "end", "role", "sample_time_ns", "sequence", "has_data")
    return zip(*(rows.column(name).to_pylist() for name in names), strict=True)


def span_column(spans: pa.RecordBatch, name: str) -> NDArray[np.float64]:
    """Returns a per-span column of SPANS rows as (L, 2) float64, directions AZ, ZA."""
    flat: NDArray[np.float64] = spans.column(name).flatten().to_numpy()
    return flat.reshape(-1, 2)


def _winners(ends: pa.RecordBatch, link: NDArray[np.int32], num_links: int) -> NDArray[np.int64]:
    """Returns (L, 2, 2) int64: row of the sample that counts, by link, end and role; -1 = none."""
    role = ends.column("role").to_numpy()
    has_data = ends.column("has_data").to_numpy(zero_copy_only=False)
    rows = np.concatenate(
        [np.flatnonzero(has_data & ((role & bit) != 0)) for bit in (ROLE_TX, ROLE_RX)]
    )
    num_tx = int(np.count_nonzero(has_data & ((role & ROLE_TX) != 0)))
    is_rx = np.arange(len(rows)) >= num_tx
    slot = (link[rows].astype(np.int64) * 2 + ends.column("end").to_numpy()[rows]) * 2 + is_rx
    winner = np.full(num_links * 4, -1, dtype=np.int64)
    if len(rows) and np.bincount(slot).max() > 1:
        # Ascending by merit within a slot, so that the best is written last.
        order = np.lexsort(
            (
                -rows,
                -ends.column("report").to_numpy()[rows],
                ends.column("sequence").to_numpy()[rows],
                ends.column("sample_time_ns").to_numpy()[rows],
                slot,
            )
        )
        is_last = np.append(np.diff(slot[order]) != 0, True)
        rows, slot = rows[order][is_last], slot[order][is_last]
    winner[slot] = rows
    return winner.reshape(num_links, 2, 2)


def _loss_db(tx_dbm: NDArray[np.float64], rx_dbm: NDArray[np.float64]) -> NDArray[np.float64]:
    lit = np.isfinite(tx_dbm) & np.isfinite(rx_dbm)
    loss_db = np.full(tx_dbm.shape, np.nan)
    np.subtract(tx_dbm, rx_dbm, out=loss_db, where=lit)
    return loss_db
