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

import apache_beam as beam
import numpy as np
from apache_beam.transforms.external import ExternalTransform, ImplicitSchemaPayloadBuilder
from numpy.typing import NDArray

from schema.errors import UsageError

#: Name of the step in the expansion service.
_URN = "eventcenter:kafka_read_batches:v1"
#: Columns in front of the bytes: timestamp, offset, partition, length of key and of value.
_DTYPES = ("<i8", "<i8", "<i4", "<i4", "<i4")


@dataclass
class ReadBatches(beam.PTransform):
    """Reads a topic from the offsets in the checkpoint, or where `auto.offset.reset` says.

    Attributes:
        topic: the topic.
        consumer_config: settings of the consumer, in Java's names.
        is_ordered: event time follows the newest record of each partition; otherwise the clock.
        expansion_service: an expansion service with `runners/java/flink` on its class path.
    """

    topic: str
    consumer_config: Mapping[str, str]
    is_ordered: bool
    expansion_service: str

    def expand(self, pipeline: beam.Pipeline) -> beam.PCollection[bytes]:
        """Returns batches for `Batch.from_bytes`, each with the timestamp of its oldest record.

        Raises:
            UsageError: the expansion service does not know the step.
        """
        settings = {
            "topic": self.topic,
            "consumer_config": dict(self.consumer_config),
            "ordered": self.is_ordered,
        }
        read = ExternalTransform(
            _URN, ImplicitSchemaPayloadBuilder(settings), self.expansion_service
        )
        try:
            return pipeline | "Batches" >> read
        except RuntimeError as error:
            if _URN not in str(error):
                raise
            raise UsageError(
                f"the expansion service at {self.expansion_service} does not know {_URN}: start it "
                "with all jars of .cache/jars/flink on its class path"
            ) from None


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
