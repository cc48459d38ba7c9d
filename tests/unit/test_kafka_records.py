"""What Kafka's reader hands on: its coding, and the step that is left out behind it."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from apache_beam import coders
from apache_beam.portability.api import beam_expansion_api_pb2, beam_runner_api_pb2
from apache_beam.runners.pipeline_context import PipelineContext
from apache_beam.transforms.external import ExternalTransform

from pipeline.kafka_records import KafkaRecordCoder, reader_only
from schema.capture import varint

JAVA = b"\xac\xed..org.apache.beam.sdk.io.kafka.KafkaRecordCoder.."


def text(value: bytes) -> bytes:
    return varint(len(value)) + value


def nullable(value: bytes | None) -> bytes:
    return b"\0" if value is None else b"\1" + text(value)


def as_java_writes_it(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[bytes, bytes | None], ...] = ()
) -> bytes:
    numbers = (3, 1 << 40, 1_795_752_248_046, 1)  # partition, offset, timestamp, its type
    return b"".join(
        [
            text(b"pm"),
            *map(varint, numbers),
            struct.pack(">i", len(headers)),
            *(text(name) + nullable(content) for name, content in headers),
            nullable(key),
            nullable(value),
        ]
    )


@pytest.mark.parametrize("key", [None, b"", b"node-1", b"k" * 200])
@pytest.mark.parametrize("value", [None, b"", b"report", b"v" * 70_000])
@pytest.mark.parametrize("headers", [(), ((b"traceparent", b"00-4b"), ("ä".encode(), None))])
def test_key_and_value_are_taken_out(
    key: bytes | None, value: bytes | None, headers: tuple[tuple[bytes, bytes | None], ...]
) -> None:
    coder = KafkaRecordCoder(JAVA)
    assert coder.decode(as_java_writes_it(key, value, headers)) == (key, value)
    assert coder.estimate_size((key, value)) == len(key or b"") + len(value or b"")


def test_the_runner_gets_javas_coder_back() -> None:
    context = PipelineContext()
    proto = context.coders.get_proto(KafkaRecordCoder(JAVA))
    assert (proto.spec.urn, proto.spec.payload) == ("beam:coders:javasdk:0.1", JAVA)
    coder = coders.Coder.from_runner_api(proto, context)
    assert coder == KafkaRecordCoder(JAVA)
    assert coders.registry.get_coder(coder.to_type_hint()) == coder


def test_another_coder_of_javas_own_is_refused() -> None:
    with pytest.raises(ValueError, match="a coder of Java that is not known here"):
        KafkaRecordCoder(b"\xac\xed..org.example.OtherCoder..")


def transform(
    urn: str = "",
    inputs: str = "",
    outputs: str = "",
    subtransforms: tuple[str, ...] = (),
) -> beam_runner_api_pb2.PTransform:
    return beam_runner_api_pb2.PTransform(
        spec={"urn": urn},
        inputs={"in": inputs} if inputs else {},
        outputs={"out": outputs} if outputs else {},
        subtransforms=subtransforms,
    )


def expanded() -> beam_expansion_api_pb2.ExpansionResponse:
    transforms = {
        "read": transform(outputs="records", subtransforms=("unbounded",)),
        "unbounded": transform("beam:transform:read:v1", outputs="records"),
        "remove": transform(inputs="records", outputs="pairs", subtransforms=("remove-pardo",)),
        "remove-pardo": transform("beam:transform:pardo:v1", inputs="records", outputs="pairs"),
    }
    collections = {
        name: beam_runner_api_pb2.PCollection(unique_name=name) for name in ("records", "pairs")
    }
    return beam_expansion_api_pb2.ExpansionResponse(
        components={"transforms": transforms, "pcollections": collections},
        transform=transform(outputs="pairs", subtransforms=("read", "remove")),
    )


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> beam_expansion_api_pb2.ExpansionResponse:
    response = expanded()

    @contextmanager
    def service(address: str) -> Iterator[Any]:
        assert address == "localhost:1"
        yield SimpleNamespace(Expand=lambda request: response)

    monkeypatch.setattr(ExternalTransform, "service", staticmethod(service))
    return response


def test_what_follows_on_the_reader_is_left_out(
    answer: beam_expansion_api_pb2.ExpansionResponse,
) -> None:
    with reader_only("localhost:1") as service:
        response = service.Expand(beam_expansion_api_pb2.ExpansionRequest())
    assert dict(response.transform.outputs) == {"out": "records"}
    assert list(response.transform.subtransforms) == ["read"]
    assert set(response.components.transforms) == {"read", "unbounded"}
    assert set(response.components.pcollections) == {"records"}


def test_an_error_of_the_service_stays_one(
    answer: beam_expansion_api_pb2.ExpansionResponse,
) -> None:
    answer.Clear()
    answer.error = "no such topic"
    with reader_only("localhost:1") as service:
        response = service.Expand(beam_expansion_api_pb2.ExpansionRequest())
    assert response.error == "no such topic"
