"""What waits in a joiner, and which samples are late, after silence, jumps and restarts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from kernels.decode_reports.decode import decode
from kernels.decode_reports.fast_path import FastPath
from kernels.decode_reports.samples import split_samples
from kernels.join_topology.joiner import Joined, Joiner
from kernels.join_topology.link_ends import link_ends
from kernels.join_topology.tables import LinkEndChange, link_ends_block
from kernels.window_bounds import WindowBounds
from schema.blocks import Block, BlockKind
from schema.records import EventTime
from schema.times import FIRST_MOMENT_US, US_PER_S
from tests.builders import T0, link, payload, rx, tx
from tests.cells import joiner_cells
from tests.timers import Timers
from transforms.joiner_state import JoinerCells, JoinerCodec
from transforms.state import HeldStates

BOUNDS = WindowBounds()
KEY = 1
HOUR_S = 3600


@dataclass
class Shard:
    """A joiner in its state, and the timers it has set; every call is a bundle."""

    cells: JoinerCells = field(default_factory=joiner_cells)
    timers: Timers[str] = field(default_factory=Timers)
    watermark_us: int = -(2**62)
    in_time: list[tuple[int, int]] = field(default_factory=list)  # window - T0, rows
    late: list[tuple[int, int]] = field(default_factory=list)
    num_unmatched: int = 0

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Lets another worker take over."""
        codec = JoinerCodec(BOUNDS, EventTime.LIVE, num_shards=1, file=None)
        self.states: HeldStates[Any, JoinerCells] = HeldStates(codec)

    def run(self, action: Callable[[Joiner], Iterable[Joined]]) -> None:
        with self.states.open(KEY, self.cells) as saved:
            for step in action(saved.joiner):
                if step.timer:
                    self.timers.at_us[step.timer.tag] = step.timer.at_us
                self.in_time += _windows(step.in_time)
                self.late += _windows(step.late)
                if step.unmatched:
                    self.num_unmatched += step.unmatched.num_samples

    def start(self) -> None:
        self.run(lambda joiner: joiner.announce(FIRST_MOMENT_US))

    def know(self) -> None:
        """Brings the topology."""
        ends = link_ends_block(LinkEndChange(end, True) for end in link_ends(link()))
        self.run(lambda joiner: joiner.change_link_ends(ends))

    def report(self, at: int, node: str = "A") -> None:
        """Brings a report of both ports of a node for a second."""
        samples = decode(
            [payload(node, at, tx("tx", 0.0), rx("rx", -9.0))], np.arange(1), None, FastPath()
        ).samples
        ((window, _, part),) = split_samples(samples, lambda _: 0, BOUNDS.window_s)
        block = Block(BlockKind.PM, part.columns(), window).to_bytes()
        self.run(lambda joiner: joiner.receive(block, (T0 + at) * US_PER_S))

    def advance(self, at: float, rounds: int = 100) -> None:
        """Moves the watermark, and fires what is due."""
        self.watermark_us = T0 * US_PER_S + round(at * US_PER_S)
        for _ in range(rounds):
            for tag in self.timers.take_due(self.watermark_us):
                self.run(lambda joiner, tag=tag: joiner.fire(tag))


def _windows(ends: Iterable[Any]) -> Iterator[tuple[int, int]]:
    for one in ends:
        yield one.window - T0, len(one.columns["link"])


@pytest.fixture
def shard() -> Shard:
    shard = Shard()
    shard.start()
    shard.know()
    return shard


def test_pm_of_the_start_is_in_time_however_far_the_watermark_jumps(shard: Shard) -> None:
    for at in (0, 1, 500):
        shard.report(at)
    assert shard.in_time == []
    shard.advance(500.0)
    assert shard.in_time == [(0, 2), (1, 2), (500, 2)]
    assert shard.late == []


def test_the_first_block_of_a_shard_can_be_late(shard: Shard) -> None:
    shard.advance(100.0)
    shard.report(92)
    shard.report(93)
    assert (shard.late, shard.in_time) == ([(92, 2)], [(93, 2)])


def test_so_can_the_first_after_ten_hours_of_silence(shard: Shard) -> None:
    shard.advance(0.0)
    shard.report(0)
    for at in range(1, 10 * HOUR_S, 7):
        shard.advance(at, rounds=3)
    shard.advance(10 * HOUR_S)
    shard.report(10 * HOUR_S - 8)
    shard.report(10 * HOUR_S - 7)
    assert shard.late == [(10 * HOUR_S - 8, 2)]
    assert shard.in_time == [(0, 2), (10 * HOUR_S - 7, 2)]


@pytest.mark.parametrize("jump_s", [100, 10 * HOUR_S, 9000 * HOUR_S])
def test_after_a_jump_blocks_wait_until_the_clock_knows(shard: Shard, jump_s: int) -> None:
    shard.advance(0.0)
    shard.advance(jump_s, rounds=1)
    shard.report(jump_s - 8)
    shard.report(jump_s - 7)
    assert shard.late == shard.in_time == []
    shard.restart()
    shard.advance(jump_s, rounds=3)
    assert (shard.late, shard.in_time) == ([(jump_s - 8, 2)], [(jump_s - 7, 2)])
    shard.restart()
    assert list(shard.cells.waiting.read()) == []


def test_after_a_restart_a_late_block_is_late_before_the_watermark_has_come(shard: Shard) -> None:
    shard.advance(100.0)
    shard.restart()
    shard.watermark_us = -(2**62)
    shard.report(92)
    shard.report(93)
    assert (shard.late, shard.in_time) == ([(92, 2)], [(93, 2)])


def test_a_block_that_is_due_says_since_when(shard: Shard) -> None:
    shard.advance(100.0)
    found: list[tuple[int, int]] = []

    def note(joiner: Joiner, data: bytes) -> Iterator[Joined]:
        for step in joiner.receive(data, 0):
            found.extend((one.window - T0, one.due) for one in step.in_time)
            yield step

    for at in (96, 97, 98):
        samples = decode([payload("A", at, tx("tx", 0.0))], np.arange(1), None, FastPath()).samples
        data = Block(BlockKind.PM, samples.columns(), T0 + at).to_bytes()
        shard.run(lambda joiner, data=data: note(joiner, data))
    (before, just, after) = found
    assert before == (96, T0 + 97)
    assert just == (97, T0 + 97)
    assert after[1] < 0


def test_pm_of_an_unknown_node_waits_ten_seconds_for_it(shard: Shard) -> None:
    shard.advance(0.0)
    shard.report(0, node="B")
    shard.advance(9.0)
    assert shard.num_unmatched == 0
    shard.advance(10.0)
    assert shard.num_unmatched == 2
    assert list(shard.cells.waiting.read()) == []
