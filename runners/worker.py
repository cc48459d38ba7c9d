"""A Python worker: Beam's own, without two habits that cost time at the end of each bundle.

The worker pool starts it. What is left out serves only diagnosis, and nothing here reads it;
docs/benchmark.md says what it cost.
"""

from __future__ import annotations

import gc
import sys
import threading
from multiprocessing.connection import Connection
from typing import Any

from apache_beam.runners.worker import statecache, statesampler
from apache_beam.runners.worker.sdk_worker import SdkHarness

import pipeline.graph
import pipeline.kafka.read  # noqa: F401  # loads what steps need before a job waits for it

#: State that a worker caches between bundles, so that it does not request it each time.
_STATE_CACHE_MB = 100

_deep_size = statecache.get_deep_size


class UntimedSampler(statesampler.StateSampler):
    """Knows which step a bundle is in, but does not measure for how long.

    Beam measures that with one thread for each bundle, and at the end of the bundle waits until the
    thread wakes up. The thread sleeps longer and longer, up to a sixth of the age of the bundle:
    80 ms for a bundle that is open for 400 ms.
    """

    def start(self) -> None:
        """Starts a bundle."""
        self.tracked_thread = threading.current_thread()
        statesampler.set_current_tracker(self)
        self.started = True

    def stop(self) -> None:
        """Ends the bundle."""
        statesampler.set_current_tracker(None)
        self.finished = True


def weight(*values: Any) -> int:
    """Returns how much of the cache a piece of state takes [bytes].

    The pipeline's state is lists of bytes. Beam would measure them by first looking through the
    globals of all modules, each time that a bundle adds to a state.
    """
    if all(isinstance(value, list) and _are_bytes(value) for value in values):
        return sum(sys.getsizeof(value) + sum(map(sys.getsizeof, value)) for value in values)
    return int(_deep_size(*values))


def _are_bytes(items: list[Any]) -> bool:
    return all(type(item) is bytes for item in items)


def keep_bundles_short() -> None:
    """Makes the workers of this process do without the two habits."""
    statesampler.StateSampler = UntimedSampler
    statecache.get_deep_size = weight


def serve(control: str, name: str, connected: Connection) -> None:
    """Serves a TaskManager until it is done with this worker.

    Args:
        control: address at which the TaskManager gives out work.
        name: the TaskManager's name for this worker.
        connected: gets True, and is closed, once the worker has reached the TaskManager.
    """
    gc.freeze()  # what was loaded before the fork stays, so collections can skip it
    keep_bundles_short()
    harness = SdkHarness(
        control,
        worker_id=name,
        state_cache_size=_STATE_CACHE_MB * 1_000_000,
        data_buffer_time_limit_ms=0,
    )
    connected.send(True)
    connected.close()
    harness.run()
