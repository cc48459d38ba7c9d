"""The pipeline live on the session's Kafka and a Flink, driven step by step by a test."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, NamedTuple, Self

from kafka import KafkaConsumer, KafkaProducer

from runners.local.cluster import LocalCluster
from runners.local.flink import LocalFlink
from runners.local.flink_job import DROPS, FlinkJob
from runners.local.kafka import LocalKafka
from runners.local.processes import Process, log_file
from schema.outputs import ALL_OUTPUTS, OUTPUTS
from schema.topology_pb2 import FiberLink

TIMEOUT_S = 150  # for a machine that is busy with other things
Lines = dict[str, list[dict[str, Any]]]


class Sent(NamedTuple):
    """A PM record: whose it is, what it says, and when it was sent [ns]."""

    node_id: str
    payload: bytes
    sent_ns: int


class LiveJob:
    """A job with topics of its own; started on demand, stopped at the end of the block."""

    def __init__(
        self,
        kafka: LocalKafka,
        flink: LocalFlink | LocalCluster,
        name: str,
        *options: str,
        pm_partitions: int,
    ) -> None:
        self.name = name
        self._flink = flink
        self._job: FlinkJob | None = None
        self._outputs = OUTPUTS if "--emit=matches" in options else ALL_OUTPUTS
        self._lines: Lines = {output: [] for output in self._outputs}
        kafka.create_topic(self._topic("pm"), pm_partitions)
        kafka.create_topic(self._topic("topology"), config={"cleanup.policy": "compact"})
        for output in self._outputs:
            kafka.create_topic(self._topic(output))
        servers = kafka.bootstrap_servers
        self._producer = KafkaProducer(bootstrap_servers=servers, linger_ms=100)
        self._consumer = KafkaConsumer(
            *map(self._topic, self._outputs),
            bootstrap_servers=servers,
            auto_offset_reset="earliest",
        )
        self._detached = isinstance(flink, LocalCluster)
        self._command = [
            *(sys.executable, "-m", "pipeline", "--runner=FlinkRunner", f"--job_name={name}"),
            *where(kafka, flink),
            *(f"--{which}_kafka_topic={self._topic(which)}" for which in ("pm", "topology")),
            *(f"--{output}_kafka_topic={self._topic(output)}" for output in self._outputs),
            *(["--detach"] if self._detached else []),
            *options,
        ]
        self._process = self._submitter()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._job:
            self._job.cancel()
        self._process.stop()
        self._producer.close()
        self._consumer.close(autocommit=False)

    @property
    def job(self) -> FlinkJob:
        """The job, once it was started."""
        assert self._job
        return self._job

    def start(self) -> None:
        """Submits the job and waits until all of it runs."""
        self._process.start()
        if self._detached:
            assert self._process.wait(TIMEOUT_S) == 0, self._process.tail()
            self._job = self._flink.find_job(self.name)
        else:
            self._process.wait_until(self._runs, TIMEOUT_S)

    def stop(self) -> str:
        """Stops the job with a savepoint; returns its path."""
        path = self.job.savepoint(stop=True)
        self._process.stop()
        return path

    def resume(self, path: str, *options: str) -> None:
        """Submits the job again, to resume from a savepoint."""
        self._process = self._submitter(f"--savepoint_path={path}", *options)
        self.start()

    def _submitter(self, *options: str) -> Process:
        log = log_file(f"pipeline-{self.name}")
        return Process("the pipeline", [*self._command, *options], log)

    def _check(self) -> None:
        if self._detached:
            state = self.job.state()
            assert state not in ("FAILED", "CANCELED"), f"{state}: {self.job.last_failure()}"
        else:
            self._process.check()

    def log(self) -> str:
        """What the submitting process has said."""
        return self._process.read_log()

    def send_pm(self, records: Iterable[Sent], partition: int | None = None) -> None:
        for record in records:
            self._producer.send(
                self._topic("pm"),
                key=record.node_id.encode(),
                value=record.payload,
                timestamp_ms=record.sent_ns // 1_000_000,
                partition=partition,
            )
        self._producer.flush()

    def send_link(self, link_id: str, link: FiberLink | None) -> None:
        """Sends a topology record; None deletes the link."""
        value = link and link.SerializeToString()
        self._producer.send(self._topic("topology"), key=link_id.encode(), value=value)
        self._producer.flush()

    def wait_for(self, what: str, happened: Callable[[Lines], bool]) -> Lines:
        """Waits until the outputs are such; returns all that has come out so far."""
        deadline = time.monotonic() + TIMEOUT_S
        while not happened(self._lines):
            self._check()
            numbers = {output: len(lines) for output, lines in self._lines.items()}
            assert time.monotonic() < deadline, f"{what} did not happen; there are {numbers}"
            for records in self._consumer.poll(timeout_ms=200).values():
                for record in records:
                    output = record.topic.rpartition("-")[2]
                    self._lines[output].append(json.loads(record.value))
        return self._lines

    def wait_for_counters(self, what: str, fit: Callable[[dict[str, int]], bool]) -> dict[str, int]:
        """Waits until the counters of the running job are such; returns them."""
        deadline = time.monotonic() + TIMEOUT_S
        assert self._job
        while not fit(counters := self._job.counters()):
            self._check()
            assert time.monotonic() < deadline, f"{what} did not happen: {counters}"
        return counters

    def _runs(self) -> bool:
        self._job = self._job or self._flink.find_job(self.name)
        return self._job is not None and self._job.is_running()

    def _topic(self, which: str) -> str:
        return f"{self.name}-{which}"


def distinct(got: Lines) -> Lines:
    """Returns the lines without events that came again, which must say the same.

    Kafka gets everything at least once: what came out after a savepoint or a checkpoint comes
    again when the job goes on from there.
    """
    for output in ("events", "incidents"):
        found = {event["id"]: event for event in got[output]}
        assert all(event == found[event["id"]] for event in got[output])
        got = got | {output: list(found.values())}
    return got


def where(kafka: LocalKafka, flink: LocalFlink | LocalCluster) -> list[str]:
    """Options that say where Kafka and Flink are."""
    return [f"--bootstrap_servers={kafka.bootstrap_servers}", *flink.options()]


def nothing_lost(counters: dict[str, int]) -> bool:
    """Whether the rule of conservation holds, and Beam has dropped nothing."""
    count = Counter(counters)
    ends = count["ends_windowed"] + count["ends_late"]
    components = sum(count[f"components_{what}"] for what in ("rejected", "unmatched", "matched"))
    return (
        count["components"] == components
        and count["ends_joined"] == ends
        and not any(count[drop] for drop in DROPS)
    )
