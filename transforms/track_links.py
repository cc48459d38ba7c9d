"""TrackLinks: samples at both ends of every link, window by window → events.

In:   (shard of link_id, JOINED block); where topology streams, LINKS blocks with the same key; in a
      stream replay, moments that event time will reach, for all shards. Global window.
Out:  `FiberEvent`; global window.
Side output: `late` records, one for each link end that a sample serves whose window is closed.
State: per shard a tracker: the samples of its open windows, and of its links the last windows, the
       open alarms, what was read and the topology (`transforms.tracker_state`).
Timers: event time; one for each moment at which a window becomes due or closes.

Beam drops what comes after the allowed lateness and has no output for it, and each of its windows
costs state for as long as something may come for it. So the windows are the tracker's
(`kernels.track_links.tracker`); the DoFn only maps cells, timers and outputs.
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

from kernels.track_links.tracker import Tracked, Tracker
from kernels.track_links.window_bounds import WindowBounds
from schema.blocks import Block, BlockKind, block_kind, num_span_ends
from schema.events import FiberEvent
from schema.outputs import ENDS_LATE, ENDS_WINDOWED, LATE, Record
from schema.records import EventTime
from schema.shards import all_shards
from schema.side_lines import late_lines, side_record
from schema.topology_file import TopologyFile
from transforms.outputs import Keyed, count, gauge, typed
from transforms.state import HeldStates
from transforms.tracker_state import TrackerCells, TrackerCodec

__all__ = ["TrackLinks", "TrackedLinks"]


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
    """Keeps windows of one second, decides, confirms, and keeps every alarm's life.

    Attributes:
        bounds: when windows are due and close.
        emit: ``lifecycle`` or ``matches``.
        num_shards: number of link shards.
        topology: the whole topology of a replay, or the LINKS blocks of a live job.
        event_time: how event time goes on.
        moments: those that event time will reach, if they are announced [us since the Unix epoch].
    """

    bounds: WindowBounds
    emit: str
    num_shards: int
    topology: TopologyFile | beam.PCollection
    event_time: EventTime
    moments: beam.PCollection | None

    @beam.typehints.no_annotations  # Beam knows no hint for several outputs
    def expand(self, joined: beam.PCollection) -> TrackedLinks:
        """Returns the events and the late samples."""
        blocks = [joined]
        file = self.topology if isinstance(self.topology, TopologyFile) else None
        if file is None:
            blocks.append(self.topology)
        if self.moments is not None:
            blocks.append(self.moments | "ToAllShards" >> beam.ParDo(_AnnounceFn(self.num_shards)))
        if len(blocks) > 1:
            joined = blocks | "All" >> beam.Flatten()
        codec = TrackerCodec(
            self.bounds, self.emit == "lifecycle", self.event_time, self.num_shards, file
        )
        track = beam.ParDo(_TrackFn(codec))
        tracked = joined | "Track" >> track.with_outputs(LATE, main="events")
        return TrackedLinks(
            events=typed(tracked["events"], FiberEvent), late=typed(tracked[LATE], Record)
        )


@beam.typehints.with_output_types(Keyed)
class _AnnounceFn(beam.DoFn):
    """Sends a moment to every shard."""

    def __init__(self, num_shards: int) -> None:
        self._shards = all_shards(num_shards)

    def process(self, moment_us: int) -> Iterable[Keyed]:
        moment = Block(BlockKind.MOMENT, {"moment_us": np.array([moment_us])}).to_bytes()
        return [(shard, moment) for shard in self._shards]


class _TrackFn(beam.DoFn):
    """A tracker for each shard: maps its cells, timers and outputs."""

    CLOCK = ReadModifyWriteStateSpec("clock", BytesCoder())
    ENDS = BagStateSpec("ends", BytesCoder())
    TRACKS = ReadModifyWriteStateSpec("tracks", BytesCoder())
    MEASURED = BagStateSpec("measured", BytesCoder())
    LINKS = BagStateSpec("links", BytesCoder())
    HEAD = ReadModifyWriteStateSpec("head", BytesCoder())
    #: One timer a moment; its tag names the moment.
    MOMENT = TimerSpec("moment", TimeDomain.WATERMARK)

    def __init__(self, codec: TrackerCodec) -> None:
        self._trackers = HeldStates(codec)
        self._bounds = codec.bounds

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
        cells = TrackerCells(clock, ends, measured, tracks, links, head)
        with self._trackers.open(key, cells) as saved:
            yield from self._put_out(key, saved.tracker, _take(saved.tracker, data), timer)

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
    ) -> Iterable[Any]:
        cells = TrackerCells(clock, ends, measured, tracks, links, head)
        with self._trackers.open(key, cells) as saved:
            steps = saved.tracker.watermark(int(moment))
            yield from self._put_out(key, saved.tracker, steps, timer)

    def _put_out(
        self, key: int, tracker: Tracker, steps: Iterable[Tracked], timer: Any
    ) -> Iterator[Any]:
        """Sets timers, counts, and yields events and late records."""
        num_windowed = 0
        for step in steps:
            yield from step.events
            num_windowed += step.num_windowed
            if step.timer:
                timer.set(_timer_at(step.timer.at_us), dynamic_timer_tag=str(step.timer.moment_us))
            if step.late:
                count(ENDS_LATE, num_span_ends(step.late.columns["role"]))
                closed_at_s = self._bounds.closed_at_s(step.late.window_start_s)
                for line in late_lines(step.late, closed_at_s):
                    record = side_record(line["link_id"], line)
                    yield beam.pvalue.TaggedOutput(LATE, record)
        if num_windowed:
            count(ENDS_WINDOWED, num_windowed)
            for severity, number in tracker.tracks.alarms.open_by_severity().items():
                gauge(f"open_alarms_{severity.name.lower()}_shard_{key}", number)


def _take(tracker: Tracker, data: bytes) -> Iterable[Tracked]:
    """Hands a block to the tracker."""
    kind = block_kind(data)
    if kind == BlockKind.JOINED:
        return tracker.receive(data)
    block = Block.from_bytes(data)
    if kind == BlockKind.LINKS:
        tracker.change_links(block)
        return ()
    (moment_us,) = block.columns["moment_us"].tolist()
    return tracker.announce(moment_us)


def _timer_at(moment_us: int) -> Timestamp:
    """Returns when a timer must stand that fires when the watermark reaches a moment.

    It stands a tick before: on every runner such a timer fires when the watermark is there.
    """
    return Timestamp(micros=moment_us - 1)
