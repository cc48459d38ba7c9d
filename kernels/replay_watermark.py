"""The watermark of a stream replay, made of the collect times of a capture (spec, section 4).

A single wrong clock cannot move it far: what no second node confirms counts for nothing.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from kernels.decode_reports.decode import parse_reports
from kernels.decode_reports.validate import report_reasons
from schema.side_lines import Reason
from schema.times import NS_PER_S

__all__ = ["MAX_STEP_S", "ReplayWatermark", "watermarks_ns"]

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
