"""The rival in Quix Streams: its processes, in a Python environment of their own."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.builds import QUIX_REQUIREMENTS, environment
from benchmarks.rivals.rival import (
    CHECKPOINTING_MS,
    OUT_OF_ORDERNESS_S,
    Checkpoints,
    Engine,
    Part,
    Task,
)
from runners.local.jars import CACHE, CHECKOUT
from runners.local.processes import Process, log_file

_START_TIMEOUT_S = 600
_TOPICS = ("pm", "topology", "events")
#: What the app prints when it starts its work. Its module cannot be imported here.
_STARTED = "the rival has started"


@dataclass(frozen=True)
class Quix:
    """The same rules in Quix Streams, with one process for each slot."""

    name: str = "quix"
    takes: Part = Part.SHORT
    emits: str = "matches"

    def prepare(self) -> None:
        """Installs its packages into a separate environment."""
        environment("quix", QUIX_REQUIREMENTS)

    @contextlib.contextmanager
    def deployed(self, task: Task) -> Iterator[Engine]:
        """Yields the engine; its processes are not started yet."""
        with tempfile.TemporaryDirectory(prefix="quix-") as directory:
            engine = _QuixProcesses(self._commands(task, Path(directory)))
            try:
                yield engine
            finally:
                engine.stop()

    def _commands(self, task: Task, directory: Path) -> list[Sequence[str]]:
        topics = {f"--{which}_kafka_topic": task.topics[which] for which in _TOPICS}
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
            process.wait_for_line(_STARTED, _START_TIMEOUT_S)
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
