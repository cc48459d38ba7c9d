"""The state of TrackLinks: a tracker as Beam's state cells hold it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from kernels.join_topology.tables import links_block
from kernels.track_links.state_codec import pack_tracks, read_block, read_blocks, unpack_tracks
from kernels.track_links.tracker import Tracker
from kernels.track_links.tracks import Tracks
from kernels.window_bounds import WindowBounds
from schema.blocks import due_of, window_of
from schema.records import EventTime
from schema.topology_file import TopologyFile
from schema.versions import TABLE_STATE_VERSION, TRACKER_STATE_VERSION
from transforms.state import Log, Whole, load_table, pack_head, save_table, unpack_head

__all__ = ["SavedTracker", "TrackerCells", "TrackerCodec"]

#: The log of samples is rewritten when it is so many times as large as the open windows.
_ENDS_FACTOR = 2
#: The log of what was read is rewritten when it has so many blocks more than are of use.
_READ_SPARE = 6


@dataclass(frozen=True)
class TrackerCells:
    """The state cells of a shard of links.

    Attributes:
        head: value; version, token, moment reached, sizes of the next two logs.
        ends: bag; log of WINDOW and ENDS blocks, sized in bytes.
        read: bag; log of MEASURED blocks, sized in blocks.
        tracks: value; packed `Tracks`.
        links: bag; log of LINKS blocks, sized in rows. Empty where the topology is a file.
        links_head: value; version, token and size of that log.
    """

    head: Any
    ends: Any
    read: Any
    tracks: Any
    links: Any
    links_head: Any


@dataclass
class SavedTracker:
    """A tracker and the logs that it is saved in."""

    tracker: Tracker
    ends: Log = field(default_factory=Log)
    read: Log = field(default_factory=Log)
    links: Log = field(default_factory=Log)


@dataclass(frozen=True)
class TrackerCodec:
    """Saves trackers.

    Attributes:
        bounds: when windows are due and close.
        lifecycle: False with ``--emit=matches``.
        gap_windows: NO_DATA windows that a row may bridge.
        event_time: how event time goes on.
        num_shards: number of link shards.
        file: the whole topology of a replay; None = the topology comes as LINKS blocks.
        has_traces: windows around alarms are traced.
    """

    bounds: WindowBounds
    lifecycle: bool
    gap_windows: int
    event_time: EventTime
    num_shards: int
    file: TopologyFile | None
    has_traces: bool = False

    version = TRACKER_STATE_VERSION

    def empty(self, key: int) -> SavedTracker:
        """Returns the tracker of a shard that has seen nothing."""
        return SavedTracker(self._tracker(key, self._no_tracks()))

    def _tracker(self, key: int, tracks: Tracks) -> Tracker:
        tracker = Tracker(self.bounds, self.event_time, tracks)
        if self.file is not None:
            links = self.file.links_of_shard(key, self.num_shards)
            tracker.links.apply(links_block(links))
        return tracker

    def _no_tracks(self) -> Tracks:
        return Tracks.empty(
            self.bounds,
            lifecycle=self.lifecycle,
            gap_windows=self.gap_windows,
            has_traces=self.has_traces,
        )

    def read(self, key: int, rest: bytes, cells: TrackerCells) -> SavedTracker:
        """Reads a tracker.

        Raises:
            ValueError: it was saved under other rules.
        """
        reached_us, ends_bytes, read_blocks = _REST.unpack(rest)
        packed = cells.tracks.read()
        if packed:
            tracks = unpack_tracks(
                packed, cells.read.read(), self.gap_windows, has_traces=self.has_traces
            )
            saved_with, run_has = _rules_in_words(tracks), _rules_in_words(self._no_tracks())
            if saved_with != run_has:
                raise ValueError(
                    f"the state was saved with {saved_with}, and this run has {run_has}: "
                    "start without the savepoint"
                )
        else:
            tracks = self._no_tracks()
        tracker = self._tracker(key, tracks)
        tracker.reached_us = reached_us
        closed = self.bounds.newest_closed(reached_us)
        due = self.bounds.newest_due(reached_us)
        for data in cells.ends.read():
            if due_of(data) > due:
                tracker.late.append(data)
            elif window_of(data) > closed:
                tracker.windows.add(window_of(data), data)
        links = Log()
        if links_head := cells.links_head.read():
            _, links_rest = unpack_head(links_head, TABLE_STATE_VERSION)
            links = load_table(tracker.links, links_rest, cells.links)
        return SavedTracker(tracker, Log(ends_bytes), Log(read_blocks), links)

    def write(self, copy: SavedTracker, cells: TrackerCells) -> bytes | None:
        """Writes what has changed."""
        tracker, unsaved = copy.tracker, copy.tracker.unsaved
        if not unsaved.anything:
            return None
        windows = tracker.windows
        limit = _ENDS_FACTOR * windows.num_bytes
        if unsaved.ends or copy.ends.size > limit:
            copy.ends.save(
                cells.ends,
                unsaved.ends,
                sum(map(len, unsaved.ends)),
                limit,
                lambda: ([*windows.blocks(), *tracker.late], windows.num_bytes),
            )
            unsaved.ends.clear()
        if unsaved.links:
            links_rest = save_table(tracker.links, unsaved.links, copy.links, cells.links)
            # Nobody asks for this token: the head of the tracker names the links too.
            _, links_head = pack_head(TABLE_STATE_VERSION, links_rest)
            cells.links_head.write(links_head)
        if unsaved.tracks:
            self._write_tracks(copy, cells)
        unsaved.anything = False
        return _REST.pack(tracker.reached_us, copy.ends.size, copy.read.size)

    def _write_tracks(self, copy: SavedTracker, cells: TrackerCells) -> None:
        tracks, unsaved = copy.tracker.tracks, copy.tracker.unsaved

        def whole() -> Whole:
            blocks = list(read_blocks(tracks))
            return blocks, len(blocks)

        # Rows that have moved leave nothing of the log that could be read.
        limit = -1 if unsaved.rows_moved else len(tracks.history.read) + _READ_SPARE
        added = (read_block(*one) for one in tracks.unsaved)
        copy.read.save(cells.read, added, len(tracks.unsaved), limit, whole)
        tracks.unsaved.clear()
        cells.tracks.write(pack_tracks(tracks))
        unsaved.tracks = unsaved.rows_moved = False


_REST = struct.Struct("<qQI")


def _rules_in_words(tracks: Tracks) -> str:
    """Returns the rules of the tracks as they are given on the command line."""
    emit = "lifecycle" if tracks.lifecycle else "matches"
    gap_windows = tracks.runs.rule.gap_windows
    return f"{tracks.bounds.in_words()} --emit={emit} --gap_windows={gap_windows}"
