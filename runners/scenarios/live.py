"""``make live``: the whole event center, from simulated reports to events on the screen.

`python -m runners.scenarios.live` starts a Kafka broker and a Flink cluster, runs the pipeline on
them, feeds it from the simulator at real-time speed and prints the events as they come, until
Ctrl-C or for --seconds. The console shows them in a browser. Everything that it starts ends with
it.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from rich.console import Console

from runners.local import jars
from runners.local.flink import LocalFlink
from runners.local.kafka import LocalKafka
from runners.local.pipeline_job import (
    JOB,
    PM_PARTITIONS,
    TOPICS,
    create_topics,
    pipeline_command,
    send_heartbeats,
)
from runners.local.processes import Process, free_port_range, log_file
from runners.scenarios.live_events import LiveEvents, event_line, print_score
from schema.errors import EventCenterError, ProcessError, RunError, UsageError
from schema.outputs import RECORDED
from simulator.cli import Parser
from simulator.score import read_json_lines

#: Long enough for every kind of fault [s].
ROUND_S = 150

_JOB_TIMEOUT_S = 180
_GNMI_TIMEOUT_S = 60
_CONSOLE_TIMEOUT_S = 60
#: Begins the line with which the console says where it is.
_CONSOLE_READY = "Event center: "
# After the last report: B, the time from windows to events, and a margin.
_QUIET_S = 8


@dataclass(frozen=True)
class _Parts:
    """What runs beside this process."""

    kafka: LocalKafka
    flink: LocalFlink
    pipeline: Process
    console: Process

    def check(self) -> None:
        """Raises ProcessError or RunError if one of them has ended."""
        self.kafka.check()
        self.flink.check()
        _check(self.pipeline)
        _check(self.console)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0 also when Ctrl-C or SIGTERM stops it."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)
    options = _parser().parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="live-") as directory:
            _run(options, Path(directory))
    except KeyboardInterrupt:
        return 0
    except ProcessError as error:
        # The first line says what is wrong, the last one where the log is.
        lines = str(error).splitlines()
        where = f" {lines[-1].strip()}" if len(lines) > 1 else ""
        print(f"live: {lines[0]}{where}", file=sys.stderr)
        return error.exit_code
    except EventCenterError as error:
        print(f"live: {error}", file=sys.stderr)
        # Here 2 is only for the command line: a missing part ends the run with 1.
        return UsageError.exit_code if isinstance(error, UsageError) else 1
    return 0


def _run(options: argparse.Namespace, directory: Path) -> None:
    truth = directory / "truth.jsonl"
    console = Console()
    with contextlib.ExitStack() as stack:
        _check_simulation(options, truth)
        with _stage(console, "Java parts", spins=False):
            for name in jars.NAMES:
                jars.fetch(name)
        with _stage(console, "Kafka"):
            kafka = stack.enter_context(LocalKafka())
            create_topics(kafka, TOPICS, PM_PARTITIONS)
            send_heartbeats(kafka, TOPICS["pm"], PM_PARTITIONS)
        with _stage(console, "Flink"):
            flink = stack.enter_context(LocalFlink())
        with _stage(console, "The job"):
            pipeline = stack.enter_context(_pipeline(kafka, flink, options.pipeline_options))
            _wait_until_running(pipeline, flink)
        with _stage(console, "Console"):
            shown = stack.enter_context(_console(kafka, directory))
            shown.wait_for_line(_CONSOLE_READY, _CONSOLE_TIMEOUT_S)
        console.print(shown.read_log().strip(), highlight=False, soft_wrap=True)
        console.print(
            f"Live: {options.links} links, one report a node and second, Kafka at "
            f"{kafka.bootstrap_servers}. Ctrl-C stops it.",
            highlight=False,
            soft_wrap=True,
        )
        parts = _Parts(kafka, flink, pipeline, shown)
        events = LiveEvents(kafka.bootstrap_servers, "events")
        stack.callback(events.close)
        try:
            while True:
                _round(options, truth, console, parts, events)
                if options.seconds:
                    break
        finally:
            console.print(events.latency(), highlight=False, soft_wrap=True)
            console.print("Stopping.")


def _round(
    options: argparse.Namespace,
    truth: Path,
    console: Console,
    parts: _Parts,
    events: LiveEvents,
) -> None:
    """Feeds each fault once, prints the events, and at the end the score."""
    since = datetime.now(UTC)
    with contextlib.ExitStack() as stack:
        if options.gnmi:
            simulator = _by_gnmi(options, truth, parts.kafka, stack)
        else:
            simulator = stack.enter_context(
                _fed(options, truth, parts.kafka, "--pm_kafka_topic=pm")
            )
        until = float("inf")
        while time.monotonic() < until:
            for event in events.poll(wait_s=0.1):
                console.print(event_line(event), soft_wrap=True)
            parts.check()
            if simulator.returncode is None:
                continue
            if simulator.returncode != 0:
                _check(simulator)
            until = min(until, time.monotonic() + _QUIET_S)
    print_score(console, events.score(list(read_json_lines(truth)), since))


def _fed(options: argparse.Namespace, truth: Path, kafka: LocalKafka, *more: str) -> Process:
    """Returns the simulator, which sends its links to Kafka."""
    where = [f"--bootstrap_servers={kafka.bootstrap_servers}", "--topology_kafka_topic=topology"]
    command = [*_simulator(options, truth), *where, "--rate=1", *more]
    return Process("the simulator", command, log_file("simulator"), cwd=jars.CHECKOUT)


def _by_gnmi(
    options: argparse.Namespace, truth: Path, kafka: LocalKafka, stack: contextlib.ExitStack
) -> Process:
    """Starts the simulator as gNMI targets, and the collector; returns the simulator."""
    targets = truth.with_name("targets.yaml")
    targets.unlink(missing_ok=True)
    served = (f"--gnmi_port={free_port_range(options.links)}", f"--gnmi_targets_file={targets}")
    simulator = stack.enter_context(_fed(options, truth, kafka, *served))
    simulator.wait_until(targets.exists, timeout_s=_GNMI_TIMEOUT_S)
    command = [
        *(sys.executable, "-m", "collector", f"--targets={targets}"),
        *(f"--bootstrap_servers={kafka.bootstrap_servers}", "--pm_kafka_topic=pm"),
    ]
    collector = Process("the collector", command, log_file("collector"), cwd=jars.CHECKOUT)
    stack.enter_context(collector)
    return simulator


@contextlib.contextmanager
def _stage(console: Console, name: str, *, spins: bool = True) -> Iterator[None]:
    """Prints how long a stage of the start took."""
    started = time.monotonic()
    with console.status(name) if spins and console.is_terminal else contextlib.nullcontext():
        yield
    console.print(f"{name:<10}  ready, {time.monotonic() - started:.1f} s", highlight=False)


def _check_simulation(options: argparse.Namespace, truth: Path) -> None:
    """Writes the ground truth; what the simulator refuses is refused before anything starts."""
    told = subprocess.run(
        _simulator(options, truth), capture_output=True, text=True, cwd=jars.CHECKOUT
    )
    if told.returncode != 0:
        raise UsageError(told.stderr.strip().splitlines()[-1].removeprefix("simulator: "))


def _simulator(options: argparse.Namespace, truth: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "simulator"),
        f"--links={options.links}",
        f"--seconds={options.seconds or ROUND_S}",
        f"--seed={options.seed}",
        f"--faults={options.faults}",
        f"--truth_file={truth}",
    ]


def _pipeline(kafka: LocalKafka, flink: LocalFlink, options: Sequence[str]) -> Process:
    where = [*flink.options(), *options]
    command = pipeline_command(JOB, kafka.bootstrap_servers, TOPICS, where)
    return Process("the pipeline", command, log_file("pipeline"), cwd=jars.CHECKOUT)


def _console(kafka: LocalKafka, directory: Path) -> Process:
    """Returns the console of this run's topics; its store is gone when it ends."""
    command = [
        *(sys.executable, "-m", "console", "--listen=127.0.0.1:0"),
        f"--bootstrap_servers={kafka.bootstrap_servers}",
        *(f"--{output}_kafka_topic={TOPICS[output]}" for output in RECORDED),
        f"--database=sqlite:///{directory}/center.db",
    ]
    return Process("the console", command, log_file("console"), cwd=jars.CHECKOUT)


def _wait_until_running(pipeline: Process, flink: LocalFlink) -> None:
    deadline = time.monotonic() + _JOB_TIMEOUT_S
    job = None
    while not (job and job.is_running()):
        _check(pipeline)
        if time.monotonic() > deadline:
            state = job.state() if job else "not there"
            raise RunError(f"the job does not run after {_JOB_TIMEOUT_S} s; it is {state}")
        time.sleep(0.2)
        job = job or flink.find_job(JOB)


def _check(child: Process) -> None:
    """Raises RunError if a child that should run has ended."""
    if child.returncode is None:
        return
    last = [line for line in child.read_log().splitlines() if line.strip()][-1:]
    why = f": {last[0].strip()}" if last else ""
    raise RunError(f"{child.name} ended with code {child.returncode}{why} (log: {child.log})")


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = Parser("live", __doc__)
    parser.add_argument("--links", type=int, default=100, help="links of the network (100)")
    parser.add_argument(
        "--seconds",
        type=int,
        help=f"how long (until Ctrl-C, with all faults again every {ROUND_S} s)",
    )
    parser.add_argument("--seed", type=int, default=1, help="the same seed, the same run (1)")
    parser.add_argument(
        "--faults",
        default="all",
        help="a number, kinds with commas between, 'all' (each kind once, the default) or 'none'",
    )
    parser.add_argument(
        "--gnmi", action="store_true", help="devices speak gNMI, and the collector asks them"
    )
    parser.add_argument(
        "pipeline_options", nargs="*", metavar="-- PIPELINE_OPTION", help="for the pipeline"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
