"""TrackLinks: samples at both ends of every link, window by window → events.

In:   (shard of link_id, JOINED block); where topology streams, LINKS blocks with the same key; in a
      stream replay, moments that event time will reach, for all shards. Global window.
Out:  `FiberEvent`; global window.
Side output: `late` records, one for each link end that a sample serves whose window is closed.
State: per shard the samples of its open windows; one packed value with the last windows, run
       lengths and open alarms of its links; what was measured; their topology. See
       `transforms.shard_state`.

Beam drops what comes after the allowed lateness and has no output for it; and each of its windows
costs state for as long as something may come for it. So the windows are kept here. What event time
has reached is told by timers, as a step of Beam's in Python has no other way to know: one for
each moment at which a window is due or closes. A block that comes is in time, late or too late by
the newest of them that has fired.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Timestamp

from kernels.join_topology.tables import LinkTable, links_of
from kernels.track_links.powers import measure_spans
from kernels.track_links.tracks import Tracks
from kernels.track_links.window_bounds import WindowBounds
from schema.blocks import Block, BlockKind, block_kind, num_span_ends, window_of, with_ends_only
from schema.events import FiberEvent
from schema.outputs import ENDS_LATE, ENDS_WINDOWED, LATE, Record
from schema.records import EventTime
from schema.shards import all_shards
from schema.side_lines import late_lines, side_record
from schema.times import WINDOW_S
from schema.topology_file import TopologyFile
from transforms.outputs import count, gauge, typed
from transforms.shard_state import Cells, Shard, ShardStates
from transforms.table_state import TableCache

Keyed = tuple[int, bytes]

#: For how long after the newest sample of a shard its step follows event time [s]. Then the shard
#: is quiet, and the first sample that comes passes for being in time.
FOLLOWED_S = 3600
#: Event time of bounded input has no moments in between: all is due, and nothing closes.
_END_US = 2**62
#: The topology is the whole file.
_FROM_FILE = b"file"


class TrackedLinks(NamedTuple):
    """What TrackLinks puts out.

    Attributes:
        events: `FiberEvent`.
        late: records of the `late` output.
    """

    events: beam.PCollection[FiberEvent]
    late: beam.PCollection[Record]


@dataclass
class TrackLinks(beam.PTransform):
    """Keeps windows of one second, measures, decides, confirms, and keeps every alarm's life.

    Attributes:
        lateness: the bounds B and L.
        emit: ``lifecycle`` or ``matches``.
        num_shards: number of link shards.
        topology: the whole topology of a replay, or the LINKS blocks of a live job.
        event_time: how it goes on.
        moments: those that event time will reach, if they are announced [us since the Unix epoch].
    """

    lateness: WindowBounds
    emit: str
    num_shards: int
    topology: TopologyFile | beam.PCollection
    event_time: EventTime
    moments: beam.PCollection | None

    @beam.typehints.no_annotations  # Beam knows no hint for several outputs
    def expand(self, joined: beam.PCollection) -> TrackedLinks:
        """Returns the events, and what came too late."""
        blocks = [joined]
        file = self.topology if isinstance(self.topology, TopologyFile) else None
        if file is None:
            blocks.append(self.topology)
        if self.moments is not None:
            blocks.append(self.moments | "ToAllShards" >> beam.ParDo(_AnnounceFn(self.num_shards)))
        if len(blocks) > 1:
            joined = blocks | "All" >> beam.Flatten()
        track = _TrackFn(self.lateness, self.emit, self.num_shards, file, self.event_time)
        tracked = joined | "Track" >> beam.ParDo(track).with_outputs(LATE, main="events")
        return TrackedLinks(
            events=typed(tracked["events"], FiberEvent), late=typed(tracked[LATE], Record)
        )


@beam.typehints.with_output_types(Keyed)
class _AnnounceFn(beam.DoFn):
    def __init__(self, num_shards: int) -> None:
        self._shards = all_shards(num_shards)

    def process(self, moment_us: int) -> Iterable[Keyed]:
        moment = Block(BlockKind.MOMENT, {"moment_us": np.array([moment_us])}).to_bytes()
        return [(shard, moment) for shard in self._shards]


class _TrackFn(beam.DoFn):
    """Takes blocks as they come, and evaluates windows in order of time as timers fire."""

    CLOCK = ReadModifyWriteStateSpec("clock", BytesCoder())
    ENDS = BagStateSpec("ends", BytesCoder())
    TRACKS = ReadModifyWriteStateSpec("tracks", BytesCoder())
    MEASURED = BagStateSpec("measured", BytesCoder())
    LINKS = BagStateSpec("links", BytesCoder())
    HEAD = ReadModifyWriteStateSpec("head", BytesCoder())
    #: One timer a moment, which is its tag.
    MOMENT = TimerSpec("moment", TimeDomain.WATERMARK)

    def __init__(
        self,
        lateness: WindowBounds,
        emit: str,
        num_shards: int,
        topology: TopologyFile | None,
        event_time: EventTime,
    ) -> None:
        self._lateness = lateness
        self._lifecycle = emit == "lifecycle"
        self._num_shards = num_shards
        self._topology = topology
        self._event_time = event_time
        self._shards = ShardStates(self._empty, lateness)
        self._links = TableCache(LinkTable)

    def process(
        self,
        element: Keyed,
        clock: Any = beam.DoFn.StateParam(CLOCK),
        ends: Any = beam.DoFn.StateParam(ENDS),
        tracks: Any = beam.DoFn.StateParam(TRACKS),
        measured: Any = beam.DoFn.StateParam(MEASURED),
        links: Any = beam.DoFn.StateParam(LINKS),
        head: Any = beam.DoFn.StateParam(HEAD),
        timer: Any = beam.DoFn.TimerParam(MOMENT),
    ) -> Iterable[Any]:
        key, data = element
        cells = Cells(clock, ends, tracks, measured, links, head)
        kind = block_kind(data)
        if kind == BlockKind.JOINED:
            return self._receive(key, data, cells, timer)
        shard = self._shards.open(key, cells)
        if kind == BlockKind.LINKS:
            self._change_links(key, shard, Block.from_bytes(data), cells)
            return []
        (moment_us,) = Block.from_bytes(data).columns["moment_us"].tolist()
        self._arm(shard, moment_us, timer)
        self._shards.write(key, shard, cells)
        return []

    @on_timer(MOMENT)
    def reach(
        self,
        key: int = beam.DoFn.KeyParam,
        moment: str = beam.DoFn.DynamicTimerTagParam,
        clock: Any = beam.DoFn.StateParam(CLOCK),
        ends: Any = beam.DoFn.StateParam(ENDS),
        tracks: Any = beam.DoFn.StateParam(TRACKS),
        measured: Any = beam.DoFn.StateParam(MEASURED),
        links: Any = beam.DoFn.StateParam(LINKS),
        head: Any = beam.DoFn.StateParam(HEAD),
        timer: Any = beam.DoFn.TimerParam(MOMENT),
    ) -> Iterable[FiberEvent]:
        cells = Cells(clock, ends, tracks, measured, links, head)
        shard = self._shards.open(key, cells)
        if int(moment) > shard.reached_us:
            yield from self._evaluate_due(key, shard, int(moment), cells)
            if self._event_time != EventTime.BOUNDED:
                shard.reached_us = int(moment)
                self._follow(shard, timer)
        self._shards.write(key, shard, cells)

    # --- event time ------------------------------------------------------------------------

    def _arm(self, shard: Shard, moment_us: int, timer: Any) -> None:
        """Sets a timer for a moment that is still to come."""
        if self._event_time == EventTime.BOUNDED:
            # One timer, when all has come.
            timer.set(_timer_at(moment_us), dynamic_timer_tag=str(_END_US))
        elif moment_us > shard.reached_us and moment_us not in shard.armed_us:
            shard.armed_us.add(moment_us)
            timer.set(_timer_at(moment_us), dynamic_timer_tag=str(moment_us))

    def _follow(self, shard: Shard, timer: Any) -> None:
        """Sees to it that the next moment is told, whether there are samples then or not."""
        shard.armed_us = {at for at in shard.armed_us if at > shard.reached_us}
        newest_s = shard.newest_s
        if self._event_time == EventTime.LIVE and newest_s is not None:
            next_us = self._lateness.next_moment_us(shard.reached_us)
            if next_us <= self._lateness.due_us(newest_s + FOLLOWED_S):
                self._arm(shard, next_us, timer)

    # --- samples ---------------------------------------------------------------------------

    def _receive(self, key: int, joined: bytes, cells: Cells, timer: Any) -> Iterator[Any]:
        """Takes a JOINED block, on the side of its window's moments on which it has come."""
        shard = self._shards.open(key, cells)
        window_s = window_of(joined)
        is_live = self._event_time != EventTime.BOUNDED
        if is_live and window_s <= self._lateness.newest_closed_s(shard.reached_us):
            self._shards.hold(key, shard)
            block = Block.from_bytes(joined)
            count(ENDS_LATE, num_span_ends(block.columns["role"]))
            closed_at_s = block.window_start_s + WINDOW_S + self._lateness.closing_s
            for line in late_lines(block, closed_at_s):
                yield beam.pvalue.TaggedOutput(LATE, side_record(line["link_id"], line))
            return
        ends = with_ends_only(joined)
        self._shards.log_ends(shard, ends, cells)
        if is_live and window_s <= self._lateness.newest_due_s(shard.reached_us):
            yield from self._evaluate_late(key, shard, window_s, ends, cells)
        else:
            shard.windows.add(window_s, ends)
            self._arm(shard, self._lateness.due_us(window_s), timer)
        self._shards.write(key, shard, cells)

    def _evaluate_due(
        self, key: int, shard: Shard, moment_us: int, cells: Cells
    ) -> Iterator[FiberEvent]:
        """Evaluates the windows that a moment makes due, in order, and drops those it closes."""
        after_s = self._lateness.newest_due_s(shard.reached_us)
        due = shard.windows.between(after_s, self._lateness.newest_due_s(moment_us))
        if due:
            self._take_over_links(key, shard, cells)
            for window_s in due:
                rows = shard.windows.rows(window_s)
                count(ENDS_WINDOWED, num_span_ends(rows["role"]))
                spans = measure_spans(rows, shard.tracks.links.keys)
                yield from shard.tracks.evaluate(window_s, spans, late=False)
            self._log_tracks(key, shard, cells)
        closed_s = self._lateness.newest_closed_s(moment_us)
        self._shards.forget_closed(shard, closed_s, cells)

    def _evaluate_late(
        self, key: int, shard: Shard, window_s: int, ends: bytes, cells: Cells
    ) -> Iterator[FiberEvent]:
        """Evaluates a window anew for each report that brings something new."""
        columns = Block.from_bytes(ends).columns
        count(ENDS_WINDOWED, num_span_ends(columns["role"]))
        self._take_over_links(key, shard, cells)
        for rows in shard.windows.add_late(window_s, ends, columns):
            spans = measure_spans(rows, np.unique(rows["link"]))
            yield from shard.tracks.evaluate(window_s, spans, late=True)
        self._log_tracks(key, shard, cells)

    def _log_tracks(self, key: int, shard: Shard, cells: Cells) -> None:
        for severity, number in shard.tracks.alarms.open_by_severity().items():
            gauge(f"open_alarms_{severity.name.lower()}_shard_{key}", number)
        self._shards.log_tracks(shard, cells)

    # --- topology --------------------------------------------------------------------------

    def _take_over_links(self, key: int, shard: Shard, cells: Cells) -> None:
        """Lays out the topology in force, unless the tracks have it."""
        if self._topology is not None:
            if shard.topology != _FROM_FILE:
                links = self._topology.links_of_shard(key, self._num_shards)
                shard.moved |= shard.tracks.set_links(links)
                shard.topology = _FROM_FILE
            return
        table = self._links.open(key, cells.head, cells.links)
        if shard.topology != table.token:
            shard.moved |= shard.tracks.set_links(table.table)
            shard.topology = table.token

    def _change_links(self, key: int, shard: Shard, change: Block, cells: Cells) -> None:
        """Takes over LINKS rows.

        Before anything is evaluated they are only kept: a topology is laid out faster at once
        than block by block as it comes at the start.
        """
        table = self._links.open(key, cells.head, cells.links)
        before = table.token
        table.apply(change)
        if shard.topology and shard.topology == before:
            shard.topology = table.token
            shard.moved |= shard.tracks.change_links(links_of(change))
            if shard.moved and shard.tracks.history.measured:
                self._shards.log_tracks(shard, cells)
        self._shards.write(key, shard, cells)

    def _empty(self) -> Tracks:
        return Tracks.empty(
            lifecycle=self._lifecycle,
            allowed_lateness_s=self._lateness.allowed_lateness_s,
        )


def _timer_at(moment_us: int) -> Timestamp:
    """Returns when a timer must stand that fires when the watermark reaches a moment.

    It stands a tick before: on every runner such a timer fires when the watermark is there.
    """
    return Timestamp(micros=moment_us - 1)
