"""What a worker holds of a shard is what the state says; if not, the state is read."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from kernels.track_links.tracks import Tracks
from kernels.track_links.window_bounds import WindowBounds
from schema.blocks import Block, BlockKind
from tests.builders import empty_columns
from transforms.shard_state import Cells, ShardStates

LATENESS = WindowBounds(2, 5.0)
KEY = 3


@dataclass
class Value:
    value: bytes | None = None

    def read(self) -> bytes | None:
        return self.value

    def write(self, value: bytes) -> None:
        self.value = value


@dataclass
class Bag:
    values: list[bytes] = field(default_factory=list)
    reads: int = 0

    def read(self) -> list[bytes]:
        self.reads += 1
        return list(self.values)

    def add(self, value: bytes) -> None:
        self.values.append(value)

    def clear(self) -> None:
        self.values.clear()


@pytest.fixture
def cells() -> Cells:
    return Cells(Value(), Bag(), Value(), Bag(), Bag(), Value())


def states() -> ShardStates:
    return ShardStates(lambda: Tracks.empty(lifecycle=True, allowed_lateness_s=5.0), LATENESS)


def take(workers: ShardStates, cells: Cells, window_s: int) -> None:
    """Takes a block of a window, as the step does."""
    ends = Block(BlockKind.ENDS, empty_columns(BlockKind.ENDS), window_s).to_bytes()
    shard = workers.open(KEY, cells)
    shard.windows.add(window_s, ends)
    workers.log_ends(shard, ends, cells)
    workers.write(KEY, shard, cells)


def reach(workers: ShardStates, cells: Cells, moment_us: int) -> None:
    shard = workers.open(KEY, cells)
    shard.reached_us = moment_us
    workers.forget_closed(shard, LATENESS.newest_closed_s(moment_us), cells)
    workers.write(KEY, shard, cells)


def test_what_was_written_here_is_not_read_again(cells: Cells) -> None:
    worker = states()
    take(worker, cells, 10)
    take(worker, cells, 11)
    assert worker.open(KEY, cells).windows.between(0, 99) == [10, 11]
    assert cells.ends.reads == 0


def test_another_worker_reads_what_is_open_and_what_event_time_has_reached(cells: Cells) -> None:
    worker = states()
    for window_s in (10, 11, 12, 20):
        take(worker, cells, window_s)
    moment_us = LATENESS.due_us(11) + 5_000_000  # 10 and 11 are closed
    reach(worker, cells, moment_us)
    shard = states().open(KEY, cells)
    assert shard.windows.between(0, 99) == [12, 20]
    assert (shard.reached_us, shard.newest_s, shard.armed_us) == (moment_us, 20, set())


def test_a_bundle_that_failed_leaves_nothing_behind(cells: Cells) -> None:
    worker = states()
    take(worker, cells, 10)
    clock, ends = cells.clock.read(), cells.ends.read()
    shard = worker.open(KEY, cells)
    shard.armed_us.add(1)
    worker.write(KEY, shard, cells)
    take(worker, cells, 11)
    cells.clock.value, cells.ends.values = clock, ends  # the runner goes back to these
    shard = worker.open(KEY, cells)
    assert (shard.windows.between(0, 99), shard.armed_us) == ([10], set())


def test_a_bundle_that_fails_between_open_and_write_leaves_nothing_behind(cells: Cells) -> None:
    worker = states()
    take(worker, cells, 10)
    worker.open(KEY, cells).windows.forget(99)
    assert worker.open(KEY, cells).windows.between(0, 99) == [10]


def test_state_that_was_cleared_is_not_held_on_to(cells: Cells) -> None:
    worker = states()
    take(worker, cells, 10)
    empty = Cells(Value(), Bag(), Value(), Bag(), Bag(), Value())
    assert worker.open(KEY, empty).newest_s is None


def test_the_log_of_samples_is_written_anew_when_most_of_it_is_closed(cells: Cells) -> None:
    worker = states()
    for window_s in range(10):
        take(worker, cells, window_s)
    reach(worker, cells, LATENESS.due_us(4) + 5_000_000)  # half of them
    assert len(cells.ends.values) == 10
    reach(worker, cells, LATENESS.due_us(5) + 5_000_000)
    assert len(cells.ends.values) == 4
    reach(worker, cells, LATENESS.due_us(9) + 5_000_000)
    assert cells.ends.values == []


def test_tracks_come_back(cells: Cells) -> None:
    worker = states()
    take(worker, cells, 10)
    shard = worker.open(KEY, cells)
    shard.tracks.evaluate(10, {"link": np.array([], np.uint64)}, late=False)
    worker.log_tracks(shard, cells)
    worker.write(KEY, shard, cells)
    assert states().open(KEY, cells).tracks.history.newest_s == 10


def test_state_of_another_version_is_refused_in_words(cells: Cells) -> None:
    take(states(), cells, 10)
    cells.clock.value = b"\3" + cells.clock.value[1:]
    with pytest.raises(ValueError, match=r"state of version 3 cannot be read .* start without"):
        states().open(KEY, cells)
