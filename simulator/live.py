"""Sends topology and reports to Kafka, paced by the clock."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Self

from kafka import KafkaProducer
from kafka.errors import KafkaError

from schema.errors import SendError
from schema.topology_pb2 import FiberLink
from simulator.fault_model import SECOND_NS
from simulator.transport import Arrival

_PRODUCER_OPTIONS: dict[str, object] = {
    "bootstrap_timeout_ms": 10_000,
    # Reports are kilobytes each; a batch should hold many.
    "batch_size": 512 * 1024,
    "linger_ms": 20,
}


class LiveSender:
    """A Kafka producer that keys reports by node and links by link."""

    def __init__(self, bootstrap_servers: str, config: Mapping[str, str]) -> None:
        # SendError reports what goes wrong, once.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        options = _PRODUCER_OPTIONS | _typed(config)
        try:
            self._producer = KafkaProducer(bootstrap_servers=bootstrap_servers, **options)
        except (KafkaError, AssertionError, ValueError, TypeError) as error:
            raise SendError(f"no connection to {bootstrap_servers}: {error}") from error
        self._failure: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        # Everything deliverable has been flushed already.
        with contextlib.suppress(KafkaError):
            self._producer.close(timeout=0)

    def send_links(self, topic: str, links: Iterable[FiberLink]) -> None:
        """Sends the topology and waits until the broker has stored it."""
        for link in links:
            self._send(topic, link.link_id, link.SerializeToString(), time.time_ns())
        self.flush()

    def send_reports(self, topic: str, reports: Iterable[Arrival]) -> Iterator[Arrival]:
        """Sends each report and passes it on."""
        for report in reports:
            self._send(topic, report.node_id, report.payload, report.send_ns)
            yield report

    def flush(self) -> None:
        """Waits until the broker has stored everything sent."""
        try:
            self._producer.flush()
        except KafkaError as error:
            raise SendError(f"the broker does not answer: {error}") from error
        self._check()

    def _send(self, topic: str, key: str, payload: bytes, time_ns: int) -> None:
        try:
            future = self._producer.send(
                topic, key=key.encode(), value=payload, timestamp_ms=time_ns // 1_000_000
            )
        except KafkaError as error:
            raise SendError(f"topic {topic} takes no records: {error}") from error
        future.add_errback(self._failed)
        self._check()

    def _failed(self, error: BaseException) -> None:
        self._failure = error

    def _check(self) -> None:
        if self._failure is not None:
            raise SendError(f"a record was not delivered: {self._failure}")


def paced(reports: Iterable[Arrival], start_ns: int, rate: float) -> Iterator[Arrival]:
    """Holds each report back until it is due, `rate` times as fast as real time.

    At rate 0 nothing is held back. The clock starts with the first report, or at `start_ns` if
    that is later.
    """
    if rate == 0:
        yield from reports
        return
    clock_start_ns = max(start_ns, time.time_ns())
    pause = threading.Event()
    for report in reports:
        due_ns = clock_start_ns + (report.send_ns - start_ns) / rate
        wait_s = (due_ns - time.time_ns()) / SECOND_NS
        if wait_s > 0:
            pause.wait(wait_s)
        yield report


def _typed(config: Mapping[str, str]) -> dict[str, object]:
    """Converts options of the producer to the types of their defaults."""
    typed: dict[str, object] = {}
    for key, text in config.items():
        name = key.replace(".", "_")
        if name not in KafkaProducer.DEFAULT_CONFIG:
            raise SendError(f"the Kafka producer has no option {key!r}")
        default = KafkaProducer.DEFAULT_CONFIG[name]
        try:
            typed[name] = _as_type_of(default, text)
        except ValueError as error:
            raise SendError(f"{key}: {error}") from error
    return typed


def _as_type_of(default: object, text: str) -> object:
    if isinstance(default, bool):
        return text.lower() == "true"
    if isinstance(default, int | float):
        return int(text)
    # Options without a default may be numbers too.
    return int(text) if text.isdigit() else text
