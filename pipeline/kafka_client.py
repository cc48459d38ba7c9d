"""What this process itself asks of Kafka: is all there, and what does the topology hold now."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError

from pipeline.options import UsageError

_CONNECT_MS = 10_000

#: Settings of Java clients that the client used here has no counterpart for.
_JAVA_ONLY = ("receive.buffer.bytes",)


@dataclass(frozen=True)
class TopicState:
    """What a topic held when it was looked at.

    Attributes:
        end_offsets: offset behind the last record, by partition.
        empty_partitions: partitions that hold no record.
    """

    end_offsets: dict[int, int]
    empty_partitions: list[int]


@contextmanager
def _consumer(bootstrap_servers: str, config: Mapping[str, str]) -> Iterator[KafkaConsumer]:
    # What goes wrong is said once, in one line.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    options = {
        key.replace(".", "_"): value for key, value in config.items() if key not in _JAVA_ONLY
    }
    known = {key: _typed(key, value) for key, value in options.items()}
    try:
        consumer = KafkaConsumer(
            bootstrap_servers=bootstrap_servers.split(","),
            bootstrap_timeout_ms=_CONNECT_MS,
            enable_auto_commit=False,
            **known,
        )
    except KafkaError as error:
        reason = str(error) or type(error).__name__
        raise UsageError(
            f"no Kafka broker answers at {bootstrap_servers} ({reason}): "
            "check --bootstrap_servers and that the broker runs"
        ) from None
    except (ValueError, AssertionError, TypeError) as error:
        raise UsageError(f"--bootstrap_servers or --kafka_config: {error}") from None
    try:
        yield consumer
    finally:
        consumer.close(autocommit=False)


def _typed(name: str, text: str) -> object:
    if name not in KafkaConsumer.DEFAULT_CONFIG:
        raise UsageError(f"--kafka_config: there is no setting {name.replace('_', '.')}")
    default = KafkaConsumer.DEFAULT_CONFIG[name]
    if isinstance(default, bool):
        return text.lower() == "true"
    return int(text) if isinstance(default, int) else text


def look_at_topics(
    bootstrap_servers: str, config: Mapping[str, str], topics: list[str]
) -> dict[str, TopicState]:
    """Returns what each topic holds.

    Raises:
        UsageError: no broker answers, or a topic is missing.
    """
    with _consumer(bootstrap_servers, config) as consumer:
        existing = consumer.topics()
        if missing := [topic for topic in topics if topic not in existing]:
            raise UsageError(
                f"there is no topic {', '.join(missing)} at {bootstrap_servers}: create it first"
            )
        states = {}
        for topic in topics:
            partitions = [TopicPartition(topic, p) for p in consumer.partitions_for_topic(topic)]
            first, last = (
                consumer.beginning_offsets(partitions),
                consumer.end_offsets(partitions),
            )
            states[topic] = TopicState(
                end_offsets={p.partition: last[p] for p in partitions},
                empty_partitions=sorted(p.partition for p in partitions if first[p] == last[p]),
            )
        return states


def read_until(
    bootstrap_servers: str, config: Mapping[str, str], topic: str, end_offsets: dict[int, int]
) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Yields key and value of what a topic holds before the given offsets, by partition."""
    open_until = {TopicPartition(topic, p): end for p, end in end_offsets.items() if end > 0}
    if not open_until:
        return
    with _consumer(bootstrap_servers, config) as consumer:
        consumer.assign(list(open_until))
        consumer.seek_to_beginning(*open_until)
        while open_until:
            for partition, records in consumer.poll(timeout_ms=500).items():
                for record in records:
                    if record.offset < end_offsets[partition.partition]:
                        yield record.key, record.value
            # By position: compaction leaves gaps, also at the end.
            for partition in [p for p, end in open_until.items() if consumer.position(p) >= end]:
                del open_until[partition]
                consumer.pause(partition)
