"""A Python worker: Beam's own, without two habits that cost it time at the end of each bundle.

The worker pool starts it. What is left out serves diagnosis only, and nothing here reads it;
docs/benchmark.md has what it cost.
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
import pipeline.kafka.read  # noqa: F401  # what the steps need, before any job waits for it

#: What a worker remembers of state between bundles, so that it does not ask for it each time.
STATE_CACHE_MB = 100

_deep_size = statecache.get_deep_size


class UntimedSampler(statesampler.StateSampler):
    """Knows in which step a bundle is, but not how long.

    Beam measures that with a thread a bundle, and at the bundle's end waits until the thread wakes
    up. It sleeps ever longer, up to a sixth of the age of the bundle: 80 ms where a bundle is open
    for 400.
    """

    def start(self) -> None:
        """Begins a bundle."""
        self.tracked_thread = threading.current_thread()
        statesampler.set_current_tracker(self)
        self.started = True

    def stop(self) -> None:
        """Ends it."""
        statesampler.set_current_tracker(None)
        self.finished = True


def weight(*values: Any) -> int:
    """Returns how much remembered state takes of the cache [bytes].

    Ours is lists of bytes. Beam's way to measure them looks through the globals of all modules
    first, each time that a bundle adds to a state.
    """
    if all(isinstance(value, list) and _are_bytes(value) for value in values):
        return sum(sys.getsizeof(value) + sum(map(sys.getsizeof, value)) for value in values)
    return int(_deep_size(*values))


def _are_bytes(items: list[Any]) -> bool:
    return all(type(item) is bytes for item in items)


def keep_bundles_short() -> None:
    """Makes the workers of this process do without both."""
    statesampler.StateSampler = UntimedSampler
    statecache.get_deep_size = weight


def serve(control: str, name: str, connected: Connection) -> None:
    """Serves a TaskManager until it is done with this worker.

    Args:
        control: where the TaskManager gives out work.
        name: the TaskManager's name of this worker.
        connected: is sent True, and closed, when the TaskManager has been reached.
    """
    gc.freeze()  # what was loaded before the fork stays: no collection need look through it
    keep_bundles_short()
    harness = SdkHarness(
        control,
        worker_id=name,
        state_cache_size=STATE_CACHE_MB * 1_000_000,
        data_buffer_time_limit_ms=0,
    )
    connected.send(True)
    connected.close()
    harness.run()
