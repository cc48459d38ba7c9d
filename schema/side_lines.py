"""The lines of the side outputs `late`, `invalid` and `unmatched` (spec, section 8)."""

import base64
import json
from collections.abc import Iterator, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.blocks import END_NAMES, readings_of
from schema.columns import Columns, plain
from schema.outputs import Record
from schema.pm_types import (
    DARK_DBM,
    MAX_AHEAD_S,
    MAX_BEHIND_S,
    POWER_MAX_DBM,
    pm_type_name,
)
from schema.times import rfc3339
from schema.topology import BadTopologyError

#: So many lines of each kind are written in full; of more, 1 in 1,000 (`transforms.sample_lines`).
WRITTEN_IN_FULL = 100


class Reason(IntEnum):
    """Why something went to `invalid`; of each level in order of precedence (spec, section 2)."""

    NONE = 0
    # reports
    MALFORMED_PROTOBUF = 1
    MISSING_NODE_ID = 2
    MISSING_TIME = 3
    # components
    MISSING_COMPONENT = 4
    TIME_OUT_OF_BOUNDS = 5
    NO_VALUES = 6
    # values
    UNKNOWN_TYPE = 7
    UNIT_MISMATCH = 8
    NO_READING = 9
    NOT_FINITE = 10
    OUT_OF_RANGE = 11
    # topology
    BAD_TOPOLOGY = 12


#: What each reason means, for a person.
_DETAIL = {
    Reason.MISSING_NODE_ID: "node_id is empty",
    Reason.MISSING_TIME: "collect_time_unix_ns is before 2000-01-01, or not in nanoseconds",
    Reason.MISSING_COMPONENT: "component is empty",
    Reason.TIME_OUT_OF_BOUNDS: (
        f"sample time over {MAX_AHEAD_S} s after, or {MAX_BEHIND_S} s before, the record"
    ),
    Reason.NO_VALUES: "no value is left",
    Reason.UNKNOWN_TYPE: "no such type in the contract",
    Reason.UNIT_MISMATCH: "not the canonical unit of the type",
    Reason.NO_READING: "neither instant nor avg, and not no_light",
    Reason.NOT_FINITE: "the reading is not a finite number",
    Reason.OUT_OF_RANGE: f"a power over {POWER_MAX_DBM:+.0f} dBm",
}


class Rejections(NamedTuple):
    """What was rejected for one reason, and of one type where it is values.

    Attributes:
        reason: why.
        pm_type: number of the type of the values, known or not; 0 where it is no value.
        number: how many there are.
        lines: lines of the first `WRITTEN_IN_FULL` of them.
    """

    reason: Reason
    pm_type: int
    number: int
    lines: list[dict[str, Any]]

    @property
    def kind(self) -> str:
        """What is sampled by itself: reason and type."""
        return f"{self.reason.name} {self.pm_type}"


def side_record(key: str | None, line: Mapping[str, Any]) -> Record:
    """Returns a line as a record."""
    value = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
    return (key or "").encode(), value.encode()


def malformed_line(payload: bytes, why: str) -> dict[str, Any]:
    """Returns the line of a record that is no PmReport."""
    return _invalid(Reason.MALFORMED_PROTOBUF, detail=why, payload=payload)


def report_line(reason: Reason, node_id: str | None, payload: bytes) -> dict[str, Any]:
    """Returns the line of a rejected report."""
    return _invalid(reason, node_id, detail=_DETAIL[reason], payload=payload)


def component_line(
    reason: Reason, node_id: str, component: str | None, sample_time_ns: int
) -> dict[str, Any]:
    """Returns the line of a rejected component."""
    detail = f"{_DETAIL[reason]}: sample time {sample_time_ns} ns"
    return _invalid(reason, node_id, component, detail=detail)


def value_line(
    reason: Reason, node_id: str, component: str, pm_type: int, unit: int, reading: float
) -> dict[str, Any]:
    """Returns the line of a rejected value."""
    name = None if reason == Reason.UNKNOWN_TYPE else pm_type_name(pm_type)
    detail = f"{_DETAIL[reason]}: type {pm_type}, unit {unit}, reading {reading:g}"
    return _invalid(reason, node_id, component, name, detail=detail)


def bad_topology_line(error: BadTopologyError) -> dict[str, Any]:
    """Returns the line of a topology record that breaks the contract."""
    line = _invalid(Reason.BAD_TOPOLOGY, detail=error.detail)
    return {**line, "link_id": error.link_id}


def _invalid(
    reason: Reason,
    node_id: str | None = None,
    component: str | None = None,
    pm_type: str | None = None,
    *,
    detail: str,
    payload: bytes | None = None,
) -> dict[str, Any]:
    return {
        "reason": reason.name,
        "node_id": node_id,
        "component": component,
        "type": pm_type,
        "detail": detail,
        "payload_base64": None if payload is None else base64.b64encode(payload).decode(),
    }


def unmatched_line(
    node_id: str, component: str, sample_time_ns: int, readings: Mapping[str, float]
) -> dict[str, Any]:
    """Returns the line of a sample in no link."""
    return {
        "node_id": node_id,
        "component": component,
        "sample_time_unix_ns": sample_time_ns,
        "readings": readings,
    }


def late_lines(columns: Columns, start_s: int, closed_at_s: float) -> Iterator[dict[str, Any]]:
    """Yields a line for each link end that a late sample serves.

    Args:
        columns: ENDS rows with names, and with all their readings.
        start_s: start of their window, which is closed [s since the Unix epoch].
        closed_at_s: the moment that they missed [s since the Unix epoch].
    """
    rows = np.arange(len(columns["report"]))
    for node_id, component, link_id, end, sample_time_ns, readings in zip(
        columns["node_id"],
        columns["component"],
        columns["link_id"],
        columns["end"].tolist(),
        columns["sample_time_ns"].tolist(),
        readings_by_name(readings_of(columns), rows),
        strict=True,
    ):
        yield {
            "node_id": node_id.decode(),
            "component": component.decode(),
            "link_id": link_id.decode(),
            "end": END_NAMES[end],
            "sample_time_unix_ns": sample_time_ns,
            "window_start": rfc3339(start_s),
            "closed_at": rfc3339(closed_at_s),
            "readings": readings,
        }


def readings_by_name(
    readings: Mapping[int, NDArray[Any]], rows: NDArray[np.int64]
) -> list[dict[str, float]]:
    """Returns the readings of some rows by name of PM type; dark powers as -40 dBm.

    Args:
        readings: columns by PM type, coded or not.
        rows: (k,) rows of these columns.
    """
    found: list[dict[str, float]] = [{} for _ in rows]
    for pm_type, values in readings.items():
        name = pm_type_name(pm_type)
        for line, value in zip(found, plain(values[rows]).tolist(), strict=True):
            if value == value:  # NaN: no such reading
                line[name] = DARK_DBM if value == -np.inf else value
    return found
