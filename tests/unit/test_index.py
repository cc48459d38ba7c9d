"""Which sample serves which end of which link."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest

from kernels.decode_reports.decode import decode
from kernels.decode_reports.fast_path import FastPath
from kernels.decode_reports.samples import Samples, no_samples, split_samples
from kernels.join_topology.index import JoinResult, LinkEndIndex
from kernels.join_topology.link_ends import link_ends
from kernels.join_topology.routes import RouteTable
from schema import topology_pb2 as topo
from schema.blocks import (
    ROLE_RX,
    ROLE_TX,
    Block,
    BlockKind,
    link_key,
    num_span_ends,
)
from schema.columns import plain
from schema.pm_report_pb2 import OSNR, PmType
from schema.shards import shard_of
from tests.builders import component, link, ns, payload, rx, tx, value

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


def samples(node_id: str, *names: str) -> Samples:
    ports = [tx(name, 0) for name in names]
    return decode([payload(node_id, 0, *ports)], np.arange(1), None, FastPath()).samples


def rows(result: JoinResult) -> list[tuple[str, str, int, int]]:
    """Returns component, link, end and role of each row, shard by shard."""
    return [
        (component.decode(), link_id.decode(), end, role)
        for _, columns in result.joined
        for component, link_id, end, role in zip(
            columns["component"],
            columns["link_id"],
            columns["end"].tolist(),
            columns["role"].tolist(),
            strict=True,
        )
    ]


@pytest.mark.parametrize(
    ("node_id", "component_name", "expected"),
    [
        ("A", "tx", [("L1", 0, ROLE_TX), ("L5", 0, ROLE_TX)]),
        ("Z", "rx", [("L1", 1, ROLE_RX), ("L5", 1, ROLE_RX)]),
        ("A", "port", [("L2", 0, BOTH), ("L3", 0, BOTH)]),
        ("N", "1x", [("L4", 0, ROLE_TX)]),
    ],
)
def test_the_link_ends_of_a_sample(
    node_id: str, component_name: str, expected: list[tuple[str, int, int]]
) -> None:
    result = LinkEndIndex.of(LINKS, SHARDS).join(samples(node_id, component_name), with_names=True)
    assert sorted(row[1:] for row in rows(result)) == expected
    assert result.num_matched == 1
    ends = sum(num_span_ends(columns["role"]) for _, columns in result.joined)
    assert ends == sum(1 + (role == BOTH) for *_, role in expected)
    for shard, columns in result.joined:
        for link_id, key in zip(columns["link_id"], columns["link"].tolist(), strict=True):
            assert shard_of(link_id.decode(), SHARDS) == shard
            assert link_key(link_id) == key


@pytest.mark.parametrize(
    ("node_id", "component_name", "known"),
    [("A", "other", True), ("N1", "tx", False), ("Z", "port", True), ("", "A", False)],
)
def test_samples_in_no_link(node_id: str, component_name: str, known: bool) -> None:
    found = dataclasses.replace(samples("A", component_name), node_id=[node_id.encode()])
    result = LinkEndIndex.of(LINKS, SHARDS).join(found, with_names=True)
    assert (result.num_matched, rows(result)) == (0, [])
    assert result.unmatched.num_samples == int(known)
    assert result.unknown.num_samples == int(not known)


def test_names_do_not_run_into_each_other() -> None:
    index = LinkEndIndex.of([link(a="N1", z="N")], SHARDS)
    assert index.join(samples("N", "1tx"), with_names=True).num_matched == 0


def test_each_sample_is_counted_once_and_keeps_its_order() -> None:
    result = LinkEndIndex.of(LINKS, 1).join(
        samples("A", "rx", "none", "port", "tx", "port"), with_names=True
    )
    assert result.num_matched == 4
    assert [row[:2] for row in rows(result)] == [
        ("rx", "L1"), ("rx", "L5"), ("port", "L2"), ("port", "L3"),
        ("tx", "L1"), ("tx", "L5"), ("port", "L2"), ("port", "L3"),
    ]  # fmt: skip
    assert result.unmatched.component(np.arange(1)) == [b"none"]


def test_a_change_of_the_topology_applies_to_known_reports() -> None:
    index = LinkEndIndex(SHARDS)
    reports = samples("A", "tx", "rx")
    assert index.join(reports, with_names=True).unknown.num_samples == 2
    for row in link_ends(LINKS[0]):
        index.add(row)
    assert [row[0] for row in rows(index.join(reports, with_names=True))] == ["tx", "rx"]
    for row in link_ends(LINKS[0]):
        index.discard(row)
    result = index.join(reports, with_names=True)  # the node stays known
    assert (rows(result), result.unmatched.num_samples) == ([], 2)
    assert index.num_ends == 0


@pytest.mark.parametrize("links", [[], LINKS[:1]])
def test_no_samples(links: list[topo.FiberLink]) -> None:
    result = LinkEndIndex.of(links, SHARDS).join(no_samples(), with_names=True)
    assert (rows(result), result.num_matched) == ([], 0)


def test_only_powers_that_are_compared_go_on() -> None:
    ports = [
        component("tx", value(OSNR, 20.0)),
        tx("tx", None, osc=1.5),
        rx("rx", -9.0, osc=-11.0),
    ]
    decoded = decode([payload("A", 0, *ports)], np.arange(1), None, FastPath())
    index = LinkEndIndex.of(LINKS[:1], SHARDS)
    ((_, columns),) = index.join(decoded.samples).joined
    ends = Block.from_bytes(Block(BlockKind.ENDS, columns, 7).to_bytes())
    assert (ends.window, ends.num_rows) == (7, 3)
    found = {name: plain(v) for name, v in ends.columns.items() if name.startswith("pm_")}
    expected = {
        PmType.INPUT_POWER: [np.nan, np.nan, -9.0],
        PmType.OUTPUT_POWER: [np.nan, -np.inf, np.nan],
        PmType.INPUT_POWER_OSC: [np.nan, np.nan, -11.0],
        PmType.OUTPUT_POWER_OSC: [np.nan, 1.5, np.nan],
    }
    assert found.keys() == {f"pm_{pm_type}" for pm_type in expected}
    for pm_type, values in expected.items():
        np.testing.assert_equal(found[f"pm_{pm_type}"], values)
    ((_, whole),) = index.join(decoded.samples, with_names=True).joined
    assert f"pm_{OSNR}" in whole
    for name in ("link", "end", "role", "report", "order", "sequence", "sample_time_ns"):
        np.testing.assert_array_equal(ends.columns[name], whole[name])


def test_samples_are_split_by_second_and_shard() -> None:
    mixed = payload("A", 5, tx("tx", 0.0), tx("late", 0.0, at=3), rx("rx", 0.0, at=5.5))
    payloads = [payload("B", 5, tx("tx", 0.0)), mixed, payload("A", 5.9, tx("p", 0.0))]
    found = decode(payloads, np.arange(3), None, FastPath()).samples
    parts = list(split_samples(found, {b"A": 0, b"B": 1}.__getitem__, 1))
    assert [
        (window - ns(0) // 10**9, shard, part.order.tolist(), part.names)
        for window, shard, part in parts
    ] == [
        (3, 0, [1], [b"late"]),
        (5, 0, [1, 2], [b"txrx", b"p"]),
        (5, 1, [0], [b"tx"]),
    ]


def test_outdated_routes_do_not_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []

    class Sized(RouteTable):
        def add(self, *report: Any) -> int:
            number = super().add(*report)
            sizes.append(len(self))
            return number

    monkeypatch.setattr("kernels.join_topology.index.MAX_OUTDATED", 20)
    monkeypatch.setattr("kernels.join_topology.index.RouteTable", Sized)
    index = LinkEndIndex.of(LINKS, SHARDS)
    (row,) = [row for row in link_ends(LINKS[3]) if row.component == b"1x"]
    for _ in range(100):
        for node, name in (("N", "1x"), ("A", "tx"), ("Z", "rx")):
            assert index.join(samples(node, name), with_names=True).num_matched == 1
        index.discard(row)
        assert index.join(samples("N", "1x"), with_names=True).num_matched == 0
        index.add(row)
    assert 20 < max(sizes) <= 24
