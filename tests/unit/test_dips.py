"""Dips: which windows count them, and when they are forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.track_links.dips import JITTER_WINDOWS, Dips

ROWS = np.array([0, 1])


def with_dips(*windows: int, row: int = 0, direction: int = 0) -> Dips:
    dips = Dips()
    for window in windows:
        ends = np.zeros((2, 2), bool)
        ends[row, direction] = True
        dips.add(window, ROWS, ends)
    return dips


@pytest.mark.parametrize(
    ("ended", "window", "jitter"),
    [
        ((), 100, False),
        ((98, 100), 100, False),
        ((96, 98, 100), 100, True),
        ((96, 98, 100), 99, False),  # not yet
        ((41, 98, 100), 100, True),  # 60 windows, this one included
        ((40, 98, 100), 100, False),
        ((40, 41, 98, 100), 100, True),
        ((41, 98, 100), 101, False),
        ((96, 98, 100), 155, True),
        ((96, 98, 100), 156, False),
    ],
)
def test_three_dips_in_sixty_windows(ended: tuple[int, ...], window: int, jitter: bool) -> None:
    dips = with_dips(*ended)
    assert dips.is_jitter(window, ROWS).tolist() == [[jitter, False], [False, False]]


def test_each_span_counts_by_itself() -> None:
    dips = with_dips(1, 2, row=1, direction=1)
    dips.add(3, np.array([0, 1]), np.array([[True, True], [True, False]]))
    assert not dips.is_jitter(3, ROWS).any()
    assert dips.rows().tolist() == []
    dips.add(4, np.array([1]), np.array([[False, True]]))
    assert dips.is_jitter(4, ROWS).tolist() == [[False, False], [False, True]]
    assert dips.is_jitter(4, np.array([1])).tolist() == [[False, True]]
    assert dips.rows().tolist() == [1]


@pytest.mark.parametrize(("oldest", "kept"), [(60, 3), (61, 2), (63, 0)])
def test_what_no_window_counts_any_more_is_forgotten(oldest: int, kept: int) -> None:
    dips = with_dips(1, 2, 3)
    dips.forget(oldest)
    assert sum(map(len, dips.ended.values())) == kept
    # A window from `oldest` on decides as before.
    for window in range(oldest, oldest + JITTER_WINDOWS):
        expected = with_dips(1, 2, 3).is_jitter(window, ROWS)
        assert (dips.is_jitter(window, ROWS) == expected).all()


def test_dips_move_with_their_links() -> None:
    dips = with_dips(1, 2, 3, row=1)
    dips.rearrange(np.array([-1, 0, 1]))
    assert dips.rows().tolist() == [2]
    dips.rearrange(np.array([2, 0]))
    assert dips.rows().tolist() == [0]
    dips.drop(np.array([1]))
    assert dips.rows().tolist() == [0]
    dips.drop(np.array([0]))
    assert dips.ended == {}
    dips = with_dips(1, 2, 3, row=1)
    dips.rearrange(np.array([0]))
    assert dips.ended == {}
