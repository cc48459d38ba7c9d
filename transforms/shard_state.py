"""The state of a shard of links, as Beam keeps it and as a worker holds it.

To read all of it for each block would cost more than the work. So a worker holds what it last
wrote, under a token that every write renews and that the state names too: a bundle that fails and
is tried again, or a restart, finds another token in the state, and everything is read anew.
"""

import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kernels.track_links.open_windows import OpenWindows
from kernels.track_links.state_codec import (
    STATE_VERSION,
    check_version,
    measured_block,
    measured_blocks,
    pack_tracks,
    unpack_tracks,
)
from kernels.track_links.tracks import Tracks
from kernels.track_links.window_bounds import WindowBounds
from schema.blocks import window_of

# Version, token, moment reached, size of the log of samples, blocks in that of measurements.
_CLOCK = struct.Struct("<B16sqQI")
_NO_TOKEN = b""
#: The log of measurements is written anew when it has so many blocks for each window that can
#: still be decided anew; that of samples when it is so many times as large as what is open.
_LOG_FACTOR, _ENDS_FACTOR = 3, 2
#: What event time has reached before a timer has fired [us].
_NOTHING_US = -(2**62)


@dataclass(frozen=True)
class Cells:
    """The state cells of one key.

    Attributes:
        clock: value; what event time has reached, and what names and counts the others.
        ends: bag, log of ENDS blocks.
        tracks: value, packed `Tracks`.
        measured: bag, log of MEASURED blocks.
        links: bag, the topology, see `transforms.table_state`.
        head: value, what names that.
    """

    clock: Any
    ends: Any
    tracks: Any
    measured: Any
    links: Any
    head: Any


@dataclass
class Shard:
    """What is known of a shard of links.

    Attributes:
        tracks: of its links.
        windows: those that are not closed.
        reached_us: newest moment that event time is known to have reached.
        armed_us: moments that a timer has been set for, and that are still to come.
        topology: names the topology that the tracks have taken over.
        moved: links have got other rows since, the log of measurements must be made anew.
        token: names the state that this was last written to.
    """

    tracks: Tracks
    windows: OpenWindows = field(default_factory=OpenWindows)
    reached_us: int = _NOTHING_US
    armed_us: set[int] = field(default_factory=set)
    topology: bytes = b""
    moved: bool = False
    token: bytes = _NO_TOKEN
    ends_logged: int = 0
    measured_logged: int = 0

    @property
    def newest_s(self) -> int | None:
        """Start of the newest window that had samples [s since the Unix epoch]."""
        known = (self.windows.newest_s, self.tracks.history.newest_s)
        return max((s for s in known if s is not None), default=None)


class ShardStates:
    """Opens and writes the shards that come to this worker."""

    def __init__(self, empty: Callable[[], Tracks], lateness: WindowBounds) -> None:
        """Takes what makes empty tracks, and the bounds of event time."""
        self._empty = empty
        self._lateness = lateness
        self._held: dict[int, Shard] = {}

    def open(self, key: int, cells: Cells) -> Shard:
        """Returns a shard: the one held here if it is the state's, else read anew.

        It is held no more until it is kept again: a bundle that fails on the way must not find it
        changed.

        Raises:
            ValueError: the state was written by another version.
        """
        shard = self._held.pop(key, None)
        clock = cells.clock.read()
        if not clock:
            return Shard(self._empty())
        check_version(clock[0], STATE_VERSION)
        _, token, reached_us, ends_logged, measured_logged = _CLOCK.unpack(clock)
        if shard is not None and shard.token == token:
            return shard
        packed = cells.tracks.read()
        tracks = unpack_tracks(packed, cells.measured.read()) if packed else self._empty()
        shard = Shard(
            tracks,
            reached_us=reached_us,
            token=token,
            ends_logged=ends_logged,
            measured_logged=measured_logged,
        )
        closed_s = self._lateness.newest_closed_s(reached_us)
        for data in cells.ends.read():
            if window_of(data) > closed_s:
                shard.windows.add(window_of(data), data)
        return shard

    def hold(self, key: int, shard: Shard) -> None:
        """Keeps a shard that has not changed."""
        self._held[key] = shard

    def write(self, key: int, shard: Shard, cells: Cells) -> None:
        """Keeps a shard whose logs are written."""
        shard.token = uuid.uuid4().bytes
        cells.clock.write(
            _CLOCK.pack(
                STATE_VERSION,
                shard.token,
                shard.reached_us,
                shard.ends_logged,
                shard.measured_logged,
            )
        )
        self._held[key] = shard

    def log_ends(self, shard: Shard, ends: bytes, cells: Cells) -> None:
        """Adds an ENDS block that the windows have taken to the log of samples."""
        cells.ends.add(ends)
        shard.ends_logged += len(ends)

    def forget_closed(self, shard: Shard, up_to_s: int, cells: Cells) -> None:
        """Drops windows up to one; the log of samples is written anew when most of it is closed."""
        windows = shard.windows
        windows.forget(up_to_s)
        if shard.ends_logged > _ENDS_FACTOR * windows.num_bytes:
            cells.ends.clear()
            for data in windows.blocks():
                cells.ends.add(data)
            shard.ends_logged = windows.num_bytes

    def log_tracks(self, shard: Shard, cells: Cells) -> None:
        """Writes what an evaluation has changed: the tracks, and what was measured since."""
        tracks = shard.tracks
        shard.measured_logged += len(tracks.unsaved)
        if shard.moved or shard.measured_logged > _LOG_FACTOR * tracks.late_windows:
            cells.measured.clear()
            blocks = list(measured_blocks(tracks))
            shard.measured_logged, shard.moved = len(blocks), False
        else:
            blocks = [measured_block(*one) for one in tracks.unsaved]
        tracks.unsaved.clear()
        for block in blocks:
            cells.measured.add(block)
        cells.tracks.write(pack_tracks(tracks))
