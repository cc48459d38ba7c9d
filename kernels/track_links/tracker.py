"""The tracker: the windows of one shard of links, from samples to events (spec, section 4).

This is the one place of the flow. Beam is not in it: the tracker is told what comes and which
moments the watermark has reached, and says which timers to set.

- Samples of a window wait until the watermark makes the window due. Then it is evaluated, in order
  of time, with all its samples.
- Samples of a window that was due before are evaluated at once, report by report.
- Samples of a window that is closed are late: they are handed back.

What the watermark has reached is known by timers alone, one for each moment at which a window
becomes due or closes: a step of Beam's in Python is not told the watermark. A timer is set for
each window that has samples. Live, each timer sets the next one, so that the shard follows event
time through silence, for an hour after its newest sample: without an end, a job whose input ends
would never end. In a stream replay event time may jump by years, and the moments in between would
be without number; but all of it is known beforehand, and each moment is announced.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from kernels.join_topology.tables import LinkTable, links_of
from kernels.track_links.evaluation import evaluate
from kernels.track_links.open_windows import OpenWindows
from kernels.track_links.powers import read_powers
from kernels.track_links.tracks import Tracks
from kernels.track_links.window_bounds import WindowBounds
from schema.blocks import Block, num_span_ends, window_of, with_ends_only
from schema.events import FiberEvent
from schema.records import EventTime

__all__ = ["FOLLOWED_S", "Timer", "Tracked", "Tracker", "Unsaved"]

#: For how long after its newest sample a live shard follows event time [s]. After that the shard
#: is quiet, and the first sample that comes passes for being in time.
FOLLOWED_S = 3600
#: The moment that bounded input reaches when all of it has come: every window is due.
_END_US = 2**62
#: No moment was reached yet.
_NOTHING_US = -(2**62)


class Timer(NamedTuple):
    """An event-time timer to set.

    Attributes:
        moment_us: the moment that it tells of when it fires; timers of one moment are one timer.
        at_us: it fires when the watermark reaches this [us since the Unix epoch].
    """

    moment_us: int
    at_us: int


@dataclass(frozen=True)
class Tracked:
    """A step of the tracker.

    Attributes:
        events: what a window says that is new, in order.
        num_windowed: span ends that a window took in.
        late: JOINED block of a window that is closed.
        timer: to set.
    """

    events: list[FiberEvent] = field(default_factory=list)
    num_windowed: int = 0
    late: Block | None = None
    timer: Timer | None = None


@dataclass
class Unsaved:
    """What has changed since the tracker was last saved.

    Attributes:
        anything: any of it, or a timer that was set.
        ends: ENDS blocks that were taken, in wire form.
        links: LINKS blocks that were applied.
        tracks: the tracks have changed.
        rows_moved: links have other rows, so what was read is to be written by the new ones.
    """

    anything: bool = False
    ends: list[bytes] = field(default_factory=list)
    links: list[Block] = field(default_factory=list)
    tracks: bool = False
    rows_moved: bool = False


@dataclass
class Tracker:
    """The open windows and the tracks of a shard of links.

    Attributes:
        bounds: when windows are due and close.
        event_time: how event time goes on.
        tracks: what is known of the links.
        links: the topology in force.
        windows: the samples of the windows that are not closed.
        reached_us: the newest moment that event time is known to have reached.
        unsaved: what has changed since the tracker was last saved.
    """

    bounds: WindowBounds
    event_time: EventTime
    tracks: Tracks
    links: LinkTable = field(default_factory=LinkTable)
    windows: OpenWindows = field(default_factory=OpenWindows)
    reached_us: int = _NOTHING_US
    unsaved: Unsaved = field(default_factory=Unsaved)
    #: Moments that a timer is set for, and that are still to come.
    _armed_us: set[int] = field(default_factory=set)
    #: The tracks have the topology; before the first evaluation, and after a restore, they do not.
    _laid_out: bool = False

    @property
    def newest_s(self) -> int | None:
        """Start of the newest window that had samples [s since the Unix epoch]."""
        known = (self.windows.newest_s, self.tracks.history.newest_s)
        return max((s for s in known if s is not None), default=None)

    def receive(self, joined: bytes) -> Iterator[Tracked]:
        """Takes samples.

        Args:
            joined: a JOINED block in wire form, all rows of one window.
        """
        window_s = window_of(joined)
        if window_s <= self.bounds.newest_closed_s(self.reached_us):
            yield Tracked(late=Block.from_bytes(joined))
            return
        ends = with_ends_only(joined)
        self.unsaved.anything = True
        self.unsaved.ends.append(ends)
        if window_s <= self.bounds.newest_due_s(self.reached_us):
            yield from self._evaluate_late(window_s, ends)
        else:
            self.windows.add(window_s, ends)
            yield from self._arm(self.bounds.due_us(window_s))

    def announce(self, moment_us: int) -> Iterator[Tracked]:
        """Takes the news that event time will reach a moment."""
        self.unsaved.anything = True
        yield from self._arm(moment_us)

    def watermark(self, moment_us: int) -> Iterator[Tracked]:
        """Evaluates the windows that a moment makes due, in order, and drops those it closes.

        Args:
            moment_us: the moment that the watermark has reached, as a timer tells.
        """
        self.unsaved.anything = True
        if moment_us <= self.reached_us:
            return
        after_s = self.bounds.newest_due_s(self.reached_us)
        for window_s in self.windows.between(after_s, self.bounds.newest_due_s(moment_us)):
            yield self._evaluate_due(window_s)
        self.windows.forget(self.bounds.newest_closed_s(moment_us))
        if self.event_time != EventTime.BOUNDED:
            self.reached_us = moment_us
            self._armed_us = {at for at in self._armed_us if at > moment_us}
            yield from self._follow()

    def change_links(self, change: Block) -> None:
        """Applies LINKS rows.

        Before the first evaluation they are only kept: a topology is laid out faster as a whole
        than block by block as it comes at the start.
        """
        self.links.apply(change)
        self.unsaved.anything = True
        self.unsaved.links.append(change)
        if self._laid_out:
            self._rows_moved(self.tracks.change_links(links_of(change)))

    def _evaluate_due(self, window_s: int) -> Tracked:
        """Evaluates a window for the first time."""
        self._lay_out()
        ends = self.windows.rows(window_s)
        read = read_powers(ends, self.tracks.links.keys)
        self.unsaved.tracks = True
        events = evaluate(self.tracks, window_s, read, late=False)
        return Tracked(events, num_span_ends(ends["role"]))

    def _evaluate_late(self, window_s: int, ends: bytes) -> Iterator[Tracked]:
        """Evaluates a window again for each report that says something new."""
        columns = Block.from_bytes(ends).columns
        yield Tracked(num_windowed=num_span_ends(columns["role"]))
        self._lay_out()
        for rows in self.windows.add_late(window_s, ends, columns):
            read = read_powers(rows, np.unique(rows["link"]))
            self.unsaved.tracks = True
            yield Tracked(evaluate(self.tracks, window_s, read, late=True))

    def _lay_out(self) -> None:
        """Gives the tracks the topology in force, unless they have it."""
        if not self._laid_out:
            self._rows_moved(self.tracks.set_links(self.links))
            self._laid_out = True

    def _rows_moved(self, moved: bool) -> None:
        self.unsaved.rows_moved |= moved
        # What was read goes by rows, so it must never be saved without the tracks.
        self.unsaved.tracks |= moved

    def _arm(self, moment_us: int) -> Iterator[Tracked]:
        """Sets a timer for a moment that is still to come."""
        if self.event_time == EventTime.BOUNDED:
            # One timer, when all has come.
            yield Tracked(timer=Timer(_END_US, moment_us))
        elif moment_us > self.reached_us and moment_us not in self._armed_us:
            self._armed_us.add(moment_us)
            yield Tracked(timer=Timer(moment_us, moment_us))

    def _follow(self) -> Iterator[Tracked]:
        """Sets the timer of the next moment, whether there are samples for it or not."""
        newest_s = self.newest_s
        if self.event_time == EventTime.LIVE and newest_s is not None:
            next_us = self.bounds.next_moment_us(self.reached_us)
            if next_us <= self.bounds.due_us(newest_s + FOLLOWED_S):
                yield from self._arm(next_us)
