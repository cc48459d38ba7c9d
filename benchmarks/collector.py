"""The collector under load, beside pygnmi that only receives the same (`--collector`).

Targets of 50 leaves send once a second; a program in Go is all of them, on other cores if there are
any. The collector, on one core, sends its reports to Kafka. Then pygnmi, on the same core, receives
from the same targets, and does nothing with what comes. The delay of a receiver is from the
timestamp of a value to its arrival. The added latency of the collector is from the moment at which
a report is due (the next second has begun, and the linger has passed) until Kafka has it.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from confluent_kafka import Consumer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.builds import gnmi_load
from benchmarks.processes import usage
from benchmarks.tables import Table
from runners.local.kafka import LocalKafka
from runners.local.processes import LOGS, Process, free_port_range, free_ports, log_file
from schema.errors import ProcessError, RunError
from schema.pm_report_pb2 import PmReport

LEAVES = 50
#: How many leaves devices put into a notification.
EACH = (5, 1)
LINGER_S = 0.3
_CORE = 0
_START_S = 180
_WARM_UP_S = 10
#: Metrics of many targets cost CPU, so they are read as seldom as Prometheus does.
_SCRAPE_S = 10
_SECOND_NS = 1_000_000_000
_TOPIC = "pm"


@dataclass(frozen=True)
class Measured:
    """What one receiver did with one load.

    Attributes:
        receiver: its name.
        each: leaves in a notification.
        sent_per_s: updates that the targets send [1/s].
        updates_per_s: updates that it took [1/s].
        cpu_share: of one core.
        memory_mb: resident at the end.
        delays_s: from the timestamp of a value to its arrival [s].
        added_s: from the moment a report is due until Kafka has it [s]; empty for pygnmi.
    """

    receiver: str
    each: int
    sent_per_s: float
    updates_per_s: float
    cpu_share: float
    memory_mb: float
    delays_s: list[float]
    added_s: list[float]


def compare(targets: int, seconds: int, say: Callable[[str], None]) -> list[Measured]:
    """Measures both receivers with each load."""
    found = []
    program = gnmi_load()
    for each in EACH:
        port = free_port_range(targets)
        command: list[str | Path] = [
            *("taskset", "--cpu-list", _other_cores()),
            *(program, f"--port={port}", f"--targets={targets}"),
            *(f"--leaves={LEAVES}", f"--each={each}"),
        ]
        with Process("gNMI targets", command, log_file("gnmi-load")) as load:
            load.wait_for_line("ready", _START_S)
            for name, measure in (("collector", _collector), ("pygnmi", _pygnmi)):
                say(f"{name}, {targets:,} targets, {each} leaves in a notification")
                found.append(measure(port, targets, each, seconds))
                if not found[-1].updates_per_s:
                    raise RunError(f"{name} has received nothing; see its log in {LOGS}")
    return found


def table(found: Sequence[Measured]) -> Table:
    """Returns the results as a table."""
    columns = [
        *("receiver", "leaves a message", "sent/s", "updates/s", "CPU of a core"),
        *("CPU s per 1 M updates", "memory MB", "delay median, p99 ms", "added median, p99 ms"),
    ]
    rows = [
        [
            *(one.receiver, str(one.each), f"{one.sent_per_s:,.0f}", f"{one.updates_per_s:,.0f}"),
            f"{one.cpu_share:.0%}",
            f"{one.cpu_share / max(one.updates_per_s, 1) * 1e6:.1f}",
            f"{one.memory_mb:,.0f}",
            _median_p99_ms(one.delays_s),
            _median_p99_ms(one.added_s),
        ]
        for one in found
    ]
    return Table(f"Collector: targets of {LEAVES} leaves, once a second", columns, rows)


def _median_p99_ms(times_s: Sequence[float]) -> str:
    if not times_s:
        return "-"
    median, p99 = np.percentile(times_s, (50, 99)) * 1000
    return f"{median:,.0f}, {p99:,.0f}"


def _collector(port: int, targets: int, each: int, seconds: int) -> Measured:
    with LocalKafka() as kafka, tempfile.TemporaryDirectory(prefix="bench-") as folder:
        kafka.create_topic(_TOPIC, config={"message.timestamp.type": "LogAppendTime"})
        file = Path(folder) / "targets.yaml"
        file.write_text(_targets(port, targets))
        (metrics_port,) = free_ports(1)
        command = [
            *(sys.executable, "-m", "collector", f"--targets={file}"),
            *(f"--bootstrap_servers={kafka.bootstrap_servers}", f"--pm_kafka_topic={_TOPIC}"),
            *(f"--metrics_port={metrics_port}", f"--linger_ms={LINGER_S * 1000:g}"),
        ]
        with _on_one_core("collector", command) as process:
            _wait_until_up(metrics_port, targets, process)
            time.sleep(_WARM_UP_S)
            updates, (cpu_s, _), began_s = _state(metrics_port, process)
            began_ns = time.time_ns()
            delays_s = []
            while time.monotonic() < began_s + seconds:
                time.sleep(_SCRAPE_S)
                delays_s += _differences(metrics_port)
            after, (cpu_after_s, memory_mb), ended_s = _state(metrics_port, process)
        taken = ended_s - began_s
        return Measured(
            "collector",
            each,
            targets * LEAVES,
            (after - updates) / taken,
            (cpu_after_s - cpu_s) / taken,
            memory_mb,
            delays_s,
            _added(kafka, began_ns),
        )


def _pygnmi(port: int, targets: int, each: int, seconds: int) -> Measured:
    command = [sys.executable, "-m", "benchmarks.pygnmi_receiver", str(port), str(targets)]
    with _on_one_core("pygnmi", command) as process:
        process.wait_until(lambda: len(_lines(process)) > _WARM_UP_S, _START_S)
        time.sleep(_WARM_UP_S)
        before, (cpu_s, _), began_s = len(_lines(process)), usage([process.pid]), time.monotonic()
        time.sleep(seconds)
        lines, (cpu_after_s, memory_mb) = _lines(process), usage([process.pid])
        taken = time.monotonic() - began_s
    delays_s = [delay for line in lines[before:] for delay in line["delays_s"]]
    updates = lines[-1]["updates"] - lines[before - 1]["updates"]
    return Measured(
        "pygnmi, receives only",
        each,
        targets * LEAVES,
        updates / max(len(lines) - before, 1),
        (cpu_after_s - cpu_s) / taken,
        memory_mb,
        delays_s,
        [],
    )


def _other_cores() -> str:
    """Returns the cores for the targets: those that the receiver does not have, if there are."""
    cores = os.sched_getaffinity(0) - {_CORE} or {_CORE}
    return ",".join(map(str, sorted(cores)))


@contextlib.contextmanager
def _on_one_core(name: str, command: Sequence[str]) -> Iterator[Process]:
    """Runs a receiver on one core, which it has to share with the rest of the machine."""
    with Process(name, ["taskset", "--cpu-list", str(_CORE), *command], log_file(name)) as process:
        yield process


def _wait_until_up(metrics_port: int, targets: int, process: Process) -> None:
    """Waits until all streams bring values; asks seldom, because the answer is long."""
    deadline_s = time.monotonic() + _START_S
    while (up := _metrics(metrics_port, "collector_up")) < targets:
        process.check()
        if time.monotonic() > deadline_s:
            raise ProcessError(f"{up:.0f} of {targets} targets are up after {_START_S} s")
        time.sleep(_SCRAPE_S / 2)


def _targets(port: int, targets: int) -> str:
    lines = [f'  - {{node_id: node-{i}, address: "127.0.0.1:{port + i}"}}' for i in range(targets)]
    return "\n".join(["defaults: {insecure: true}", "nodes:", *lines, ""])


def _state(metrics_port: int, process: Process) -> tuple[float, tuple[float, float], float]:
    """Returns updates so far, CPU so far [s] with memory [MB], and the time [s]."""
    updates = _metrics(metrics_port, "collector_updates_total")
    return updates, usage([process.pid]), time.monotonic()


def _samples(metrics_port: int, name: str) -> list[float]:
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    return [
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    ]


def _metrics(metrics_port: int, name: str) -> float:
    """Returns a metric, summed over nodes; 0 while nothing answers."""
    with contextlib.suppress(OSError):
        return sum(_samples(metrics_port, name))
    return 0.0


def _differences(metrics_port: int) -> list[float]:
    """Returns, by node, how long the last value was on its way [s]."""
    return [-value for value in _samples(metrics_port, "collector_clock_difference_seconds")]


def _lines(process: Process) -> list[dict[str, Any]]:
    return [json.loads(x) for x in process.read_log().splitlines() if x.startswith("{")]


def _added(kafka: LocalKafka, began_ns: int) -> list[float]:
    """Returns how long after it was due each report was in Kafka [s]."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "bench"})
    partition = TopicPartition(_TOPIC, 0, 0)
    _, end = consumer.get_watermark_offsets(partition, timeout=30)
    consumer.assign([partition])
    added, read, last = [], 0, dict[str, tuple[int, int]]()
    while read < end:
        for record in consumer.consume(10_000, timeout=10):
            read += 1
            report = PmReport.FromString(record.value())
            times = [sample.sample_time_unix_ns for sample in report.components]
            before = last.get(report.node_id)
            begins_ns = min(times)
            if before and before[1] > began_ns:
                # The report before was due when this second had begun and the linger had passed.
                added.append((before[0] - begins_ns) / _SECOND_NS - LINGER_S)
            last[report.node_id] = record.timestamp()[1] * 1_000_000, begins_ns
    consumer.close()
    return added
