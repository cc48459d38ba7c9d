"""What this process itself asks of Kafka: is all there, and what does the topology hold now."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from kafka import KafkaAdminClient, KafkaConsumer, TopicPartition
from kafka.admin import OffsetSpec
from kafka.errors import (
    GroupAuthorizationFailedError,
    InvalidTopicError,
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from pipeline.kafka.config import resolve
from pipeline.kafka.login import check_login
from pipeline.kafka.security import is_about_security, principal, security_options
from schema.errors import KafkaConfigError, UsageError

_CONNECT_MS = 10_000

#: Settings of Java clients that clients here have no counterpart for, or that do not matter here.
_NOT_HERE = ("bootstrap.servers", "group.id", "enable.auto.commit", "receive.buffer.bytes")
_NO_TOPIC = (UnknownTopicOrPartitionError.errno, InvalidTopicError.errno)

_Client = TypeVar("_Client", KafkaAdminClient, KafkaConsumer)


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
def _client(
    kind: type[_Client], bootstrap_servers: str, config: Mapping[str, str]
) -> Iterator[_Client]:
    """Yields a client that has found the cluster; whatever fails is said in one line."""
    try:
        plain = resolve(config)
        options = _options(plain)
    except KafkaConfigError as error:
        raise UsageError(f"Kafka's settings: {error}") from None
    check_login(bootstrap_servers, options, principal(plain))
    # What goes wrong is said once, and the client's own words could have secrets in them.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    try:
        with closing(_connected(kind, bootstrap_servers, options)) as client:
            yield client
    except (KafkaConnectionError, KafkaTimeoutError) as error:
        raise UsageError(
            f"no Kafka broker answers at {bootstrap_servers} ({error}): "
            "check --bootstrap_servers, that the broker runs, and security.protocol"
        ) from None
    except KafkaError as error:
        raise UsageError(f"Kafka at {bootstrap_servers}: {error}") from None


def _connected(kind: type[_Client], bootstrap_servers: str, options: dict[str, Any]) -> _Client:
    known = {key: value for key, value in options.items() if key in kind.DEFAULT_CONFIG}
    try:
        return kind(bootstrap_servers=bootstrap_servers.split(","), **known)
    except (ValueError, AssertionError, TypeError) as error:
        raise UsageError(f"--bootstrap_servers or Kafka's settings: {error}") from None


def _options(config: Mapping[str, str]) -> dict[str, Any]:
    """Returns the settings in kafka-python's words."""
    rest = [key for key in config if key not in _NOT_HERE and not is_about_security(key)]
    names = {key.replace(".", "_"): config[key] for key in rest}
    typed = {name: _typed(name, text) for name, text in names.items()}
    fixed = {"bootstrap_timeout_ms": _CONNECT_MS, "enable_auto_commit": False}
    return security_options(config) | typed | fixed


def _typed(name: str, text: str) -> object:
    if name not in KafkaConsumer.DEFAULT_CONFIG:
        raise KafkaConfigError(f"there is no {name.replace('_', '.')}")
    default = KafkaConsumer.DEFAULT_CONFIG[name]
    if isinstance(default, bool):
        return text.lower() == "true"
    if not isinstance(default, int):
        return text
    try:
        return int(text)
    except ValueError:
        raise KafkaConfigError(f"{name.replace('_', '.')} takes a whole number") from None


def look_at_topics(
    bootstrap_servers: str,
    config: Mapping[str, str],
    read: Sequence[str],
    written: Sequence[str] = (),
) -> dict[str, TopicState]:
    """Returns what each topic holds.

    Args:
        bootstrap_servers: brokers.
        config: settings of the client, in Java's names.
        read: topics that must be there and may be read.
        written: topics that must be there and may be written.

    Raises:
        UsageError: no broker answers, the login is refused, a topic or a permission is missing.
    """
    needed = [("READ", topic) for topic in read] + [("WRITE", topic) for topic in written]
    with _client(KafkaAdminClient, bootstrap_servers, config) as admin:
        names = sorted({*read, *written})
        topics = {topic["name"]: topic for topic in admin.describe_topics(names)}
        codes = {name: topic["error_code"] for name, topic in topics.items()}
        if missing := [name for _, name in needed if codes[name] in _NO_TOPIC]:
            raise UsageError(
                f"there is no topic {', '.join(missing)} at {bootstrap_servers}: create it first"
            )
        lacking = [
            f"{operation} on topic {name}"
            for operation, name in needed
            if codes[name] == TopicAuthorizationFailedError.errno
            or operation not in (topics[name]["authorized_operations"] or [operation])
        ]
        if group := config.get("group.id"):
            lacking += [] if _may_read_group(admin, group) else [f"READ on group {group}"]
        if lacking:
            raise UsageError(
                f"{principal(resolve(config))} lacks {', '.join(lacking)} at {bootstrap_servers}: "
                "give it these ACLs, see docs/security.md"
            )
        for code in codes.values():
            if code:
                raise for_code(code)
        partitions = {
            name: [p["partition_index"] for p in topic["partitions"]]
            for name, topic in topics.items()
        }
        return _states(admin, partitions)


def _states(admin: KafkaAdminClient, partitions: dict[str, list[int]]) -> dict[str, TopicState]:
    every = [TopicPartition(topic, p) for topic, numbers in partitions.items() for p in numbers]
    first = admin.list_partition_offsets(dict.fromkeys(every, OffsetSpec.EARLIEST))
    last = admin.list_partition_offsets(dict.fromkeys(every, OffsetSpec.LATEST))
    empty = {p for p in every if first[p].offset == last[p].offset}
    return {
        topic: TopicState(
            end_offsets={p: last[topic, p].offset for p in numbers},
            empty_partitions=sorted(p for p in numbers if (topic, p) in empty),
        )
        for topic, numbers in partitions.items()
    }


def _may_read_group(admin: KafkaAdminClient, group: str) -> bool:
    try:
        allowed = admin.describe_groups([group])[group].get("authorized_operations")
    except GroupAuthorizationFailedError:
        return False
    except KafkaError:  # no group was ever used at this broker, so nobody keeps track yet
        return True
    return "READ" in (allowed or ["READ"])


def read_until(
    bootstrap_servers: str, config: Mapping[str, str], topic: str, end_offsets: dict[int, int]
) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Yields key and value of what a topic holds before the given offsets, by partition."""
    open_until = {TopicPartition(topic, p): end for p, end in end_offsets.items() if end > 0}
    if not open_until:
        return
    with _client(KafkaConsumer, bootstrap_servers, config) as consumer:
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
