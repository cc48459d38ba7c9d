"""Record bytes → samples, and what was rejected on the way."""

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import ptars
import pyarrow as pa
from numpy.typing import NDArray

from kernels.decode_reports.fast_path import Layouts
from kernels.decode_reports.flatten import FlatReports, flatten
from kernels.decode_reports.samples import Samples, joined_samples, sound_samples
from kernels.decode_reports.validate import Checked, Reason, validate
from schema import pm_report_pb2
from schema.pm_types import pm_type_name

_handler = ptars.HandlerPool([pm_report_pb2.DESCRIPTOR]).get_for_message(
    pm_report_pb2.PmReport.DESCRIPTOR
)

_DETAIL = {
    Reason.MISSING_NODE_ID: "node_id is empty",
    Reason.MISSING_TIME: "collect_time_unix_ns is not positive",
    Reason.MISSING_COMPONENT: "component is empty",
    Reason.TIME_OUT_OF_BOUNDS: "sample time over 60 s after, or 600 s before, the record",
    Reason.NO_VALUES: "no value is left",
    Reason.UNKNOWN_TYPE: "no such type in the contract",
    Reason.UNIT_MISMATCH: "not the canonical unit of the type",
    Reason.NO_READING: "neither instant nor avg, and not no_light",
    Reason.NOT_FINITE: "the reading is not a finite number",
    Reason.OUT_OF_RANGE: "a power outside -70..+35 dBm",
}


@dataclass(frozen=True)
class Decoded:
    """What became of some records.

    Attributes:
        samples: the sound samples, readings coded where possible.
        record: (reports of samples,) int64, which record each report is.
        invalid: the rejections, ready for the invalid output.
        num_reports: records seen.
        num_reports_rejected: records of which nothing lives on, parsed or not.
        num_components: components in the reports that could be parsed.
    """

    samples: Samples
    record: NDArray[np.int64]
    invalid: list[dict[str, Any]]
    num_reports: int
    num_reports_rejected: int
    num_components: int


def parse_reports(payloads: Sequence[bytes]) -> tuple[pa.RecordBatch, list[int], dict[int, str]]:
    """Parses protobuf; a bad message harms no other.

    Returns:
        The reports that could be parsed, nested; which payloads they are; and why the others
        could not, by number of the payload.
    """
    try:
        return _handler.list_to_record_batch(list(payloads)), list(range(len(payloads))), {}
    except ValueError:
        bad = dict(_malformed(list(payloads), 0))
    good = [number for number in range(len(payloads)) if number not in bad]
    return _handler.list_to_record_batch([payloads[number] for number in good]), good, bad


def _malformed(payloads: list[bytes], first: int) -> Iterator[tuple[int, str]]:
    """Yields number and fault of what cannot be parsed.

    One of them makes its whole list fail, so lists that fail are halved.
    """
    try:
        _handler.list_to_record_batch(payloads)
    except ValueError as error:
        if len(payloads) == 1:
            yield first, str(error)
            return
        half = len(payloads) // 2
        yield from _malformed(payloads[:half], first)
        yield from _malformed(payloads[half:], first + half)


def decode(
    payloads: Sequence[bytes],
    order: NDArray[np.int64],
    record_time_ns: NDArray[np.int64] | None,
    layouts: Layouts,
) -> Decoded:
    """Decodes, checks and flattens records.

    Args:
        payloads: serialized PmReports.
        order: (len(payloads),) order of arrival.
        record_time_ns: (len(payloads),) timestamps of the records [ns since the Unix epoch];
            None where the source has none: the collect times stand in.
        layouts: what reports looked like before; learns.
    """
    matched, left = layouts.take(payloads, order, record_time_ns)
    parts = [(part.samples, part.number) for part in matched]
    num_components = sum(part.samples.num_samples for part in matched)
    invalid: list[dict[str, Any]] = []
    num_rejected = 0
    if len(left):
        parsed, good, bad = parse_reports([payloads[number] for number in left])
        flat = flatten(parsed)
        number = left[good]
        reference_ns = flat.collect_time_ns if record_time_ns is None else record_time_ns[number]
        checked = validate(flat, reference_ns)
        samples, report = sound_samples(flat, checked, order[number])
        parts.append((samples, number[report]))
        num_components += len(flat.component)
        num_rejected = len(bad) + int(np.count_nonzero(checked.report_reason))
        invalid = [
            _rejection(Reason.MALFORMED_PROTOBUF, detail=detail, payload=payloads[left[i]])
            for i, detail in bad.items()
        ]
        invalid += _rejections(flat, checked, payloads, number)
    return Decoded(
        samples=joined_samples([samples for samples, _ in parts]).with_coded_readings(),
        record=np.concatenate([number for _, number in parts]) if parts else np.empty(0, np.int64),
        invalid=invalid,
        num_reports=len(payloads),
        num_reports_rejected=num_rejected,
        num_components=num_components,
    )


def _rejections(
    flat: FlatReports, checked: Checked, payloads: Sequence[bytes], number: NDArray[np.int64]
) -> list[dict[str, Any]]:
    lines = []
    for r in np.flatnonzero(checked.report_reason):
        reason = Reason(checked.report_reason[r])
        node_id = flat.node_id[r].as_py() or None
        lines.append(_rejection(reason, node_id, payload=payloads[number[r]]))
    for v in np.flatnonzero(checked.value_reason):
        c = flat.value_component[v]
        reason = Reason(checked.value_reason[v])
        lines.append(
            _rejection(
                reason,
                flat.node_id[flat.component_report[c]].as_py(),
                flat.component[c].as_py(),
                None if reason == Reason.UNKNOWN_TYPE else pm_type_name(int(flat.value_type[v])),
                f"{_DETAIL[reason]}: type {flat.value_type[v]}, unit {flat.unit[v]}, "
                f"reading {checked.reading[v]:g}",
            )
        )
    for c in np.flatnonzero(checked.component_reason):
        reason = Reason(checked.component_reason[c])
        lines.append(
            _rejection(
                reason,
                flat.node_id[flat.component_report[c]].as_py(),
                flat.component[c].as_py() or None,
                detail=f"{_DETAIL[reason]}: sample time {flat.sample_time_ns[c]} ns",
            )
        )
    return lines


def _rejection(
    reason: Reason,
    node_id: str | None = None,
    component: str | None = None,
    pm_type: str | None = None,
    detail: str | None = None,
    payload: bytes | None = None,
) -> dict[str, Any]:
    return {
        "reason": reason.name,
        "node_id": node_id,
        "component": component,
        "type": pm_type,
        "detail": detail or _DETAIL[reason],
        "payload_base64": None if payload is None else base64.b64encode(payload).decode(),
    }
