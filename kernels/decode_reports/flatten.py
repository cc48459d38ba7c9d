"""Nested reports → flat columns: one row a report, a component, a value.

The columns of one level refer to the level above by row number. So a rule is one expression over
all values of all reports.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


@dataclass(frozen=True)
class FlatReports:
    """R reports, C components, V values as columns.

    Attributes:
        node_id: (R,) string.
        collect_time_ns: (R,) int64, since the Unix epoch.
        sequence: (R,) uint64.
        component: (C,) string.
        component_report: (C,) int64, row of the report.
        sample_time_ns: (C,) int64, since the Unix epoch; the report's time where it has none.
        validity: (C,) int32, enum Validity.
        admin_state: (C,) int32, enum AdminState.
        value_component: (V,) int64, row of the component.
        value_type: (V,) int32, enum PmType.
        unit: (V,) int32, enum Unit.
        instant: (V,) float64, NaN where not set; `has_instant` tells it from a reported NaN.
        avg: (V,) float64, likewise.
        has_instant: (V,) bool.
        has_avg: (V,) bool.
        no_light: (V,) bool.
    """

    node_id: pa.StringArray
    collect_time_ns: NDArray[np.int64]
    sequence: NDArray[np.uint64]
    component: pa.StringArray
    component_report: NDArray[np.int64]
    sample_time_ns: NDArray[np.int64]
    validity: NDArray[np.int32]
    admin_state: NDArray[np.int32]
    value_component: NDArray[np.int64]
    value_type: NDArray[np.int32]
    unit: NDArray[np.int32]
    instant: NDArray[np.float64]
    avg: NDArray[np.float64]
    has_instant: NDArray[np.bool_]
    has_avg: NDArray[np.bool_]
    no_light: NDArray[np.bool_]


def flatten(reports: pa.RecordBatch) -> FlatReports:
    """Returns the columns of decoded reports.

    Args:
        reports: one row per PmReport, nested as in ``proto/pm_report.proto``, not sliced.
    """
    components = reports.column("components")
    component_report = _parent_rows(components)
    component = components.flatten()
    values = component.field("values")
    value = values.flatten()
    collect_time_ns = reports.column("collect_time_unix_ns").to_numpy()
    own_time_ns = component.field("sample_time_unix_ns").to_numpy()
    instant, avg = value.field("instant"), value.field("avg")
    return FlatReports(
        node_id=reports.column("node_id"),
        collect_time_ns=collect_time_ns,
        sequence=reports.column("sequence").to_numpy(),
        component=component.field("component"),
        component_report=component_report,
        sample_time_ns=np.where(own_time_ns == 0, collect_time_ns[component_report], own_time_ns),
        validity=component.field("validity").to_numpy(),
        admin_state=component.field("admin_state").to_numpy(),
        value_component=_parent_rows(values),
        value_type=value.field("type").to_numpy(),
        unit=value.field("unit").to_numpy(),
        instant=instant.to_numpy(zero_copy_only=False),
        avg=avg.to_numpy(zero_copy_only=False),
        has_instant=_is_set(instant),
        has_avg=_is_set(avg),
        no_light=value.field("no_light").to_numpy(zero_copy_only=False),
    )


def _parent_rows(lists: pa.ListArray) -> NDArray[np.int64]:
    counts = np.diff(lists.offsets.to_numpy())
    return np.repeat(np.arange(len(lists), dtype=np.int64), counts)


def _is_set(array: pa.Array) -> NDArray[np.bool_]:
    mask: NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return mask
