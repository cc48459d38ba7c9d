"""Loads that show how the cost of a value grows: with size, workers, faults, lateness, nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from benchmarks.measure import Bench, CatchUp, catch_up, fill
from benchmarks.rivals.rival import Rival
from benchmarks.workloads import Workload

SIZES = (1_000, 10_000, 100_000, 1_000_000)
#: In a shorter feed, start and end would be all there is.
_LEAST_S = 5
#: Heap of a TaskManager for each link, if that is more than --heap_mb [kB].
_HEAP_KB_A_LINK = 8
#: How far in the past a feed ends, so that its closing reports are in the past too [s].
_PAST_S = 200


@dataclass(frozen=True)
class Variant:
    """A load that differs from the first variant in one thing.

    Attributes:
        name: what is different.
        slots: workers.
        load: ports, seconds and start are set by size.
    """

    name: str
    slots: int
    load: Workload


_BASE = Workload(faulty_share=0.01)
VARIANTS = (
    Variant("2 slots, 1 % faulty, 0 % late, 48 a node", 2, _BASE),
    Variant("1 slot", 1, _BASE),
    Variant("20 % faulty", 2, replace(_BASE, faulty_share=0.2)),
    Variant("5 % late", 2, replace(_BASE, late_share=0.05)),
    Variant("2 a node", 2, replace(_BASE, ports_per_node=2)),
)


@dataclass(frozen=True)
class Point:
    """A run of a variant at a size."""

    variant: str
    run: CatchUp


def past(load: Workload) -> Workload:
    """Returns the load with its whole time span in the past."""
    return replace(load, start_s=int(time.time()) - load.seconds - _PAST_S)


def sized(load: Workload, links: int, values: int) -> Workload:
    """Returns the load with a number of links and, in all, about a number of values."""
    ports = 2 * links
    return replace(load, ports=ports, seconds=max(_LEAST_S, round(values / (2 * ports))))


def measure(
    bench: Bench, rivals: Sequence[Rival], sizes: Sequence[int], values: int
) -> Iterator[Point]:
    """Yields the result of each variant at each size, as soon as it is measured."""
    for links in sizes:
        heap_mb = max(bench.heap_mb, links * _HEAP_KB_A_LINK // 1000)
        for number, variant in enumerate(VARIANTS):
            load = past(sized(variant.load, links, values))
            filled = fill(bench, load, f"growth-{links}-{number}")
            for rival in rivals:
                bench.say(f"{rival.name}, {links:,} links, {variant.name}")
                here = replace(bench, slots=variant.slots, heap_mb=heap_mb)
                run = catch_up(here, rival, filled)
                bench.say(run.failed or f"{run.cpu_s_per_million:.2f} CPU s per million values")
                yield Point(variant.name, run)
            for topic in filled.topics.values():
                bench.kafka.delete_topic(topic)
