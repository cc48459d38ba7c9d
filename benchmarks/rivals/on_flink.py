"""The rivals on Flink.

Each has a cluster of one TaskManager. A native job has no Python workers; instead it gets the
memory that those of a Beam job take as heap.
"""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, replace

from benchmarks.builds import native_flink_jar
from benchmarks.flink_rest import running_since_s, submit_jar
from benchmarks.rivals.rival import (
    ALLOWED_LATENESS_S,
    CHECKPOINTING_MS,
    OUT_OF_ORDERNESS_S,
    Checkpoints,
    Engine,
    Part,
    Task,
)
from runners.local.cluster import LocalCluster, Shape
from runners.local.flink_job import ENDED, FlinkJob
from runners.local.pipeline_job import submit_pipeline

#: Flink's own default, for jobs that hand on single records.
_BUFFER_TIMEOUT_MS = 100
#: Additional heap of a native job for each slot, where a Beam job has Python workers.
_WORKERS_MB = 1024
_SUBMIT_TIMEOUT_S = 600


class _OnFlink(ABC):
    """An engine on a local cluster; subclasses submit the job."""

    def __init__(self, cluster: LocalCluster, task: Task) -> None:
        self._cluster, self._task = cluster, task
        self._job: FlinkJob | None = None

    def start(self) -> float:
        self._job = self._submit()
        return running_since_s(self._job)

    @abstractmethod
    def _submit(self) -> FlinkJob:
        """Submits the job."""

    def processes(self) -> list[int]:
        # The job server and the expansion service only submit the job, so they do not count.
        names = ("jobmanager", "taskmanager0", "workerpool0")
        return [self._cluster.processes[name].pid for name in names]

    def failure(self) -> str | None:
        state = self._job.state() if self._job else ""
        if self._job and state in ENDED:
            return f"the job is {state}: {self._job.last_failure()}"
        return None

    def restarts(self) -> int:
        return self._job.restarts() if self._job else 0

    def checkpoints(self) -> Checkpoints | None:
        told = self._job.checkpoints() if self._job else {}
        return Checkpoints.of(told) if told.get("summary") else None


class _OnBeam(_OnFlink):
    """A Beam job, which a Python module submits."""

    def __init__(
        self, cluster: LocalCluster, task: Task, module: str, emit: str = "matches"
    ) -> None:
        super().__init__(cluster, task)
        self._module, self._emit = module, emit

    def _submit(self) -> FlinkJob:
        task = self._task
        options = [
            f"--emit={self._emit}",
            f"--parallelism={task.slots}",
            f"--checkpointing_interval={CHECKPOINTING_MS}",
            f"--out_of_orderness_s={OUT_OF_ORDERNESS_S}",
            f"--allowed_lateness_s={ALLOWED_LATENESS_S}",
        ]
        return submit_pipeline(
            task.kafka,
            self._cluster,
            task.name,
            task.topics,
            options,
            module=self._module,
            timeout_s=_SUBMIT_TIMEOUT_S,
        )


@dataclass(frozen=True)
class EventCenter:
    """The pipeline of this project.

    Attributes:
        emits: its ``--emit``.
        with_incidents: it publishes incidents too.
    """

    name: str = "event-center"
    takes: Part = Part.ALL
    emits: str = "matches"
    with_incidents: bool = False

    def prepare(self) -> None:
        """Builds nothing."""

    @contextlib.contextmanager
    def deployed(self, task: Task) -> Iterator[Engine]:
        """Yields the engine on a cluster of its own."""
        if not self.with_incidents:
            topics = {which: task.topics[which] for which in task.topics if which != "incidents"}
            task = replace(task, topics=topics)
        with LocalCluster(Shape(1, task.slots, task.heap_mb)) as cluster:
            yield _OnBeam(cluster, task, "pipeline", self.emits)


@dataclass(frozen=True)
class RecordAtATime:
    """The same pipeline with one element for each port, on the same runner."""

    name: str = "record-at-a-time"
    takes: Part = Part.SMALL
    emits: str = "matches"

    def prepare(self) -> None:
        """Builds nothing."""

    @contextlib.contextmanager
    def deployed(self, task: Task) -> Iterator[Engine]:
        """Yields the engine on a cluster of its own."""
        shape = Shape(1, task.slots, task.heap_mb, buffer_timeout_ms=_BUFFER_TIMEOUT_MS)
        with LocalCluster(shape) as cluster:
            yield _OnBeam(cluster, task, "benchmarks.rivals.record_at_a_time")


@dataclass(frozen=True)
class NativeFlink:
    """The same rules as a Java job on Flink's own DataStream API.

    Attributes:
        form: ``stock``, as in Flink's manual, or ``tuned``.
    """

    form: str
    takes: Part = Part.ALL
    emits: str = "matches"

    @property
    def name(self) -> str:
        """Its name in results."""
        return f"flink-{self.form}"

    def prepare(self) -> None:
        """Builds the jar."""
        native_flink_jar()

    @contextlib.contextmanager
    def deployed(self, task: Task) -> Iterator[Engine]:
        """Yields the engine on a cluster of its own.

        As all of it is Java, it has the memory of the Python workers as heap, and both of Java's
        compilers.
        """
        heap_mb = task.heap_mb + _WORKERS_MB * task.slots
        shape = Shape(1, task.slots, heap_mb, java=(), buffer_timeout_ms=_BUFFER_TIMEOUT_MS)
        with LocalCluster(shape) as cluster:
            yield _Native(cluster, task, self.form)


class _Native(_OnFlink):
    def __init__(self, cluster: LocalCluster, task: Task, form: str) -> None:
        super().__init__(cluster, task)
        self._form = form

    def _submit(self) -> FlinkJob:
        task = self._task
        options = {
            "form": self._form,
            "bootstrap_servers": task.kafka.bootstrap_servers,
            **{f"{which}_kafka_topic": topic for which, topic in task.topics.items()},
            "out_of_orderness_s": OUT_OF_ORDERNESS_S,
            "allowed_lateness_s": ALLOWED_LATENESS_S,
            "parallelism": task.slots,
            "checkpointing_interval": CHECKPOINTING_MS,
            "job_name": task.name,
        }
        arguments = [f"--{name}={value}" for name, value in options.items()]
        return submit_jar(self._cluster.rest_address, native_flink_jar(), task.name, arguments)

    def processes(self) -> list[int]:
        # It has no Python workers.
        return [self._cluster.processes[name].pid for name in ("jobmanager", "taskmanager0")]
