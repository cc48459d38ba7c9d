"""A tracker in its state cells: a worker reads them only if its own copy is outdated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from kernels.join_topology.tables import links_block
from kernels.timers import Timer
from kernels.track_links.tracker import Tracker
from kernels.window_bounds import WindowBounds
from schema.blocks import NO_WINDOW, Block, BlockKind
from schema.records import EventTime
from tests.builders import empty_columns, link, ns, second
from tests.cells import roll_back, saved, tracker_cells
from tests.kernel_replay import KernelReplay
from transforms.state import HeldStates
from transforms.tracker_state import SavedTracker, TrackerCells, TrackerCodec

BOUNDS = WindowBounds()
KEY = 3


@pytest.fixture
def cells() -> TrackerCells:
    return tracker_cells()


def worker(
    bounds: WindowBounds = BOUNDS, *, lifecycle: bool = True, gap_windows: int = 1
) -> HeldStates[SavedTracker, TrackerCells]:
    codec = TrackerCodec(bounds, lifecycle, gap_windows, EventTime.LIVE, num_shards=4, file=None)
    return HeldStates(codec)


def receive(
    states: HeldStates[SavedTracker, TrackerCells],
    cells: Any,
    window: int,
    due: int = NO_WINDOW,
) -> list[Timer]:
    block = Block(BlockKind.ENDS, empty_columns(BlockKind.ENDS), window, due)
    with states.open(KEY, cells) as state:
        return [step.timer for step in state.tracker.receive(block.to_bytes()) if step.timer]


def reach(states: HeldStates[SavedTracker, TrackerCells], cells: Any, moment_us: int) -> None:
    with states.open(KEY, cells) as state:
        list(state.tracker.fire(str(moment_us)))


def look(states: HeldStates[SavedTracker, TrackerCells], cells: Any) -> Tracker:
    with states.open(KEY, cells) as state:
        return state.tracker


def windows(tracker: Tracker) -> list[int]:
    return tracker.windows.between(0, 99)


def test_a_worker_does_not_read_what_it_wrote_itself(cells: TrackerCells) -> None:
    states = worker()
    receive(states, cells, 10)
    receive(states, cells, 11)
    assert windows(look(states, cells)) == [10, 11]
    assert cells.ends.reads == 0


def test_another_worker_reads_the_open_windows_and_the_moment_reached(
    cells: TrackerCells,
) -> None:
    states = worker()
    for window in (10, 11, 12, 20):
        receive(states, cells, window)
    moment_us = BOUNDS.due_us(11) + 5_000_000  # 10 and 11 are closed
    reach(states, cells, moment_us)
    tracker = look(worker(), cells)
    assert windows(tracker) == [12, 20]
    assert (tracker.reached_us, max(windows(tracker))) == (moment_us, 20)


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (worker(WindowBounds(window_s=10)), "--window_s=10 "),
        (worker(lifecycle=False), "--emit=matches --gap_windows=0"),
        (worker(gap_windows=2), "--emit=lifecycle --gap_windows=2"),
    ],
)
def test_other_rules_are_refused_in_words(
    cells: TrackerCells, other: HeldStates[SavedTracker, TrackerCells], words: str
) -> None:
    states = worker()
    receive(states, cells, 10)
    reach(states, cells, BOUNDS.due_us(10))
    saved_with = "was saved with .*--emit=lifecycle --gap_windows=1, and this run has "
    with pytest.raises(ValueError, match=f"{saved_with}.*{words}"):
        look(other, cells)


def test_a_window_is_evaluated_at_once_if_the_one_before_it_was(cells: TrackerCells) -> None:
    states = worker()
    timers = receive(states, cells, 10)
    assert [timer.at_us for timer in timers] == [BOUNDS.closing_us(10), BOUNDS.due_us(10)]
    assert look(states, cells).tracks.history.newest is None
    reach(states, cells, BOUNDS.due_us(10))
    for window in (11, 12):
        (timer,) = receive(states, cells, window)
        assert timer.at_us == BOUNDS.closing_us(window)
        assert look(states, cells).tracks.history.newest == window
    assert len(receive(states, cells, 14)) == 2
    assert look(states, cells).tracks.history.newest == 12


def test_late_samples_wait_for_what_was_due_before_them(cells: TrackerCells) -> None:
    states = worker()
    receive(states, cells, 10)
    assert [timer.at_us for timer in receive(states, cells, 10, due=11)] == [BOUNDS.due_us(11)]
    reach(states, cells, BOUNDS.due_us(10))
    tracker = look(worker(), cells)
    assert len(tracker.late) == 1
    assert tracker.tracks.history.newest == 10
    reach(worker(), cells, BOUNDS.due_us(11))
    assert look(worker(), cells).late == []


def test_a_failed_bundle_leaves_nothing_behind(cells: TrackerCells) -> None:
    states = worker()
    receive(states, cells, 10)
    before = saved(cells)
    receive(states, cells, 11)
    roll_back(cells, before)
    assert windows(look(states, cells)) == [10]


def test_an_error_while_a_state_is_open_leaves_nothing_behind(cells: TrackerCells) -> None:
    states = worker()
    receive(states, cells, 10)
    before = saved(cells)
    with pytest.raises(ZeroDivisionError), states.open(KEY, cells) as state:
        state.tracker.windows.forget(99)
        raise ZeroDivisionError
    assert saved(cells) == before
    assert windows(look(states, cells)) == [10]


def test_a_copy_of_cleared_state_is_dropped(cells: TrackerCells) -> None:
    states = worker()
    receive(states, cells, 10)
    tracker = look(states, tracker_cells())
    assert windows(tracker) == []
    assert tracker.tracks.history.newest is None


def test_the_log_of_samples_is_rewritten_when_most_of_it_is_closed(cells: TrackerCells) -> None:
    states = worker()
    for window in range(10):
        receive(states, cells, window)
    reach(states, cells, BOUNDS.due_us(4) + 5_000_000)  # half of them
    assert len(cells.ends.values) == 10
    reach(states, cells, BOUNDS.due_us(5) + 5_000_000)
    assert len(cells.ends.values) == 4
    reach(states, cells, BOUNDS.due_us(9) + 5_000_000)
    assert cells.ends.values == []


def test_tracks_and_links_come_back(cells: TrackerCells) -> None:
    states = worker()
    serialized = link("L1").SerializeToString()
    with states.open(KEY, cells) as state:
        for change in ({"L1": serialized, "L2": serialized}, {"L2": None}):
            list(state.tracker.change_links(links_block(change)))
    receive(states, cells, 10)
    reach(states, cells, BOUNDS.due_us(10))
    tracker = look(worker(), cells)
    assert tracker.tracks.history.newest == 10
    assert tracker.links == {"L1": serialized}
    assert len(tracker.tracks.links.keys) == 1


@pytest.mark.parametrize("failing", [False, True])
def test_what_was_read_moves_to_its_new_row_as_links_come_and_go(failing: bool) -> None:
    def run(changes: Mapping[int, Mapping[str, bytes | None]]) -> KernelReplay:
        replay = KernelReplay(
            [link("L5", "L5-A", "L5-Z")],
            bounded=False,
            emit="lifecycle",
            out_of_orderness_s=0,
            allowed_lateness_s=2,
            num_shards=1,
            source="event-center",
            failing=failing,
        )
        for at, word in enumerate(["0", "0", "5", "5", "7", "7"] + ["0"] * 30):
            if at in changes:
                replay.change_links(changes[at])
            payloads = second(at, word, a="L5-A", z="L5-Z", sequence=at)
            for parts in replay.take(payloads).values():
                for part in parts:
                    replay.receive(part)
            replay.advance(ns(at + 1))
        return replay

    others = [f"L{number}" for number in range(10) if number != 5]
    added = {name: link(name, f"{name}-A", f"{name}-Z").SerializeToString() for name in others}
    found = run({3: added, 5: dict.fromkeys(others[:4]), 8: dict.fromkeys(others[4:])})
    expected = run({})
    assert [e["data"]["action"] for e in expected.out.events] == ["RAISE", "CHANGE", "CLEAR"]
    assert found.out.events == expected.out.events


def test_state_of_another_version_is_refused_in_words(cells: TrackerCells) -> None:
    receive(worker(), cells, 10)
    cells.head.value = b"\4" + cells.head.value[1:]
    with pytest.raises(ValueError, match=r"state of version 4 cannot be read .* start without"):
        look(worker(), cells)
