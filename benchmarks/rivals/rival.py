"""What a rival is: how it is started and stopped, and what measurements ask of it meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from runners.local.kafka import LocalKafka

CHECKPOINTING_MS = 1000
#: B and L of all runs [s].
OUT_OF_ORDERNESS_S, ALLOWED_LATENESS_S = 2, 5


@dataclass(frozen=True)
class Task:
    """What a rival is to do.

    Attributes:
        kafka: the broker.
        topics: topic of each of pm, topology, events and late, and with alarms of incidents.
        name: of the job, and `source` of its events.
        slots: how many workers it may have.
        heap_mb: heap of the TaskManager of a Beam job.
        catches_up: whether the whole feed is there already, or comes in real time.
    """

    kafka: LocalKafka
    topics: Mapping[str, str]
    name: str
    slots: int
    heap_mb: int
    catches_up: bool


@dataclass(frozen=True)
class Checkpoints:
    """What Flink reports of the checkpoints of a job; sizes in MB, durations in ms."""

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
    """A deployed rival, idle until it is started."""

    def start(self) -> float:
        """Starts the work; returns when all of it began to run [s since the Unix epoch]."""

    def processes(self) -> list[int]:
        """Returns the processes that do the work; their children also count."""

    def failure(self) -> str | None:
        """Returns why the work has ended; None while it continues."""

    def restarts(self) -> int:
        """Returns how many times it has failed and continued."""

    def checkpoints(self) -> Checkpoints | None:
        """Returns what it reports of its checkpoints; None if it has no checkpoints."""


class Part(Enum):
    """How much of a load a rival gets, as some would take hours for all of it."""

    ALL = "all of it"
    SHORT = "a few seconds of it"
    SMALL = "a few seconds of a tenth of the network"


class Rival(Protocol):
    """A system that is measured."""

    @property
    def name(self) -> str:
        """Its name in results."""

    @property
    def takes(self) -> Part:
        """How much of the load it gets."""

    @property
    def emits(self) -> str:
        """The rule that it follows, as of the pipeline's ``--emit``."""

    def prepare(self) -> None:
        """Builds or installs what it needs."""

    def deployed(self, task: Task) -> AbstractContextManager[Engine]:
        """Yields the engine, ready to start; stops it when the block is left."""
