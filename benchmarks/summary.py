"""Summaries of runs: medians, spreads, and ratios within a round."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.measure import CatchUp


@dataclass(frozen=True)
class Spread:
    """A number over several rounds."""

    median: float
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Summarizes values, of which there must be at least one."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Summary:
    """A rival over all rounds.

    Attributes:
        rival: its name.
        rounds: number of rounds that it has finished.
        ports: ports of its load.
        seconds_of_load: length of its load.
        values_per_s: PM values.
        ports_per_s: samples of ports.
        cpu_s_per_million: CPU time for a million PM values.
        broker_cpu_s_per_million: CPU time of the broker for a million PM values.
        peak_memory_mb: sum of resident memory.
        failures: reasons of the failed rounds.
    """

    rival: str
    rounds: int
    ports: int
    seconds_of_load: int
    values_per_s: Spread
    ports_per_s: Spread
    cpu_s_per_million: Spread
    broker_cpu_s_per_million: Spread
    peak_memory_mb: Spread
    failures: tuple[str, ...]


@dataclass(frozen=True)
class Ratio:
    """The event center compared with a rival: medians over the ratios within each round.

    Attributes:
        rival: its name.
        rounds: number of rounds that both have finished.
        throughput: throughput of the event center divided by the rival's.
        cpu: the rival's CPU time per value divided by that of the event center.
    """

    rival: str
    rounds: int
    throughput: float
    cpu: float


#: The runs of a round, by rival.
Round = dict[str, CatchUp]


def summarize(rounds: Sequence[Round], rival: str) -> Summary | None:
    """Summarizes the rounds of a rival; None if it has finished none."""
    runs = [one[rival] for one in rounds if rival in one]
    done = [run for run in runs if run.failed is None]
    if not done:
        return None

    def spread(name: str) -> Spread:
        return Spread.of([getattr(run, name) for run in done])

    return Summary(
        rival=rival,
        rounds=len(done),
        ports=done[0].ports,
        seconds_of_load=done[0].seconds_of_load,
        values_per_s=spread("values_per_s"),
        ports_per_s=spread("ports_per_s"),
        cpu_s_per_million=spread("cpu_s_per_million"),
        broker_cpu_s_per_million=spread("broker_cpu_s_per_million"),
        peak_memory_mb=spread("peak_memory_mb"),
        failures=tuple(run.failed for run in runs if run.failed is not None),
    )


def ratio(rounds: Sequence[Round], ours: str, rival: str) -> Ratio | None:
    """Compares the event center with a rival; None if no round has both."""
    both = [
        (one[ours], one[rival])
        for one in rounds
        if ours in one and rival in one and not (one[ours].failed or one[rival].failed)
    ]
    if not both:
        return None
    return Ratio(
        rival=rival,
        rounds=len(both),
        throughput=statistics.median(us.values_per_s / it.values_per_s for us, it in both),
        cpu=statistics.median(it.cpu_s_per_million / us.cpu_s_per_million for us, it in both),
    )
