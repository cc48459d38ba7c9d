"""The console on a real Kafka: exactly once, whatever is killed when."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import orjson
import pytest
from confluent_kafka import Producer, TopicPartition

from console.intake.kafka import KafkaSource
from console.intake.worker import Intake
from console.store.database import Database
from console.store.recorder import positions
from console.store.tables import REJECTED
from runners.local.kafka import LocalKafka
from tests.console.conftest import database, postgres_database, postgres_server, url
from tests.console.made import alarm_event, incident_event, trace_line
from tests.console.served import process
from tests.console.test_recorder import rows

pytestmark = pytest.mark.e2e

__all__ = ["database", "postgres_database", "postgres_server", "url"]

_TIMEOUT_S = 45
_LINKS, _ROUNDS, _PARTITIONS = 60, 20, 3
_KILLS = 6


def wait_until(true: object, what: str) -> None:
    assert callable(true)
    end_s = time.monotonic() + _TIMEOUT_S
    while not true():
        assert time.monotonic() < end_s, what
        time.sleep(0.05)


def _producer(kafka: LocalKafka) -> Producer:
    # It says nothing when the broker ends before it.
    return Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})


class Topics:
    """Topics of events, incidents and traces, and what was sent to them."""

    def __init__(self, kafka: LocalKafka) -> None:
        name = uuid4().hex[:8]
        self._kafka = kafka
        self.names = {n: f"{n}-{name}" for n in ("events", "incidents", "traces")}
        for topic in self.names.values():
            kafka.create_topic(topic, _PARTITIONS)
        self._producer = _producer(kafka)
        self.sent = 0

    def send(self, output: str, key: str, value: bytes | None) -> None:
        self._producer.produce(self.names[output], key=key, value=value)
        self._producer.poll(0)
        self.sent += 1

    def flush(self) -> None:
        assert self._producer.flush(30) == 0

    def options(self) -> list[str]:
        return [
            f"--bootstrap_servers={self._kafka.bootstrap_servers}",
            *(f"--{output}_kafka_topic={topic}" for output, topic in self.names.items()),
        ]

    def source(self) -> KafkaSource:
        outputs = {topic: output for output, topic in self.names.items()}
        return KafkaSource(outputs, {"bootstrap.servers": self._kafka.bootstrap_servers})


def taken(database: Database) -> int:
    """Returns how many records were taken in, by the positions of the store."""
    return sum(position for position, _ in positions(database).values())


def send_round(topics: Topics, number: int) -> None:
    """Sends a part of the lives of alarms, and rubbish."""
    onset = number * 100
    for link in range(_LINKS):
        link_id = f"L{link}"
        raised = alarm_event(link_id, onset=onset, at=onset + 2)
        topics.send("events", link_id, orjson.dumps(raised))
        change = alarm_event(link_id, "CHANGE", sequence=2, onset=onset, at=onset + 9)
        topics.send("events", link_id, orjson.dumps(change))
        if link % 3:
            clear = alarm_event(link_id, "CLEAR", sequence=3, onset=onset, at=onset + 50)
            topics.send("events", link_id, orjson.dumps(clear))
        topics.send("traces", link_id, orjson.dumps(trace_line(link_id, onset)))
        if link % 10 == 0:
            opened = incident_event([raised])
            topics.send("incidents", opened["subject"], orjson.dumps(opened))
            topics.send("events", link_id, b"{rubbish")
            topics.send("traces", link_id, None)


@pytest.fixture
def undisturbed(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/undisturbed.db")
    yield opened
    opened.close()


def take_all(database: Database, topics: Topics) -> None:
    intake = Intake(database, [topics.source()])
    intake.start()
    try:
        wait_until(lambda: taken(database) == topics.sent, "not all was taken in")
    finally:
        intake.stop()


def test_rows_are_those_of_an_undisturbed_run_whatever_is_killed_when(
    kafka: LocalKafka, url: str, database: Database, undisturbed: Database
) -> None:
    topics = Topics(kafka)
    chance = random.Random(1)
    with process(*topics.options(), f"--database={url}") as console:
        for number in range(_ROUNDS):
            send_round(topics, number)
            topics.flush()
            if number % (_ROUNDS // _KILLS) == 0:
                before = taken(database)
                wait_until(lambda before=before: taken(database) > before, "nothing is taken in")
                time.sleep(chance.uniform(0, 0.3))
                console.kill()
                console.wait()
                assert taken(database) <= topics.sent
                console.restart()
        wait_until(lambda: taken(database) == topics.sent, "not all was taken in")
    take_all(undisturbed, topics)
    found, wanted = rows(database), rows(undisturbed)
    # Partitions are read in another order, so changes have other numbers.
    for journal in (found["journal"], wanted["journal"]):
        assert [row[0] for row in sorted(journal, key=lambda row: row[0])] == list(
            range(1, len(journal) + 1)
        )
    for kept in (found, wanted):
        kept["journal"] = sorted((row[1:] for row in kept["journal"]), key=repr)
    assert found == wanted
    assert len(found["event"]) == _ROUNDS * (_LINKS * 3 - _LINKS // 3 + _LINKS // 10)
    with database.reading() as connection:
        assert len(connection.execute(REJECTED.select()).all()) == _ROUNDS * 12


def test_records_that_are_gone_are_told_and_the_rest_is_read(
    kafka: LocalKafka, undisturbed: Database
) -> None:
    topics = Topics(kafka)
    send_round(topics, 0)
    topics.flush()
    take_all(undisturbed, topics)
    first = positions(undisturbed)[f"kafka:{topics.names['events']}:0"][0]
    send_round(topics, 1)
    topics.flush()
    delete_records(kafka, topics.names["events"], 0, first + 5)
    take_all(undisturbed, topics)
    with undisturbed.reading() as connection:
        told = [r.reason for r in connection.execute(REJECTED.select()) if "gone" in r.reason]
    assert told == [
        f"records from {first} on are gone from the topic: reading goes on at {first + 5}"
    ]


def delete_records(kafka: LocalKafka, topic: str, partition: int, before: int) -> None:
    from confluent_kafka.admin import AdminClient

    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
    (done,) = admin.delete_records([TopicPartition(topic, partition, before)]).values()
    done.result(30)


def test_partitions_that_are_added_are_read(kafka: LocalKafka, undisturbed: Database) -> None:
    topics = Topics(kafka)
    send_round(topics, 0)
    topics.flush()
    intake = Intake(undisturbed, [topics.source()])
    intake.start()
    try:
        wait_until(lambda: taken(undisturbed) == topics.sent, "not all was taken in")
        kafka.add_partitions(topics.names["events"], 2 * _PARTITIONS)
        producer = _producer(kafka)
        event = orjson.dumps(alarm_event("L-new"))
        producer.produce(topics.names["events"], event, partition=2 * _PARTITIONS - 1)
        assert producer.flush(30) == 0
        wait_until(lambda: taken(undisturbed) == topics.sent + 1, "the new one is not read")
    finally:
        intake.stop()
    assert intake.trouble is None
