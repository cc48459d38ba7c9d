"""Delivery to a real Kafka: reports made = delivered + dropped + waiting, whatever happens."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from collector.deliver import KafkaSink
from runners.local.kafka import LocalKafka
from schema.pm_report_pb2 import PmReport
from tests.collector.messages import SECOND_NS, powers
from tests.collector.running import START_S, collecting, write_targets
from tests.collector.test_simulator_gnmi import simulated

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def broker() -> Iterator[LocalKafka]:
    with LocalKafka() as kafka:
        yield kafka


def read_topic(kafka: LocalKafka, topic: str) -> list[tuple[bytes, PmReport]]:
    """Returns all records of a topic of one partition."""
    consumer = Consumer({"bootstrap.servers": kafka.bootstrap_servers, "group.id": "test"})
    partition = TopicPartition(topic, 0, 0)
    _, end = consumer.get_watermark_offsets(partition, timeout=30)
    consumer.assign([partition])
    found: list[Any] = []
    while len(found) < end:
        found += [r for r in consumer.consume(end - len(found), timeout=10) if not r.error()]
    consumer.close()
    return [(record.key(), PmReport.FromString(record.value())) for record in found]


def to(kafka: LocalKafka, topic: str) -> list[str]:
    return [f"--bootstrap_servers={kafka.bootstrap_servers}", f"--pm_kafka_topic={topic}"]


def test_reports_are_keyed_by_node_and_the_end_flushes(broker: LocalKafka, tmp_path: Path) -> None:
    broker.create_topic("pm-end")
    with simulated(tmp_path, "--faults=none") as (_, nodes):
        targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
        with collecting(tmp_path, targets, *to(broker, "pm-end")) as collector:
            collector.wait_for("delivered", 6)
            said = collector.stop()
    records = read_topic(broker, "pm-end")
    assert {key.decode() for key, _ in records} == {node["node_id"] for node in nodes}
    assert all(key.decode() == report.node_id for key, report in records)
    made = len(records)
    assert f"stopped: reports made {made} = delivered {made} + dropped 0 + waiting 0" in said


def test_a_broker_that_is_away_loses_nothing(tmp_path: Path) -> None:
    with LocalKafka() as kafka, simulated(tmp_path, "--faults=none") as (_, nodes):
        kafka.create_topic("pm")
        targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
        with collecting(tmp_path, targets, *to(kafka, "pm")) as collector:
            collector.wait_for("delivered", 4)
            kafka.kill()
            time.sleep(60)  # the outage itself; nothing is measured
            away = collector.metrics()
            kafka.restart()
            collector.wait_for("delivered", away["reports_made"])
            collector.stop()
        records = read_topic(kafka, "pm")
    assert away["waiting"] > 50
    assert away["reports_made"] == away["delivered"] + away["dropped"] + away["waiting"]
    for node in nodes:
        sequences = [r.sequence for _, r in records if r.node_id == node["node_id"]]
        assert sequences == sorted(set(sequences))
    seconds = {r.collect_time_unix_ns // SECOND_NS for _, r in records}
    assert max(seconds) - min(seconds) < len(seconds) + 5


def test_what_has_no_room_goes_oldest_first() -> None:
    numbers = range(1_000, 1_400)
    reports = [PmReport(node_id="N1", sequence=number) for number in numbers]
    room = 80 * (len("N1") + reports[0].ByteSize())
    with LocalKafka() as kafka:
        kafka.create_topic("pm")
        sink = KafkaSink(kafka.bootstrap_servers, "pm", {}, room)
        kafka.kill()
        for report in reports:
            sink.send(report)
            sink.serve()
        assert sink.delivery.line() == "reports made 400 = delivered 0 + dropped 320 + waiting 80"
        kafka.restart()
        sink.close(60)
        sequences = [report.sequence for _, report in read_topic(kafka, "pm")]
    assert sink.delivery.line() == "reports made 400 = delivered 80 + dropped 320 + waiting 0"
    # An eighth was with the Kafka client already.
    assert sequences == [*numbers[:10], *numbers[-70:]]


def test_a_topic_tells_its_last_sequence(broker: LocalKafka) -> None:
    broker.create_topic("pm-again")
    sequences = []
    for sequence in (7, 9):
        sink = KafkaSink(broker.bootstrap_servers, "pm-again", {}, 1_000)
        sequences.append(sink.last_sequence)
        sink.send(PmReport(node_id="N1", sequence=sequence))
        sink.close(60)
    assert sequences == [0, 7]


def test_a_topic_that_is_missing_is_one_line(broker: LocalKafka, tmp_path: Path) -> None:
    nodes = [{"node_id": "N1", "address": "127.0.0.1:1"}]
    targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
    broker.create_topic("other")
    with collecting(tmp_path, targets, *to(broker, "missing")) as collector:
        assert collector.process.wait(60) == 2
        said = collector.process.read_log()
    assert said == f"collector: Kafka at {broker.bootstrap_servers} has no topic missing\n"


@pytest.mark.parametrize("form", ["proto", "event"])
def test_gnmics_topics_are_input(broker: LocalKafka, tmp_path: Path, form: str) -> None:
    broker.create_topic(f"gnmic-{form}")
    broker.create_topic(f"pm-{form}")
    nodes = [{"node_id": "N1", "address": "r1.example:57400"}]
    targets = write_targets(tmp_path / "targets.yaml", nodes)
    source = [
        *(f"--from_kafka_topic=gnmic-{form}", f"--format={form}", f"--group_id={form}"),
        "--kafka_config=auto.offset.reset=earliest",
    ]
    producer = Producer({"bootstrap.servers": broker.bootstrap_servers})
    now_ns = time.time_ns()
    for i in range(10):
        time_ns = now_ns + i * SECOND_NS
        if form == "proto":
            payload = powers(time_ns, "L1", input=-9.0 - i).SerializeToString()
        else:
            where = "/components/component/port/optical-port/state/input-power/instant"
            tags = {"source": "r1.example:57400", "component_name": "L1"}
            event = {"timestamp": time_ns, "tags": tags, "values": {where: -9.0 - i}}
            payload = json.dumps([event]).encode()
        producer.produce(f"gnmic-{form}", payload, b"r1.example:57400:::optics")
    producer.flush()
    with collecting(tmp_path, targets, *to(broker, f"pm-{form}"), *source) as collector:
        collector.wait_for("delivered", 10)
        consumer = Consumer({"bootstrap.servers": broker.bootstrap_servers, "group.id": form})
        with contextlib.closing(consumer):
            partition = TopicPartition(f"gnmic-{form}", 0)
            collector.process.wait_until(
                lambda: consumer.committed([partition], timeout=10)[0].offset == 10, START_S
            )
        said = collector.stop()
    # Nobody subscribes to the devices beside gnmic.
    assert "r1.example" not in said
    reports = [report for _, report in read_topic(broker, f"pm-{form}")]
    powers_seen = [report.components[0].values[0].instant for report in reports]
    assert sorted(powers_seen, reverse=True) == [-9.0 - i for i in range(10)]
