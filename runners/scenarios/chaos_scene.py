"""Makes what a run of `make chaos` feeds: faults, disorder, duplicates and late reports."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from runners.scenarios.live import ROUND_S
from schema.pm_report_pb2 import COMPLETE, INPUT_POWER, ComponentPm, PmReport, PmValue
from schema.topology_pb2 import FiberLink
from simulator import faults as fault_module
from simulator.fault_model import SECOND_NS
from simulator.network import build_network
from simulator.reports import generate
from simulator.transport import Arrival, Transport

__all__ = ["ALLOWED_LATENESS_S", "OUT_OF_ORDERNESS_S", "Scene"]

#: B of the runs [s], longer than the broker is ever away, even on a busy machine. Meanwhile
#: producers hold records back; these come with old timestamps, and are late if windows do not wait.
OUT_OF_ORDERNESS_S = 75
ALLOWED_LATENESS_S = 5
# Kinds of faults in a feed long enough for each of them, and in a shorter one.
_KINDS = (
    "cable_cut",
    "learned_degrade",
    "cut",
    "strand_cut",
    "short_outage",
    "degrade_warn",
    "degrade",
    "dip",
    "contamination",
    "flapping",
    "osc_failure",
    "signal_loss",
    "channel_change",
    "maintenance",
    "new_type",
)
_SHORT_KINDS = (
    "cut",
    "cut_als",
    "strand_cut",
    "degrade",
    "degrade_severe",
    "garbage",
    "signal_loss",
)
# Reports of the first seconds are sent again, this long after their windows have closed for good.
_LATE_SECONDS = 2
_CLEARLY_S = 10


@dataclass(frozen=True)
class Scene:
    """What happens in a run.

    Attributes:
        topology: the links.
        reports: all reports, in order of sending.
        start_ns: when the first report is due.
    """

    topology: list[FiberLink]
    reports: list[Arrival]
    start_ns: int

    @classmethod
    def make(cls, links: int, seconds: int, seed: int, start_s: int) -> Scene:
        """Makes a capture with many kinds of faults, disorder, duplicates, and late reports.

        Raises:
            ValueError: the faults, or the late reports, do not fit.
        """
        network = build_network(links, seed, nodes=None, spares=0)
        start_ns = start_s * SECOND_NS
        kinds = _KINDS if seconds >= ROUND_S else _SHORT_KINDS
        faults = fault_module.schedule(network, start_ns, seconds, seed, kinds)
        transport = Transport(disorder_rate=0.2, duplicate_rate=0.05, missing_rate=0.01)
        reports = list(generate(network, faults, start_ns, seconds, seed, transport))
        rng = random.Random(seed)
        after_s = OUT_OF_ORDERNESS_S + ALLOWED_LATENESS_S + _CLEARLY_S
        if seconds <= _LATE_SECONDS + after_s:
            raise ValueError(f"late reports need more than {_LATE_SECONDS + after_s:g} s")
        end_ns = reports[-1].send_ns
        again = [
            report._replace(send_ns=rng.randint(report.send_ns + after_s * SECOND_NS, end_ns))
            for report in reports
            if report.send_ns < start_ns + _LATE_SECONDS * SECOND_NS
        ]
        reports += [*again, *_strangers(start_ns, seconds)]
        reports.sort(key=lambda report: report.send_ns)
        return cls(list(fault_module.topology(network, faults)), reports, start_ns)


def _strangers(start_ns: int, seconds: int) -> Iterator[Arrival]:
    """Yields reports of a node in no link, few enough that each is written to the output."""
    for number in range(0, seconds, max(2, seconds // 50)):
        time_ns = start_ns + number * SECOND_NS
        power = PmValue(type=INPUT_POWER, instant=-10)
        component = ComponentPm(component="line", validity=COMPLETE, values=[power])
        report = PmReport(
            node_id="stranger",
            collect_time_unix_ns=time_ns,
            sequence=number,
            components=[component],
        )
        yield Arrival(time_ns, report.node_id, report.SerializeToString())
