"""Kafka clients of the collector: how one is made, and the check of its topic at the start."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schema.errors import KafkaConfigError, SendError

_CONNECT_S = 10.0
_SAY_EVERY_S = 30.0

_log = logging.getLogger("collector")


def new_client(kind: Callable[[dict[str, Any]], Any], config: Mapping[str, Any]) -> Any:
    """Returns a client, a Producer or a Consumer; it connects by itself.

    Raises:
        KafkaConfigError: the settings cannot be used.
    """
    try:
        return kind(dict(config))
    except KafkaException as error:
        raise KafkaConfigError(f"Kafka settings: {error.args[0].str()}") from error
    except (TypeError, ValueError) as error:
        raise KafkaConfigError(f"Kafka settings: {error}") from error


def check_topic(client: Any, servers: str, topic: str) -> bool:
    """Checks that a topic is there; False if the broker does not answer, which is only told of.

    Raises:
        SendError: the broker answers, and does not have the topic.
    """
    try:
        found = client.list_topics(topic, timeout=_CONNECT_S)
    except KafkaException as error:
        _log.warning("Kafka at %s does not answer yet: %s", servers, error.args[0].str())
        return False
    if found.topics[topic].error is not None:
        raise SendError(f"Kafka at {servers} has no topic {topic}")
    return True


def newest_values(config: Mapping[str, Any], topic: str) -> list[bytes]:
    """Returns the value of the last record of each partition; of those only that can be read now.

    Args:
        config: settings of a client that writes to the topic.
        topic: its name.
    """
    consumer = new_client(
        Consumer,
        {**config, "group.id": "collector", "enable.auto.commit": False, "log_level": 0},
    )
    try:
        partitions = consumer.list_topics(topic, timeout=_CONNECT_S).topics[topic].partitions
        ends = []
        for number in partitions:
            partition = TopicPartition(topic, number)
            low, high = consumer.get_watermark_offsets(partition, timeout=_CONNECT_S)
            if high > low:
                ends.append(TopicPartition(topic, number, high - 1))
        consumer.assign(ends)
        records = consumer.consume(len(ends), timeout=_CONNECT_S) if ends else []
        return [record.value() or b"" for record in records if record.error() is None]
    except KafkaException as error:
        _log.warning(
            "Kafka does not let the last reports of topic %s be read (%s); the sequence begins "
            "with the clock",
            *(topic, error.args[0].str()),
        )
        return []
    finally:
        consumer.close()


class NowAndThen:
    """Says something in the log now and then, however often it happens."""

    def __init__(self) -> None:
        self._said_s = -_SAY_EVERY_S

    def warn(self, text: str) -> None:
        """Says it, unless something was said a moment ago."""
        now_s = time.monotonic()
        if now_s - self._said_s >= _SAY_EVERY_S:
            self._said_s = now_s
            _log.warning("%s", text)
