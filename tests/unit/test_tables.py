"""Tables of the topology, and their state: a log of changes, and a copy in the worker."""

from __future__ import annotations

from typing import Any

import pytest

from kernels.join_topology.link_ends import link_ends
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
from tests.cells import FailingCalls, roll_back, saved, table_cells
from transforms.state import HeldStates, SavedTable, TableCells, TableCodec


def test_links_come_back_from_their_block() -> None:
    block = Block.from_bytes(links_block({"L1": b"one", "L2": None}).to_bytes())
    assert links_of(block) == {"L1": b"one", "L2": None}


def test_a_link_table_keeps_the_last_of_each_link() -> None:
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


def test_a_link_end_table_comes_back_from_its_block() -> None:
    table = LinkEndTable(2)
    rows = link_ends(link("L1")) + link_ends(link("L2", "B", "Y"))
    assert table.apply(link_ends_block(LinkEndChange(row, True) for row in rows))
    assert not table.apply(link_ends_block(LinkEndChange(row, False) for row in rows[:2]))
    again = LinkEndTable(2)
    again.apply(Block.from_bytes(table.to_block().to_bytes()))
    assert set(again.index.ends()) == set(rows[2:])
    assert again.index.nodes.keys() == table.index.nodes.keys() == {b"A", b"Z", b"B", b"Y"}
    assert len(again) == len(table)


def worker() -> HeldStates[SavedTable[LinkTable], TableCells]:
    return HeldStates(TableCodec(LinkTable))


def change(states: HeldStates[SavedTable[LinkTable], TableCells], cells: Any, **links: Any) -> None:
    with states.open(1, cells) as saved_table:
        saved_table.apply(links_block(links))


def read(states: HeldStates[SavedTable[LinkTable], TableCells], cells: Any) -> LinkTable:
    with states.open(1, cells) as saved_table:
        return saved_table.table


def test_only_changes_are_written_and_only_other_workers_read_the_log() -> None:
    cells, mine = table_cells(), worker()
    for number in range(5):
        change(mine, cells, **{f"L{number}": b"x"})
    assert (len(cells.log.values), cells.log.reads) == (5, 0)
    assert read(mine, cells).keys() == {f"L{number}" for number in range(5)}
    other = worker()
    assert read(other, cells) == read(mine, cells)
    assert cells.log.reads == 1
    change(other, cells, L0=None)
    assert "L0" not in read(mine, cells)  # the token tells it that its copy is old


def test_reading_writes_nothing() -> None:
    cells, mine = table_cells(), worker()
    change(mine, cells, L1=b"x")
    before = saved(cells)
    read(mine, cells)
    read(worker(), cells)
    assert saved(cells) == before


def test_a_change_that_is_rolled_back_is_forgotten() -> None:
    cells, mine = table_cells(), worker()
    change(mine, cells, L1=b"x")
    before = saved(cells)
    change(mine, cells, L2=b"x")
    roll_back(cells, before)
    assert read(mine, cells) == {"L1": b"x"}


@pytest.mark.parametrize("before_all", [0, 990])  # after 1,000 rows the log is rewritten
def test_whichever_call_of_the_state_fails_nothing_is_lost_or_doubled(before_all: int) -> None:
    failing = FailingCalls()
    cells, mine = table_cells(failing), worker()
    for number in range(before_all):
        change(mine, cells, **{f"L{number % 3}": b"x"})
    for number in range(30):
        before = saved(cells)
        failing.attempts(
            lambda n=number: change(mine, cells, **{f"L{n % 3}": b"%d" % n}),
            lambda before=before: roll_back(cells, before),
        )
    expected = {f"L{number % 3}": b"%d" % number for number in range(30)}
    assert read(worker(), cells) == read(mine, cells) == expected
    assert failing.failures >= 2 * 30
    assert len(cells.log.values) < 40


def test_a_long_log_is_rewritten() -> None:
    cells, mine = table_cells(), worker()
    for number in range(1100):
        change(mine, cells, L1=b"%d" % number)
    assert len(cells.log.values) < 200
    assert read(worker(), cells) == {"L1": b"1099"}


@pytest.mark.parametrize("head", [bytes([1]) + bytes(26), bytes([9]) + bytes(24)])
def test_state_of_another_version_is_refused_in_words(head: bytes) -> None:
    cells = table_cells()
    cells.head.value = head
    with pytest.raises(ValueError, match=f"state of version {head[0]} cannot be read by version 3"):
        read(worker(), cells)
