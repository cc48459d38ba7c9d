"""Kafka as source: PM, and the topology as it is held and as it changes."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import apache_beam as beam

from pipeline.graph import PmInput
from pipeline.kafka.batches import Batch, ReadBatches
from pipeline.kafka.client import read_until
from schema.records import EventTime, PmRecords, TopologyRecord

_NS_PER_MS = 10**6
#: Records of the topology that one element has at most.
_HELD_AT_ONCE = 1000

#: Beam does not apply its own safe defaults to steps that Python asks for.
CONSUMER_DEFAULTS = {
    "auto.offset.reset": "earliest",
    # The offsets are in Flink's checkpoints.
    "enable.auto.commit": "false",
    "receive.buffer.bytes": "1048576",
}


@dataclass(frozen=True)
class KafkaSource:
    """PM and topology as they come.

    Attributes:
        bootstrap_servers: brokers.
        pm_topic: topic of the PM reports, record timestamps = time of sending.
        topology_topic: topic of the topology, compacted.
        topology_held: offset behind the last record of the topology at the start, by partition.
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
        """Returns the PM records; their watermark is that of the newest record's timestamp."""
        return PmInput(
            pipeline
            | "ReadPm" >> self._read(self.pm_topic, is_ordered=True)
            | "PmRecords" >> beam.Map(_pm_records).with_output_types(PmRecords)
        )

    def topology(self, pipeline: beam.Pipeline) -> beam.PCollection[list[TopologyRecord]]:
        """Returns the topology: what the topic held at the start, then every change.

        What it held at the start is read as bounded input: until that is there, event time stands
        still for the steps that wait for it, and no PM is too late or finds no link because of
        it. Changes never hold event time up: their watermark is the clock's.
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
            >> beam.Map(_changes, self.topology_held).with_output_types(list[TopologyRecord])
        )
        return (held, changes) | "HeldAndChanges" >> beam.Flatten()

    def invalid(self, pipeline: beam.Pipeline) -> None:
        """Nothing is rejected here."""

    def _read(self, topic: str, *, is_ordered: bool) -> ReadBatches:
        config = CONSUMER_DEFAULTS | self.config | {"bootstrap.servers": self.bootstrap_servers}
        return ReadBatches(topic, config, is_ordered, self.expansion_service)

    def _read_held(self, topic: str) -> Iterator[list[TopologyRecord]]:
        records = read_until(self.bootstrap_servers, self.config, topic, self.topology_held)
        while some := [TopologyRecord(*one) for one in itertools.islice(records, _HELD_AT_ONCE)]:
            yield some


def _pm_records(data: bytes) -> PmRecords:
    batch = Batch.from_bytes(data)
    return PmRecords(
        [value or b"" for value in batch.values], times_ns=batch.timestamps_ms * _NS_PER_MS
    )


def _changes(data: bytes, held: dict[int, int]) -> list[TopologyRecord]:
    batch = Batch.from_bytes(data)
    places = zip(batch.partitions.tolist(), batch.offsets.tolist(), strict=True)
    return [
        TopologyRecord(key, value)
        for (partition, offset), key, value in zip(places, batch.keys, batch.values, strict=True)
        if offset >= held.get(partition, 0)
    ]
