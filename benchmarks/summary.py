"""From single runs to what is told of them: medians, spreads, and ratios of the same round."""

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
        """Sums up; there must be a value."""
        return cls(statistics.median(values), min(values), max(values))


@dataclass(frozen=True)
class Summary:
    """A rival over all rounds.

    Attributes:
        rival: its name.
        rounds: how many it has finished.
        ports: of what it was given.
        seconds_of_load: length of that.
        values_per_s: PM values.
        ports_per_s: samples of ports.
        cpu_s_per_million: CPU time for a million PM values.
        broker_cpu_s_per_million: the broker's.
        peak_memory_mb: sum of resident memory.
        failures: why rounds failed.
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
    """Ours against a rival's: medians, over the rounds, of the ratios within a round.

    Attributes:
        rival: its name.
        rounds: how many have both.
        throughput: ours in its; more than 1: we are faster.
        cpu: its CPU time a value in ours; more than 1: we need less.
    """

    rival: str
    rounds: int
    throughput: float
    cpu: float


#: The runs of a round, by rival.
Round = dict[str, CatchUp]


def summarize(rounds: Sequence[Round], rival: str) -> Summary | None:
    """Sums up a rival's rounds; None when it has finished none."""
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
    """Compares us with a rival; None when no round has both."""
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
