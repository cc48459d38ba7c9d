"""Where the CPU goes: samples the pipeline's Python workers and its Java over a full topic.

``python -m benchmarks.profile`` reads a full topic as ``python -m benchmarks.run`` does, while
py-spy samples the Python workers and Java's Flight Recorder samples the TaskManager. It prints how
much CPU time each process took, in which steps the Python samples are (the innermost function of
transforms/ or kernels/ on the stack), and the functions on top of the stacks. The samples are kept
in --out: ``*.txt`` (py-spy, one stack a line, for flame graphs) and ``*.jfr``.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from benchmarks.builds import environment
from benchmarks.growth import past
from benchmarks.measure import CatchUp, catch_up, fill
from benchmarks.processes import usage
from benchmarks.rivals.on_flink import EventCenter
from benchmarks.rivals.rival import Engine, Part, Task
from benchmarks.run import started
from benchmarks.tables import Table
from benchmarks.workloads import Workload
from runners.local.jars import CHECKOUT
from runners.local.processes import workers_of
from schema.errors import EventCenterError
from simulator.cli import Parser

_REQUIREMENTS = CHECKOUT / "benchmarks" / "profile_requirements.txt"
#: Exit code when nothing could be measured; 1 is for a run that failed.
_NOT_MEASURED = 2
_RATE = 100
_TOP = 15
#: A frame of py-spy: function, file, line.
_FRAME = re.compile(r"(?P<function>.+?) \((?P<file>.+?):(?P<line>\d+)\)")
#: A frame of Java's Flight Recorder, on a line of its own.
_JAVA_FRAME = re.compile(r"^\s+(\S+\(.*?\))\s+line:")
_ELSEWHERE = "(none of our code)"
#: Endings of the functions in which a thread waits. py-spy takes waiting for work when it must not
#: pause a process.
_WAITING = ("wait", "EpollSelector.select", "channel_spin")


@dataclass
class Samples:
    """Samples of some processes, counted.

    Attributes:
        total: number of samples.
        steps: samples by the innermost function of this project, with its file.
        tops: samples by the function on top of the stack.
    """

    total: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    tops: Counter[str] = field(default_factory=Counter)


def python_samples(lines: Iterable[str]) -> Samples:
    """Counts stacks as py-spy writes them: frames from the outermost inwards, and a number.

    Waiting threads are left out.
    """
    samples = Samples()
    for line in lines:
        stack, _, number = line.rstrip().rpartition(" ")
        frames = [match for part in stack.split(";") if (match := _FRAME.search(part))]
        if not frames or frames[-1]["function"].endswith(_WAITING):
            continue
        count = int(number)
        samples.total += count
        samples.tops[_told(frames[-1])] += count
        ours = [frame for frame in frames if _is_ours(frame["file"])]
        samples.steps[_told(ours[-1]) if ours else _ELSEWHERE] += count
    return samples


def java_samples(lines: Iterable[str]) -> Samples:
    """Counts execution samples as ``jfr print`` writes them, with the top of the stack first."""
    samples = Samples()
    is_next_top = False
    for line in lines:
        if line.strip() == "stackTrace = [":
            is_next_top = True
        elif is_next_top and (frame := _JAVA_FRAME.match(line)):
            is_next_top = False
            samples.total += 1
            samples.tops[frame[1].partition("(")[0]] += 1
    return samples


def _told(frame: re.Match[str]) -> str:
    parts = Path(frame["file"]).parts[-2:]
    return f"{'/'.join(parts)} {frame['function']}"


def _is_ours(file: str) -> bool:
    return not {"transforms", "kernels"}.isdisjoint(Path(file).parts[:-1])


@dataclass
class _Profiled:
    """The event center as a rival, with profilers beside it.

    Attributes:
        out: folder of the samples.
        py_spy: path of the program.
        cpu_s: CPU time of each process, filled in at the end of the run.
    """

    out: Path
    py_spy: Path
    cpu_s: dict[str, float] = field(default_factory=dict)
    name: str = "event-center"
    takes: Part = Part.ALL
    emits: str = "matches"

    def prepare(self) -> None:
        """Builds nothing."""

    @contextmanager
    def deployed(self, task: Task) -> Iterator[Engine]:
        """Yields the engine on a cluster of its own; the profilers start when it does."""
        with EventCenter().deployed(task) as engine:
            profilers = _Profilers(engine, self.out, self.py_spy)
            try:
                yield profilers
            finally:
                self.cpu_s.update(profilers.stop())


class _Profilers:
    """An engine that is profiled from the moment when it runs."""

    def __init__(self, engine: Engine, out: Path, py_spy: Path) -> None:
        self._engine, self._out, self._py_spy = engine, out, py_spy
        self._spies: list[subprocess.Popen[bytes]] = []
        self.processes, self.failure = engine.processes, engine.failure
        self.restarts, self.checkpoints = engine.restarts, engine.checkpoints

    def start(self) -> float:
        since_s = self._engine.start()
        self._jobmanager, self._java, self._pool = self._engine.processes()
        _jcmd(self._java, "JFR.start", "name=profile", "settings=profile")
        for number, worker in enumerate(workers_of(self._pool)):
            command = [
                str(self._py_spy),
                "record",
                "--format=raw",
                f"--rate={_RATE}",
                "--nonblocking",
            ]
            command += ["--duration=unlimited", f"--pid={worker}"]
            command += [f"--output={self._out}/python{number}.txt"]
            log = (self._out / f"py-spy{number}.log").open("wb")
            with log:
                self._spies.append(subprocess.Popen(command, stdout=log, stderr=log))
        return since_s

    def stop(self) -> dict[str, float]:
        """Writes the samples; returns the CPU time of each process since it started."""
        if not self._spies:
            return {}
        processes = {"JobManager": self._jobmanager, "TaskManager (Java)": self._java}
        for number, worker in enumerate(workers_of(self._pool)):
            processes[f"Python worker {number}"] = worker
        cpu_s = {name: usage([process])[0] for name, process in processes.items()}
        for spy in self._spies:
            spy.send_signal(2)
        for spy in self._spies:
            spy.wait()
        _jcmd(self._java, "JFR.dump", "name=profile", f"filename={self._out}/java.jfr")
        return cpu_s


def _jcmd(process: int, *command: str) -> None:
    subprocess.run(["jcmd", str(process), *command], check=True, capture_output=True)


def _read_java(out: Path) -> Samples:
    command = ["jfr", "print", "--events", "jdk.ExecutionSample", "--stack-depth", "1"]
    with subprocess.Popen(
        [*command, str(out / "java.jfr")], stdout=subprocess.PIPE, text=True
    ) as printed:
        assert printed.stdout
        return java_samples(printed.stdout)


def _read_python(out: Path) -> Samples:
    return python_samples(
        line for file in sorted(out.glob("python*.txt")) for line in file.open(errors="replace")
    )


def _shares(title: str, what: str, counted: Mapping[str, float], unit: str) -> Table:
    total = sum(counted.values()) or 1
    largest = sorted(counted.items(), key=lambda item: -item[1])[:_TOP]
    rows = [[name, f"{value:,.1f}", f"{value / total:.1%}"] for name, value in largest]
    return Table(title, [what, unit, "share"], rows)


def _tables(cpu_s: Mapping[str, float], python: Samples, java: Samples) -> list[Table]:
    """Returns the tables to show."""
    by_file: Counter[str] = Counter()
    for step, number in python.steps.items():
        by_file[step.partition(" ")[0] if step != _ELSEWHERE else step] += number
    return [
        _shares("CPU time by process", "process", cpu_s, "CPU s"),
        _shares("Python: by step", "file", by_file, "samples"),
        _shares("Python: innermost in our code", "file and function", python.steps, "samples"),
        _shares("Python: top of the stack", "file and function", python.tops, "samples"),
        _shares("Java: top of the stack", "method", java.tops, "samples"),
    ]


def run(options: argparse.Namespace, console: Console) -> CatchUp:
    """Profiles a run, and shows and writes the results."""
    options.out.mkdir(parents=True, exist_ok=True)
    for old in (*options.out.glob("python*.txt"), *options.out.glob("*.jfr")):
        old.unlink()
    rival = _Profiled(options.out, environment("profile", _REQUIREMENTS) / "py-spy")
    with started(options, console) as bench:
        load = past(Workload(options.ports, options.seconds, late_share=options.late_share))
        result = catch_up(bench, rival, fill(bench, load, "profile"))
    shown = _tables(rival.cpu_s, _read_python(options.out), _read_java(options.out))
    for table in shown:
        table.show(console)
    (options.out / "profile.md").write_text("\n".join(table.markdown() for table in shown))
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line."""
    options = _parser().parse_args(arguments)
    console = Console(soft_wrap=True, highlight=False)
    try:
        result = run(options, console)
    except EventCenterError as error:
        print(f"profile: {error}", file=sys.stderr)
        return _NOT_MEASURED
    console.print(result.failed or f"{result.values_per_s:,.0f} values/s under the profilers")
    console.print(f"Samples and tables: {options.out}")
    return int(result.failed is not None)


def _parser() -> argparse.ArgumentParser:
    parser = Parser("profile", __doc__)
    for name, default, what in (
        ("ports", 100_000, "ports of the network"),
        ("seconds", 120, "length of the feed"),
        ("slots", 2, "workers"),
        ("heap_mb", 1024, "of the TaskManager"),
        ("patience_s", 300, "seconds without a new event after which it is stuck"),
    ):
        parser.add_argument(
            f"--{name}", type=int, metavar="N", default=default, help=f"{what} ({default})"
        )
    parser.add_argument(
        "--late_share",
        type=float,
        metavar="SHARE",
        default=0.0,
        help="share of the reports that come 12 to 15 s late (0)",
    )
    parser.add_argument(
        "--out", type=Path, default=CHECKOUT / "out" / "profile", help="folder (out/profile)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
