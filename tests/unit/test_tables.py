"""Tables of the topology, and their state: a log of changes and a copy in memory."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from kernels.join_topology.index import link_ends
from kernels.join_topology.tables import (
    LinkEndChange,
    LinkEndTable,
    LinkTable,
    link_ends_block,
    links_block,
    links_of,
)
from schema.blocks import Block
from tests.builders import link
from transforms.table_state import TableCache


@dataclass
class Cell:
    """A state cell as Beam has them, a bag or one value."""

    values: list[bytes] = field(default_factory=list)
    reads: int = 0

    def read(self) -> list[bytes] | bytes | None:
        self.reads += 1
        return self.values

    def add(self, value: bytes) -> None:
        self.values.append(value)

    def clear(self) -> None:
        self.values.clear()


class Value(Cell):
    def read(self) -> bytes | None:
        return self.values[0] if self.values else None

    def write(self, value: bytes) -> None:
        self.values[:] = [value]


def test_links_round_trip() -> None:
    block = Block.from_bytes(links_block({"L1": b"one", "L2": None}).to_bytes())
    assert links_of(block) == {"L1": b"one", "L2": None}


def test_link_table() -> None:
    table = LinkTable()
    table.apply(links_block({"L1": b"one", "L2": b"two", "L3": None}))
    table.apply(links_block({"L2": None, "L4": b"four"}))
    assert table == {"L1": b"one", "L4": b"four"}
    assert links_of(table.to_block()) == table


def test_a_rival_is_another_link_of_the_same_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kernels.join_topology.tables.link_key", lambda link_id: int(link_id[0]))
    table = LinkTable()
    table.apply(links_block({"1": b"one"}))
    assert (table.rival("1"), table.rival("1b"), table.rival("2")) == (None, "1", None)
    table.apply(links_block({"1": None}))
    assert table.rival("1b") is None


def test_link_end_table_is_made_anew_from_its_block() -> None:
    table = LinkEndTable(2)
    rows = link_ends(link("L1")) + link_ends(link("L2", "B", "Y"))
    assert table.apply(link_ends_block(LinkEndChange(row, True) for row in rows))
    assert not table.apply(link_ends_block(LinkEndChange(row, False) for row in rows[:2]))
    again = LinkEndTable(2)
    again.apply(Block.from_bytes(table.to_block().to_bytes()))
    assert set(again.index.rows()) == set(rows[2:])
    assert again.index.nodes.keys() == table.index.nodes.keys() == {b"A", b"Z", b"B", b"Y"}
    assert len(again) == len(table)


def test_only_changes_are_written_and_the_log_is_read_by_others_only() -> None:
    head, log = Value(), Cell()
    mine = TableCache(LinkTable)
    for number in range(5):
        mine.open(1, head, log).apply(links_block({f"L{number}": b"x"}))
    assert (len(log.values), log.reads) == (5, 0)
    assert mine.open(1, head, log).table.keys() == {f"L{number}" for number in range(5)}
    other = TableCache(LinkTable)
    assert other.open(1, head, log).table == mine.open(1, head, log).table
    assert log.reads == 1
    other.open(1, head, log).apply(links_block({"L0": None}))
    assert "L0" not in mine.open(1, head, log).table  # it sees that its copy is old


def test_what_was_rolled_back_is_forgotten() -> None:
    head, log = Value(), Cell()
    cache = TableCache(LinkTable)
    cache.open(1, head, log).apply(links_block({"L1": b"x"}))
    before = list(head.values), list(log.values)
    cache.open(1, head, log).apply(links_block({"L2": b"x"}))
    head.values, log.values = before  # the bundle failed
    assert cache.open(1, head, log).table == {"L1": b"x"}


def test_a_long_log_is_written_anew() -> None:
    head, log = Value(), Cell()
    cache = TableCache(LinkTable)
    for number in range(1100):
        cache.open(1, head, log).apply(links_block({"L1": b"%d" % number}))
    assert len(log.values) < 200
    assert TableCache(LinkTable).open(1, head, log).table == {"L1": b"1099"}


@pytest.mark.parametrize("head", [bytes([1]) + bytes(26), bytes([9]) + bytes(24)])
def test_state_of_another_version_is_refused_in_words(head: bytes) -> None:
    with pytest.raises(ValueError, match=f"state of version {head[0]} cannot be read by version 3"):
        TableCache(LinkTable).open(1, Value([head]), Cell())
