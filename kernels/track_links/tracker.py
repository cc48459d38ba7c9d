"""The tracker: the windows of one shard of links, from samples to events (spec, section 4).

This is the one place of the flow. Beam is not in it: the tracker is told what comes and which
moments the watermark has reached, and says which timers to set.

- Samples come window by window, those of a window together when it is due. Windows are evaluated in
  order of time: a window at once if the one before it was evaluated, otherwise when a timer tells
  that the watermark has made it due, and that no earlier one will come.
- Samples that come for a window after that are evaluated at once, for each link report by report.
- A timer tells when a window closes. Its samples are then forgotten; none will come for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from kernels.join_topology.tables import LinkTable, links_of
from kernels.timers import Timer
from kernels.track_links.ends import read_ends
from kernels.track_links.evaluation import evaluate
from kernels.track_links.history import Rows
from kernels.track_links.life_cycle import clear_removed
from kernels.track_links.open_windows import OpenWindows
from kernels.track_links.powers import read_powers
from kernels.track_links.tell import note_removed
from kernels.track_links.tracks import Tracks
from kernels.window_bounds import WindowBounds
from schema.blocks import NO_WINDOW, Block, due_of, num_span_ends, window_of
from schema.events import FiberEvent
from schema.records import EventTime
from schema.times import NOTHING_REACHED_US

__all__ = ["Tracked", "Tracker", "Unsaved"]

#: The moment that bounded input reaches when all of it has come: every window is due.
_END_US = 2**62


@dataclass(frozen=True)
class Tracked:
    """A step of the tracker.

    Attributes:
        events: what a window says that is new, in order.
        traces: lines of the output `traces`.
        num_windowed: span ends that a window took in.
        timer: to set.
    """

    events: list[FiberEvent] = field(default_factory=list)
    traces: list[dict[str, Any]] = field(default_factory=list)
    num_windowed: int = 0
    timer: Timer | None = None


@dataclass
class Unsaved:
    """What has changed since the tracker was last saved.

    Attributes:
        anything: any of it, or a timer that was set.
        ends: WINDOW and ENDS blocks that were taken, in wire form.
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
        late: ENDS blocks that came after their window was due, and before what was due by then has
            been evaluated; in order of arrival.
        reached_us: the newest moment up to which all windows that are due have been evaluated.
        unsaved: what has changed since the tracker was last saved.
    """

    bounds: WindowBounds
    event_time: EventTime
    tracks: Tracks
    links: LinkTable = field(default_factory=LinkTable)
    windows: OpenWindows = field(default_factory=OpenWindows)
    late: list[bytes] = field(default_factory=list)
    reached_us: int = NOTHING_REACHED_US
    unsaved: Unsaved = field(default_factory=Unsaved)
    #: The tracks have the topology; before the first evaluation, and after a restore, they do not.
    _laid_out: bool = False

    def receive(self, ends: bytes) -> Iterator[Tracked]:
        """Takes samples.

        Args:
            ends: a WINDOW or an ENDS block in wire form, of a window that is due.
        """
        window, due = window_of(ends), due_of(ends)
        reached = self.bounds.newest_due(self.reached_us)
        self.unsaved.anything = True
        self.unsaved.ends.append(ends)
        if max(window, due) <= reached:
            yield from self._evaluate_late(window, ends)
        elif due != NO_WINDOW:
            self.late.append(ends)
            yield Tracked(timer=_timer(self.bounds.due_us(due)))
        elif self.event_time == EventTime.BOUNDED:
            self.windows.add(window, ends)
            # One timer, when all has come.
            yield Tracked(timer=Timer(str(_END_US), self.bounds.due_us(window)))
        else:
            self.windows.add(window, ends)
            yield Tracked(timer=_timer(self.bounds.closing_us(window)))
            due_us = self.bounds.due_us(window)
            if window == reached + 1:
                yield from self._evaluate_up_to(due_us)
            else:
                yield Tracked(timer=_timer(due_us))

    def fire(self, tag: str) -> Iterator[Tracked]:
        """Takes the news that a timer has fired.

        The windows that its moment makes due are evaluated, in order, and those that it closes are
        dropped.
        """
        moment_us = int(tag)
        self.unsaved.anything = True
        yield from self._evaluate_up_to(moment_us)
        self.windows.forget(self.bounds.newest_closed(moment_us))

    def _evaluate_up_to(self, moment_us: int) -> Iterator[Tracked]:
        """Evaluates all that is due at a moment, in the order in which it became due and came."""
        after = self.bounds.newest_due(self.reached_us)
        up_to = self.bounds.newest_due(moment_us)
        late: dict[int, list[bytes]] = {}
        for ends in self.late:
            late.setdefault(due_of(ends), []).append(ends)
        windows = set(self.windows.between(after, up_to))
        for due in sorted(windows.union(s for s in late if s <= up_to)):
            if due in windows:
                yield self._evaluate_due(due)
            for ends in late.pop(due, ()):
                yield from self._evaluate_late(window_of(ends), ends)
        self.late = [ends for blocks in late.values() for ends in blocks]
        if self.event_time != EventTime.BOUNDED:
            self.reached_us = max(self.reached_us, moment_us)

    def change_links(self, change: Block) -> Iterator[Tracked]:
        """Applies LINKS rows, and clears the alarms of links that events are not decided for now.

        Before the first evaluation they are only kept: a topology is laid out faster as a whole
        than block by block as it comes at the start.
        """
        if len(self.tracks.alarms.table):
            self._lay_out()  # after a restore: as it was when the alarms were raised
        changes = links_of(change)
        self.links.apply(change)
        self.unsaved.anything = True
        self.unsaved.links.append(change)
        if not self._laid_out:
            return
        links = self.tracks.links
        deleted = links.rows_of([link_id for link_id, link in changes.items() if link is None])
        yield self._remove(deleted)
        self._rows_moved(self.tracks.change_links(changes))
        yield self._remove(links.undecided(links.rows_of(changes)))

    def _remove(self, rows: Rows) -> Tracked:
        """Clears the alarms of some links."""
        if not len(rows):
            return Tracked()
        self.unsaved.tracks = True
        newest_due = self.bounds.newest_due(self.reached_us)
        events = clear_removed(self.tracks, newest_due, rows)
        note_removed(self.tracks, newest_due, events)
        return Tracked(events)

    def _evaluate_due(self, window: int) -> Tracked:
        """Evaluates a window for the first time."""
        self._lay_out()
        ends = self.windows.rows(window)
        read = read_powers(ends, self.tracks.links.keys)
        self.unsaved.tracks = True
        found = evaluate(self.tracks, window, read, late=False)
        return Tracked(*found, num_windowed=num_span_ends(ends["role"]))

    def _evaluate_late(self, window: int, ends: bytes) -> Iterator[Tracked]:
        """Evaluates a window again, for each link with each report that says something new."""
        columns = read_ends([ends])
        is_open = window in self.windows
        yield Tracked(
            num_windowed=num_span_ends(columns["role"]),
            timer=None if is_open else _timer(self.bounds.closing_us(window)),
        )
        self._lay_out()
        due = due_of(ends)
        if due == NO_WINDOW:
            due = self.bounds.newest_due(self.reached_us)
        for rows in self.windows.add_late(window, ends, columns):
            read = read_powers(rows, np.unique(rows["link"]))
            self.unsaved.tracks = True
            evaluated = Tracked(*evaluate(self.tracks, window, read, late=True))
            yield replace(evaluated, events=[replace(e, due=due) for e in evaluated.events])

    def _lay_out(self) -> None:
        """Gives the tracks the topology in force, unless they have it."""
        if not self._laid_out:
            self._rows_moved(self.tracks.set_links(self.links))
            self._laid_out = True

    def _rows_moved(self, moved: bool) -> None:
        self.unsaved.rows_moved |= moved
        # What was read goes by rows, so it must never be saved without the tracks.
        self.unsaved.tracks |= moved


def _timer(moment_us: int) -> Timer:
    return Timer(str(moment_us), moment_us)
