"""TrackLinks: losses, second by second → events.

In:   (shard of link_id, SPANS block); LINKS blocks with the same key where topology streams.
Out:  `FiberEvent`; global window.
State: per shard one packed value with the last windows, run lengths and open alarms of its links;
       the topology of the links, written when it changes; SPANS blocks not due yet.

Nothing orders the elements of a key. A second's block waits in a bag until the watermark makes
it due; then all that is due is worked off in order of time. On a batch runner that is once, at
the end. A late evaluation is of a time that has passed: it is worked off at once, after what
waits.
"""

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
from kernels.tracks_state import pack_tracks, unpack_tracks
from pipeline import outputs
from schema.blocks import Block, BlockKind, block_kind
from schema.events import FiberEvent
from schema.topology_file import read_topology
from schema.topology_pb2 import FiberLink
from transforms.lateness import Lateness
from transforms.update_topology import TopologyFile, links_block, read_links

Keyed = tuple[int, bytes]

_TOKEN_BYTES = 16


@dataclass
class TrackLinks(beam.PTransform):
    """Decides, confirms, and keeps the life of every alarm.

    Attributes:
        lateness: the bounds B and L.
        emit: ``lifecycle`` or ``matches``.
        topology: the whole topology of a replay, or the LINKS blocks of a live job.
    """

    lateness: Lateness
    emit: str
    topology: TopologyFile | beam.PCollection

    def expand(self, spans: beam.PCollection) -> beam.PCollection:
        """Returns the events."""
        is_file = isinstance(self.topology, TopologyFile)
        if not is_file:
            spans = (spans, self.topology) | "WithLinks" >> beam.Flatten()
        return spans | "Track" >> beam.ParDo(
            _TrackFn(self.lateness, self.emit, self.topology if is_file else None)
        )


@beam.typehints.with_output_types(FiberEvent)
class _TrackFn(beam.DoFn):
    """State: TRACKS `Tracks` behind the token of its topology, LINKS that topology, PENDING."""

    TRACKS = ReadModifyWriteStateSpec("tracks", BytesCoder())
    LINKS = ReadModifyWriteStateSpec("links", BytesCoder())
    PENDING = BagStateSpec("pending", BytesCoder())
    DUE = TimerSpec("due", TimeDomain.WATERMARK)

    def __init__(self, lateness: Lateness, emit: str, topology: TopologyFile | None) -> None:
        self._lateness = lateness
        self._lifecycle = emit == "lifecycle"
        self._topology = topology
        self._held: dict[int, _Held] = {}

    def process(
        self,
        element: Keyed,
        tracks_state: Any = beam.DoFn.StateParam(TRACKS),
        links_state: Any = beam.DoFn.StateParam(LINKS),
        pending: Any = beam.DoFn.StateParam(PENDING),
        due: Any = beam.DoFn.TimerParam(DUE),
    ) -> Iterable[FiberEvent]:
        shard, data = element
        if block_kind(data) == BlockKind.LINKS:
            self._change_links(shard, Block.from_bytes(data), tracks_state, links_state)
            return []
        block = Block.from_bytes(data)
        if block.is_late:
            ready = sorted((Block.from_bytes(d) for d in pending.read()), key=_window)
            pending.clear()
            return self._work_off(shard, [*ready, block], tracks_state, links_state)
        pending.add(data)
        due.set(self._lateness.due_timer(block.window_start_s))
        return []

    @on_timer(DUE)
    def work_off(
        self,
        shard: int = beam.DoFn.KeyParam,
        now: Timestamp = beam.DoFn.TimestampParam,
        tracks_state: Any = beam.DoFn.StateParam(TRACKS),
        links_state: Any = beam.DoFn.StateParam(LINKS),
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
        return self._work_off(shard, ready, tracks_state, links_state)

    def _work_off(
        self, shard: int, blocks: list[Block], tracks_state: Any, links_state: Any
    ) -> Iterator[FiberEvent]:
        held = self._open(shard, tracks_state, links_state)
        for block in blocks:
            newest_s = held.tracks.history.newest_s
            late = block.is_late or (newest_s is not None and block.window_start_s <= newest_s)
            yield from held.tracks.evaluate(block.window_start_s, block.batch, late=late)
        for severity, number in held.tracks.alarms.open_by_severity().items():
            outputs.gauge(f"open_alarms_{severity.name.lower()}_shard_{shard}", number)
        held.token = uuid.uuid4().bytes
        tracks_state.write(held.token + held.topology + pack_tracks(held.tracks))
        self._held[shard] = held

    def _open(self, shard: int, tracks_state: Any, links_state: Any) -> "_Held":
        """Returns the tracks of a shard: those held here if they are the state's, else anew.

        What is returned is held no more, until it is written: a bundle that fails and is tried
        again must not find it changed.
        """
        data = tracks_state.read() or bytes(2 * _TOKEN_BYTES)
        token, topology = data[:_TOKEN_BYTES], data[_TOKEN_BYTES : 2 * _TOKEN_BYTES]
        held = self._held.pop(shard, None)
        if held is None or held.token != token:
            packed = data[2 * _TOKEN_BYTES :]
            held = _Held(token, _UNKNOWN, unpack_tracks(packed) if packed else self._empty())
        if held.topology != topology:
            held.tracks.set_links(self._links(links_state))
            held.topology = topology
        return held

    def _empty(self) -> Tracks:
        return Tracks.empty(
            lifecycle=self._lifecycle,
            allowed_lateness_s=self._lateness.allowed_lateness_s,
        )

    def _links(self, links_state: Any) -> dict[str, FiberLink]:
        if self._topology is not None:
            return read_topology(self._topology.path).links
        links = read_links(links_state.read())
        return {link_id: FiberLink.FromString(link) for link_id, link in links.items()}

    def _change_links(self, shard: int, change: Block, tracks_state: Any, links_state: Any) -> None:
        """Takes over LINKS rows; the tracks are told by a new token of their topology."""
        links = read_links(links_state.read())
        for row in change.batch.to_pylist():
            if row["link"] is None:
                links.pop(row["link_id"], None)
            else:
                links[row["link_id"]] = row["link"]
        links_state.write(links_block(links))
        data = tracks_state.read()
        packed = data[2 * _TOKEN_BYTES :] if data else pack_tracks(self._empty())
        tracks_state.write(uuid.uuid4().bytes + uuid.uuid4().bytes + packed)
        self._held.pop(shard, None)


@dataclass
class _Held:
    """The tracks of a shard as this worker last wrote them.

    Attributes:
        token: names that state.
        topology: names the topology that the tracks have taken over.
        tracks: the tracks.
    """

    token: bytes
    topology: bytes
    tracks: Tracks


#: No topology was taken over yet.
_UNKNOWN = b""


def _window(block: Block) -> int:
    return block.window_start_s
