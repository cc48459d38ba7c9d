"""Samples of windows that are not closed: all together on time, in turns when late."""

from __future__ import annotations

from typing import Any

import numpy as np

from kernels.track_links.ends import concat_ends, new_samples
from kernels.track_links.open_windows import OpenWindows
from schema.blocks import ROLE_RX, ROLE_TX, Block, BlockKind
from schema.columns import Columns

ROW = tuple[int, int, int, int]  # report's order, link, role, sample time


def ends(*rows: ROW) -> bytes:
    """Returns an ENDS block; its reports are in the order in which the rows name them."""
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
        "state": np.zeros(len(rows), np.uint8),
        "pm_1": np.array([-float(row[0]) for row in rows]),
    }
    return Block(BlockKind.ENDS, columns).to_bytes()


def listed(rows: Columns) -> list[ROW]:
    """Returns the rows in their order."""
    names = ("link", "role", "sample_time_ns")
    order = rows["order"][rows["report"]].tolist()
    return list(zip(order, *(rows[name].tolist() for name in names), strict=True))


def late(windows: OpenWindows, *rows: ROW, window: int = 0) -> list[list[ROW]]:
    data = ends(*rows)
    columns = Block.from_bytes(data).columns
    return [listed(found) for found in windows.add_late(window, data, columns)]


def newest(windows: OpenWindows) -> int | None:
    return max(windows.between(-(10**9), 10**9), default=None)


def test_a_window_is_all_its_blocks() -> None:
    windows = OpenWindows()
    windows.add(0, ends((0, 7, ROLE_TX, 5), (1, 8, ROLE_TX, 5)))
    windows.add(1, ends((2, 7, ROLE_TX, 6)))
    windows.add(0, ends((3, 7, ROLE_RX, 5)))
    expected = [(0, 7, ROLE_TX, 5), (1, 8, ROLE_TX, 5), (3, 7, ROLE_RX, 5)]
    assert listed(windows.rows(0)) == expected
    assert newest(windows) == 1


def test_a_late_report_comes_with_all_samples_of_its_links() -> None:
    windows = OpenWindows()
    windows.add(0, ends((0, 9, ROLE_TX, 5), (0, 7, ROLE_TX, 5), (1, 8, ROLE_TX, 5)))
    windows.add(0, ends((2, 9, ROLE_TX, 6)))
    first, second = late(windows, (4, 7, ROLE_RX, 5), (4, 9, ROLE_RX, 5), (3, 9, ROLE_RX, 4))
    # Of link 9 in order of arrival, report 3 before report 4; link 7 does not wait for that.
    of_7 = [(0, 7, ROLE_TX, 5), (4, 7, ROLE_RX, 5)]
    of_9 = [(0, 9, ROLE_TX, 5), (2, 9, ROLE_TX, 6), (3, 9, ROLE_RX, 4)]
    assert sorted(first) == sorted([*of_7, *of_9])
    assert second == [*of_9, (4, 9, ROLE_RX, 5)]
    assert late(windows, (5, 8, ROLE_RX, 5)) == [[(1, 8, ROLE_TX, 5), (5, 8, ROLE_RX, 5)]]


def test_a_late_report_that_repeats_a_sample_changes_nothing() -> None:
    windows = OpenWindows()
    windows.add(0, ends((1, 7, ROLE_TX, 5)))
    again = (1, 7, ROLE_TX, 5)
    assert late(windows, again) == []
    # Of two links only the one with a new sample is read again.
    assert late(windows, (1, 7, ROLE_TX, 5), (1, 8, ROLE_TX, 5)) == [[(1, 8, ROLE_TX, 5)]]
    assert late(windows, (1, 8, ROLE_TX, 5)) == []


def test_a_repeated_sample_comes_with_the_next_that_says_something() -> None:
    windows = OpenWindows()
    windows.add(0, ends((1, 7, ROLE_TX, 5)))
    assert late(windows, (1, 7, ROLE_TX, 5)) == []
    kept = [(1, 7, ROLE_TX, 5), (1, 7, ROLE_TX, 5)]
    assert late(windows, (2, 7, ROLE_RX, 5)) == [[*kept, (2, 7, ROLE_RX, 5)]]
    assert listed(windows.rows(0)) == [*kept, (2, 7, ROLE_RX, 5)]


def test_late_samples_of_a_window_that_had_none() -> None:
    windows = OpenWindows()
    assert late(windows, (0, 7, ROLE_TX, 5), window=3) == [[(0, 7, ROLE_TX, 5)]]
    assert late(windows, (1, 7, ROLE_RX, 5), window=3)[0][0] == (0, 7, ROLE_TX, 5)
    assert listed(windows.rows(3)) == [(0, 7, ROLE_TX, 5), (1, 7, ROLE_RX, 5)]


def test_samples_found_by_link_are_those_that_a_search_finds() -> None:
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
        new = new_samples(Block.from_bytes(ends(*rows)).columns, parts)
        concerned = np.isin(concat_ends([*parts, new])["link"], new["link"])
        expected = np.array(listed(concat_ends([*parts, new])))[concerned].tolist()
        found = late(windows, *rows)
        assert sorted(list(row) for rows in found for row in rows) == sorted(expected)
        parts.append(new)


def test_each_link_sees_its_late_reports_one_by_one() -> None:
    random = np.random.default_rng(6)
    columns = (
        random.integers(first, most, 80) for first, most in ((1, 9), (0, 12), (1, 3), (0, 4))
    )
    rows: list[ROW] = sorted(
        [(o, lk, r, t) for o, lk, r, t in zip(*columns, strict=True)],
        key=lambda row: random.random(),
    )
    together, alone = OpenWindows(), OpenWindows()
    turns = late(together, *rows)
    steps = [
        found
        for order in range(1, 9)
        for found in late(alone, *(row for row in rows if row[0] == order))
    ]
    assert len(turns) <= len(steps)
    for link in range(12):
        seen, expected = (
            [one for found in found_by_step if (one := [row for row in found if row[1] == link])]
            for found_by_step in (turns, steps)
        )
        assert list(map(sorted, seen)) == list(map(sorted, expected))


def test_windows_are_found_and_forgotten_by_their_start() -> None:
    windows = OpenWindows()
    for window in (4, 2, 9):
        windows.add(window, ends((0, 7, ROLE_TX, 5)))
    late(windows, (1, 7, ROLE_RX, 5), window=4)
    assert windows.between(1, 8) == [2, 4]
    assert windows.between(2, 4) == [4]
    windows.forget(4)
    assert [newest(windows), windows.between(0, 9)] == [9, [9]]
    assert windows.num_bytes == sum(map(len, windows.blocks()))
    windows.forget(9)
    assert (newest(windows), windows.num_bytes, list(windows.blocks())) == (None, 0, [])
    assert late(windows, (1, 7, ROLE_RX, 5), window=4) == [[(1, 7, ROLE_RX, 5)]]
