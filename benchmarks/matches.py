"""Compares the events of a run with the expected ones, by their ids."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from confluent_kafka import Consumer, TopicPartition

_POLL_RECORDS = 10_000
_TIMEOUT_S = 30


@dataclass(frozen=True)
class Event:
    """An event as it was first published.

    Attributes:
        code: its code.
        window_end_s: end of its window [s since the Unix epoch].
        appended_s: when the broker got it [s since the Unix epoch].
    """

    code: str
    window_end_s: float
    appended_s: float

    @property
    def latency_s(self) -> float:
        """Time from the end of the window to the broker."""
        return self.appended_s - self.window_end_s


@dataclass(frozen=True)
class Comparison:
    """Numbers of expected and found events; an event that is found twice counts once.

    Attributes:
        expected: events that must come.
        found: expected events that came.
        unexpected: other events that came.
        different: found events with another code than expected.
        repeated: records that repeat an event.
    """

    expected: int
    found: int
    unexpected: int
    different: int
    repeated: int

    @property
    def missing(self) -> int:
        """Expected events that did not come."""
        return self.expected - self.found

    @property
    def is_right(self) -> bool:
        """Whether exactly the expected events came, each with its code."""
        return not (self.missing or self.unexpected or self.different)


def compare(expected: Mapping[str, str], found: Mapping[str, Event], records: int) -> Comparison:
    """Compares events by id and code.

    Args:
        expected: code by id.
        found: event by id.
        records: number of records in which the events were found.
    """
    both = expected.keys() & found.keys()
    return Comparison(
        expected=len(expected),
        found=len(both),
        unexpected=len(found) - len(both),
        different=sum(expected[event] != found[event].code for event in both),
        repeated=records - len(found),
    )


class EventTopic:
    """An events topic while it fills; asking for its length is cheap."""

    def __init__(self, bootstrap_servers: str, topic: str) -> None:
        """Connects to a broker."""
        self._consumer = Consumer(
            {
                "bootstrap.servers": bootstrap_servers,
                "group.id": f"{topic}-measured",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )
        described = self._consumer.list_topics(topic, timeout=_TIMEOUT_S).topics[topic]
        self._partitions = [TopicPartition(topic, number, 0) for number in described.partitions]
        self._consumer.assign(self._partitions)
        self.events: dict[str, Event] = {}
        self.records = 0

    def close(self) -> None:
        """Closes the connection."""
        self._consumer.close()

    def length(self) -> int:
        """Returns how many records the topic has, read or not."""
        return sum(self._end(partition) for partition in self._partitions)

    def read(self) -> None:
        """Reads what has come since the last time."""
        until = self.length()
        while self.records < until:
            for event_id, event in self._poll():
                known = self.events.setdefault(event_id, event)
                if event.appended_s < known.appended_s:
                    self.events[event_id] = event
                self.records += 1

    def _poll(self) -> Iterator[tuple[str, Event]]:
        for record in self._consumer.consume(_POLL_RECORDS, timeout=1):
            value = record.value()
            if value is None:
                raise RuntimeError(f"the events cannot be read: {record.error()}")
            told = json.loads(value)
            end_s = datetime.fromisoformat(told["time"]).timestamp()
            _, appended_ms = record.timestamp()
            yield told["id"], Event(told["data"]["code"], end_s, appended_ms / 1000)

    def _end(self, partition: TopicPartition) -> int:
        _, end = self._consumer.get_watermark_offsets(partition, timeout=_TIMEOUT_S)
        return int(end)
