"""The watermark of a stream replay, made of the collect times of a capture (spec, section 4).

A single wrong clock cannot move it far: what no second node confirms counts for nothing.

Where the watermark jumps over the ends of several windows, it halts at each that holds a sample.
Beam's runner for streams in tests does not hold event time for what its timers put out: without the
halts, incidents would come to their next tick before the events of that window.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from google.protobuf.message import DecodeError

from kernels.decode_reports.decode import parse_reports
from kernels.decode_reports.validate import report_reasons
from kernels.window_bounds import WindowBounds
from schema.pm_report_pb2 import PmReport
from schema.side_lines import Reason
from schema.times import NEVER, NS_PER_S

__all__ = ["MAX_STEP_S", "Halts", "ReplayWatermark", "watermarks_ns"]

#: A single report moves the watermark no farther than this [s].
MAX_STEP_S = 60


@dataclass
class ReplayWatermark:
    """The watermark after the reports so far.

    Attributes:
        time_ns: the watermark; None before two nodes have reported [ns since the Unix epoch].
    """

    time_ns: int | None = None
    #: Collect time of the last report, by node.
    _newest_ns: dict[str, int] = field(default_factory=dict)

    def see(self, node_id: str, collect_time_ns: int) -> None:
        """Takes a report that was not rejected.

        The first watermark is the second largest of the nodes' newest collect times. Then a report
        moves it to its own time, if that is ahead by no more than `MAX_STEP_S`. If it is farther
        ahead, a second node's newest must be so, too; then it moves to the second largest of all.
        """
        self._newest_ns[node_id] = collect_time_ns
        farthest_ns = None if self.time_ns is None else self.time_ns + MAX_STEP_S * NS_PER_S
        if farthest_ns is None or collect_time_ns > farthest_ns:
            largest = heapq.nlargest(2, self._newest_ns.values())
            if len(largest) == 2 and (farthest_ns is None or largest[1] > farthest_ns):
                self.time_ns = largest[1]
        elif self.time_ns is not None:
            self.time_ns = max(self.time_ns, collect_time_ns)


def watermarks_ns(payloads: Sequence[bytes]) -> list[int | None]:
    """Returns the watermark before each record of a capture [ns since the Unix epoch].

    Args:
        payloads: serialized PmReports in order of arrival, or what claims to be.
    """
    parsed, good, _ = parse_reports(payloads)
    node_id, time_ns = parsed.column("node_id"), parsed.column("collect_time_unix_ns").to_numpy()
    is_sound = report_reasons(node_id, time_ns) == Reason.NONE
    reports = {good[row]: row for row in np.flatnonzero(is_sound).tolist()}
    watermark = ReplayWatermark()
    before: list[int | None] = []
    for number in range(len(payloads)):
        before.append(watermark.time_ns)
        if (row := reports.get(number)) is not None:
            watermark.see(node_id[row].as_py(), int(time_ns[row]))
    return before


class Halts:
    """The windows that hold a sample and are not due."""

    def __init__(self, bounds: WindowBounds) -> None:
        """Starts without any; `bounds` says when windows are due."""
        self._bounds = bounds
        self._windows: set[int] = set()
        self._newest_due = NEVER

    def see(self, payload: bytes) -> None:
        """Takes a record, a serialized PmReport or what claims to be."""
        try:
            report = PmReport.FromString(payload)
        except DecodeError:
            return
        window_ns = self._bounds.window_s * NS_PER_S
        windows = {
            (component.sample_time_unix_ns or report.collect_time_unix_ns) // window_ns
            for component in report.components
        }
        self._windows.update(window for window in windows if window > self._newest_due)

    def up_to(self, watermark_us: int) -> list[int]:
        """Returns the moments at which windows become due up to a watermark, and forgets these."""
        self._newest_due = max(self._newest_due, self._bounds.newest_due(watermark_us))
        due = {window for window in self._windows if window <= self._newest_due}
        self._windows -= due
        return [self._bounds.due_us(window) for window in sorted(due)]
