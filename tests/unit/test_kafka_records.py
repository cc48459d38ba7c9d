"""Batches of records as Java writes them, and the PM and topology in them."""

import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from apache_beam.portability.api import beam_expansion_api_pb2
from apache_beam.transforms.external import ExternalTransform

from pipeline.kafka.batches import Batch, ReadBatches
from pipeline.kafka.read import pm_records, topology_changes
from schema.records import TopologyRecord


@dataclass(frozen=True)
class Record:
    timestamp_ms: int = 1_795_752_248_046
    offset: int = 1 << 40
    partition: int = 3
    key: bytes | None = None
    value: bytes | None = None


def as_java_writes_it(records: Sequence[Record]) -> bytes:
    n = len(records)
    parts = [part for record in records for part in (record.key, record.value)]
    lengths = [-1 if part is None else len(part) for part in parts]
    return b"".join(
        [
            struct.pack("<i", n),
            struct.pack(f"<{n}q", *(record.timestamp_ms for record in records)),
            struct.pack(f"<{n}q", *(record.offset for record in records)),
            struct.pack(f"<{n}i", *(record.partition for record in records)),
            struct.pack(f"<{n}i", *lengths[::2]),
            struct.pack(f"<{n}i", *lengths[1::2]),
            *(part or b"" for part in parts),
        ]
    )


@pytest.mark.parametrize("key", [None, b"", b"node-1", b"k" * 200])
@pytest.mark.parametrize("value", [None, b"", b"report", b"v" * 70_000])
def test_key_and_value_are_decoded(key: bytes | None, value: bytes | None) -> None:
    records = [Record(key=key, value=value), Record(key=b"next", value=b"one")]
    batch = Batch.from_bytes(as_java_writes_it(records))
    assert batch.keys == [key, b"next"]
    assert batch.values == [value, b"one"]


def test_time_and_place_are_decoded() -> None:
    batch = Batch.from_bytes(as_java_writes_it([Record(5, 1 << 40, 7), Record(-1, 0, 0)]))
    assert batch.timestamps_ms.tolist() == [5, -1]
    assert batch.offsets.tolist() == [1 << 40, 0]
    assert batch.partitions.tolist() == [7, 0]


@pytest.mark.parametrize("cut", [1, 30, 47])
def test_a_truncated_batch_is_refused(cut: int) -> None:
    data = as_java_writes_it([Record(key=b"node-1", value=b"report")])
    with pytest.raises(ValueError):
        Batch.from_bytes(data[:-cut])


def test_pm_keeps_its_order_and_the_times_of_its_records() -> None:
    records = [Record(2, value=b"a"), Record(1, value=None), Record(3, value=b"c")]
    pm = pm_records(as_java_writes_it(records), Batch.from_bytes)
    assert pm.payloads == [b"a", b"", b"c"]
    assert pm.first is None
    assert pm.times_ns is not None
    np.testing.assert_array_equal(pm.times_ns, [2_000_000, 1_000_000, 3_000_000])


def test_topology_that_was_held_at_the_start_is_no_change() -> None:
    records = [
        Record(partition=0, offset=9, key=b"L1", value=b"known"),
        Record(partition=0, offset=10, key=b"L1", value=None),
        Record(partition=1, offset=0, key=b"L2", value=b"new"),
    ]
    changes = list(topology_changes(as_java_writes_it(records), Batch.from_bytes, {0: 10}))
    assert changes == [TopologyRecord(b"L1", None), TopologyRecord(b"L2", b"new")]


UNKNOWN = f"java.lang.UnsupportedOperationException: Unknown urn: {ReadBatches.URN}"


@contextmanager
def answering(error: str) -> Iterator[None]:
    """An expansion service that answers with an error."""

    @contextmanager
    def service(address: str) -> Iterator[Any]:
        response = beam_expansion_api_pb2.ExpansionResponse(error=error)
        yield SimpleNamespace(Expand=lambda request: response)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ExternalTransform, "service", staticmethod(service))
        yield


def test_a_stock_expansion_service_does_not_offer_batches() -> None:
    with answering(UNKNOWN):
        assert not ReadBatches.is_offered("localhost:1")


@pytest.mark.parametrize("fault", ["out of memory", f"no dependencies for urn: {ReadBatches.URN}"])
def test_another_fault_of_the_expansion_service_is_no_answer(fault: str) -> None:
    with answering(fault), pytest.raises(RuntimeError, match=re.escape(fault)):
        ReadBatches.is_offered("localhost:1")


def test_a_record_of_the_stock_reader_is_a_batch_of_one() -> None:
    row = SimpleNamespace(partition=1, offset=7, timestamp=5, key=b"L1", value=None)
    assert topology_changes(row, Batch.of_record, {1: 7}) == [TopologyRecord(b"L1", None)]
    assert topology_changes(row, Batch.of_record, {1: 8}) == []
    pm = pm_records(row, Batch.of_record)
    assert (list(pm.payloads), pm.times_ns.tolist()) == ([b""], [5_000_000])
