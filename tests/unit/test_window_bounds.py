"""When windows are due and close, and that these are the moments."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.window_bounds import WindowBounds

US = 1_000_000
BOUNDS = st.builds(
    WindowBounds,
    window_s=st.integers(1, 900),
    out_of_orderness_s=st.integers(0, 60),
    allowed_lateness_s=st.integers(0, 60_000).map(lambda ms: ms / 1000),
)
WINDOWS = st.integers(-(10**6), 2 * 10**9)


@given(BOUNDS, WINDOWS)
def test_a_window_is_due_and_closes_exactly_at_its_moments(
    bounds: WindowBounds, window: int
) -> None:
    due_us, closes_us = bounds.due_us(window), bounds.closing_us(window)
    assert [bounds.newest_due(due_us + by) - window for by in (-1, 0, 1)] == [-1, 0, 0]
    assert [bounds.newest_closed(closes_us + by) - window for by in (-1, 0, 1)] == [-1, 0, 0]


@pytest.mark.parametrize(
    ("window_s", "allowed_s", "moments"),
    [
        (1, 5.0, [0.0, 1.0, 2.0]),
        (1, 0.0, [0.0, 1.0, 2.0]),
        (1, 2.5, [0.0, 0.5, 1.0, 1.5, 2.0]),
        (1, 0.001, [0.0, 0.001, 1.0, 1.001, 2.0]),
        (10, 5.0, [2.0, 7.0, 12.0, 17.0]),
        (10, 8.0, [0.0, 2.0, 10.0, 12.0]),
    ],
)
def test_moments_follow_each_other(window_s: int, allowed_s: float, moments: list[float]) -> None:
    bounds = WindowBounds(window_s=window_s, allowed_lateness_s=allowed_s)
    in_us = [round(moment * US) for moment in moments]
    for moment, after in itertools.pairwise(in_us):
        assert bounds.moment_us(bounds.moment_after(moment)) == after
        assert bounds.moment_us(bounds.moment_after(after - 1)) == after
        assert bounds.last_moment_us(moment) == moment
        assert bounds.last_moment_us(after - 1) == moment


@given(BOUNDS, WINDOWS)
def test_no_moment_of_a_window_is_skipped(bounds: WindowBounds, window: int) -> None:
    for moment_us in (bounds.due_us(window), bounds.closing_us(window)):
        assert bounds.last_moment_us(moment_us) == moment_us
        assert bounds.moment_us(bounds.moment_after(moment_us - 1)) == moment_us


@given(BOUNDS, WINDOWS)
def test_so_many_windows_are_due_and_not_closed(bounds: WindowBounds, window: int) -> None:
    assert bounds.newest_due(bounds.closing_us(window) - 1) - window < bounds.num_open
    assert bounds.newest_due(bounds.closing_us(window)) - window <= bounds.num_open
