"""Kafka as source: PM reports, the topology at the start, and its changes."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import apache_beam as beam

from pipeline.graph import PmInput
from pipeline.kafka.batches import Batch, ReadBatches
from pipeline.kafka.client import read_until
from pipeline.kafka.config import ISOLATION_LEVEL
from schema.records import EventTime, PmRecords, TopologyRecord
from schema.times import NS_PER_MS

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
        config: more settings for the consumers.
    """

    bootstrap_servers: str
    pm_topic: str
    topology_topic: str
    topology_held: dict[int, int]
    expansion_service: str
    config: dict[str, str] = field(default_factory=dict)

    event_time = EventTime.LIVE

    def read(self, pipeline: beam.Pipeline) -> PmInput:
        """Returns the PM records; the watermark follows the newest record's timestamp."""
        return PmInput(
            pipeline
            | "ReadPm" >> self._read(self.pm_topic, is_ordered=True)
            | "PmRecords" >> beam.Map(pm_records).with_output_types(PmRecords)
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
            >> beam.Map(topology_changes, self.topology_held).with_output_types(
                list[TopologyRecord]
            )
        )
        return (held, changes) | "HeldAndChanges" >> beam.Flatten()

    def invalid(self, pipeline: beam.Pipeline) -> None:
        """Returns nothing: this source rejects nothing."""

    def _read(self, topic: str, *, is_ordered: bool) -> ReadBatches:
        config = _CONSUMER_DEFAULTS | self.config | {"bootstrap.servers": self.bootstrap_servers}
        return ReadBatches(topic, config, is_ordered, self.expansion_service)

    def _read_held(self, topic: str) -> Iterator[list[TopologyRecord]]:
        records = read_until(self.bootstrap_servers, self.config, topic, self.topology_held)
        while some := [TopologyRecord(*one) for one in itertools.islice(records, _HELD_AT_ONCE)]:
            yield some


def pm_records(data: bytes) -> PmRecords:
    """Returns the PM of a batch, with the times at which it was sent."""
    batch = Batch.from_bytes(data)
    return PmRecords(
        [value or b"" for value in batch.values], times_ns=batch.timestamps_ms * NS_PER_MS
    )


def topology_changes(data: bytes, held: dict[int, int]) -> list[TopologyRecord]:
    """Returns the topology records of a batch that lie behind what was held at the start."""
    batch = Batch.from_bytes(data)
    places = zip(batch.partitions.tolist(), batch.offsets.tolist(), strict=True)
    return [
        TopologyRecord(key, value)
        for (partition, offset), key, value in zip(places, batch.keys, batch.values, strict=True)
        if offset >= held.get(partition, 0)
    ]
