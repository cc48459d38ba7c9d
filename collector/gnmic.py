"""What gnmic writes to Kafka, as input in place of devices: formats `proto` and `event`.

`proto` is the SubscribeResponse; its source is the target in its prefix (gnmic: ``add-target``), or
is in the key of the record (``insert-key``): ``source:::subscription``. `event` is JSON: an object
or a list of objects, one for each leaf, whose tags hold the source and the keys of the path.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import Consumer, KafkaException, TopicPartition
from google.protobuf.message import DecodeError

from collector.counters import OTHER
from collector.kafka import NowAndThen, check_topic, new_client
from collector.node import Node
from collector.paths import LIST_KEYS, Path, element
from collector.process import Collector
from collector.subscribe import silent_after_s
from collector.values import Scalar, json_scalars, read_json
from schema import gnmi_pb2

_RECORDS = 500
_IDLE_S = 0.02
#: What was read is in reports after so long, at the latest [s].
_RIPE_S = 4.0
_MAX_UNKNOWN_SOURCES = 1_000
_KEY_SEPARATOR = b":::"
#: Timestamps of reports have 64 bits.
_LATEST_NS = 2**63 - 1
_NS_PER_S = 1_000_000_000
#: Records come many at a time: a node may be silent so long, however short its interval [s].
_LEAST_SILENCE_S = 10.0
_CHECK_NS = _NS_PER_S

_log = logging.getLogger("collector")


@dataclass(frozen=True, slots=True)
class Told:
    """What one event of gnmic says.

    Attributes:
        source: gnmic's name of the device: its address, unless it was given a name.
        time_ns: its timestamp.
        values: leaves with their values.
        deleted: paths that are no more.
    """

    source: str
    time_ns: int
    values: list[tuple[Path, Scalar]]
    deleted: list[Path]


def source_of(key: bytes | None, payload: bytes) -> str | None:
    """Returns the source of a record in format `proto`; None if that cannot be read."""
    if key and _KEY_SEPARATOR in key:
        return key.partition(_KEY_SEPARATOR)[0].decode(errors="replace")
    try:
        response = gnmi_pb2.SubscribeResponse.FromString(payload)
    except DecodeError:
        return None
    return response.update.prefix.target


def events(payload: bytes) -> Iterator[Told]:
    """Yields the events of a record in format `event`.

    Raises:
        ValueError: it is not what gnmic writes.
    """
    read = read_json(payload)
    for event in read if isinstance(read, list) else [read]:
        if not isinstance(event, dict):
            raise ValueError("an event is not an object")
        yield _event(event)


def _event(event: Mapping[str, Any]) -> Told:
    tags, values = event.get("tags") or {}, event.get("values") or {}
    deletes, time_ns = event.get("deletes") or [], event.get("timestamp", 0)
    if not (isinstance(tags, dict) and isinstance(values, dict) and isinstance(deletes, list)):
        raise ValueError("tags and values of an event are not objects")
    if isinstance(time_ns, bool) or not isinstance(time_ns, int) or time_ns > _LATEST_NS:
        raise ValueError("the timestamp of an event is not a whole number of ns")
    found: list[tuple[Path, Scalar]] = []
    for name, value in values.items():
        found += json_scalars(_path(name, tags), value)
    return Told(
        str(tags.get("source", "")), time_ns, found, [_path(str(name), tags) for name in deletes]
    )


def _path(name: str, tags: Mapping[str, Any]) -> Path:
    """Returns a path of gnmic, whose keys are tags called ``<element>_<key>``."""
    elements: list[tuple[str, tuple[tuple[str, str], ...]]] = []
    for part in name.rpartition(":/")[2].strip("/").split("/"):
        plain, _ = element(part)
        key = LIST_KEYS.get(plain)
        told = tags.get(f"{plain}_{key}") if key else None
        elements.append((plain, ((key, str(told)),) if key and told is not None else ()))
    return tuple(elements)


@dataclass(slots=True)
class _Snapshot:
    """How far the topic was read at a moment; it is committed once that is delivered."""

    positions: list[TopicPartition]
    ripe_s: float
    made: int | None = None


@dataclass
class GnmicSource:
    """Reads a topic of gnmic and gives what it says to the nodes of a collector.

    Attributes:
        collector: whose nodes they are.
        config: settings of the Kafka client, brokers and group among them.
        topic: that gnmic writes to.
        is_event: the format is `event`, otherwise `proto`.
        nodes: nodes by the names that gnmic may have for them.
    """

    collector: Collector
    config: Mapping[str, str]
    topic: str
    is_event: bool
    nodes: dict[str, Node] = field(default_factory=dict)
    _seen: int = -1
    _heard_ns: dict[str, int] = field(default_factory=dict)
    _said: NowAndThen = field(default_factory=NowAndThen)

    async def run(self) -> None:
        """Reads until the task is cancelled.

        Raises:
            KafkaConfigError: the settings cannot be used.
            SendError: the broker answers, and does not have the topic.
        """
        consumer = self._subscribed()
        snapshot: _Snapshot | None = None
        check_ns = 0
        try:
            while True:
                records = consumer.consume(_RECORDS, timeout=0)
                now_ns = time.time_ns()
                if self._seen != self.collector.changes:
                    self._seen, self.nodes = self.collector.changes, _by_source(self.collector)
                for record in records:
                    if record.error() is None:
                        self.take(record.key(), record.value() or b"", now_ns)
                    else:
                        self._said.warn(f"Kafka, topic {self.topic}: {record.error().str()}")
                if now_ns >= check_ns:
                    check_ns = now_ns + _CHECK_NS
                    self.mark_silent(now_ns)
                snapshot = self._commit(consumer, snapshot)
                await asyncio.sleep(0 if records else _IDLE_S)
        finally:
            consumer.close()

    def take(self, key: bytes | None, payload: bytes, now_ns: int) -> None:
        """Takes one record in."""
        if not self.is_event:
            source = source_of(key, payload)
            if source is None:
                self.collector.malformed_records += 1
            elif node := self._node(source, now_ns):
                node.receive(payload, now_ns)
            return
        try:
            told = list(events(payload))
        except ValueError:
            self.collector.malformed_records += 1
            return
        for event in told:
            if node := self._node(event.source, now_ns):
                node.receive_values(event.time_ns, event.values, event.deleted, now_ns)

    def mark_silent(self, now_ns: int) -> None:
        """Marks the nodes as down of which nothing comes any more."""
        for node_id, heard_ns in list(self._heard_ns.items()):
            if node := self.nodes.get(node_id):
                allowed_s = silent_after_s(node.target.sample_interval_ms, node.counts.interval_s)
                if now_ns - heard_ns <= max(allowed_s, _LEAST_SILENCE_S) * _NS_PER_S:
                    continue
                node.counts.up = False
            del self._heard_ns[node_id]

    def _node(self, source: str, now_ns: int) -> Node | None:
        node = self.nodes.get(source)
        if node:
            node.counts.up = node.synced = True
            self._heard_ns[node.target.node_id] = now_ns
            return node
        unknown = self.collector.unknown_sources
        if source not in unknown:
            if len(unknown) >= _MAX_UNKNOWN_SOURCES:
                source = OTHER
            else:
                _log.warning("gnmic's source %r is no node or address of the targets", source)
        unknown[source] += 1
        return None

    def _subscribed(self) -> Any:
        config = {
            "auto.offset.reset": "latest",
            **self.config,
            "enable.auto.commit": False,
            "log_level": 2,
        }
        consumer = new_client(Consumer, config)
        check_topic(consumer, self.config["bootstrap.servers"], self.topic)
        consumer.subscribe([self.topic])
        return consumer

    def _commit(self, consumer: Any, snapshot: _Snapshot | None) -> _Snapshot | None:
        """Commits how far the topic was read, once all of that is delivered or dropped."""
        delivery = self.collector.sink.delivery
        now_s = time.monotonic()
        if snapshot is None:
            assigned = consumer.assignment()
            positions = [p for p in consumer.position(assigned) if p.offset >= 0]
            return _Snapshot(positions, now_s + _RIPE_S) if positions else None
        if snapshot.made is None and now_s >= snapshot.ripe_s:
            snapshot.made = delivery.made
        if snapshot.made is None or delivery.settled < snapshot.made:
            return snapshot
        try:
            consumer.commit(offsets=snapshot.positions, asynchronous=True)
        except KafkaException as error:
            _log.warning("Kafka takes no offsets: %s", error.args[0].str())
        return None


def _by_source(collector: Collector) -> dict[str, Node]:
    """Returns the nodes by all names that gnmic may have for them."""
    found = {node.target.node_id: node for node in collector.nodes()}
    return found | {n.target.address: n for n in collector.nodes() if n.target.address}
