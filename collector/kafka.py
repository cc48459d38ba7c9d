"""Kafka clients of the collector: how one is made, and the check of its topic at the start."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from confluent_kafka import KafkaException

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


def check_topic(client: Any, servers: str, topic: str) -> None:
    """Checks that a topic is there; a broker that does not answer is only told of.

    Raises:
        SendError: the broker answers, and does not have the topic.
    """
    try:
        found = client.list_topics(topic, timeout=_CONNECT_S)
    except KafkaException as error:
        _log.warning("Kafka at %s does not answer yet: %s", servers, error.args[0].str())
        return
    if found.topics[topic].error is not None:
        raise SendError(f"Kafka at {servers} has no topic {topic}")


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
