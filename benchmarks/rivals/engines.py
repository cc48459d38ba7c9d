"""Who is measured, and how each is started and stopped.

All have the same topics, the same number of slots and the same interval of checkpoints. Those on
Flink have the same cluster of one TaskManager; what the Python workers of a Beam job take beside
it, a native job, which has none, gets as heap.
"""

from __future__ import annotations

import contextlib
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Protocol

from benchmarks.builds import QUIX_REQUIREMENTS, environment, native_flink_jar
from benchmarks.flink_rest import running_since_s, submit_jar
from runners.local.cluster import LocalCluster, Shape
from runners.local.flink_job import ENDED, FlinkJob
from runners.local.jars import CACHE, CHECKOUT
from runners.local.kafka import LocalKafka
from runners.local.pipeline_job import submit_pipeline
from runners.local.processes import Process, log_file

CHECKPOINTING_MS = 1000
#: B and L of all runs [s].
OUT_OF_ORDERNESS_S, ALLOWED_LATENESS_S = 2, 5
#: Flink's own, for jobs that hand on one record after the other.
_BUFFER_TIMEOUT_MS = 100
#: What a native job gets as heap for the Python workers that a Beam job has beside each slot.
WORKERS_MB = 1024

_SUBMIT_TIMEOUT_S = 600
#: As the app says it; its module needs the packages of its own environment.
_QUIX_STARTED = "the rival has started"


@dataclass(frozen=True)
class Task:
    """What a rival is to do.

    Attributes:
        kafka: the broker.
        topics: by name: pm, topology, events, late.
        name: of the job, and `source` of its events.
        slots: how many workers it may have.
        heap_mb: of a Beam job's TaskManager.
        catches_up: the feed is there already; else it comes as time goes by.
    """

    kafka: LocalKafka
    topics: Mapping[str, str]
    name: str
    slots: int
    heap_mb: int
    catches_up: bool


@dataclass(frozen=True)
class Checkpoints:
    """What Flink tells of the checkpoints of a job; sizes in MB, durations in ms."""

    completed: int
    failed: int
    size_mb: float
    median_ms: float
    max_ms: float

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Checkpoints:
        """Reads Flink's answer."""
        durations = told["summary"]["end_to_end_duration"]
        return cls(
            completed=told["counts"]["completed"],
            failed=told["counts"]["failed"],
            size_mb=told["summary"]["state_size"]["max"] / 1e6,
            median_ms=float(durations["p50"]),
            max_ms=float(durations["max"]),
        )


class Engine(Protocol):
    """A rival at work; deployed, and idle until it is started."""

    def start(self) -> float:
        """Starts the work; returns since when all of it runs [s since the Unix epoch]."""

    def processes(self) -> list[int]:
        """Returns the processes that do the work; their children count as well."""

    def failure(self) -> str | None:
        """Returns why the work has ended; None while it goes on."""

    def restarts(self) -> int:
        """Returns how many times it has failed and gone on."""

    def checkpoints(self) -> Checkpoints | None:
        """Returns what it tells of its checkpoints."""


class Part(Enum):
    """How much of a load a rival is given, as some would take hours for all of it."""

    ALL = "all of it"
    SHORT = "a few seconds of it"
    SMALL = "a few seconds of a tenth of the network"


class Rival(Protocol):
    """Someone to be measured."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def takes(self) -> Part:
        """How much of the load it is given."""

    def prepare(self) -> None:
        """Builds or installs what it needs."""

    def deployed(self, task: Task) -> AbstractContextManager[Engine]:
        """Yields it ready to start, and stops it."""


class _OnFlink(ABC):
    """An engine on a local cluster; submitted in its own way."""

    def __init__(self, cluster: LocalCluster, task: Task) -> None:
        self._cluster, self._task = cluster, task
        self._job: FlinkJob | None = None

    def start(self) -> float:
        self._job = self._submit()
        return running_since_s(self._job)

    @abstractmethod
    def _submit(self) -> FlinkJob:
        """Hands the job in."""

    def processes(self) -> list[int]:
        # The job server and the expansion service only bring the job here.
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


@dataclass(frozen=True)
class EventCenter:
    """The pipeline of this project, with the options that it is shipped with."""

    name: str = "event-center"
    takes: Part = Part.ALL

    def prepare(self) -> None:
        """Nothing is to be built."""

    @contextlib.contextmanager
    def deployed(self, task: Task) -> Iterator[Engine]:
        """Yields it on a cluster of its own."""
        with LocalCluster(Shape(1, task.slots, task.heap_mb)) as cluster:
            yield _Submitted(cluster, task)


class _Submitted(_OnFlink):
    def _submit(self) -> FlinkJob:
        task, options = self._task, _beam_options(self._task)
        return submit_pipeline(task.kafka, self._cluster, task.name, task.topics, options)


def _beam_options(task: Task) -> list[str]:
    return [
        "--emit=matches",
        f"--parallelism={task.slots}",
        f"--checkpointing_interval={CHECKPOINTING_MS}",
        f"--out_of_orderness_s={OUT_OF_ORDERNESS_S}",
        f"--allowed_lateness_s={ALLOWED_LATENESS_S}",
    ]


@dataclass(frozen=True)
class RecordAtATime:
    """The same pipeline with one element a port, on the same runner."""

    name: str = "record-at-a-time"
    takes: Part = Part.SMALL

    def prepare(self) -> None:
        """Nothing is to be built."""

    @contextlib.contextmanager
    def deployed(self, task: Task) -> Iterator[Engine]:
        """Yields it on a cluster of its own."""
        shape = Shape(1, task.slots, task.heap_mb, buffer_timeout_ms=_BUFFER_TIMEOUT_MS)
        with LocalCluster(shape) as cluster:
            yield _SubmittedNaive(cluster, task)


class _SubmittedNaive(_OnFlink):
    def _submit(self) -> FlinkJob:
        task = self._task
        return submit_pipeline(
            task.kafka,
            self._cluster,
            task.name,
            task.topics,
            _beam_options(task),
            module="benchmarks.rivals.record_at_a_time",
            timeout_s=_SUBMIT_TIMEOUT_S,
        )


@dataclass(frozen=True)
class NativeFlink:
    """The same rules as a Java job on Flink's own DataStream API.

    Attributes:
        form: ``stock``, as its manual would have it, or ``tuned``.
    """

    form: str
    takes: Part = Part.ALL

    @property
    def name(self) -> str:
        """What it is called."""
        return f"flink-{self.form}"

    def prepare(self) -> None:
        """Builds the jar."""
        native_flink_jar()

    @contextlib.contextmanager
    def deployed(self, task: Task) -> Iterator[Engine]:
        """Yields it on a cluster of its own.

        It has the memory of the Python workers as heap, and both of Java's compilers: it is all
        Java.
        """
        heap_mb = task.heap_mb + WORKERS_MB * task.slots
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
        # No Python works for it.
        return [self._cluster.processes[name].pid for name in ("jobmanager", "taskmanager0")]


@dataclass(frozen=True)
class Quix:
    """The same rules in Quix Streams; one process a slot."""

    name: str = "quix"
    takes: Part = Part.SHORT

    def prepare(self) -> None:
        """Installs its packages into an environment of their own."""
        environment("quix", QUIX_REQUIREMENTS)

    @contextlib.contextmanager
    def deployed(self, task: Task) -> Iterator[Engine]:
        """Yields its processes, not started yet."""
        with tempfile.TemporaryDirectory(prefix="quix-") as directory:
            engine = _QuixProcesses(self._commands(task, Path(directory)))
            try:
                yield engine
            finally:
                engine.stop()

    def _commands(self, task: Task, directory: Path) -> list[Sequence[str]]:
        topics = {f"--{which}_kafka_topic": task.topics[which] for which in _QUIX_TOPICS}
        return [
            [
                *(str(CACHE / "quix" / "bin" / "python"), "-m", "benchmarks.rivals.quix.app"),
                f"--bootstrap_servers={task.kafka.bootstrap_servers}",
                *(f"{option}={topic}" for option, topic in topics.items()),
                f"--job_name={task.name}",
                f"--state_dir={directory / str(number)}",
                f"--grace_s={OUT_OF_ORDERNESS_S}",
                *(["--catch_up"] if task.catches_up else []),
                f"--commit_interval_s={CHECKPOINTING_MS / 1000}",
            ]
            for number in range(task.slots)
        ]


_QUIX_TOPICS = ("pm", "topology", "events")


class _QuixProcesses:
    def __init__(self, commands: list[Sequence[str]]) -> None:
        self._processes = [
            Process(f"quix {number}", command, log_file(f"quix{number}"), cwd=CHECKOUT)
            for number, command in enumerate(commands)
        ]
        self._started = False

    def start(self) -> float:
        for process in self._processes:
            process.start()
        self._started = True
        for process in self._processes:
            process.wait_for_line(_QUIX_STARTED, _SUBMIT_TIMEOUT_S)
        return time.time()

    def stop(self) -> None:
        for process in self._processes:
            process.stop()

    def processes(self) -> list[int]:
        return [process.pid for process in self._processes] if self._started else []

    def failure(self) -> str | None:
        ended = [p for p in self._processes if p.returncode is not None]
        return f"{ended[0].name} has ended\n{ended[0].tail()}" if ended else None

    def restarts(self) -> int:
        return 0

    def checkpoints(self) -> Checkpoints | None:
        return None


RIVALS: dict[str, Rival] = {
    rival.name: rival
    for rival in (
        EventCenter(),
        NativeFlink("stock"),
        NativeFlink("tuned"),
        RecordAtATime(),
        Quix(),
    )
}
