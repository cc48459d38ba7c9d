"""What a topic holds, according to a real broker."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from kafka import KafkaProducer

from pipeline.kafka.client import TopicState, look_at_topics, read_until
from runners.local.kafka import LocalKafka
from schema.errors import UsageError

pytestmark = pytest.mark.e2e


@contextlib.contextmanager
def producer(kafka: LocalKafka, **options: object) -> Iterator[KafkaProducer]:
    sender = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, **options)
    with contextlib.closing(sender):
        yield sender


def held(kafka: LocalKafka, topic: str) -> TopicState:
    return look_at_topics(kafka.bootstrap_servers, {}, [topic])[topic]


def test_what_was_there_is_read_and_nothing_more(kafka: LocalKafka) -> None:
    kafka.create_topic("client-held", partitions=3)
    with producer(kafka) as sender:
        for number in range(2500):
            sender.send("client-held", key=b"k", value=b"%d" % number, partition=number % 2)
        sender.send("client-held", key=b"deleted", value=None, partition=0)
    state = held(kafka, "client-held")
    assert state == TopicState({0: 1251, 1: 1250, 2: 0}, [2])
    with producer(kafka) as sender:
        for partition in range(3):
            sender.send("client-held", key=b"k", value=b"later", partition=partition)
    records = list(read_until(kafka.bootstrap_servers, {}, "client-held", state.end_offsets))
    values = [value for key, value in records if key == b"k"]
    assert sorted(map(int, filter(None, values))) == list(range(2500))
    assert [record for record in records if record[0] != b"k"] == [(b"deleted", None)]


def test_offsets_without_a_record_end_the_reading(kafka: LocalKafka) -> None:
    kafka.create_topic("client-gaps")
    with producer(kafka, transactional_id="client-gaps") as sender:
        sender.init_transactions()
        for value in (b"a", b"b"):
            sender.begin_transaction()
            sender.send("client-gaps", value=value)
            sender.commit_transaction()  # its marker takes an offset
    state = held(kafka, "client-gaps")
    assert state.end_offsets == {0: 4}
    records = read_until(kafka.bootstrap_servers, {}, "client-gaps", state.end_offsets)
    assert list(records) == [(None, b"a"), (None, b"b")]


def test_transactions_that_are_aborted_or_open_are_not_read(kafka: LocalKafka) -> None:
    kafka.create_topic("client-aborted")
    with producer(kafka, transactional_id="client-aborted") as sender:
        sender.init_transactions()
        for value in (b"aborted", b"kept"):
            sender.begin_transaction()
            sender.send("client-aborted", value=value)
            sender.flush()
            if value == b"kept":
                sender.commit_transaction()
            else:
                sender.abort_transaction()
        sender.begin_transaction()
        sender.send("client-aborted", value=b"open")
        sender.flush()
        state = held(kafka, "client-aborted")
        assert state.end_offsets == {0: 4}  # two records, two markers; nothing of the third
        topic = kafka.bootstrap_servers, {}, "client-aborted", state.end_offsets
        assert list(read_until(*topic)) == [(None, b"kept")]
        everything = {"isolation.level": "read_uncommitted"}
        state = look_at_topics(kafka.bootstrap_servers, everything, ["client-aborted"])[
            "client-aborted"
        ]
        assert state.end_offsets == {0: 5}
        sender.abort_transaction()
    with pytest.raises(UsageError, match=r"isolation\.level is read_committed or"):
        look_at_topics(kafka.bootstrap_servers, {"isolation.level": "any"}, ["client-aborted"])


def test_nothing_held_is_nothing_read() -> None:
    assert list(read_until("127.0.0.1:1", {}, "any", {0: 0, 1: 0})) == []


def test_names_that_are_no_topics(kafka: LocalKafka) -> None:
    kafka.create_topic("client-there")
    with pytest.raises(UsageError, match="there is no topic nowhere, no topic! at ") as error:
        look_at_topics(kafka.bootstrap_servers, {}, ["client-there", "nowhere"], ["no topic!"])
    assert "\n" not in str(error.value)
