"""Which reports, components and values are sound, and why the others are not (spec, section 2).

A fault in a report rejects the report, a fault in a component that component, a fault in a value
that value; the rest lives on. Each has one reason: the first that applies, in the order of
`Reason`. The values of a component that is rejected for its name or time are not checked.
NO_VALUES comes beside the reasons of the values that caused it.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kernels.decode_reports.flatten import FlatReports
from schema.pm_report_pb2 import AdminState, Unit, Validity
from schema.pm_types import (
    CANONICAL_UNIT,
    DARK_BELOW_DBM,
    MAX_AHEAD_S,
    MAX_BEHIND_S,
    POWER_MAX_DBM,
    POWER_TYPES,
    SampleState,
)
from schema.side_lines import Reason
from schema.times import FIRST_TIME_NS, NS_PER_S


@dataclass(frozen=True)
class Checked:
    """The verdict on flat reports.

    Attributes:
        report_reason: (R,) int8 `Reason`.
        component_reason: (C,) int8 `Reason`; NONE also in a rejected report.
        value_reason: (V,) int8 `Reason`; NONE also in a rejected report, and in a component that
            was rejected before its values were checked.
        component_ok: (C,) bool, the samples that go on.
        value_ok: (V,) bool, the readings that go on: one per type and component.
        reading: (V,) float64, in the type's unit; -inf = dark.
        state: (C,) uint8 `SampleState`.
    """

    report_reason: NDArray[np.int8]
    component_reason: NDArray[np.int8]
    value_reason: NDArray[np.int8]
    component_ok: NDArray[np.bool_]
    value_ok: NDArray[np.bool_]
    reading: NDArray[np.float64]
    state: NDArray[np.uint8]


_NUM_TYPES = max(CANONICAL_UNIT) + 1
_UNIT_OF_TYPE = np.array([CANONICAL_UNIT.get(t, -1) for t in range(_NUM_TYPES)], dtype=np.int32)
_NUM_UNITS = max(Unit.values()) + 1
_IS_POWER = np.isin(np.arange(_NUM_TYPES), POWER_TYPES)


def validate(flat: FlatReports, reference_time_ns: NDArray[np.int64]) -> Checked:
    """Checks every report, component and value.

    Args:
        flat: the reports, all of which could be parsed.
        reference_time_ns: (R,) int64, what sample times are compared with: the timestamps of the
            records, or the collect times where a source has none [ns since the Unix epoch].
    """
    report_reason = report_reasons(flat.node_id, flat.collect_time_ns)
    live = (report_reason == Reason.NONE)[flat.component_report]
    reference_ns = reference_time_ns[flat.component_report]
    out_of_bounds = is_out_of_bounds(flat.sample_time_ns, reference_ns)
    component_reason = _first(
        (Reason.MISSING_COMPONENT, live & _is_empty(flat.component)),
        (Reason.TIME_OUT_OF_BOUNDS, live & out_of_bounds),
    )
    live &= component_reason == Reason.NONE
    value_reason, reading = _check_values(flat)
    value_live = live[flat.value_component]
    value_reason[~value_live] = Reason.NONE
    value_ok = value_live & (value_reason == Reason.NONE)
    has_values = np.zeros(len(live), dtype=bool)
    has_values[flat.value_component[value_ok]] = True
    component_reason[live & ~has_values] = Reason.NO_VALUES
    return Checked(
        report_reason=report_reason,
        component_reason=component_reason,
        value_reason=value_reason,
        component_ok=live & has_values,
        value_ok=_last_of_each_type(flat, value_ok),
        reading=reading,
        state=_states(flat),
    )


def report_reasons(node_id: pa.StringArray, collect_time_ns: NDArray[np.int64]) -> NDArray[np.int8]:
    """Returns (R,) the `Reason` of each report that could be parsed."""
    return _first(
        (Reason.MISSING_NODE_ID, _is_empty(node_id)),
        (Reason.MISSING_TIME, is_no_time(collect_time_ns)),
    )


def reference_time_ns(
    collect_time_ns: NDArray[np.int64], record_time_ns: NDArray[np.int64] | None
) -> NDArray[np.int64]:
    """Returns (R,) what sample times are compared with [ns since the Unix epoch].

    Args:
        collect_time_ns: (R,) of the reports.
        record_time_ns: (R,) timestamps of the records; negative = a record has none, None = no
            record has one. Then the report's collect time stands in.
    """
    if record_time_ns is None:
        return collect_time_ns
    return np.where(record_time_ns < 0, collect_time_ns, record_time_ns)


def is_out_of_bounds(
    sample_time_ns: NDArray[np.int64], reference_ns: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Returns which sample times are too far ahead of their record, or behind it."""
    # Unsigned: the distance of two int64 may not fit into an int64.
    ahead_ns = (sample_time_ns - reference_ns).view(np.uint64)
    behind_ns = (reference_ns - sample_time_ns).view(np.uint64)
    ahead = sample_time_ns >= reference_ns
    return np.where(ahead, ahead_ns > MAX_AHEAD_S * NS_PER_S, behind_ns > MAX_BEHIND_S * NS_PER_S)


def is_no_time(collect_time_ns: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Returns which collect times are MISSING_TIME."""
    return collect_time_ns < FIRST_TIME_NS


def is_sound(pm_type: int, reading: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Returns which readings of a known type are neither NOT_FINITE nor OUT_OF_RANGE."""
    return reading <= POWER_MAX_DBM if _IS_POWER[pm_type] else np.isfinite(reading)


def mark_dark(pm_type: int, reading: NDArray[np.float64]) -> None:
    """Makes readings that stand for no light -inf, in place."""
    if _IS_POWER[pm_type] and (is_dark := reading < DARK_BELOW_DBM).any():
        reading[is_dark] = -np.inf


def _states(flat: FlatReports) -> NDArray[np.uint8]:
    """Returns (C,) `SampleState`, by the rule of `schema.pm_types.sample_state`."""
    conditions = {
        SampleState.DISABLED: flat.admin_state == AdminState.DISABLED,
        SampleState.SUSPECT: flat.validity == Validity.SUSPECT,
        SampleState.MAINT: flat.admin_state == AdminState.MAINT,
    }
    states = [np.uint8(state) for state in conditions]
    return np.select(list(conditions.values()), states, default=np.uint8(SampleState.VALID))


def _check_values(flat: FlatReports) -> tuple[NDArray[np.int8], NDArray[np.float64]]:
    known = (flat.value_type > 0) & (flat.value_type < _NUM_TYPES)
    pm_type = np.where(known, flat.value_type, 0)
    is_power = _IS_POWER[pm_type]
    reading = np.where(flat.has_instant, flat.instant, flat.avg)
    dark = flat.no_light | (is_power & (reading < DARK_BELOW_DBM))
    reading = np.where(dark, -np.inf, reading)
    # A unit that is not in the contract reads as not stated.
    states_unit = (flat.unit > Unit.UNIT_UNSPECIFIED) & (flat.unit < _NUM_UNITS)
    reason = _first(
        (Reason.UNKNOWN_TYPE, ~known),
        (
            Reason.UNIT_MISMATCH,
            states_unit & (flat.unit != _UNIT_OF_TYPE[pm_type]),
        ),
        (Reason.NO_READING, ~(flat.has_instant | flat.has_avg | flat.no_light)),
        (Reason.NOT_FINITE, ~dark & ~np.isfinite(reading)),
        (Reason.OUT_OF_RANGE, is_power & (reading > POWER_MAX_DBM)),
    )
    return reason, reading


def _last_of_each_type(flat: FlatReports, value_ok: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Returns (V,) the values that count: of several of one type in a component, the last."""
    rows = np.flatnonzero(value_ok)
    key = flat.value_component[rows] * _NUM_TYPES + flat.value_type[rows]
    if np.all(np.diff(key) > 0):  # types in ascending order, none twice: the usual report
        return value_ok
    order = np.argsort(key, kind="stable")
    is_last = np.append(np.diff(key[order]) != 0, True)[: len(rows)]
    kept = np.zeros_like(value_ok)
    kept[rows[order[is_last]]] = True
    return kept


def _first(*rules: tuple[Reason, NDArray[np.bool_]]) -> NDArray[np.int8]:
    """Returns per row the reason of the first rule that holds."""
    masks = [mask for _, mask in rules]
    reasons = [np.int8(reason) for reason, _ in rules]
    return np.select(masks, reasons, default=np.int8(Reason.NONE)).astype(np.int8)


def _is_empty(names: pa.StringArray) -> NDArray[np.bool_]:
    empty: NDArray[np.bool_] = pc.binary_length(names).to_numpy() == 0
    return empty
