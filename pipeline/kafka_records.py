"""Records straight from Kafka's reader.

`ReadFromKafka` puts a step of Java behind the reader that takes key and value out of each record.
For the runner that is a stage of its own: a bundle more to wait for, and every record goes through
Beam's wire protocol once more. Here the step is left out of the graph, and Python decodes records
in the form in which the reader hands them on.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apache_beam import coders
from apache_beam.coders import coder_impl
from apache_beam.portability.api import beam_expansion_api_pb2 as expansion
from apache_beam.transforms.external import ExternalTransform
from apache_beam.typehints import typehints

#: A coder that only Java has; its parameter is the Java object.
_JAVA_CODER = "beam:coders:javasdk:0.1"
_JAVA_CLASS = b"org.apache.beam.sdk.io.kafka.KafkaRecordCoder"
_READ = "beam:transform:read:v1"

_BYTES = coders.NullableCoder(coders.BytesCoder())
#: Topic, partition, offset, timestamp, type of the timestamp, headers, key, value.
_RECORD = coders.TupleCoder(
    [
        coders.StrUtf8Coder(),
        *[coders.VarIntCoder()] * 4,
        coders.IterableCoder(coders.TupleCoder([coders.StrUtf8Coder(), _BYTES])),
        _BYTES,
        _BYTES,
    ]
).get_impl()


class KafkaRecord(typehints.TupleHint.TupleConstraint):
    """The type of key and value of a record whose coder is Java's."""

    def __init__(self, java_coder: bytes) -> None:
        super().__init__((_BYTES.to_type_hint(),) * 2)
        self.java_coder = java_coder


class KafkaRecordCoder(coders.Coder):
    """Takes key and value out of a record as Java's `KafkaRecordCoder` writes it; only reads.

    Raises:
        ValueError: there is another coder of Java's own in a place where Python is to read.
    """

    def __init__(self, java_coder: bytes) -> None:
        if _JAVA_CLASS not in java_coder:
            raise ValueError("a coder of Java that is not known here")
        self._java_coder = java_coder

    def decode(self, encoded: bytes) -> tuple[bytes | None, bytes | None]:
        """Returns key and value."""
        stream = coder_impl.create_InputStream(encoded)
        return _RECORD.decode_from_stream(stream, True)[-2:]  # type: ignore[no-any-return]

    def estimate_size(self, value: tuple[bytes | None, bytes | None]) -> int:
        """Returns about what a record takes [bytes]."""
        return sum(len(part or b"") for part in value)

    def to_type_hint(self) -> KafkaRecord:
        """Returns the type that leads back to this coder."""
        return KafkaRecord(self._java_coder)

    @classmethod
    def from_type_hint(cls, typehint: KafkaRecord, registry: Any) -> KafkaRecordCoder:
        """Returns the coder of the type."""
        return cls(typehint.java_coder)

    def to_runner_api_parameter(self, context: Any) -> tuple[str, bytes, list[coders.Coder]]:
        """Returns the Java coder, which the runner needs."""
        return _JAVA_CODER, self._java_coder, []

    def __eq__(self, other: object) -> bool:
        return isinstance(other, KafkaRecordCoder) and other._java_coder == self._java_coder

    def __hash__(self) -> int:
        return hash(self._java_coder)


coders.registry.register_coder(KafkaRecord, KafkaRecordCoder)


@coders.Coder.register_urn(_JAVA_CODER, bytes)
def _coder_of_java(payload: bytes, components: Any, context: Any) -> KafkaRecordCoder:
    return KafkaRecordCoder(payload)


@contextmanager
def reader_only(expansion_service: str) -> Iterator[Any]:
    """Yields an expansion service that leaves out what follows on a read."""
    with ExternalTransform.service(expansion_service) as service:
        expand = service.Expand

        def expand_reader(request: expansion.ExpansionRequest) -> expansion.ExpansionResponse:
            response = expand(request)
            if not response.error:
                _leave_out_all_but_reader(response)
            return response

        service.Expand = expand_reader
        yield service


def _leave_out_all_but_reader(response: expansion.ExpansionResponse) -> None:
    transforms = response.components.transforms
    (records,) = [
        output
        for transform in transforms.values()
        if transform.spec.urn == _READ
        for output in transform.outputs.values()
    ]
    ((tag, before),) = response.transform.outputs.items()
    response.transform.outputs[tag] = records
    behind = [
        name
        for name in response.transform.subtransforms
        if records in transforms[name].inputs.values()
    ]
    for name in behind:
        response.transform.subtransforms.remove(name)
    while behind:
        behind += transforms.pop(behind.pop()).subtransforms
    response.components.pcollections.pop(before)
