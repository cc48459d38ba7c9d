"""Reads many records of a Kafka topic as one element.

Beam's Flink runner spends some 40 us in Java on each element of a source. `ReadFromKafka` makes one
element per record, and adds a Java step that extracts key and value, which the runner runs as a
stage of its own. `ReadBatches` avoids both: its Java part (`runners/java/flink`) wraps KafkaIO's
own reader and packs the records at hand into one element.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.io.kafka import ReadFromKafka
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.external import ExternalTransform, ImplicitSchemaPayloadBuilder
from numpy.typing import NDArray

#: Columns in front of the bytes: timestamp, offset, partition, length of key and of value.
_DTYPES = ("<i8", "<i8", "<i4", "<i4", "<i4")


class ReadBatches(ReadFromKafka):
    """Reads a topic, many records an element, from the offsets in the checkpoint or the start.

    Elements are bytes for `Batch.from_bytes`, each with the timestamp of its oldest record. What
    it runs in Java must be on the class path of the expansion service.
    """

    URN = "eventcenter:kafka_read_batches:v1"

    def __init__(
        self,
        consumer_config: Mapping[str, str],
        topic: str,
        *,
        is_ordered: bool,
        expansion_service: str,
    ) -> None:
        """Describes the step.

        Args:
            consumer_config: settings of the consumer, in Java's names.
            topic: the topic.
            is_ordered: event time follows the newest record of each partition; otherwise the clock.
            expansion_service: host:port.
        """
        settings = {
            "topic": topic,
            "consumer_config": dict(consumer_config),
            "ordered": is_ordered,
        }
        payload = ImplicitSchemaPayloadBuilder(settings)
        ExternalTransform.__init__(self, self.URN, payload, expansion_service)

    @classmethod
    def is_offered(cls, expansion_service: str) -> bool:
        """Returns whether an expansion service knows the step; a stock one does not."""
        pipeline = beam.Pipeline(runner="FnApiRunner", options=PipelineOptions([]))
        config = {"bootstrap.servers": "localhost:9092"}  # to describe a step nobody is asked
        step = cls(config, "any", is_ordered=True, expansion_service=expansion_service)
        try:
            _ = pipeline | step
        except RuntimeError as error:
            if f"Unknown urn: {cls.URN}" not in str(error):
                raise
            return False
        return True


@dataclass(frozen=True)
class Batch:
    """Records in order of arrival; each attribute has the same length n.

    Attributes:
        timestamps_ms: (n,) int64, timestamps of the records [ms since the Unix epoch].
        offsets: (n,) int64.
        partitions: (n,) int32.
        keys: None where a record has no key.
        values: None where a record has no value, which deletes its key in a compacted topic.
    """

    timestamps_ms: NDArray[np.int64]
    offsets: NDArray[np.int64]
    partitions: NDArray[np.int32]
    keys: list[bytes | None]
    values: list[bytes | None]

    @classmethod
    def of_record(cls, record: Any) -> Batch:
        """Returns what `ReadFromKafka` reads with metadata: one record."""
        return cls(
            np.array([record.timestamp], np.int64),
            np.array([record.offset], np.int64),
            np.array([record.partition], np.int32),
            [record.key],
            [record.value],
        )

    @classmethod
    def from_bytes(cls, data: bytes) -> Batch:
        """Decodes what Java's `BatchedReader` writes; its comment describes the layout.

        Raises:
            ValueError: the data is not a batch.
        """
        n = int.from_bytes(data[:4], "little")
        columns = []
        at = 4
        for dtype in _DTYPES:
            columns.append(np.frombuffer(data, dtype, n, at))
            at += columns[-1].nbytes
        timestamps_ms, offsets, partitions, key_bytes, value_bytes = columns
        lengths = np.stack([key_bytes, value_bytes], axis=1).ravel()
        ends = (at + np.maximum(lengths, 0).cumsum(dtype=np.int64)).tolist()
        if (ends[-1] if ends else at) != len(data):
            raise ValueError("not a batch of records")
        is_there = (lengths >= 0).tolist()
        parts = [
            data[start:end] if there else None
            for there, (start, end) in zip(is_there, itertools.pairwise([at, *ends]), strict=True)
        ]
        return cls(timestamps_ms, offsets, partitions, parts[::2], parts[1::2])
