"""TrackLinks: losses, second by second → events.

In:   (shard of link_id, SPANS block); LINKS blocks with the same key where topology streams.
Out:  `FiberEvent`; global window.
State: per shard one packed value with the last windows, run lengths and open alarms of its links;
       what was measured, and the topology of the links, each as a log of blocks; SPANS blocks not
       due yet.

Nothing orders the elements of a key. A second's block waits in a bag until the watermark makes
it due; then all that is due is worked off in order of time. On a batch runner that is once, at
the end. A late evaluation is of a time that has passed: it is worked off at once, after what
waits.
"""

import struct
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Timestamp

from kernels.evaluate import Tracks
from kernels.tables import LinkTable, links_of
from kernels.tracks_state import measured_block, measured_blocks, pack_tracks, unpack_tracks
from pipeline import outputs
from schema.blocks import Block, BlockKind
from schema.events import FiberEvent
from transforms.lateness import Lateness
from transforms.table_state import TableCache
from transforms.update_topology import TopologyFile

Keyed = tuple[int, bytes]

_TOKEN_BYTES = 16
# How many blocks are in the log of what was measured.
_LOGGED = struct.Struct("<I")
#: The log is made anew when it has so many blocks for each window that can still be decided anew.
_LOG_FACTOR = 3


@dataclass
class TrackLinks(beam.PTransform):
    """Decides, confirms, and keeps the life of every alarm.

    Attributes:
        lateness: the bounds B and L.
        emit: ``lifecycle`` or ``matches``.
        num_shards: number of link shards.
        topology: the whole topology of a replay, or the LINKS blocks of a live job.
    """

    lateness: Lateness
    emit: str
    num_shards: int
    topology: TopologyFile | beam.PCollection

    def expand(self, spans: beam.PCollection) -> beam.PCollection:
        """Returns the events."""
        file = self.topology if isinstance(self.topology, TopologyFile) else None
        if file is None:
            spans = (spans, self.topology) | "WithLinks" >> beam.Flatten()
        track = _TrackFn(self.lateness, self.emit, self.num_shards, file)
        return spans | "Track" >> beam.ParDo(track)


@beam.typehints.with_output_types(FiberEvent)
class _TrackFn(beam.DoFn):
    """Works off what is due in order of time.

    State: TRACKS `Tracks` behind a token that names this state, MEASURED the log of what was
    measured; LINKS the topology, HEAD what names that; PENDING blocks that are not due.
    """

    TRACKS = ReadModifyWriteStateSpec("tracks", BytesCoder())
    MEASURED = BagStateSpec("measured", BytesCoder())
    LINKS = BagStateSpec("links", BytesCoder())
    HEAD = ReadModifyWriteStateSpec("head", BytesCoder())
    PENDING = BagStateSpec("pending", BytesCoder())
    DUE = TimerSpec("due", TimeDomain.WATERMARK)

    def __init__(
        self, lateness: Lateness, emit: str, num_shards: int, topology: TopologyFile | None
    ) -> None:
        self._lateness = lateness
        self._num_shards = num_shards
        self._lifecycle = emit == "lifecycle"
        self._topology = topology
        self._held: dict[int, _Held] = {}
        self._links = TableCache(LinkTable)

    def process(
        self,
        element: Keyed,
        tracks: Any = beam.DoFn.StateParam(TRACKS),
        measured: Any = beam.DoFn.StateParam(MEASURED),
        links: Any = beam.DoFn.StateParam(LINKS),
        head: Any = beam.DoFn.StateParam(HEAD),
        pending: Any = beam.DoFn.StateParam(PENDING),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> Iterable[FiberEvent]:
        shard, data = element
        cells = _Cells(tracks, measured, links, head)
        block = Block.from_bytes(data)
        if block.kind == BlockKind.LINKS:
            self._change_links(shard, block, cells)
            return []
        if block.is_late:
            ready = sorted((Block.from_bytes(d) for d in pending.read()), key=_window)
            pending.clear()
            return self._work_off(shard, [*ready, block], cells)
        pending.add(data)
        due.set(self._lateness.due_timer(block.window_start_s))
        return []

    @on_timer(DUE)
    def work_off(
        self,
        shard: int = beam.DoFn.KeyParam,
        now: Timestamp = beam.DoFn.TimestampParam,
        tracks: Any = beam.DoFn.StateParam(TRACKS),
        measured: Any = beam.DoFn.StateParam(MEASURED),
        links: Any = beam.DoFn.StateParam(LINKS),
        head: Any = beam.DoFn.StateParam(HEAD),
        pending: Any = beam.DoFn.StateParam(PENDING),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> Iterable[FiberEvent]:
        blocks = sorted((Block.from_bytes(d) for d in pending.read()), key=_window)
        ready = [b for b in blocks if self._lateness.is_due(b.window_start_s, now)]
        if not ready:
            return []
        pending.clear()
        early = blocks[len(ready) :]
        for block in early:
            pending.add(block.to_bytes())
        if early:
            due.set(self._lateness.due_timer(early[0].window_start_s))
        return self._work_off(shard, ready, _Cells(tracks, measured, links, head))

    def _work_off(self, shard: int, blocks: list[Block], cells: "_Cells") -> Iterator[FiberEvent]:
        held = self._open(shard, cells)
        for block in blocks:
            newest_s = held.tracks.history.newest_s
            late = block.is_late or (newest_s is not None and block.window_start_s <= newest_s)
            yield from held.tracks.evaluate(block.window_start_s, block.columns, late=late)
        for severity, number in held.tracks.alarms.open_by_severity().items():
            outputs.gauge(f"open_alarms_{severity.name.lower()}_shard_{shard}", number)
        self._save(shard, held, cells)

    def _open(self, shard: int, cells: "_Cells") -> "_Held":
        """Returns the tracks of a shard: those held here if they are the state's, else anew.

        What is returned is held no more, until it is saved: a bundle that fails and is tried
        again must not find it changed.
        """
        data = cells.tracks.read() or b""
        token = data[:_TOKEN_BYTES]
        held = self._held.pop(shard, None)
        if held is None or held.token != token:
            if data:
                (logged,) = _LOGGED.unpack_from(data, _TOKEN_BYTES)
                packed = data[_TOKEN_BYTES + _LOGGED.size :]
                held = _Held(token, _UNKNOWN, logged, unpack_tracks(packed, cells.measured.read()))
            else:
                held = _Held(token, _UNKNOWN, 0, self._empty())
        if self._topology is not None:
            if held.topology == _UNKNOWN:
                links = self._topology.links_of_shard(shard, self._num_shards)
                held.moved |= held.tracks.set_links(links)
                held.topology = _FROM_FILE
            return held
        table = self._links.open(shard, cells.head, cells.links)
        if held.topology != table.token:
            held.moved |= held.tracks.set_links(table.table)
            held.topology = table.token
        return held

    def _save(self, shard: int, held: "_Held", cells: "_Cells") -> None:
        """Writes what has changed: all of the tracks, and what was measured since."""
        tracks = held.tracks
        held.logged += len(tracks.unsaved)
        if held.moved or held.logged > _LOG_FACTOR * tracks.late_windows:
            cells.measured.clear()
            blocks = list(measured_blocks(tracks))
            held.logged, held.moved = len(blocks), False
        else:
            blocks = [measured_block(*one) for one in tracks.unsaved]
        tracks.unsaved.clear()
        for block in blocks:
            cells.measured.add(block)
        held.token = uuid.uuid4().bytes
        cells.tracks.write(held.token + _LOGGED.pack(held.logged) + pack_tracks(tracks))
        self._held[shard] = held

    def _empty(self) -> Tracks:
        return Tracks.empty(
            lifecycle=self._lifecycle,
            allowed_lateness_s=self._lateness.allowed_lateness_s,
        )

    def _change_links(self, shard: int, change: Block, cells: "_Cells") -> None:
        """Takes over LINKS rows.

        Before anything was measured they are only kept: a topology is laid out faster at once
        than block by block as it comes at the start.
        """
        held = self._open(shard, cells) if cells.tracks.read() else None
        table = self._links.open(shard, cells.head, cells.links)
        table.apply(change)
        if held is None:
            return
        held.topology = table.token
        held.moved |= held.tracks.change_links(links_of(change))
        if held.moved and held.tracks.history.measured:
            self._save(shard, held, cells)
        self._held[shard] = held


@dataclass(frozen=True)
class _Cells:
    """The state cells of one key."""

    tracks: Any
    measured: Any
    links: Any
    head: Any


@dataclass
class _Held:
    """The tracks of a shard as this worker last saved them.

    Attributes:
        token: names that state.
        topology: names the topology that the tracks have taken over.
        logged: number of blocks in the log of what was measured.
        tracks: the tracks.
        moved: links have got other rows since, the log must be made anew.
    """

    token: bytes
    topology: bytes
    logged: int
    tracks: Tracks
    moved: bool = False


#: No topology was taken over yet.
_UNKNOWN = b""
#: The topology is the whole file.
_FROM_FILE = b"file"


def _window(block: Block) -> int:
    return block.window_start_s
