"""The joiner: the samples of one shard of nodes, to the link ends that they serve.

Beam is not in it: the joiner is told what comes and which timers have fired, and says which timers
to set. A sample waits here for three things:

- for the topology of the start, which comes link by link: its component may be in the next one;
- for its node, if the topology does not know that yet, for 10 s of event time;
- for the clock, if that does not know yet whether the window of the sample is closed.

A sample whose window is closed is late. It must not go on, as the step that follows would drop it.
"""

from __future__ import annotations

import struct
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Self

from kernels.decode_reports.samples import Samples
from kernels.join_topology.event_clock import EventClock
from kernels.join_topology.index import LinkEndIndex
from kernels.join_topology.tables import LinkEndTable
from kernels.timers import Timer
from kernels.window_bounds import WindowBounds
from schema.blocks import Block, BlockKind, window_of
from schema.columns import Columns
from schema.times import FIRST_MOMENT_US, NEVER, US_PER_S

__all__ = ["MAX_WAIT_S", "Joined", "JoinedEnds", "Joiner", "Waiting", "join_in_time"]

#: PM of a node that the topology does not know yet waits this long [s of event time].
MAX_WAIT_S = 10


class JoinedEnds(NamedTuple):
    """Samples at the ends of the links of one shard, all of one window.

    Attributes:
        shard: of the links.
        window: number of the window.
        due: where that was due before they came: the newest window that was due by then,
            otherwise NEVER.
        columns: ENDS rows; of samples of a closed window with names, see `JoinResult`.
    """

    shard: int
    window: int
    due: int
    columns: Columns


@dataclass(frozen=True)
class Joined:
    """A step of the joiner.

    Attributes:
        num_matched: number of samples that serve a link end.
        in_time: samples of windows that are not closed.
        late: samples of windows that are closed.
        unmatched: samples in no link.
        timer: to set.
    """

    num_matched: int = 0
    in_time: list[JoinedEnds] = field(default_factory=list)
    late: list[JoinedEnds] = field(default_factory=list)
    unmatched: Samples | None = None
    timer: Timer | None = None


class Waiting(NamedTuple):
    """A PM block that waits.

    Attributes:
        moment_us: it waits to know whether the watermark has reached this.
        since_us: event time when it came.
        for_clock: it goes on as soon as that is known; otherwise when it is reached, or when a node
            that it waits for becomes known.
        data: the block in wire form.
    """

    moment_us: int
    since_us: int
    for_clock: bool
    data: bytes

    def to_bytes(self) -> bytes:
        """Returns its wire form."""
        return _WAITING.pack(self.moment_us, self.since_us, self.for_clock) + self.data

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Reads the wire form."""
        moment_us, since_us, for_clock = _WAITING.unpack_from(data)
        return cls(moment_us, since_us, for_clock, data[_WAITING.size :])


_WAITING = struct.Struct("<qq?")


@dataclass
class Unsaved:
    """What has changed since the joiner was last saved.

    Attributes:
        anything: any of it, or the clock.
        link_ends: LINK_ENDS blocks that were applied.
        waiting: PM that waits now, and did not before.
        released: PM has gone on, so what waits is to be written anew.
    """

    anything: bool = False
    link_ends: list[Block] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)
    released: bool = False


@dataclass
class Joiner:
    """The link ends of a shard of nodes, a clock, and the PM that waits.

    Attributes:
        bounds: when windows close.
        clock: what is known of the watermark.
        link_ends: the topology in force.
        is_complete: the topology is known as a whole, and no node will be added.
        waiting: PM that waits, in order of arrival.
        unsaved: what has changed since the joiner was last saved.
    """

    bounds: WindowBounds
    clock: EventClock
    link_ends: LinkEndTable
    is_complete: bool
    waiting: list[Waiting] = field(default_factory=list)
    unsaved: Unsaved = field(default_factory=Unsaved)

    def receive(self, data: bytes, now_us: int) -> Iterator[Joined]:
        """Takes samples.

        Args:
            data: a PM block in wire form.
            now_us: event time of the block.
        """
        yield from self._take(data, now_us)

    def change_link_ends(self, change: Block) -> Iterator[Joined]:
        """Applies LINK_ENDS rows; what waits for a node goes on when that becomes known."""
        self.unsaved.anything = True
        self.unsaved.link_ends.append(change)
        if self.link_ends.apply(change) and self.clock.has_moved:
            yield from self._release([one for one in self.waiting if not one.for_clock])

    def announce(self, moment_us: int) -> Iterator[Joined]:
        """Takes the news that a moment is ahead of the watermark."""
        yield from self._set(self.clock.announce(moment_us))

    def fire(self, tag: str) -> Iterator[Joined]:
        """Takes the news that a timer has fired; what has waited for that goes on."""
        self.unsaved.anything = True
        yield from self._set(self.clock.fire(tag))
        known = [(one, self.clock.is_reached(one.moment_us)) for one in self.waiting]
        yield from self._release(
            [one for one, reached in known if reached or (one.for_clock and reached is False)]
        )

    def _take(self, data: bytes, since_us: int) -> Iterator[Joined]:
        """Joins a PM block, or lets it wait."""
        window = window_of(data)
        closing_us = self.bounds.closing_us(window)
        late = self.clock.is_reached(closing_us)
        if late is False:
            yield from self._set(self.clock.see(closing_us))
        if not (self.is_complete or self.clock.has_moved):
            yield from self._wait(Waiting(FIRST_MOMENT_US, since_us, False, data))
            return
        if late is None:
            yield from self._wait(Waiting(closing_us, since_us, True, data))
            return
        samples = Samples.of(Block.from_bytes(data).columns)
        due = self.bounds.newest_due(self.clock.reached_us)
        if due < window:
            due = NEVER
        index = self.link_ends.index
        unknown = yield from _join(index, samples, window, due, late=late)
        if not unknown.num_samples:
            return
        until_us = since_us + MAX_WAIT_S * US_PER_S
        if self.is_complete or self.clock.is_reached(until_us):
            yield Joined(unmatched=unknown)
        else:
            rest = Block(BlockKind.PM, unknown.columns(), window)
            yield from self._wait(Waiting(until_us, since_us, False, rest.to_bytes()))

    def _wait(self, waiting: Waiting) -> Iterator[Joined]:
        self.unsaved.anything = True
        self.unsaved.waiting.append(waiting)
        self.waiting.append(waiting)
        yield from self._set(self.clock.arm(waiting.moment_us))

    def _release(self, released: list[Waiting]) -> Iterator[Joined]:
        """Takes some of what waits once more."""
        if not released:
            return
        self.unsaved.anything = self.unsaved.released = True
        gone = set(map(id, released))
        self.waiting = [one for one in self.waiting if id(one) not in gone]
        for one in released:
            yield from self._take(one.data, one.since_us)

    def _set(self, timers: Iterable[Timer]) -> Iterator[Joined]:
        for timer in timers:
            self.unsaved.anything = True
            yield Joined(timer=timer)


def join_in_time(index: LinkEndIndex, block: Block) -> Iterator[Joined]:
    """Joins a PM block where the topology is complete and nothing is late."""
    samples = Samples.of(block.columns)
    unknown = yield from _join(index, samples, block.window, NEVER, late=False)
    yield Joined(unmatched=unknown)


def _join(
    index: LinkEndIndex, samples: Samples, window: int, due: int, *, late: bool
) -> Generator[Joined, Any, Samples]:
    """Yields what could be joined and what is in no link; returns samples of unknown nodes."""
    result = index.join(samples, with_names=late)
    ends = [JoinedEnds(shard, window, due, columns) for shard, columns in result.joined]
    yield Joined(
        result.num_matched,
        in_time=[] if late else ends,
        late=ends if late else [],
        unmatched=result.unmatched,
    )
    return result.unknown
