"""The PM topic and clocks change while a job runs: the job goes on, and reports what it saw."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator

import pytest
from kafka import KafkaProducer

from runners.local.flink import LocalFlink
from runners.local.kafka import LocalKafka
from schema import pm_report_pb2 as pm
from tests import builders
from tests.e2e.live_job import TIMEOUT_S, LiveJob, Sent

pytestmark = pytest.mark.e2e

PARTITIONS = 2
NODES = ("L-A", "L-Z")


@pytest.fixture
def job(kafka: LocalKafka, flink: LocalFlink) -> Iterator[LiveJob]:
    with LiveJob(kafka, flink, f"changes-{time.time_ns()}", pm_partitions=PARTITIONS) as job:
        job.send_link("L", builders.link("L", *NODES))
        for partition in range(PARTITIONS):
            heartbeat = builders.payload("L-A", now(), builders.tx("tx", 1.0))
            job.send_pm([Sent("L-A", heartbeat, builders.ns(now()))], partition)
        job.start()
        yield job


def now() -> int:
    return int(time.time()) - builders.T0


def feed(job: LiveJob, word: str, seconds: int, *, has_time: bool = True) -> None:
    """Sends reports of both ends every second, to the first partition."""
    for _ in range(seconds):
        at = now()
        payloads = builders.second(at, word, a=NODES[0], z=NODES[1], sequence=1)
        nodes = [pm.PmReport.FromString(payload).node_id for payload in payloads]
        sent_ns = builders.ns(at) if has_time else -1_000_000  # Kafka's way to say: none
        records = [Sent(n, p, sent_ns) for n, p in zip(nodes, payloads, strict=True)]
        job.send_pm(records, partition=0)
        time.sleep(1)


def wait_for_line(job: LiveJob, text: str) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while text not in job.log():
        assert time.monotonic() < deadline, job.log()
        time.sleep(0.2)


def test_an_idle_and_an_added_partition_and_clocks_that_jump(
    job: LiveJob, kafka: LocalKafka
) -> None:
    feed(job, "0", 3)
    kafka.add_partitions(f"{job.name}-pm", PARTITIONS + 1)
    wait_for_line(job, f"has new partitions ({PARTITIONS}) that the job does not read")
    hours_ahead = builders.payload("L-A", now() + 7200, builders.tx("tx", 1.0))
    job.send_pm([Sent("L-A", hours_ahead, builders.ns(now()))], partition=0)
    job.send_pm([Sent("L-A", hours_ahead, builders.ns(now() + 7200))], partition=0)
    feed(job, "x", 6)
    got = job.wait_for("the cut is seen", lambda got: len(got["events"]) > 0)
    assert got["events"][0]["data"]["code"] == "FIBER_CUT"
    assert not got["events"][0]["data"]["detected_late"]
    assert [line["reason"] for line in got["invalid"]] == ["TIME_OUT_OF_BOUNDS"]
    assert not got["late"]


def test_reports_of_an_aborted_transaction_are_not_read(job: LiveJob, kafka: LocalKafka) -> None:
    sender = KafkaProducer(
        bootstrap_servers=kafka.bootstrap_servers, transactional_id=f"{job.name}-aborted"
    )
    with contextlib.closing(sender):
        sender.init_transactions()
        sender.begin_transaction()
        sender.send(f"{job.name}-pm", key=b"L-A", value=b"\xff", partition=0)  # no report
        sender.flush()
        sender.abort_transaction()
    feed(job, "x", 6)
    got = job.wait_for("the cut is seen", lambda got: len(got["events"]) > 0)
    assert got["events"][0]["data"]["code"] == "FIBER_CUT"
    assert got["invalid"] == []


def test_a_record_without_a_timestamp_has_its_report_s(job: LiveJob) -> None:
    feed(job, "x", 6, has_time=False)
    got = job.wait_for("the cut is seen", lambda got: len(got["events"]) > 0)
    assert got["events"][0]["data"]["code"] == "FIBER_CUT"
    assert (got["invalid"], got["late"]) == ([], [])


def test_a_topic_created_again(job: LiveJob, kafka: LocalKafka) -> None:
    feed(job, "0", 5)
    kafka.delete_topic(f"{job.name}-pm")
    time.sleep(1)
    kafka.create_topic(f"{job.name}-pm", PARTITIONS)
    wait_for_line(job, "was deleted and created again")
    assert job.job.state() == "RUNNING"
