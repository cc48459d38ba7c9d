"""The learned base: which 60 windows make it, and how late windows change that."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kernels.track_links.learned_base import LEARN_WINDOWS, LearningRow
from tests import kernel_replay, oracle
from tests.builders import link, payload, rx, short, trace, tx

DARK = math.nan
SPARE = 6


def learn(*losses: tuple[int, float | None]) -> tuple[int, tuple[float, int]] | None:
    """Adds (window, loss) in order; returns the number of the one that completes a base, and it."""
    row = LearningRow()
    for number, (window, loss_db) in enumerate(losses):
        if learned := row.add(window, loss_db, spare=SPARE):
            return number, learned
    return None


def steady(first: int, count: int, loss_db: float = 10.0) -> list[tuple[int, float | None]]:
    return [(window, loss_db) for window in range(first, first + count)]


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        (steady(0, 59), None),
        (steady(0, 60), (59, (10.0, 59))),
        (steady(100, 60), (59, (10.0, 159))),
        (steady(0, 30, 10.0) + steady(30, 30, 10.4), (59, (10.2, 59))),  # the median
        (steady(0, 31, 10.0) + steady(31, 29, 10.4), (59, (10.0, 59))),
        (steady(0, 1, 9.5) + steady(1, 60), (60, (10.0, 60))),  # a spread of 0.5 is too large
        (steady(0, 1, 9.501) + steady(1, 59), (59, (10.0, 59))),
        ([*steady(0, 59), (59, DARK), *steady(60, 59)], None),
        ([*steady(0, 59), (59, DARK), *steady(60, 60)], (119, (10.0, 119))),
        (steady(0, 59) + steady(500, 1), (59, (10.0, 500))),  # NO_DATA is skipped
        # Late windows: one is added, one replaced, one taken away.
        (steady(0, 30) + steady(31, 29) + steady(30, 1), (59, (10.0, 59))),
        ([*steady(0, 30), (30, DARK), *steady(31, 29), *steady(30, 1)], (60, (10.0, 59))),
        (steady(0, 30) + steady(30, 1, 12.0) + steady(31, 29) + steady(30, 1), (60, (10.0, 59))),
        ([*steady(0, 30), (30, DARK), *steady(31, 30), (30, None)], (61, (10.0, 60))),
        (steady(0, 59) + steady(58, 1) + [(57, None)] + steady(59, 1), None),
        ([*steady(0, 59), (57, None), *steady(59, 2)], (61, (10.0, 60))),
        ([*steady(0, 59), (40, DARK), *steady(59, 41)], None),
    ],
)
def test_row(losses: list[tuple[int, float | None]], expected: Any) -> None:
    assert learn(*losses) == expected


def test_rows_stay_short_but_long_enough() -> None:
    row = LearningRow()
    for window in range(500):  # never learns
        row.add(window, float(window % 2), spare=SPARE)
    assert len(row.windows) == LEARN_WINDOWS + SPARE
    # Even if all spare windows are taken away, enough are left.
    for window in range(500 - SPARE, 500):
        row.add(window, None, spare=SPARE)
    assert len(row.windows) == LEARN_WINDOWS


@pytest.mark.parametrize(
    ("az", "more", "expected"),
    [
        ("0*60 4*2", [], ["RAISE FIBER_DEGRADE AZ 60-62"]),
        ("0*59 4 4", [], []),
        # With one end dark and no sample at the other, a window is not dark.
        (
            "0*30 . 0*30 4*2",
            [(61, payload("Z", 30, rx("rx", None)))],
            ["RAISE FIBER_DEGRADE AZ 61-63"],
        ),
        # A late report shows that a window was not dark.
        (
            "0*58 x 0 4*4",
            [
                (124, payload("Z", 58, rx("rx", -9.0, at=58.5))),
                (124, payload("A", 58, tx("tx", 1.0, at=58.5))),
            ],
            ["RAISE FIBER_DEGRADE AZ 60-62"],
        ),
    ],
)
def test_from_reports(az: str, more: list[tuple[int, bytes]], expected: list[str]) -> None:
    payloads = trace(az)
    for at, one in more:
        payloads.insert(at, one)
    links = [link(base_db=None)]
    for replay in (kernel_replay.replay, oracle.replay):
        assert short(replay(payloads, links, mode="stream").events) == expected


def test_a_base_is_learned_for_each_direction() -> None:
    (event,) = kernel_replay.replay(
        trace("0*60 0*2", "5*60 9*2"), [link(base_db=None)], mode="stream", num_shards=2
    ).events
    measurement = event["data"]["measurement"]
    assert (measurement["AZ"]["base_db"], measurement["ZA"]["base_db"]) == (10.0, 15.0)
    assert event["data"]["direction"] == "ZA"
