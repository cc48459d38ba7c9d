"""Samples of windows that are not closed: on time together, late report by report."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.track_links.ends import concat_ends, new_samples
from kernels.track_links.open_windows import OpenWindows
from schema.blocks import ROLE_RX, ROLE_TX, Block, BlockKind
from schema.columns import Columns

ROW = tuple[int, int, int, int]  # report's order, link, role, sample time


def ends(*rows: ROW) -> bytes:
    """An ENDS block; reports in the order in which they are first named."""
    orders = list(dict.fromkeys(row[0] for row in rows))
    _, link, role, time_ns = (np.array(column) for column in zip(*rows, strict=True))
    columns: dict[str, Any] = {
        "order": np.array(orders),
        "sequence": np.array(orders, np.uint64),
        "report": np.array([orders.index(row[0]) for row in rows]),
        "link": link.astype(np.uint64),
        "end": np.zeros(len(rows), np.uint8),
        "role": role.astype(np.uint8),
        "sample_time_ns": time_ns,
        "has_data": np.ones(len(rows), bool),
        "pm_1": np.array([-float(row[0]) for row in rows]),
    }
    return Block(BlockKind.ENDS, columns).to_bytes()


def said(rows: Columns) -> list[ROW]:
    """The rows, in the order in which they stand."""
    names = ("link", "role", "sample_time_ns")
    order = rows["order"][rows["report"]].tolist()
    return list(zip(order, *(rows[name].tolist() for name in names), strict=True))


def late(windows: OpenWindows, *rows: ROW, window_s: int = 0) -> list[list[ROW]]:
    data = ends(*rows)
    columns = Block.from_bytes(data).columns
    return [said(found) for found in windows.add_late(window_s, data, columns)]


def test_a_window_is_all_its_blocks() -> None:
    windows = OpenWindows()
    windows.add(0, ends((0, 7, ROLE_TX, 5), (1, 8, ROLE_TX, 5)))
    windows.add(1, ends((2, 7, ROLE_TX, 6)))
    windows.add(0, ends((3, 7, ROLE_RX, 5)))
    expected = [(0, 7, ROLE_TX, 5), (1, 8, ROLE_TX, 5), (3, 7, ROLE_RX, 5)]
    assert said(windows.rows(0)) == expected
    assert windows.newest_s == 1


def test_each_late_report_comes_with_all_that_is_known_of_its_links() -> None:
    windows = OpenWindows()
    windows.add(0, ends((0, 9, ROLE_TX, 5), (0, 7, ROLE_TX, 5), (1, 8, ROLE_TX, 5)))
    windows.add(0, ends((2, 9, ROLE_TX, 6)))
    first, second = late(windows, (4, 7, ROLE_RX, 5), (4, 9, ROLE_RX, 5), (3, 9, ROLE_RX, 4))
    # In order of arrival: report 3 before report 4.
    assert first == [(0, 9, ROLE_TX, 5), (2, 9, ROLE_TX, 6), (3, 9, ROLE_RX, 4)]
    of_9 = [*first, (4, 9, ROLE_RX, 5)]
    assert sorted(second) == sorted([*of_9, (0, 7, ROLE_TX, 5), (4, 7, ROLE_RX, 5)])
    assert late(windows, (5, 8, ROLE_RX, 5)) == [[(1, 8, ROLE_TX, 5), (5, 8, ROLE_RX, 5)]]


def test_a_late_report_changes_nothing_where_it_repeats_a_sample() -> None:
    windows = OpenWindows()
    windows.add(0, ends((1, 7, ROLE_TX, 5)))
    again = (1, 7, ROLE_TX, 5)
    assert late(windows, again) == []
    # Of two links only the one with news is measured again.
    assert late(windows, (1, 7, ROLE_TX, 5), (1, 8, ROLE_TX, 5)) == [[(1, 8, ROLE_TX, 5)]]
    assert late(windows, (1, 8, ROLE_TX, 5)) == []


def test_late_samples_of_a_window_that_had_none() -> None:
    windows = OpenWindows()
    assert late(windows, (0, 7, ROLE_TX, 5), window_s=3) == [[(0, 7, ROLE_TX, 5)]]
    assert late(windows, (1, 7, ROLE_RX, 5), window_s=3)[0][0] == (0, 7, ROLE_TX, 5)
    assert said(windows.rows(3)) == [(0, 7, ROLE_TX, 5), (1, 7, ROLE_RX, 5)]


def test_what_is_found_by_link_is_what_a_search_finds() -> None:
    random = np.random.default_rng(5)

    def some(number: int, first: int) -> list[ROW]:
        columns = (random.integers(0, most, number) for most in (9, 40, 3, 4))
        return [(first + o, lk, r + 1, t) for o, lk, r, t in zip(*columns, strict=True)]

    windows, known = OpenWindows(), [some(300, 0), some(5, 10)]
    for rows in known:
        windows.add(0, ends(*rows))
    parts = [Block.from_bytes(ends(*rows)).columns for rows in known]
    for number in range(20):
        rows = [(number + 50, *row[1:]) for row in some(6, 0)]
        news = new_samples(Block.from_bytes(ends(*rows)).columns, parts)
        concerned = np.isin(concat_ends([*parts, news])["link"], news["link"])
        expected = np.array(said(concat_ends([*parts, news])))[concerned].tolist()
        found = late(windows, *rows)
        assert sorted(map(list, found[0])) == sorted(expected) if found else not expected
        parts.append(news)


def test_windows_are_found_and_forgotten_by_their_start() -> None:
    windows = OpenWindows()
    for window_s in (4, 2, 9):
        windows.add(window_s, ends((0, 7, ROLE_TX, 5)))
    late(windows, (1, 7, ROLE_RX, 5), window_s=4)
    assert windows.between(1, 8) == [2, 4]
    assert windows.between(2, 4) == [4]
    windows.forget(4)
    assert [windows.newest_s, windows.between(0, 9)] == [9, [9]]
    assert windows.num_bytes == sum(map(len, windows.blocks()))
    windows.forget(9)
    assert (windows.newest_s, windows.num_bytes, list(windows.blocks())) == (None, 0, [])
    assert late(windows, (1, 7, ROLE_RX, 5), window_s=4) == [[(1, 7, ROLE_RX, 5)]]
