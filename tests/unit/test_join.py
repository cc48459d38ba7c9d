"""Which sample serves which end of which link."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from kernels.decode import decode
from kernels.join import LinkEndIndex
from kernels.samples import compared_powers, num_span_ends, split_rows
from schema import topology_pb2 as topo
from schema.blocks import ROLE_RX, ROLE_TX, SCHEMAS, BlockKind, shard_of
from schema.pm_report_pb2 import OSNR
from tests.builders import component, link, payload, rx, tx, value

BOTH = ROLE_TX | ROLE_RX
SHARDS = 3
PORT = topo.LinkEnd(node_id="A", tx_component="port", rx_component="port")
LINKS = [
    link("L1"),  # A tx, rx - Z tx, rx
    link("L2", z="Y", a_end=PORT),
    link("L3", z="X", a_end=PORT),
    link("L4", "N1", "N2", a_end=topo.LinkEnd(node_id="N", tx_component="1x", rx_component="rx")),
    link("L5", lifecycle_state=topo.PLANNED),
]


def samples(node_id: str, *names: str) -> pa.RecordBatch:
    ports = [tx(name, 0) for name in names]
    return decode([payload(node_id, 0, *ports)], np.arange(1), None).samples


@pytest.mark.parametrize(
    ("node_id", "component_name", "served"),
    [
        ("A", "tx", [("L1", 0, ROLE_TX), ("L5", 0, ROLE_TX)]),
        ("Z", "rx", [("L1", 1, ROLE_RX), ("L5", 1, ROLE_RX)]),
        ("A", "port", [("L2", 0, BOTH), ("L3", 0, BOTH)]),
        ("N", "1x", [("L4", 0, ROLE_TX)]),
    ],
)
def test_served_ends(node_id: str, component_name: str, served: list[tuple[str, int, int]]) -> None:
    result = LinkEndIndex.of(LINKS, SHARDS).join(samples(node_id, component_name))
    rows = [(row["link_id"], row["end"], row["role"]) for row in result.joined.to_pylist()]
    assert rows == served
    assert result.num_matched == 1
    assert num_span_ends(result.joined) == sum(1 + (role == BOTH) for *_, role in served)
    assert result.shard.tolist() == [shard_of(link_id, SHARDS) for link_id, *_ in served]


@pytest.mark.parametrize(
    ("node_id", "component_name", "known"),
    [("A", "other", True), ("N1", "tx", False), ("Z", "port", True), ("", "A", False)],
)
def test_what_serves_no_link(node_id: str, component_name: str, known: bool) -> None:
    rows = samples("A", component_name)
    rows = rows.set_column(0, rows.schema.field("node_id"), pa.array([node_id]))
    result = LinkEndIndex.of(LINKS, SHARDS).join(rows)
    assert (result.num_matched, result.joined.num_rows) == (0, 0)
    assert (result.unmatched.num_rows, result.unknown.num_rows) == (int(known), int(not known))


def test_names_do_not_run_into_each_other() -> None:
    index = LinkEndIndex.of([link(a="N1", z="N")], SHARDS)
    assert index.join(samples("N", "1tx")).num_matched == 0


def test_each_sample_is_counted_once_and_keeps_its_order() -> None:
    result = LinkEndIndex.of(LINKS, SHARDS).join(samples("A", "rx", "none", "port", "tx", "port"))
    assert result.num_matched == 4
    rows = [(row["component"], row["link_id"]) for row in result.joined.to_pylist()]
    assert rows == [
        ("rx", "L1"), ("rx", "L5"), ("port", "L2"), ("port", "L3"),
        ("tx", "L1"), ("tx", "L5"), ("port", "L2"), ("port", "L3"),
    ]  # fmt: skip


@pytest.mark.parametrize("links", [[], LINKS[:1]])
def test_nothing(links: list[topo.FiberLink]) -> None:
    nothing = pa.RecordBatch.from_pylist([], schema=SCHEMAS[BlockKind.PM])
    result = LinkEndIndex.of(links, SHARDS).join(nothing)
    assert result.joined.num_rows == 0


def test_compared_powers() -> None:
    ports = [
        component("tx", value(OSNR, 20.0)),
        tx("tx", None, osc=1.5),
        rx("rx", -9.0, osc=-11.0),
    ]
    decoded = decode([payload("A", 0, *ports)], np.arange(1), None)
    joined = LinkEndIndex.of(LINKS[:1], SHARDS).join(decoded.samples).joined
    names = SCHEMAS[BlockKind.ENDS].names[-4:]
    expected = [
        [np.nan, np.nan, np.nan, np.nan],
        [np.nan, -np.inf, np.nan, 1.5],
        [-9.0, np.nan, -11.0, np.nan],
    ]
    for first in (0, 1):  # also of rows that are part of a larger batch
        powers = compared_powers(joined.slice(first))
        found = np.stack([powers.column(name).to_numpy() for name in names], axis=1)
        np.testing.assert_equal(found, expected[first:])


def test_split_rows() -> None:
    batch = pa.RecordBatch.from_pydict({"n": list(range(5))})
    split = split_rows(batch, np.array([2, 1, 2, 1, 1]), np.array([0, 1, 0, 0, 1]))
    assert [(keys, rows.column("n").to_pylist()) for keys, rows in split] == [
        ((1, 0), [3]),
        ((1, 1), [1, 4]),
        ((2, 0), [0, 2]),
    ]
    assert split_rows(batch.slice(0, 0), np.array([], int)) == []
