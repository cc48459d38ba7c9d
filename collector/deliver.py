"""Reports → Kafka, or into a capture file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from confluent_kafka import KafkaError, KafkaException, Producer
from google.protobuf.message import DecodeError

from collector.buffer import Buffer, Delivery, Dropped, Record
from collector.kafka import NowAndThen, check_topic, new_client, newest_values
from schema.capture import read_capture, varint
from schema.errors import NotUsableError
from schema.pm_report_pb2 import PmReport

#: So many records, and this share of the buffer, are with the Kafka client at a time. All others
#: wait in our buffer, where the oldest can be dropped.
_IN_FLIGHT, _SHARE_IN_FLIGHT = 5_000, 1 / 8

_PRODUCER: dict[str, str | int | bool] = {
    "acks": "all",
    "enable.idempotence": True,
    "linger.ms": 5,
    "compression.type": "lz4",
    # Our buffer decides what goes, so nothing times out in the client.
    "message.timeout.ms": 0,
    "queue.buffering.max.messages": 2 * _IN_FLIGHT,
    "queue.buffering.max.kbytes": 1_048_576,
    "log_level": 2,
}


class Sink(Protocol):
    """Where reports go.

    Attributes:
        delivery: its counters.
        last_sequence: the greatest sequence of earlier runs that is there; 0 if none is known.
    """

    delivery: Delivery
    last_sequence: int

    def send(self, report: PmReport) -> None:
        """Hands a report over; it never waits."""

    def serve(self) -> None:
        """Does what can be done now; called many times a second."""

    def close(self, timeout_s: float) -> None:
        """Delivers what waits, for a limited time, and drops the rest."""


class CaptureSink:
    """Appends reports to a capture file."""

    def __init__(self, path: str) -> None:
        """Opens the file; what is in it stays, but for a record that was cut off.

        Raises:
            NotUsableError: the file cannot be written, or is no capture.
        """
        self.delivery = Delivery()
        self._path = path
        self._error: OSError | None = None
        try:
            whole, self.last_sequence = _whole(path)
            # Without a buffer: what counts as delivered is with the operating system.
            self._file = Path(path).open("ab", buffering=0)  # noqa: SIM115 - closed by close()
            self._file.truncate(whole)
        except OSError as error:
            raise NotUsableError(f"{path}: it cannot be written: {error.strerror}") from error

    def send(self, report: PmReport) -> None:
        """Writes a report; once that has failed, `serve` says so, and no other is written."""
        payload = report.SerializeToString()
        number = self.delivery.begin()
        try:
            if self._error is None:
                self._write(varint(len(payload)) + payload)
        except OSError as error:
            self._error = error
        if self._error is None:
            self.delivery.deliver(number)
        else:
            self.delivery.drop(number, Dropped.REFUSED)

    def _write(self, record: bytes) -> None:
        while record:
            record = record[self._file.write(record) :]

    def serve(self) -> None:
        """Tells whether reports are being written.

        Raises:
            NotUsableError: they are not.
        """
        if self._error is not None:
            raise NotUsableError(f"{self._path}: {self._error.strerror}") from self._error

    def close(self, timeout_s: float) -> None:
        """Closes the file."""
        with contextlib.suppress(OSError):
            self._file.close()


class KafkaSink:
    """Sends reports to a topic, keyed by node; what cannot be sent yet waits in a buffer."""

    def __init__(
        self, bootstrap_servers: str, topic: str, config: Mapping[str, str], buffer_bytes: int
    ) -> None:
        """Makes a client; a broker that is away is waited for.

        Raises:
            KafkaConfigError: the settings cannot be used.
            SendError: the broker answers, and does not have the topic.
        """
        self.delivery = Delivery()
        self._buffer = Buffer(buffer_bytes, self.delivery)
        self._most_away_bytes = buffer_bytes * _SHARE_IN_FLIGHT
        self._topic = topic
        self._in_flight = 0
        self._failed: list[Record] = []
        self._is_broken = False
        self._said = NowAndThen()
        self._config = {
            **_PRODUCER,
            **config,
            "bootstrap.servers": bootstrap_servers,
            "error_cb": self._error,
        }
        self._producer = new_client(Producer, self._config)
        is_there = check_topic(self._producer, bootstrap_servers, topic)
        newest = newest_values(self._config, topic) if is_there else []
        self.last_sequence = max((_sequence(value) or 0 for value in newest), default=0)

    def send(self, report: PmReport) -> None:
        """Puts a report into the buffer."""
        record = Record(
            self.delivery.begin(),
            report.node_id.encode(),
            report.SerializeToString(),
            report.collect_time_unix_ns // 1_000_000,
        )
        self._buffer.add(record)

    def serve(self) -> None:
        """Moves records from the buffer to the client, and learns what became of others."""
        self._producer.poll(0)
        if self._is_broken:
            self._begin_anew()
        while self._buffer and self._may_take():
            if not self._produce(self._buffer.take()):
                break

    def _may_take(self) -> bool:
        away_bytes = self._buffer.away_bytes
        return not away_bytes or (
            self._in_flight < _IN_FLIGHT and away_bytes < self._most_away_bytes
        )

    def close(self, timeout_s: float) -> None:
        """Delivers what waits, for a limited time, and drops the rest."""
        deadline_s = time.monotonic() + timeout_s
        while self.delivery.waiting and time.monotonic() < deadline_s:
            self.serve()
            self._producer.poll(0.05)
        self._producer.purge()
        self._producer.poll(0)
        self.delivery.drop_all(Dropped.STOPPED)

    def _produce(self, record: Record) -> bool:
        """Hands a record to the client; False if it takes none for now."""

        def answered(error: KafkaError | None, message: object) -> None:
            self._in_flight -= 1
            self._answered(record, error)

        try:
            self._producer.produce(
                self._topic,
                record.payload,
                record.key,
                timestamp=record.time_ms,
                on_delivery=answered,
            )
        except BufferError:
            self._buffer.put_back(record)
            return False
        except KafkaException as failure:
            self._answered(record, failure.args[0])
            return not self._is_broken
        self._in_flight += 1
        return True

    def _answered(self, record: Record, error: KafkaError | None) -> None:
        if error is not None and _is_of_the_client(error):
            self._is_broken = True
            self._failed.append(record)
            return
        self._buffer.settle(record)
        if error is None:
            self.delivery.deliver(record.number)
        else:
            self.delivery.drop(record.number, Dropped.REFUSED)
            self._said.warn(f"Kafka refuses reports for topic {self._topic}: {error.str()}")

    def _begin_anew(self) -> None:
        """Replaces a client that cannot go on; what it held is sent again, in order."""
        self._producer.purge()
        self._producer.poll(0)
        for record in reversed(self._failed):
            self._buffer.put_back(record)
        self._failed.clear()
        self._is_broken = False
        self._producer = new_client(Producer, self._config)

    def _error(self, error: KafkaError) -> None:
        if error.fatal():
            self._is_broken = True
        self._said.warn(f"Kafka: {error.str()}; {self.delivery.waiting} reports wait")


def _is_of_the_client(error: KafkaError) -> bool:
    """Tells whether an error says nothing of the record: the client itself has come to an end."""
    purged = (KafkaError._PURGE_QUEUE, KafkaError._PURGE_INFLIGHT)
    return error.fatal() or error.code() in (*purged, KafkaError._FATAL)


def _whole(path: str) -> tuple[int, int]:
    """Returns the size of the whole records of a capture, and the greatest sequence among them.

    Raises:
        NotUsableError: the file holds something else, which is not to be lost.
    """
    if not Path(path).exists() or not Path(path).stat().st_size:
        return 0, 0
    size, sequences = 0, []
    for payload in read_capture(path):
        size += len(varint(len(payload))) + len(payload)
        sequences.append(_sequence(payload))
    known = [sequence for sequence in sequences if sequence is not None]
    if not known:
        raise NotUsableError(f"{path} is no capture: it holds no report; nothing is added to it")
    return size, max(known)


def _sequence(payload: bytes) -> int | None:
    """Returns the sequence of a report; None if it is none."""
    try:
        report = PmReport.FromString(payload)
    except DecodeError:
        return None
    return report.sequence if report.node_id else None
