"""Kills parts of a running event center and compares its outputs with those of an undisturbed run.

`python -m runners.scenarios.chaos` starts a Kafka broker and a Flink cluster of several processes,
feeds a fixed capture at real-time speed, and meanwhile breaks each kind of part at a random
moment. At the end every output must equal that of a replay of the same capture on the
DirectRunner: every event by its id, with the same content; every late, invalid and unmatched
sample.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from kafka import KafkaConsumer
from rich.console import Console

from runners.local.cluster import LocalCluster
from runners.local.flink_job import FlinkJob
from runners.local.jars import CACHE, CHECKOUT
from runners.local.kafka import LocalKafka
from runners.local.pipeline_job import TOPICS, create_topics, submit_pipeline
from runners.scenarios.breakage import BREAKAGES, Running
from runners.scenarios.chaos_scene import ALLOWED_LATENESS_S, OUT_OF_ORDERNESS_S, Scene
from schema.capture import write_capture
from schema.errors import EventCenterError
from schema.outputs import ALL_OUTPUTS
from schema.topology_file import write_topology
from simulator.cli import Parser
from simulator.fault_model import SECOND_NS
from simulator.live import LiveSender, paced

_OPTIONS = (
    "--parallelism=2",
    f"--out_of_orderness_s={OUT_OF_ORDERNESS_S}",
    f"--allowed_lateness_s={ALLOWED_LATENESS_S}",
    # The job is to restart often, and soon.
    "--number_of_execution_retries=1000",
    "--execution_retry_delay=1000",
)
_PARTITIONS = 2
# From the moment when the job runs to the start of the feed.
_LEAD_S = 30
# From the start to the first breakage: by then event time advances, and a checkpoint is written.
_CALM_S = 15
# The last windows wait for B.
_QUIET_S = OUT_OF_ORDERNESS_S + 45
# The producer waits for the broker for as long as a run may take.
_PATIENCE = {"delivery.timeout.ms": "300000", "max.block.ms": "300000"}

Lines = dict[str, list[dict[str, Any]]]


@dataclass
class Outcome:
    """How a run ended.

    Attributes:
        broken: kinds of breakage, in order.
        recoveries_s: kind of breakage, and how long the job was down because of it [s].
        restarts: how many times Flink started the job again.
        repeated: number of events that came again with the same id.
        expected: number of lines of an undisturbed run, by output.
        missing: number of expected lines that are not there, by output.
        different: number of lines that differ or are not expected, by output.
    """

    broken: list[str] = field(default_factory=list)
    recoveries_s: list[tuple[str, float]] = field(default_factory=list)
    restarts: int = 0
    repeated: int = 0
    expected: dict[str, int] = field(default_factory=dict)
    missing: dict[str, int] = field(default_factory=dict)
    different: dict[str, int] = field(default_factory=dict)

    @property
    def is_right(self) -> bool:
        """Whether every output is as expected."""
        return not any(self.missing.values()) and not any(self.different.values())

    def __str__(self) -> str:
        times = ", ".join(f"{kind} {down_s:.1f} s" for kind, down_s in self.recoveries_s)
        return (
            f"broken: {', '.join(self.broken) or 'nothing'}; {self.restarts} restarts"
            f"{f' (not running: {times})' if times else ''}; expected {self.expected}, "
            f"missing {self.missing}, different {self.different}, {self.repeated} events repeated"
        )


def run(
    kafka: LocalKafka,
    cluster: LocalCluster,
    scene_from: Callable[[int], Scene],
    name: str,
    breakages: Sequence[str],
    seed: int,
) -> Outcome:
    """Feeds a scene, breaks things meanwhile, and compares the outputs.

    Args:
        kafka: the broker.
        cluster: where the job runs.
        scene_from: makes what is fed, by its start [s since the Unix epoch].
        name: of the job, the source of its events, and the prefix of its topics.
        breakages: kinds of breakage, as in `BREAKAGES`; each happens once, in random order.
        seed: of the order and the moments of the breakages.
    """
    outcome = Outcome()
    topics = {which: f"{name}-{which}" for which in TOPICS}
    create_topics(kafka, topics, _PARTITIONS)
    with contextlib.ExitStack() as stack:
        sender = stack.enter_context(LiveSender(kafka.bootstrap_servers, _PATIENCE))
        sender.send_links(topics["topology"], scene_from(int(time.time())).topology)
        job = submit_pipeline(kafka, cluster, name, topics, _OPTIONS)
        stack.callback(job.cancel)
        # Nobody knows how long a submission takes, so the feed starts after it; planned work, which
        # the topology tells in moments of the clock, moves with it.
        scene = scene_from(int(time.time()) + _LEAD_S)
        sender.send_links(topics["topology"], scene.topology)
        feed = threading.Thread(target=_feed, args=(sender, topics["pm"], scene), daemon=True)
        feed.start()
        running = Running(kafka, cluster, job, topics["events"])
        with _watched(job, outcome):
            _break(running, scene, breakages, random.Random(seed), outcome)
            feed.join()
        expected = _undisturbed(scene, name)
        got = _collect(kafka, topics, expected)
        outcome.restarts = job.restarts()
    _compare(expected, got, outcome)
    if not outcome.is_right:
        _keep(name, expected=expected, got=got)
    return outcome


def _feed(sender: LiveSender, topic: str, scene: Scene) -> None:
    for _ in sender.send_reports(topic, paced(scene.reports, scene.start_ns, rate=1)):
        pass
    sender.flush()


def _break(
    running: Running, scene: Scene, kinds: Sequence[str], rng: random.Random, outcome: Outcome
) -> None:
    """Breaks one thing after the other, each at a random moment of its part of the feed."""
    end_ns = scene.reports[-1].send_ns
    order = rng.sample(list(kinds), len(kinds))
    start_s = scene.start_ns / SECOND_NS + _CALM_S
    share_s = (end_ns / SECOND_NS - start_s) / max(len(order), 1)
    for number, kind in enumerate(order):
        moment_s = start_s + (number + rng.uniform(0, 0.5)) * share_s
        time.sleep(max(0, moment_s - time.time()))
        outcome.broken.append(kind)
        BREAKAGES[kind](running)


@contextlib.contextmanager
def _watched(job: FlinkJob, outcome: Outcome) -> Iterator[None]:
    """Measures for how long the job does not run."""
    ended = threading.Event()

    def watch() -> None:
        down_since: float | None = None
        while not ended.wait(0.2):
            runs = job.is_running()
            if not runs and down_since is None:
                down_since = time.monotonic()
            elif runs and down_since is not None:
                kind = outcome.broken[-1] if outcome.broken else "start"
                outcome.recoveries_s.append((kind, time.monotonic() - down_since))
                down_since = None

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()


def _undisturbed(scene: Scene, name: str) -> Lines:
    """Returns every output of a stream replay on the DirectRunner."""
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        folder = Path(directory)
        write_capture(folder / "pm.bin", (report.payload for report in scene.reports))
        write_topology(folder / "topology.jsonl", scene.topology)
        command = [
            *(sys.executable, "-m", "pipeline", "--replay=stream", f"--job_name={name}"),
            *(f"--pm_file={folder}/pm.bin", f"--topology_file={folder}/topology.jsonl"),
            *(f"--{output}_file={folder}/{output}.jsonl" for output in ALL_OUTPUTS),
            f"--out_of_orderness_s={OUT_OF_ORDERNESS_S}",
            f"--allowed_lateness_s={ALLOWED_LATENESS_S}",
        ]
        subprocess.run(command, check=True, capture_output=True, cwd=CHECKOUT)
        return {
            output: [json.loads(line) for line in (folder / f"{output}.jsonl").open()]
            for output in ALL_OUTPUTS
        }


def _collect(kafka: LocalKafka, topics: dict[str, str], expected: Lines) -> Lines:
    """Returns the outputs; waits until they are complete, or nothing more comes."""
    got: Lines = {output: [] for output in ALL_OUTPUTS}
    consumer = KafkaConsumer(
        *(topics[output] for output in ALL_OUTPUTS),
        bootstrap_servers=kafka.bootstrap_servers,
        auto_offset_reset="earliest",
    )
    missing = {output: _keys(expected[output], output) for output in ALL_OUTPUTS}
    newest = time.monotonic()
    while any(missing.values()) and time.monotonic() - newest < _QUIET_S:
        for records in consumer.poll(timeout_ms=1000).values():
            newest = time.monotonic()
            output = records[0].topic.rpartition("-")[2]
            lines = [json.loads(record.value) for record in records]
            got[output] += lines
            missing[output] -= _keys(lines, output)
    consumer.close(autocommit=False)
    return got


def _keys(lines: list[dict[str, Any]], output: str) -> set[str]:
    """Returns what identifies each line: the id of an event, the whole content of others."""
    if output == "events":
        return {line["id"] for line in lines}
    return {json.dumps(line, sort_keys=True) for line in lines}


def _compare(expected: Lines, got: Lines, outcome: Outcome) -> None:
    for output in ALL_OUTPUTS:
        want, have = _keys(expected[output], output), _keys(got[output], output)
        outcome.expected[output] = len(want)
        outcome.missing[output] = len(want - have)
        outcome.different[output] = len(have - want)
    wanted = {event["id"]: event for event in expected["events"]}
    for event in got["events"]:
        if event["id"] in wanted and event != wanted[event["id"]]:
            outcome.different["events"] += 1
    outcome.repeated = len(got["events"]) - len(_keys(got["events"], "events"))


def _keep(name: str, **outputs: Lines) -> None:
    """Writes both sides of a comparison to files, for inspection."""
    for side, lines in outputs.items():
        folder = CACHE / "chaos" / name / side
        folder.mkdir(parents=True, exist_ok=True)
        for output, one in lines.items():
            text = "".join(json.dumps(line, sort_keys=True) + "\n" for line in one)
            (folder / f"{output}.jsonl").write_text(text)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Reads the command line; ends the program if the scene that it describes cannot be made."""
    parser = _parser()
    options = parser.parse_args(arguments)
    try:
        Scene.make(options.links, options.seconds, options.seed, start_s=0)
    except ValueError as error:
        parser.error(f"--links, --seconds: {error}")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 1 if a run was not right."""
    options = parse(arguments)
    try:
        return _runs(options, Console(soft_wrap=True, highlight=False))
    except EventCenterError as error:
        print(f"chaos: {error}", file=sys.stderr)
        return error.exit_code


def _runs(options: argparse.Namespace, console: Console) -> int:
    """Does all runs; returns 1 if one was not right."""
    failed = 0
    with LocalKafka() as kafka, LocalCluster() as cluster:
        for number in range(options.seed, options.seed + options.runs):
            scene_from = partial(Scene.make, options.links, options.seconds, number)
            kinds = options.only or list(BREAKAGES)
            outcome = run(kafka, cluster, scene_from, f"chaos{number}", kinds, number)
            console.print(f"run {number}: {'right' if outcome.is_right else 'WRONG'}; {outcome}")
            failed += not outcome.is_right
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parser = Parser("chaos", __doc__)
    parser.add_argument("--runs", type=int, default=10, help="how many runs (10)")
    parser.add_argument("--links", type=int, default=40, help="links of the network (40)")
    parser.add_argument("--seconds", type=int, default=150, help="length of a feed (150)")
    parser.add_argument("--seed", type=int, default=1, help="of the first run (1)")
    parser.add_argument(
        "--only", action="append", choices=list(BREAKAGES), help="break only this; may be repeated"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
