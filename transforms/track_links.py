"""TrackLinks: samples at both ends of every link, window by window → events.

In:   (shard of link_id, WINDOW block), the samples of a window when it is due; ENDS blocks, with
      what comes for it after that; where topology streams, LINKS blocks with the same key. Global
      window.
Out:  `FiberEvent`; global window.
Side output, if asked for: records of `traces`.
State: per shard a tracker: the samples of the windows that are due and not closed, and of its links
       the last windows, the open alarms, what was read and the topology
       (`transforms.tracker_state`).
Timers: event time; when a window closes, and when it is due if it cannot be evaluated at once.

What happens is in `kernels.track_links.tracker`; the DoFn only maps cells, timers and outputs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)

from kernels.track_links.tracker import Tracked, Tracker
from kernels.window_bounds import WindowBounds
from schema.blocks import Block, BlockKind, block_kind
from schema.events import FiberEvent
from schema.outputs import ENDS_WINDOWED, TRACE_LINES, TRACES, Record
from schema.records import EventTime
from schema.side_lines import side_record
from schema.topology_file import TopologyFile
from transforms.outputs import Keyed, count, gauge, set_timer, typed
from transforms.state import HeldStates
from transforms.tracker_state import TrackerCells, TrackerCodec

__all__ = ["TrackLinks"]


class TrackedLinks(NamedTuple):
    """What comes out of TrackLinks.

    Attributes:
        events: `FiberEvent`.
        traces: records of the output `traces`; None where nobody asks for them.
    """

    events: beam.PCollection
    traces: beam.PCollection | None


@dataclass
class TrackLinks(beam.PTransform):
    """Decides windows, confirms, and keeps every alarm's life.

    Attributes:
        bounds: when windows are due and close.
        emit: ``lifecycle`` or ``matches``.
        gap_windows: NO_DATA windows that a row may bridge.
        num_shards: number of link shards.
        topology: the whole topology of a replay, or the LINKS blocks of a live job.
        event_time: how event time goes on.
        has_traces: windows around alarms are traced.
    """

    bounds: WindowBounds
    emit: str
    gap_windows: int
    num_shards: int
    topology: TopologyFile | beam.PCollection
    event_time: EventTime
    has_traces: bool = False

    @beam.typehints.no_annotations  # Beam knows no hint for several outputs
    def expand(self, gathered: beam.PCollection) -> TrackedLinks:
        """Returns the events, and the traces."""
        file = self.topology if isinstance(self.topology, TopologyFile) else None
        if file is None:
            gathered = (gathered, self.topology) | "All" >> beam.Flatten()
        codec = TrackerCodec(
            self.bounds,
            self.emit == "lifecycle",
            self.gap_windows,
            self.event_time,
            self.num_shards,
            file,
            self.has_traces,
        )
        track = beam.ParDo(_TrackFn(codec))
        if not self.has_traces:
            return TrackedLinks(gathered | "Track" >> track, None)
        tracked = gathered | "Track" >> track.with_outputs(TRACES, main="events")
        return TrackedLinks(tracked["events"], typed(tracked[TRACES], Record))


@beam.typehints.with_output_types(FiberEvent)
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
        tag: str = beam.DoFn.DynamicTimerTagParam,
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
            steps = saved.tracker.fire(tag)
            yield from self._put_out(key, saved.tracker, steps, timer)

    def _put_out(
        self, key: int, tracker: Tracker, steps: Iterable[Tracked], timer: Any
    ) -> Iterator[Any]:
        """Sets timers, counts, and yields events and traces."""
        num_windowed = 0
        for step in steps:
            yield from step.events
            for line in step.traces:
                yield beam.pvalue.TaggedOutput(TRACES, side_record(line["link_id"], line))
            count(TRACE_LINES, len(step.traces))
            num_windowed += step.num_windowed
            if step.timer:
                set_timer(timer, step.timer)
        if num_windowed:
            count(ENDS_WINDOWED, num_windowed)
            for severity, number in tracker.tracks.alarms.open_by_severity().items():
                gauge(f"open_alarms_{severity.name.lower()}_shard_{key}", number)


def _take(tracker: Tracker, data: bytes) -> Iterable[Tracked]:
    """Hands a block to the tracker."""
    if block_kind(data) in (BlockKind.WINDOW, BlockKind.ENDS):
        return tracker.receive(data)
    return tracker.change_links(Block.from_bytes(data))
