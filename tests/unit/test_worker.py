"""The Python workers: what is changed of Beam's, and that Beam still takes it."""

import sys
import threading
from collections.abc import Iterator

import apache_beam as beam
import pytest
from apache_beam.metrics import Metrics, MetricsFilter
from apache_beam.runners.worker import bundle_processor, statecache, statesampler
from apache_beam.testing.util import assert_that, equal_to
from apache_beam.utils.counters import CounterFactory

from runners.worker import UntimedSampler, keep_bundles_short, weight


@pytest.fixture
def changed() -> Iterator[None]:
    sampler, size = statesampler.StateSampler, statecache.get_deep_size
    keep_bundles_short()
    yield
    statesampler.StateSampler, statecache.get_deep_size = sampler, size


def _tracker(element: int) -> str:
    Metrics.counter("test", "elements").inc()
    return type(statesampler.get_current_tracker()).__name__


@pytest.mark.usefixtures("changed")
def test_bundles_are_not_timed_and_metrics_still_count() -> None:
    pipeline = beam.Pipeline("FnApiRunner")
    trackers = pipeline | beam.Create([1, 2, 3], reshuffle=False) | beam.Map(_tracker)
    assert_that(trackers, equal_to(["UntimedSampler"] * 3))
    result = pipeline.run()
    result.wait_until_finish()
    (counter,) = result.metrics().query(MetricsFilter().with_name("elements"))["counters"]
    assert counter.committed == 3


@pytest.mark.usefixtures("changed")
def test_the_end_of_a_bundle_does_not_wait_for_a_thread() -> None:
    sampler = bundle_processor.statesampler.StateSampler("stage", CounterFactory())
    before = threading.active_count()
    sampler.start()
    assert isinstance(sampler, UntimedSampler) and threading.active_count() == before
    assert statesampler.get_current_tracker() is sampler
    sampler.stop_if_still_running()
    assert sampler.finished and statesampler.get_current_tracker() is None
    sampler.reset()
    sampler.start()
    sampler.stop()


@pytest.mark.usefixtures("changed")
def test_the_cache_forgets_by_the_bytes_that_it_holds() -> None:
    cache = statecache.StateCache(3_500)
    for key in range(4):
        cache.put(key, [bytes(1000)])
    assert [cache.peek(key) is not None for key in range(4)] == [False, True, True, True]


def test_weight_is_that_of_lists_of_bytes_and_beams_own_for_all_else() -> None:
    value = [bytes(1000), bytes(500), b""]
    assert weight(value) == sys.getsizeof(value) + sum(map(sys.getsizeof, value))
    assert weight([]) == sys.getsizeof([])
    assert weight([bytes(100)], [b""]) == weight([bytes(100)]) + weight([b""])
    other = {"key": [1.5, "text"]}
    assert weight(other) == statecache.get_deep_size(other)
    assert weight([1, 2]) == statecache.get_deep_size([1, 2])
