"""Fills the topics of a measurement, all at once or paced by the clock."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

from confluent_kafka import Producer

from benchmarks.workloads import NS_PER_S, Record, Workload
from schema.topology_pb2 import FiberLink

_OPTIONS: dict[str, str | int] = {
    "acks": "all",
    "linger.ms": 20,
    "batch.size": 1 << 20,
    "queue.buffering.max.kbytes": 256 * 1024,
    "queue.buffering.max.messages": 1_000_000,
}
#: How often a paced feed sends what is due [s].
_TICK_S = 0.01


class Feed:
    """A producer of PM and topology records."""

    def __init__(self, bootstrap_servers: str) -> None:
        """Connects to a broker."""
        self._producer = Producer({**_OPTIONS, "bootstrap.servers": bootstrap_servers})

    def links(self, topic: str, links: Iterable[FiberLink]) -> None:
        """Sends a topology and waits until the broker has it."""
        for link in links:
            self._send(topic, link.link_id.encode(), link.SerializeToString())
        self._producer.flush()

    def remove_links(self, topic: str, link_ids: Iterable[str]) -> None:
        """Deletes links from the topology."""
        for link in link_ids:
            self._send(topic, link.encode(), None)
        self._producer.flush()

    def fill(self, topic: str, load: Workload) -> int:
        """Sends a whole feed as fast as the broker takes it, and returns the number of records."""
        number = 0
        for records in load.seconds_of_records():
            for record in records:
                self._send_report(topic, record)
            number += len(records)
        self._producer.flush()
        return number

    def pace(self, topic: str, load: Workload, stopped: threading.Event) -> Iterator[int]:
        """Sends each report when it is due; yields the number of each second that is sent.

        The closing reports would lie in the future, and are left out.
        """
        for second, records in enumerate(load.seconds_of_records()):
            if stopped.is_set() or second > load.seconds:
                break
            due = 0
            while due < len(records):
                now_ns = time.time_ns()
                while due < len(records) and records[due].sent_ns <= now_ns:
                    self._send_report(topic, records[due])
                    due += 1
                if due < len(records):
                    stopped.wait(min(_TICK_S, (records[due].sent_ns - now_ns) / NS_PER_S))
                    if stopped.is_set():
                        break
            yield second
        self._producer.flush()

    def _send_report(self, topic: str, record: Record) -> None:
        self._send(topic, record.key, record.payload, record.partition, record.sent_ns)

    def _send(
        self, topic: str, key: bytes, value: bytes | None, partition: int = -1, time_ns: int = 0
    ) -> None:
        while True:
            try:
                self._producer.produce(
                    topic,
                    value,
                    key,
                    partition,
                    timestamp=(time_ns or time.time_ns()) // 1_000_000,
                    on_delivery=_check_delivery,
                )
                break
            except BufferError:  # the queue is full
                self._producer.poll(0.1)
        self._producer.poll(0)


def _check_delivery(error: object, _: object) -> None:
    if error is not None:
        raise RuntimeError(f"a record was not delivered: {error}")
