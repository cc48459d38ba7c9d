"""Names of the outputs, the metrics, and nothing else."""

import collections
import functools
import json
from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.typehints.native_type_compatibility import convert_to_beam_type

#: The outputs; events are the main chain's.
EVENTS, INVALID, UNMATCHED, LATE = "events", "invalid", "unmatched", "late"
OUTPUTS = (EVENTS, LATE, INVALID, UNMATCHED)

#: Key and value of an output record, UTF-8.
Record = tuple[bytes, bytes]


def typed(collection: beam.PCollection, element_type: Any) -> beam.PCollection:
    """Says what a tagged output holds: Beam takes its coder from that."""
    collection.element_type = convert_to_beam_type(element_type)
    return collection


class Aside:
    """Collects what the steps put out beside the main chain, by name of the output."""

    def __init__(self) -> None:
        self._collections: dict[str, list[beam.PCollection]] = {}

    def add(self, output: str, records: beam.PCollection) -> None:
        """Adds a step's records to an output."""
        self._collections.setdefault(output, []).append(typed(records, Record))

    def collections(self, output: str) -> list[beam.PCollection]:
        """Returns all that was added to an output."""
        return self._collections.get(output, [])


def side_record(key: str | None, line: dict[str, Any]) -> Record:
    """Returns a line of a side output as a record."""
    value = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
    return (key or "").encode(), value.encode()


#: Namespace of all metrics.
NAMESPACE = "eventcenter"

#: The counters of the conservation rule:
#: components = components_rejected + components_unmatched + components_matched, and
#: ends_joined = ends_windowed + ends_late.
REPORTS = "reports"
REPORTS_REJECTED = "reports_rejected"
COMPONENTS = "components"
COMPONENTS_REJECTED = "components_rejected"
COMPONENTS_UNMATCHED = "components_unmatched"
COMPONENTS_MATCHED = "components_matched"
ENDS_JOINED = "ends_joined"
ENDS_WINDOWED = "ends_windowed"
ENDS_LATE = "ends_late"

#: Upper bounds of the histogram of event latencies [s]. The default B of 2 s is in each latency.
LATENCY_BOUNDS_S = (3, 4, 5, 7, 10, 15, 30, 60)

#: All that this process has counted. Beam's runner for streams in tests keeps the counters of the
#: first bundle only; where all steps run in this process, this is what they come to.
counted_here: collections.Counter[str] = collections.Counter()


def count(name: str, number: int = 1) -> None:
    """Adds to a counter."""
    if number:
        _counter(name).inc(number)
        counted_here[name] += number


@functools.cache
def _counter(name: str) -> Metrics.DelegatingCounter:
    return Metrics.counter(NAMESPACE, name)


def count_invalid(reasons: Iterable[str]) -> None:
    """Adds rejections to the counters of their reasons, such as `invalid_not_finite`."""
    for reason, number in collections.Counter(reasons).items():
        count(f"{INVALID}_{reason.lower()}", number)


def count_latency(latency_s: float) -> None:
    """Adds an event to the histogram of latencies: one counter for each bound it is within.

    Of Beam's own distributions, Flink shows Prometheus nothing but a 0.
    """
    for bound_s in LATENCY_BOUNDS_S:
        if latency_s <= bound_s:
            count(f"event_latency_le_{bound_s}")
    count("event_latency_le_inf")
    count("event_latency_ms", max(0, round(1000 * latency_s)))


def gauge(name: str, value: int) -> None:
    """Says how much there is of something now."""
    Metrics.gauge(NAMESPACE, name).set(value)


def summary(counters: dict[str, int]) -> str:
    """Returns where everything went, in one line; says so if something got lost."""
    counted = collections.Counter(counters)
    lost = counted[COMPONENTS] - sum(
        counted[name] for name in (COMPONENTS_REJECTED, COMPONENTS_UNMATCHED, COMPONENTS_MATCHED)
    )
    lost_ends = counted[ENDS_JOINED] - counted[ENDS_WINDOWED] - counted[ENDS_LATE]
    line = (
        f"{counted[REPORTS]} reports, {counted[REPORTS_REJECTED]} of them rejected; "
        f"{counted[COMPONENTS]} components: {counted[COMPONENTS_MATCHED]} matched, "
        f"{counted[COMPONENTS_UNMATCHED]} unmatched, {counted[COMPONENTS_REJECTED]} rejected; "
        f"{counted[ENDS_JOINED]} span ends: {counted[ENDS_WINDOWED]} windowed, "
        f"{counted[ENDS_LATE]} late"
    )
    return f"{line}; LOST: {lost} components, {lost_ends} span ends" if lost or lost_ends else line
