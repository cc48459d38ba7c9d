"""Tagged outputs, timers and metrics, in Beam's terms."""

import collections
import functools
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics
from apache_beam.typehints.native_type_compatibility import convert_to_beam_type
from apache_beam.utils.timestamp import Timestamp

from kernels.timers import Timer
from schema.outputs import INVALID, NAMESPACE

#: Upper bounds of the histogram of event latencies [s]. Each latency holds B, 2 s by default.
LATENCY_BOUNDS_S = (3, 4, 5, 7, 10, 15, 30, 60)

#: All that this process has counted. Beam's runner for streams in tests keeps the counters of the
#: first bundle only; where all steps run in this process, this is their sum.
counted_here: collections.Counter[str] = collections.Counter()


#: Shard and block: what travels between the steps.
Keyed = tuple[int, bytes]


def typed(collection: beam.PCollection, element_type: Any) -> beam.PCollection:
    """Says what a tagged output holds: Beam takes its coder from that."""
    collection.element_type = convert_to_beam_type(element_type)
    return collection


def set_timer(family: Any, timer: Timer) -> None:
    """Sets a kernel's timer in a family of event-time timers.

    It stands a tick before: on every runner such a timer fires when the watermark is there.
    """
    family.set(Timestamp(micros=timer.at_us - 1), dynamic_timer_tag=timer.tag)


def count(name: str, number: int = 1) -> None:
    """Adds to a counter."""
    if number:
        _counter(name).inc(number)
        counted_here[name] += number


@functools.cache
def _counter(name: str) -> Metrics.DelegatingCounter:
    return Metrics.counter(NAMESPACE, name)


def count_invalid(reason: str, number: int = 1) -> None:
    """Adds rejections to the counter of their reason, such as `invalid_not_finite`."""
    count(f"{INVALID}_{reason.lower()}", number)


def count_latency(latency_s: float) -> None:
    """Adds an event to the histogram of latencies: one counter for each bound it is within.

    Flink shows Prometheus nothing but a 0 of Beam's own distributions.
    """
    for bound_s in LATENCY_BOUNDS_S:
        if latency_s <= bound_s:
            count(f"event_latency_le_{bound_s}")
    count("event_latency_le_inf")
    count("event_latency_ms", max(0, round(1000 * latency_s)))


def gauge(name: str, value: int) -> None:
    """Says how much there is of something now."""
    Metrics.gauge(NAMESPACE, name).set(value)
