"""The clock knows the watermark by its timers: it is never wrong, and after a jump soon right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.join_topology.event_clock import EventClock
from kernels.timers import Timer
from kernels.window_bounds import WindowBounds
from schema.records import EventTime
from schema.times import FIRST_MOMENT_US, LAST_MOMENT_US, US_PER_S
from tests.builders import T0
from tests.timers import Timers

NOW_US = T0 * US_PER_S
YEAR_US = 31_556_952 * US_PER_S
#: Rounds after which a clock knows all, whatever the jump.
MAX_ROUNDS = 60


@dataclass
class Runner:
    """Holds the timers of a clock, and fires them as runners do: all that is due, in order."""

    clock: EventClock
    watermark_us: int = -(2**62)
    timers: Timers[str] = field(default_factory=Timers)

    def set(self, timers: Iterable[Timer]) -> None:
        self.timers.at_us |= {timer.tag: timer.at_us for timer in timers}

    def fire(self) -> bool:
        """Fires what is due by now, one round; returns whether anything was."""
        due = self.timers.take_due(self.watermark_us)
        for tag in due:
            self.set(self.clock.fire(tag))
        return bool(due)

    def settle(self) -> int:
        """Fires until nothing is due; returns the number of rounds."""
        rounds = 0
        while self.fire():
            rounds += 1
            assert rounds < MAX_ROUNDS
        return rounds

    def advance(self, watermark_us: int) -> None:
        self.watermark_us = max(self.watermark_us, watermark_us)

    def check(self, moment_us: int) -> bool | None:
        """Asks the clock, which may not know, but is not wrong."""
        reached = self.clock.is_reached(moment_us)
        if reached:
            assert moment_us <= self.watermark_us
        elif reached is False and self.clock.event_time == EventTime.LIVE:
            # A timer holds the watermark behind this step back until the moment at most.
            assert min(self.timers.at_us.values()) <= moment_us
            assert moment_us > self.watermark_us or self.is_due
        return reached

    @property
    def is_due(self) -> bool:
        """Whether a timer is due and has not fired yet."""
        return any(at <= self.watermark_us for at in self.timers.at_us.values())


def started(bounds: WindowBounds | None = None) -> Runner:
    runner = Runner(EventClock(bounds or WindowBounds(), EventTime.LIVE))
    runner.set(runner.clock.announce(FIRST_MOMENT_US))
    return runner


def test_all_moments_are_ahead_before_the_watermark_moves() -> None:
    runner = started()
    assert runner.check(NOW_US) is False
    assert not runner.clock.has_moved


def test_steps_of_seconds_are_known_at_once() -> None:
    runner = started()
    runner.advance(NOW_US)
    runner.settle()
    for ms in range(0, 200_000, 730):
        runner.advance(NOW_US + ms * 1000)
        runner.fire()
        for after_s in range(-3, 20):
            moment_us = NOW_US + (ms // 1000 + after_s) * US_PER_S
            assert runner.check(moment_us) is not None


@pytest.mark.parametrize("jump_us", [600 * US_PER_S, 36_000 * US_PER_S, YEAR_US, 20 * YEAR_US])
def test_a_jump_is_known_after_some_rounds(jump_us: int) -> None:
    runner = started()
    runner.advance(NOW_US)
    runner.settle()
    runner.advance(NOW_US + jump_us + 123)
    runner.settle()
    for after_s in range(-3, 60):
        assert runner.check(NOW_US + jump_us + after_s * US_PER_S) is (after_s <= 0)
    assert len(runner.timers.at_us) < 200


def test_what_is_asked_after_a_jump_is_known_in_three_rounds() -> None:
    runner = started()
    runner.advance(NOW_US + YEAR_US)
    runner.fire()
    late_us, in_time_us = NOW_US + YEAR_US, NOW_US + YEAR_US + US_PER_S
    for moment_us in (late_us, in_time_us):
        assert runner.check(moment_us) is None
        runner.set(runner.clock.arm(moment_us))
    for _ in range(3):
        runner.fire()
    assert runner.check(late_us) is True
    assert runner.check(in_time_us) is False


def test_a_clock_that_was_not_started_before_the_watermark_moved_is_not_wrong() -> None:
    runner = Runner(EventClock(WindowBounds(), EventTime.LIVE))
    runner.advance(NOW_US)
    assert runner.check(NOW_US) is None
    runner.set(runner.clock.arm(NOW_US))
    runner.set(runner.clock.arm(NOW_US + US_PER_S))
    runner.settle()
    assert runner.check(NOW_US) is True
    assert runner.check(NOW_US + US_PER_S) is False


def test_the_clock_stops_where_the_input_ends() -> None:
    runner = started()
    runner.advance(NOW_US)
    runner.settle()
    runner.advance(2**62)
    runner.settle()
    assert runner.timers.at_us == {}
    assert runner.check(LAST_MOMENT_US) is True


def test_announced_moments_are_all_that_is_reached() -> None:
    runner = Runner(EventClock(WindowBounds(), EventTime.ANNOUNCED))
    runner.set(runner.clock.announce(NOW_US))
    assert runner.check(NOW_US) is False
    runner.advance(NOW_US)
    runner.settle()
    assert runner.check(NOW_US) is True
    assert runner.check(NOW_US + US_PER_S) is False
    assert runner.timers.at_us == {}


STEPS_US = st.one_of(
    st.integers(0, 3 * US_PER_S),
    st.integers(0, 200 * US_PER_S),
    st.integers(0, 2 * YEAR_US),
)
ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("advance"), STEPS_US),
        st.tuples(st.just("fire"), st.just(0)),
        st.tuples(st.just("settle"), st.just(0)),
        st.tuples(st.just("ask"), st.integers(-10, 100)),
        st.tuples(st.just("save"), st.just(0)),
    ),
    max_size=40,
)


@settings(deadline=None)
@given(
    ACTIONS,
    st.builds(
        WindowBounds,
        window_s=st.sampled_from([1, 7, 900]),
        allowed_lateness_s=st.sampled_from([0, 5, 2.5]),
    ),
    st.booleans(),
)
def test_the_clock_is_never_wrong(
    actions: list[tuple[str, int]], bounds: WindowBounds, is_started: bool
) -> None:
    runner = started(bounds) if is_started else Runner(EventClock(bounds, EventTime.LIVE))
    for action, number in [("advance", NOW_US), *actions]:
        around = bounds.moment_after(runner.watermark_us)
        if action == "advance":
            runner.advance(max(runner.watermark_us, 0) + number)
        elif action == "fire":
            runner.fire()
        elif action == "settle":
            runner.settle()
        elif action == "save":
            data = runner.clock.to_bytes()
            runner.clock = EventClock.from_bytes(data, bounds, EventTime.LIVE)
        else:
            runner.set(runner.clock.arm(bounds.moment_us(around + number)))
        for near in range(-3, 4):
            runner.check(bounds.moment_us(around + near))
    runner.set(runner.clock.arm(bounds.moment_us(bounds.moment_after(runner.watermark_us))))
    runner.settle()
    around = bounds.moment_after(runner.watermark_us)
    assert runner.check(bounds.moment_us(around)) is False
    assert runner.check(bounds.moment_us(around - 1)) in (True, None)
