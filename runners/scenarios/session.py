"""``make cluster``, ``make submit``, ``make cluster-stop``: a cluster that stays in the background.

``python -m runners.scenarios.session start`` starts a Flink cluster of several processes, and a
Kafka broker with the pipeline's topics, and leaves them running on this machine. ``submit`` sends
the pipeline there, ``status`` shows its state, ``savepoint`` writes a savepoint, ``cancel`` ends
the job, and ``stop`` ends everything.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from runners.local.cluster import LocalCluster, Shape
from runners.local.flink_job import ENDED, FlinkJob
from runners.local.jars import CACHE, CHECKOUT
from runners.local.kafka import LocalKafka
from runners.local.pipeline_job import (
    JOB,
    PM_PARTITIONS,
    TOPICS,
    create_topics,
    pipeline_command,
    send_heartbeats,
)
from runners.local.processes import log_file
from schema.errors import EventCenterError, SessionError
from simulator.cli import Parser

_DIRECTORY = CACHE / "cluster"
_SESSION = _DIRECTORY / "session.json"
_START_TIMEOUT_S = 300
_STOP_TIMEOUT_S = 60
_CHECK_EVERY_S = 1
#: Options of the command line that go into the cluster's `Shape`.
_SHAPE = ("task_managers", "slots", "heap_mb", "state_backend")

_console = Console(soft_wrap=True, highlight=False)


@dataclass(frozen=True)
class Session:
    """The cluster in the background.

    Attributes:
        process_id: process that holds it.
        rest_address: Flink's REST interface and web page.
        bootstrap_servers: the Kafka broker.
        metrics_addresses: where Prometheus gets the metrics.
        options: the pipeline's options that send it there.
    """

    process_id: int
    rest_address: str
    bootstrap_servers: str
    metrics_addresses: list[str]
    options: list[str]

    @classmethod
    def current(cls) -> Session:
        """Returns the cluster that runs.

        Raises:
            SessionError: there is none.
        """
        with contextlib.suppress(OSError, ValueError):
            session = cls(**json.loads(_SESSION.read_text()))
            os.kill(session.process_id, 0)
            return session
        raise SessionError("there is no cluster: start one with `make cluster`")

    def job(self) -> FlinkJob:
        """Returns the newest job.

        Raises:
            SessionError: there is none.
        """
        job = FlinkJob.find([self.rest_address], JOB)
        if job is None:
            raise SessionError("there is no job: submit it with `make submit`")
        return job


def start(options: argparse.Namespace) -> None:
    """Starts the cluster and leaves it running."""
    with contextlib.suppress(SessionError):
        running = Session.current()
        raise SystemExit(f"cluster: one runs already, at http://{running.rest_address}")
    _SESSION.unlink(missing_ok=True)
    log = log_file("session")
    shape = [f"--{name}={getattr(options, name)}" for name in _SHAPE]
    with log.open("wb") as file:
        holder = subprocess.Popen(
            [sys.executable, "-m", "runners.scenarios.session", "hold", *shape],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            cwd=CHECKOUT,
            start_new_session=True,
        )
    with _console.status("Starting") if _console.is_terminal else contextlib.nullcontext():
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not _SESSION.exists():
            if holder.poll() is not None or time.monotonic() > deadline:
                said = log.read_text(errors="replace").strip().splitlines() or ["no reason given"]
                raise SessionError(f"the cluster did not start: {said[-1]} (log: {log})")
            time.sleep(0.2)
    session = Session.current()
    _console.print(
        f"Flink:      http://{session.rest_address}\n"
        f"Kafka:      {session.bootstrap_servers} (topics {', '.join(TOPICS)})\n"
        f"Prometheus: {', '.join(session.metrics_addresses)}\n"
        "Next: `make submit`; feed it with\n"
        f"  {_relative(sys.executable)} -m simulator"
        f" --bootstrap_servers={session.bootstrap_servers}"
        " --pm_kafka_topic=pm --topology_kafka_topic=topology --rate=1 --seconds=150"
    )


def hold(options: argparse.Namespace) -> None:
    """Holds the cluster in this process, until SIGTERM."""
    _DIRECTORY.mkdir(parents=True, exist_ok=True)
    with LocalKafka() as kafka, LocalCluster(_shape(options), _DIRECTORY) as cluster:
        create_topics(kafka, TOPICS, PM_PARTITIONS)
        send_heartbeats(kafka, TOPICS["pm"], PM_PARTITIONS)
        session = Session(
            process_id=os.getpid(),
            rest_address=cluster.rest_address,
            bootstrap_servers=kafka.bootstrap_servers,
            metrics_addresses=cluster.metrics_addresses,
            options=cluster.options(),
        )
        beside = _SESSION.with_suffix(".part")
        beside.write_text(json.dumps(asdict(session)))
        beside.replace(_SESSION)
        try:
            while True:
                time.sleep(_CHECK_EVERY_S)
                kafka.check()
                cluster.check()
        finally:
            _SESSION.unlink(missing_ok=True)


def submit(options: argparse.Namespace) -> None:
    """Sends the pipeline to the cluster and leaves it there."""
    session = Session.current()
    savepoint = [f"--savepoint_path={options.savepoint}"] if options.savepoint else []
    more = ["--detach", *session.options, *savepoint, *options.pipeline_options]
    command = pipeline_command(JOB, session.bootstrap_servers, TOPICS, more)
    code = subprocess.run(command, cwd=CHECKOUT).returncode
    if code:
        raise SystemExit(code)


def status(options: argparse.Namespace) -> None:
    """Shows the state of the job."""
    session = Session.current()
    job = session.job()
    checkpoints = job.checkpoints()
    newest = (checkpoints.get("latest") or {}).get("completed") or {}
    counts = checkpoints.get("counts", {})
    _console.print(f"job         {job.job_id} at http://{session.rest_address}: {job.state()}")
    _console.print(f"restarts    {job.restarts()}")
    if failure := job.last_failure():
        _console.print(f"failed last {failure}", markup=False)
    _console.print(
        f"checkpoints {counts.get('completed', 0)} completed, {counts.get('failed', 0)} failed; "
        f"the newest has {newest.get('state_size', 0):,} bytes, "
        f"took {newest.get('end_to_end_duration', 0)} ms"
    )
    for name, number in sorted(job.counters().items()):
        _console.print(f"{name:32} {number:>14,}")


def savepoint(options: argparse.Namespace) -> None:
    """Writes a savepoint and prints its path."""
    _console.print(Session.current().job().savepoint(stop=options.stop))


def cancel(options: argparse.Namespace) -> None:
    """Ends the job."""
    job = Session.current().job()
    job.cancel()
    while job.state() not in ENDED:
        time.sleep(0.2)
    _console.print(f"job {job.job_id}: {job.state()}")


def stop(options: argparse.Namespace) -> None:
    """Ends the cluster and everything that runs on it; savepoints stay."""
    session = Session.current()
    os.kill(session.process_id, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            os.kill(session.process_id, 0)
        except ProcessLookupError:
            _console.print(f"stopped; savepoints are in {_relative(_DIRECTORY)}/savepoints")
            return
        time.sleep(0.2)
    raise SessionError(f"the cluster (process {session.process_id}) does not end")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 2 if it cannot be done as things are."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except EventCenterError as error:
        print(f"cluster: {str(error).splitlines()[0]}", file=sys.stderr)
        # Whichever part fails, for this program the command could not be done.
        return SessionError.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _shape(options: argparse.Namespace) -> Shape:
    return Shape(**{name: getattr(options, name) for name in _SHAPE})


def _relative(path: str | Path) -> Path:
    path = Path(path)
    return path.relative_to(CHECKOUT) if path.is_relative_to(CHECKOUT) else path


def _parser() -> argparse.ArgumentParser:
    parser = Parser("cluster", __doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for run in (start, hold, submit, status, savepoint, cancel, stop):
        command = commands.add_parser(run.__name__, help=run.__doc__, description=run.__doc__)
        command.set_defaults(run=run)
        if run in (start, hold):
            _add_shape(command)
        elif run is savepoint:
            command.add_argument("--stop", action="store_true", help="and cancel the job")
        elif run is submit:
            command.add_argument("--savepoint", default="", help="path to resume from")
            command.add_argument(
                "pipeline_options",
                nargs="*",
                metavar="-- PIPELINE_OPTION",
                help="for the pipeline",
            )
    return parser


def _add_shape(command: argparse.ArgumentParser) -> None:
    default = Shape()
    command.add_argument("--task_managers", type=int, default=default.task_managers)
    command.add_argument("--slots", type=int, default=default.slots, help="of each TaskManager")
    command.add_argument("--heap_mb", type=int, default=default.heap_mb, help="of each")
    command.add_argument(
        "--state_backend", choices=("hashmap", "rocksdb"), default=default.state_backend
    )


if __name__ == "__main__":
    sys.exit(main())
