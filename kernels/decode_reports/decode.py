"""Record bytes → samples, and the rejections on the way."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import ptars
import pyarrow as pa
from numpy.typing import NDArray

from kernels.decode_reports.fast_path import FastPath
from kernels.decode_reports.flatten import FlatReports, flatten
from kernels.decode_reports.samples import Samples, joined_samples, sound_samples
from kernels.decode_reports.validate import Checked, reference_time_ns, validate
from schema import pm_report_pb2
from schema.side_lines import (
    WRITTEN_IN_FULL,
    Reason,
    Rejections,
    component_line,
    malformed_line,
    report_line,
    value_line,
)

_handler = ptars.HandlerPool([pm_report_pb2.DESCRIPTOR]).get_for_message(
    pm_report_pb2.PmReport.DESCRIPTOR
)


@dataclass(frozen=True)
class Decoded:
    """What became of some records.

    Attributes:
        samples: the sound samples, readings coded where possible.
        invalid: the rejections, one entry for each reason and type.
        num_reports: number of records.
        num_reports_rejected: records that are rejected as a whole, parsed or not.
        num_components: components in the reports that could be parsed.
    """

    samples: Samples
    invalid: list[Rejections]
    num_reports: int
    num_reports_rejected: int
    num_components: int


def parse_reports(payloads: Sequence[bytes]) -> tuple[pa.RecordBatch, list[int], dict[int, str]]:
    """Parses protobuf; a bad message harms no other.

    Returns:
        The reports that could be parsed, nested; the numbers of their payloads; and by number of
        the payload why the others could not be parsed.
    """
    try:
        return _handler.list_to_record_batch(list(payloads)), list(range(len(payloads))), {}
    except ValueError:
        bad = dict(_malformed(list(payloads), 0))
    good = [number for number in range(len(payloads)) if number not in bad]
    return _handler.list_to_record_batch([payloads[number] for number in good]), good, bad


def _malformed(payloads: list[bytes], first: int) -> Iterator[tuple[int, str]]:
    """Yields the number and the fault of each payload that cannot be parsed.

    One such payload makes its whole list fail, so a list that fails is halved.
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
    fast_path: FastPath,
) -> Decoded:
    """Decodes, checks and flattens records.

    Args:
        payloads: serialized PmReports.
        order: (len(payloads),) order of arrival.
        record_time_ns: (len(payloads),) timestamps of the records, see `reference_time_ns`.
        fast_path: knows the layouts of earlier reports, and learns those of new ones.
    """
    parts, left = fast_path.take(payloads, order, record_time_ns)
    num_components = sum(part.num_samples for part in parts)
    invalid: list[Rejections] = []
    num_rejected = 0
    if len(left):
        parsed, good, bad = parse_reports([payloads[number] for number in left])
        flat = flatten(parsed)
        number = left[good]
        record_ns = None if record_time_ns is None else record_time_ns[number]
        checked = validate(flat, reference_time_ns(flat.collect_time_ns, record_ns))
        parts.append(sound_samples(flat, checked, order[number]))
        num_components += len(flat.component)
        num_rejected = len(bad) + int(np.count_nonzero(checked.report_reason))
        if bad:
            some = itertools.islice(bad.items(), WRITTEN_IN_FULL)
            lines = [malformed_line(payloads[left[i]], why) for i, why in some]
            invalid.append(Rejections(Reason.MALFORMED_PROTOBUF, 0, len(bad), lines))
        invalid += _rejections(flat, checked, payloads, number)
    return Decoded(
        samples=joined_samples(parts).with_coded_readings(),
        invalid=invalid,
        num_reports=len(payloads),
        num_reports_rejected=num_rejected,
        num_components=num_components,
    )


def _rejections(
    flat: FlatReports, checked: Checked, payloads: Sequence[bytes], number: NDArray[np.int64]
) -> Iterator[Rejections]:
    def of_report(reason: Reason, r: int) -> dict[str, Any]:
        return report_line(reason, flat.node_id[r].as_py() or None, payloads[number[r]])

    def of_component(reason: Reason, c: int) -> dict[str, Any]:
        return component_line(
            reason,
            flat.node_id[flat.component_report[c]].as_py(),
            flat.component[c].as_py() or None,
            int(flat.sample_time_ns[c]),
        )

    def of_value(reason: Reason, v: int) -> dict[str, Any]:
        c = flat.value_component[v]
        return value_line(
            reason,
            flat.node_id[flat.component_report[c]].as_py(),
            flat.component[c].as_py(),
            int(flat.value_type[v]),
            int(flat.unit[v]),
            float(checked.reading[v]),
        )

    yield from _of_each_kind(checked.report_reason, None, of_report)
    yield from _of_each_kind(checked.value_reason, flat.value_type, of_value)
    yield from _of_each_kind(checked.component_reason, None, of_component)


def _of_each_kind(
    reasons: NDArray[np.int8],
    types: NDArray[np.int32] | None,
    line: Callable[[Reason, int], dict[str, Any]],
) -> Iterator[Rejections]:
    """Yields the rejections of each reason and type, with lines of the first rows of each.

    Args:
        reasons: (n,) int8 `Reason` by row.
        types: (n,) int32, PM types of the rows, if they are values.
        line: returns the line of a row.
    """
    rows = np.flatnonzero(reasons)
    pm_type = np.zeros(len(rows), np.int64) if types is None else types[rows].astype(np.int64)
    kinds, kind = np.unique(np.stack((reasons[rows], pm_type)), axis=1, return_inverse=True)
    for which, (number, type_number) in enumerate(kinds.T.tolist()):
        of_kind, reason = rows[kind.ravel() == which], Reason(number)
        lines = [line(reason, row) for row in of_kind[:WRITTEN_IN_FULL].tolist()]
        yield Rejections(reason, type_number, len(of_kind), lines)
