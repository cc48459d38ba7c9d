"""Kafka as source: PM reports, the topology at the start, and its changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import apache_beam as beam
from apache_beam.io.kafka import ReadFromKafka

from pipeline.graph import PmInput
from pipeline.kafka.batches import Batch, ReadBatches
from pipeline.kafka.client import read_until
from pipeline.kafka.config import ISOLATION_LEVEL
from schema.records import EventTime, PmRecords, TopologyRecord
from schema.times import FIRST_MOMENT_US, NS_PER_MS

#: Most topology records in one element.
_HELD_AT_ONCE = 1000

#: Beam applies its own safe defaults only to pipelines in Java.
_CONSUMER_DEFAULTS = {
    "auto.offset.reset": "earliest",
    # Offsets live in Flink's checkpoints.
    "enable.auto.commit": "false",
    "receive.buffer.bytes": "1048576",
    "isolation.level": ISOLATION_LEVEL,
}


@dataclass(frozen=True)
class KafkaSource:
    """PM and topology, live from two topics.

    Attributes:
        bootstrap_servers: brokers.
        pm_topic: topic of the PM reports, record timestamps = time of sending.
        topology_topic: topic of the topology, compacted.
        topology_held: end offset of each partition of the topology when the job was submitted.
        expansion_service: where Java steps come from.
        in_batches: the expansion service offers `ReadBatches`; otherwise Beam's own
            `ReadFromKafka` reads, one record an element.
        config: more settings for the consumers.
    """

    bootstrap_servers: str
    pm_topic: str
    topology_topic: str
    topology_held: dict[int, int]
    expansion_service: str
    in_batches: bool = True
    config: dict[str, str] = field(default_factory=dict)

    event_time = EventTime.LIVE

    def read(self, pipeline: beam.Pipeline) -> PmInput:
        """Returns the PM records; the watermark follows the newest record's timestamp."""
        return PmInput(
            pipeline
            | "ReadPm" >> self._read(self.pm_topic, is_ordered=True)
            | "PmRecords" >> beam.Map(pm_records, self._to_batch).with_output_types(PmRecords),
            pipeline | "Moments" >> beam.Create([FIRST_MOMENT_US], reshuffle=False),
        )

    def topology(self, pipeline: beam.Pipeline) -> beam.PCollection[list[TopologyRecord]]:
        """Returns the topology: what the topic held at the start, then every change.

        What it held at the start is read as bounded input. Until that has been read, event time
        stands still for the steps that wait for it, so no PM is late, or misses its link, because
        of it. Changes never hold event time back: their watermark is the clock's.
        """
        held = (
            pipeline
            | "TopologyTopic" >> beam.Create([self.topology_topic])
            | "ReadTopologyHeld"
            >> beam.FlatMap(self._read_held).with_output_types(list[TopologyRecord])
        )
        changes = (
            pipeline
            | "ReadTopology" >> self._read(self.topology_topic, is_ordered=False)
            | "Changes"
            >> beam.Map(topology_changes, self._to_batch, self.topology_held).with_output_types(
                list[TopologyRecord]
            )
        )
        return (held, changes) | "HeldAndChanges" >> beam.Flatten()

    def invalid(self, pipeline: beam.Pipeline) -> None:
        """Returns nothing: this source rejects nothing."""

    @property
    def _to_batch(self) -> Callable[[Any], Batch]:
        return Batch.from_bytes if self.in_batches else Batch.of_record

    def _read(self, topic: str, *, is_ordered: bool) -> _ReadTopic:
        config = _CONSUMER_DEFAULTS | self.config | {"bootstrap.servers": self.bootstrap_servers}
        return _ReadTopic(topic, config, is_ordered, self.expansion_service, self.in_batches)

    def _read_held(self, topic: str) -> Iterator[list[TopologyRecord]]:
        records = read_until(self.bootstrap_servers, self.config, topic, self.topology_held)
        while some := [TopologyRecord(*one) for one in itertools.islice(records, _HELD_AT_ONCE)]:
            yield some


@dataclass
class _ReadTopic(beam.PTransform):
    """Reads a topic with `ReadFromKafka`, or with what we make of it."""

    topic: str
    config: dict[str, str]
    is_ordered: bool
    expansion_service: str
    in_batches: bool

    @beam.typehints.no_annotations  # the elements are rows or bytes
    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection:
        if self.in_batches:
            return pipeline | "Batches" >> ReadBatches(
                self.config,
                self.topic,
                is_ordered=self.is_ordered,
                expansion_service=self.expansion_service,
            )
        policy = (
            ReadFromKafka.create_time_policy
            if self.is_ordered
            else ReadFromKafka.processing_time_policy
        )
        return pipeline | "Records" >> ReadFromKafka(
            self.config,
            [self.topic],
            timestamp_policy=policy,
            with_metadata=True,
            expansion_service=self.expansion_service,
        )


def pm_records(element: Any, to_batch: Callable[[Any], Batch]) -> PmRecords:
    """Returns the PM of an element, with the times at which it was sent."""
    batch = to_batch(element)
    return PmRecords(
        [value or b"" for value in batch.values], times_ns=batch.timestamps_ms * NS_PER_MS
    )


def topology_changes(
    element: Any, to_batch: Callable[[Any], Batch], held: dict[int, int]
) -> list[TopologyRecord]:
    """Returns the topology records of an element that lie behind what was held at the start."""
    batch = to_batch(element)
    places = zip(batch.partitions.tolist(), batch.offsets.tolist(), strict=True)
    return [
        TopologyRecord(key, value)
        for (partition, offset), key, value in zip(places, batch.keys, batch.values, strict=True)
        if offset >= held.get(partition, 0)
    ]
