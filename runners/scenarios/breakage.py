"""What can break, and how to break it on purpose."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from runners.local.cluster import LocalCluster
from runners.local.flink_job import FlinkJob
from runners.local.kafka import LocalKafka
from runners.local.processes import workers_of

# Long enough for blocks to reach a stopped worker.
_MID_BUNDLE_S = 2
_REFUSAL_S = 8
# From the end of a worker to the start of the next one, even on a busy machine.
_NEXT_WORKER_S = 60


@dataclass(frozen=True)
class Running:
    """A running event center.

    Attributes:
        kafka: its Kafka broker.
        cluster: its Flink cluster.
        job: its job.
        events_topic: topic of its events.
    """

    kafka: LocalKafka
    cluster: LocalCluster
    job: FlinkJob
    events_topic: str


def _kill(part: str) -> Callable[[Running], None]:
    return lambda running: running.cluster.processes[part].kill()


def _kill_all(workers: Iterable[int]) -> None:
    for worker in workers:
        os.kill(worker, signal.SIGKILL)


def _kill_worker(running: Running) -> None:
    """Kills a Python worker."""
    _kill_all(_workers(running))


def _kill_starting_worker(running: Running) -> None:
    """Kills a Python worker, and its successor before that is connected."""
    known = set(_workers(running))
    _kill_all(known)
    pool = running.cluster.processes["workerpool0"]
    pool.wait_until(lambda: not known.issuperset(_workers(running)), _NEXT_WORKER_S)
    _kill_all(set(_workers(running)) - known)


def _cut_bundle(running: Running) -> None:
    """Pauses a Python worker until a bundle waits for it, then kills it."""
    workers = _workers(running)
    for worker in workers:
        os.kill(worker, signal.SIGSTOP)
    time.sleep(_MID_BUNDLE_S)
    _kill_all(workers)


def _workers(running: Running) -> list[int]:
    """Returns the running workers of the first pool."""
    return workers_of(running.cluster.processes["workerpool0"].pid)


def _restart_broker(running: Running) -> None:
    """Kills the broker and starts it again."""
    running.kafka.restart()


def _refuse_events(running: Running) -> None:
    """Makes the partition of the events refuse records for a while."""
    running.kafka.configure_topic(running.events_topic, {"min.insync.replicas": "2"})
    time.sleep(_REFUSAL_S)
    running.kafka.configure_topic(running.events_topic, {"min.insync.replicas": "1"})


#: A function for each kind of breakage; it returns when the system is left alone to recover.
BREAKAGES: dict[str, Callable[[Running], None]] = {
    "taskmanager": _kill("taskmanager0"),
    "worker": _kill_worker,
    "start": _kill_starting_worker,
    "bundle": _cut_bundle,
    "workerpool": _kill("workerpool0"),
    "jobserver": _kill("jobserver"),
    "broker": _restart_broker,
    "partition": _refuse_events,
}
