"""What this process itself asks of Kafka: is everything there, and what does the topology hold?

librdkafka retries a connection forever and reports each failure to a callback. `_Faults` turns
these reports into the one line that names the cause.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, wait
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Message,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AclOperation,
    AdminClient,
    ConsumerGroupDescription,
    OffsetSpec,
    TopicDescription,
)

from pipeline.kafka.config import ISOLATION_LEVEL, check_names, resolve
from pipeline.kafka.security import certificate_fault, principal, security_options
from schema.errors import KafkaConfigError, UsageError

#: How long a broker may take to answer [s].
_TIMEOUT_S = 10.0
#: Interval at which librdkafka's reports are read [s].
_TICK_S = 0.05
#: Records taken from the consumer at once.
_AT_ONCE = 1000
#: Settings of a consumer that is told where to read. It must name a group, but never joins it.
_READER = {
    "group.id": "eventcenter",
    "enable.auto.commit": False,
    "enable.partition.eof": True,
    "auto.offset.reset": "earliest",
}

_NO_TOPIC = (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.TOPIC_EXCEPTION)
_NO_ANSWER = (KafkaError._TIMED_OUT, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN)
#: A report of librdkafka: protocol (unless in plain), server, broker, fault, and after how long.
_REPORT = re.compile(
    r"(?:\w+://)?([^/\s]+)/\S+: (.*?)(?: \(after \d+ms in state \w+\))?", re.DOTALL
)

_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")


@dataclass(frozen=True)
class TopicState:
    """What a topic held when it was looked at.

    Attributes:
        end_offsets: offset behind the last record, by partition.
        empty_partitions: partitions that hold no record.
    """

    end_offsets: dict[int, int]
    empty_partitions: list[int]


class _Faults:
    """Collects what a client reports of its connections."""

    def __init__(self, bootstrap_servers: str, config: Mapping[str, str]) -> None:
        self._servers = bootstrap_servers
        self._config = config
        self._last: KafkaError | None = None
        self._refusal: KafkaError | None = None
        self._all_down = False

    def add(self, error: KafkaError) -> None:
        """Records a report of the client."""
        if error.code() == KafkaError._ALL_BROKERS_DOWN:
            self._all_down = True
        elif error.code() == KafkaError._AUTHENTICATION or _is_about_tls(error):
            self._refusal = error
        else:
            self._last = error

    def check(self) -> None:
        """Raises UsageError when waiting is pointless: no broker is up, and one has refused."""
        if self._all_down and self._refusal:
            raise self.as_error()

    def as_error(self) -> UsageError:
        """Returns the cause, in one line."""
        if self._refusal:
            return UsageError(self._refused(self._refusal))
        reason = _parts(self._last)[1] if self._last else f"no answer within {_TIMEOUT_S:.0f} s"
        return UsageError(
            f"no Kafka broker answers at {self._servers} ({reason}): "
            "check --bootstrap_servers, that the broker runs, and security.protocol"
        )

    def _refused(self, error: KafkaError) -> str:
        server, reason = _parts(error)
        at = f"Kafka at {server or self._servers}"
        if _is_about_tls(error):
            if fault := certificate_fault(server, self._config):
                return f"the certificate of {at} is not accepted: {fault}"
            return (
                f"no TLS with {at} ({reason}): check security.protocol, "
                "and that the broker accepts the certificate of this client"
            )
        if KafkaError(KafkaError.UNSUPPORTED_SASL_MECHANISM).str() in reason:
            mechanism = self._config["sasl.mechanism"]
            return f"{at} does not offer sasl.mechanism {mechanism}: take another one"
        if KafkaError(KafkaError.ILLEGAL_SASL_STATE).str() in reason:
            return f"{at} does not ask for a login: check security.protocol"
        return f"{at} refuses the login of {principal(self._config)}: check user and password"


def _is_about_tls(error: KafkaError) -> bool:
    # A broker that rejects the client's certificate hangs up only after the handshake.
    transport = error.code() == KafkaError._TRANSPORT
    return error.code() == KafkaError._SSL or (transport and "SSL" in _parts(error)[1])


def _parts(error: KafkaError) -> tuple[str, str]:
    """Returns the server that a report is about, and what happened there."""
    found = _REPORT.fullmatch(error.str())
    return (found[1], found[2]) if found else ("", error.str())


class _Admin:
    """An admin client that answers, or says in one line why it does not."""

    def __init__(self, bootstrap_servers: str, config: Mapping[str, str]) -> None:
        """Creates the client from settings without references."""
        self._servers = bootstrap_servers
        # The end of a topic is before a transaction that is still open.
        self._isolation = IsolationLevel[_isolation_level(config).upper()]
        self._faults = _Faults(bootstrap_servers, config)
        options = _options(bootstrap_servers, config) | {"error_cb": self._faults.add}
        with _one_line("Kafka's settings"):
            self._client = AdminClient(options)

    def topics(self, names: Sequence[str]) -> dict[str, Future[TopicDescription]]:
        """Returns the description of each topic, or what the broker says instead."""
        asked = self._client.describe_topics(
            TopicCollection(list(names)),
            include_authorized_operations=True,
            request_timeout=_TIMEOUT_S,
        )
        return self._done(asked)

    def group(self, name: str) -> Future[ConsumerGroupDescription]:
        """Returns the description of a consumer group, or what the broker says instead."""
        asked = self._client.describe_consumer_groups(
            [name], include_authorized_operations=True, request_timeout=_TIMEOUT_S
        )
        return self._done(asked)[name]

    def offsets(
        self, partitions: Sequence[tuple[str, int]], spec: OffsetSpec
    ) -> dict[tuple[str, int], int]:
        """Returns an offset of each partition of a topic."""
        asked = self._client.list_offsets(
            {TopicPartition(*partition): spec for partition in partitions},
            isolation_level=self._isolation,
            request_timeout=_TIMEOUT_S,
        )
        with _one_line(f"Kafka at {self._servers}"):
            return {
                (partition.topic, partition.partition): answer.result().offset
                for partition, answer in self._done(asked).items()
            }

    def _done(self, asked: dict[_Asked, Future[_Answer]]) -> dict[_Asked, Future[_Answer]]:
        """Waits for the answers; raises UsageError if none will come."""
        while wait(asked.values(), _TICK_S).not_done:
            self._client.poll(0)
            self._faults.check()
        self._client.poll(0)
        if any(_code(answer) in _NO_ANSWER for answer in asked.values()):
            raise self._faults.as_error()
        return asked


@contextmanager
def _one_line(about: str) -> Iterator[None]:
    """Turns an error of librdkafka into one line, without the names of its classes."""
    try:
        yield
    except KafkaException as error:
        raise UsageError(f"{about}: {error.args[0].str()}") from None


def _options(bootstrap_servers: str, config: Mapping[str, str]) -> dict[str, object]:
    """Returns librdkafka's settings; those about throughput concern the Java clients only."""
    return {
        "bootstrap.servers": bootstrap_servers,
        "client.id": config.get("client.id", "eventcenter"),
        "log_level": 0,  # `_Faults` reports what goes wrong, once
        **security_options(config),
    }


def _isolation_level(config: Mapping[str, str]) -> str:
    level = config.get("isolation.level", ISOLATION_LEVEL)
    if level.upper() not in IsolationLevel.__members__:
        raise KafkaConfigError("isolation.level is read_committed or read_uncommitted")
    return level


def _resolved(config: Mapping[str, str]) -> dict[str, str]:
    """Returns the settings without references, checked."""
    try:
        plain = resolve(config)
        check_names(plain)
        security_options(plain)
        _isolation_level(plain)
    except KafkaConfigError as error:
        raise UsageError(f"Kafka's settings: {error}") from None
    return plain


def _code(answer: Future[Any]) -> int:
    """Returns the code of the error that came instead of an answer, or 0."""
    error = answer.exception()
    return int(error.args[0].code()) if isinstance(error, KafkaException) else 0


def _may(operation: str, answer: Future[Any], refusal: int) -> bool:
    """Returns whether an operation is allowed; a broker that cannot tell allows everything."""
    code = _code(answer)
    if code:
        return code != refusal
    allowed = answer.result().authorized_operations
    return not allowed or AclOperation[operation] in allowed


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
        read: topics that must exist and may be read.
        written: topics that must exist and may be written.

    Raises:
        UsageError: no broker answers, the login is refused, a topic or a permission is missing.
    """
    plain = _resolved(config)
    admin = _Admin(bootstrap_servers, plain)
    needed = [("READ", topic) for topic in read] + [("WRITE", topic) for topic in written]
    topics = admin.topics(sorted({*read, *written}))
    if missing := [name for _, name in needed if _code(topics[name]) in _NO_TOPIC]:
        raise UsageError(
            f"there is no topic {', '.join(missing)} at {bootstrap_servers}: create it first"
        )
    lacking = [
        f"{operation} on topic {name}"
        for operation, name in needed
        if not _may(operation, topics[name], KafkaError.TOPIC_AUTHORIZATION_FAILED)
    ]
    group = plain.get("group.id")
    if group and not _may("READ", admin.group(group), KafkaError.GROUP_AUTHORIZATION_FAILED):
        lacking.append(f"READ on group {group}")
    if lacking:
        raise UsageError(
            f"{principal(plain)} lacks {', '.join(lacking)} at {bootstrap_servers}: "
            "give it these ACLs, see docs/security.md"
        )
    with _one_line(f"Kafka at {bootstrap_servers}"):
        partitions = {
            name: [partition.id for partition in answer.result().partitions]
            for name, answer in topics.items()
        }
    return _states(admin, partitions)


def _states(admin: _Admin, partitions: dict[str, list[int]]) -> dict[str, TopicState]:
    every = [(topic, number) for topic, numbers in partitions.items() for number in numbers]
    first = admin.offsets(every, OffsetSpec.earliest())
    last = admin.offsets(every, OffsetSpec.latest())
    return {
        topic: TopicState(
            end_offsets={p: last[topic, p] for p in numbers},
            empty_partitions=sorted(p for p in numbers if first[topic, p] == last[topic, p]),
        )
        for topic, numbers in partitions.items()
    }


def read_until(
    bootstrap_servers: str, config: Mapping[str, str], topic: str, end_offsets: dict[int, int]
) -> Iterator[tuple[bytes | None, bytes | None]]:
    """Yields key and value of what a topic holds before the given offsets, by partition.

    Raises:
        UsageError: the topic cannot be read.
    """
    unread = {partition for partition, end in end_offsets.items() if end > 0}
    if not unread:
        return
    # The consumer would wait silently for a missing topic or permission; this says so.
    look_at_topics(bootstrap_servers, config, [topic])
    plain = _resolved(config)
    options = _options(bootstrap_servers, plain) | _READER
    options["isolation.level"] = _isolation_level(plain)
    with closing(Consumer(options)) as consumer:
        consumer.assign([TopicPartition(topic, p, OFFSET_BEGINNING) for p in unread])
        while unread:
            for message in _polled(consumer):
                partition, position = message.partition(), message.offset()
                if message.error() is None:
                    position += 1
                    if position <= end_offsets[partition]:
                        yield message.key(), message.value()
                # By position: compaction leaves gaps, also at the end.
                if position >= end_offsets[partition]:
                    unread.discard(partition)


def _polled(consumer: Consumer) -> Iterator[Message]:
    """Yields records, and notices that the end of a partition is reached for now."""
    for message in consumer.consume(_AT_ONCE, _TICK_S):
        code = message.error().code() if message.error() else KafkaError._PARTITION_EOF
        if code == KafkaError._PARTITION_EOF:
            yield message
        elif code != KafkaError.GROUP_AUTHORIZATION_FAILED:  # nobody joins the group
            raise UsageError(f"Kafka: {message.error().str()}")
