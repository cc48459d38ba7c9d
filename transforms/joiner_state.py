"""The state of JoinTopology: a joiner as Beam's state cells hold it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kernels.join_topology.event_clock import EventClock
from kernels.join_topology.index import LinkEndIndex
from kernels.join_topology.joiner import Joiner, Waiting
from kernels.join_topology.tables import LinkEndTable
from kernels.window_bounds import WindowBounds
from schema.records import EventTime
from schema.topology_file import TopologyFile
from schema.versions import JOINER_STATE_VERSION
from transforms.state import TABLE_REST_BYTES, Log, load_table, save_table

__all__ = ["JoinerCells", "JoinerCodec", "SavedJoiner"]


@dataclass(frozen=True)
class JoinerCells:
    """The state cells of a shard of nodes.

    Attributes:
        head: value; version, token, size of the log of link ends, and the clock.
        link_ends: bag; log of LINK_ENDS blocks, sized in rows. Empty where the topology is a file.
        waiting: bag; the PM that waits.
    """

    head: Any
    link_ends: Any
    waiting: Any


@dataclass
class SavedJoiner:
    """A joiner and the log that its link ends are saved in."""

    joiner: Joiner
    link_ends: Log = field(default_factory=Log)


@dataclass(frozen=True)
class JoinerCodec:
    """Saves joiners.

    Attributes:
        bounds: when windows close.
        event_time: how event time goes on.
        num_shards: number of link shards.
        file: the whole topology of a replay; None = it comes as LINK_ENDS blocks.
    """

    bounds: WindowBounds
    event_time: EventTime
    num_shards: int
    file: TopologyFile | None

    version = JOINER_STATE_VERSION

    def empty(self, key: int) -> SavedJoiner:
        """Returns the joiner of a shard that has seen nothing."""
        return SavedJoiner(self._joiner(EventClock(self.bounds, self.event_time)))

    def _joiner(self, clock: EventClock) -> Joiner:
        table = LinkEndTable(self.num_shards)
        if self.file is not None:
            table.index = LinkEndIndex.of(self.file.links(), self.num_shards)
        return Joiner(self.bounds, clock, table, is_complete=self.file is not None)

    def read(self, key: int, rest: bytes, cells: JoinerCells) -> SavedJoiner:
        """Reads a joiner; its timers are still set."""
        log_rest, clock = rest[:TABLE_REST_BYTES], rest[TABLE_REST_BYTES:]
        joiner = self._joiner(EventClock.from_bytes(clock, self.bounds, self.event_time))
        link_ends = load_table(joiner.link_ends, log_rest, cells.link_ends)
        joiner.waiting = [Waiting.from_bytes(data) for data in cells.waiting.read()]
        return SavedJoiner(joiner, link_ends)

    def write(self, copy: SavedJoiner, cells: JoinerCells) -> bytes | None:
        """Writes what has changed."""
        joiner, unsaved = copy.joiner, copy.joiner.unsaved
        if not unsaved.anything:
            return None
        log_rest = save_table(joiner.link_ends, unsaved.link_ends, copy.link_ends, cells.link_ends)
        if unsaved.released:
            cells.waiting.clear()
        for one in joiner.waiting if unsaved.released else unsaved.waiting:
            cells.waiting.add(one.to_bytes())
        unsaved.waiting.clear()
        unsaved.released = unsaved.anything = False
        return log_rest + joiner.clock.to_bytes()
