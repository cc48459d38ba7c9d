"""Rows of samples: out of checked reports, and down to the four powers that are compared."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kernels.flatten import FlatReports
from kernels.validate import Checked
from schema.blocks import ROLE_RX, ROLE_TX, SCHEMAS, BlockKind
from schema.pm_report_pb2 import PmType
from schema.pm_types import DARK_DBM, pm_type_name

NS_PER_S = 10**9

#: The powers that are compared, in the order of the columns of an ENDS block.
COMPARED_POWERS = (
    PmType.INPUT_POWER,
    PmType.OUTPUT_POWER,
    PmType.INPUT_POWER_OSC,
    PmType.OUTPUT_POWER_OSC,
)


def sample_rows(
    flat: FlatReports, checked: Checked, report: NDArray[np.int64]
) -> tuple[pa.RecordBatch, NDArray[np.int64]]:
    """Returns the sound samples.

    Args:
        flat: the reports.
        checked: the verdict on them.
        report: (R,) int64, order of arrival of each report.

    Returns:
        The samples as PM rows, and for each the row of its report.
    """
    rows = np.flatnonzero(checked.component_ok)
    report_row = flat.component_report[rows]
    values = np.flatnonzero(checked.value_ok)
    per_component = np.bincount(flat.value_component[values], minlength=len(checked.component_ok))
    offsets = np.concatenate(([0], np.cumsum(per_component[rows]))).astype(np.int32)
    readings_type = SCHEMAS[BlockKind.PM].field("readings").type
    readings = pa.ListArray.from_arrays(
        pa.array(offsets),
        pa.StructArray.from_arrays(
            [
                pa.array(flat.value_type[values].astype(np.int8)),
                pa.array(checked.reading[values]),
            ],
            fields=list(readings_type.value_type),
        ),
        type=readings_type,
    )
    batch = pa.RecordBatch.from_arrays(
        [
            flat.node_id.take(pa.array(report_row)),
            flat.component.take(pa.array(rows)),
            pa.array(flat.sample_time_ns[rows]),
            pa.array(flat.sequence[report_row]),
            pa.array(report[report_row]),
            pa.array(checked.has_data[rows]),
            readings,
        ],
        schema=SCHEMAS[BlockKind.PM],
    )
    return batch, report_row


def compared_powers(joined: pa.RecordBatch) -> pa.RecordBatch:
    """Returns the ENDS rows of JOINED rows: what is compared, and nothing else."""
    readings = joined.column("readings")
    offsets = readings.offsets.to_numpy()
    row = np.repeat(np.arange(len(readings)), np.diff(offsets))
    items = readings.values.slice(offsets[0], offsets[-1] - offsets[0])
    pm_type = items.field("type").to_numpy()
    value = items.field("value").to_numpy()
    columns = {name: joined.column(name) for name in joined.schema.names}
    for name, compared in zip(
        SCHEMAS[BlockKind.ENDS].names[-len(COMPARED_POWERS) :], COMPARED_POWERS, strict=True
    ):
        power_dbm = np.full(len(readings), np.nan)
        chosen = pm_type == compared
        power_dbm[row[chosen]] = value[chosen]
        columns[name] = pa.array(power_dbm)
    schema = SCHEMAS[BlockKind.ENDS]
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def readings_by_name(readings: list[dict[str, float]]) -> dict[str, float]:
    """Returns the readings of one sample by name of PM type; dark powers as -40 dBm."""
    return {
        pm_type_name(int(item["type"])): DARK_DBM if item["value"] == -np.inf else item["value"]
        for item in readings
    }


def split_rows(
    batch: pa.RecordBatch, *keys: NDArray[np.int64]
) -> list[tuple[tuple[int, ...], pa.RecordBatch]]:
    """Returns the rows of each combination of keys, in their order, combinations ascending."""
    if batch.num_rows == 0:
        return []
    order = np.lexsort(keys[::-1])
    if not np.array_equal(order, np.arange(len(order))):
        batch = batch.take(pa.array(order))
    ordered = [key[order] for key in keys]
    changes = np.any([np.diff(key) != 0 for key in ordered], axis=0)
    starts = np.flatnonzero(np.concatenate(([True], changes)))
    stops = np.append(starts[1:], len(order))
    return [
        (tuple(int(key[start]) for key in ordered), batch.slice(start, stop - start))
        for start, stop in zip(starts, stops, strict=True)
    ]


def window_start_s(sample_time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the start of the window of each sample [s since the Unix epoch]."""
    return sample_time_ns // NS_PER_S


def rows_of_links(batch: pa.RecordBatch, links: pa.Array) -> pa.RecordBatch:
    """Returns the rows whose `link_id` is among `links`."""
    return batch.filter(pc.is_in(batch.column("link_id"), links))


def num_span_ends(rows: pa.RecordBatch) -> int:
    """Returns how many ends of spans JOINED or ENDS rows are: one for each role."""
    role = rows.column("role").to_numpy()
    return int(np.count_nonzero(role & ROLE_TX) + np.count_nonzero(role & ROLE_RX))
