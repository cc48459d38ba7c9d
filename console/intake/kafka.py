"""Reads topics from the offsets that the store has reached; Kafka itself keeps none."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from console.intake.source import Positions, add
from console.store.recorder import Batch, Progress, Rejection

_LOG = logging.getLogger("eventcenter.console")

#: So many come only when there is a backlog: an alarm that has several events is written once.
_MAX_RECORDS = 10_000
_METADATA_TIMEOUT_S = 5
#: How often new topics and partitions are looked for [s].
_LOOK_EVERY_S = 5.0


class KafkaSource:
    """All partitions of the topics, new ones too."""

    def __init__(self, outputs: Mapping[str, str], config: Mapping[str, str]) -> None:
        """Describes the topics.

        Args:
            outputs: output of the pipeline by topic.
            config: of librdkafka; `bootstrap.servers` at least.
        """
        self._outputs = dict(outputs)
        self._consumer = Consumer(
            {
                **config,
                # Required, and not used: offsets are in the database.
                "group.id": "event-center-console",
                "enable.auto.commit": "false",
                # What is gone from a topic before it was read is told, not passed over.
                "auto.offset.reset": "error",
                "isolation.level": "read_committed",
            }
        )
        self._positions: Positions = {}
        #: Next offset of each partition that is read.
        self._next: dict[tuple[str, int], int] = {}
        self._looked_s = 0.0

    def restart(self, positions: Positions) -> None:
        """Goes on from the offsets of the store."""
        self._positions = dict(positions)
        self._consumer.unassign()
        self._next.clear()
        self._looked_s = 0.0

    def read(self, batch: Batch, wait_s: float) -> None:
        """Adds the records that are there."""
        self._look_for_partitions(wait_s)
        if not self._next:
            return
        for message in self._consumer.consume(_MAX_RECORDS, wait_s):
            if message.error() is None:
                self._take(batch, message)
            else:
                self._meet(batch, message)

    def lag(self) -> int:
        """Returns how many records of the topics are not read yet, as last told."""
        behind = 0
        for (topic, partition), offset in list(self._next.items()):
            _, high = self._consumer.get_watermark_offsets(
                TopicPartition(topic, partition), cached=True
            )
            behind += max(high - offset, 0)
        return behind

    def close(self) -> None:
        """Closes the consumer."""
        self._consumer.close()

    def _look_for_partitions(self, wait_s: float) -> None:
        """Reads partitions that are new from their first record on."""
        now_s = time.monotonic()
        if self._looked_s and now_s - self._looked_s < _LOOK_EVERY_S:
            return
        try:
            found = self._consumer.list_topics(timeout=_METADATA_TIMEOUT_S).topics
        except KafkaException as error:
            _LOG.warning("Kafka does not answer: %s", error.args[0].str())
            time.sleep(wait_s)
            return
        self._looked_s = now_s
        for topic in self._outputs:
            for partition in found[topic].partitions if topic in found else ():
                if (topic, partition) not in self._next:
                    known = self._positions.get(_origin(topic, partition))
                    start = self._first(topic, partition) if known is None else known[0]
                    self._seek(topic, partition, start)

    def _first(self, topic: str, partition: int) -> int:
        low, _ = self._consumer.get_watermark_offsets(
            TopicPartition(topic, partition), timeout=_METADATA_TIMEOUT_S
        )
        return int(low)

    def _seek(self, topic: str, partition: int, offset: int) -> None:
        at = TopicPartition(topic, partition, offset)
        if (topic, partition) in self._next:
            self._consumer.incremental_unassign([at])
        self._consumer.incremental_assign([at])
        self._next[topic, partition] = offset

    def _take(self, batch: Batch, message: Message) -> None:
        topic, partition, offset = _place(message)
        if (topic, partition) not in self._next or offset < self._next[topic, partition]:
            return  # of before a restart
        origin = _origin(topic, partition)
        add(batch, self._outputs[topic], origin, offset, message.value() or b"")
        self._move(batch, topic, partition, offset + 1)

    def _move(self, batch: Batch, topic: str, partition: int, after: int) -> None:
        """Notes in the batch that a partition is read up to an offset."""
        origin = _origin(topic, partition)
        begun = batch.progress.get(origin)
        known = self._positions.get(origin)
        before = begun.before if begun else (known[0] if known else None)
        batch.progress[origin] = Progress(before, after)
        self._positions[origin] = (after, 0)
        self._next[topic, partition] = after

    def _meet(self, batch: Batch, message: Message) -> None:
        """Goes on behind records that are gone; waits out all other errors."""
        error = message.error()
        code = error.code()
        if code != KafkaError._AUTO_OFFSET_RESET:
            _LOG.warning("Kafka: %s", error.str())
            return
        topic, partition = message.topic(), message.partition()
        at, first = self._next[topic, partition], self._first(topic, partition)
        origin = _origin(topic, partition)
        reason = f"records from {at} on are gone from the topic: reading goes on at {first}"
        _LOG.warning("%s: %s", origin, reason)
        batch.rejections.append(Rejection(origin, at, reason, b""))
        self._move(batch, topic, partition, first)
        self._seek(topic, partition, first)


def _origin(topic: str, partition: int) -> str:
    return f"kafka:{topic}:{partition}"


def _place(message: Any) -> tuple[str, int, int]:
    return message.topic(), message.partition(), message.offset()
