"""JoinTopology: samples → samples at link ends; late ones to the side.

In:   (shard of node_id, PM block); where topology streams, LINK_ENDS blocks with the same key;
      moments that are known to be ahead of the watermark, for all shards. Global window.
Out:  (shard of link_id, ENDS block), timestamp = start of the window of the block, B later; global
      window.
Side outputs: `late` records, one for each link end that a sample serves whose window is closed;
      `unmatched` records, sampled.
State, where event time goes on: a clock, for good (`kernels.join_topology.event_clock`); where
      topology streams, the link ends of the shard's nodes, for good, as a log of LINK_ENDS blocks,
      and PM of nodes that are not in the topology yet, until they are, or for 10 s of event time.
Timers: event time; the clock's moments, and the earliest ends of waits.
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
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from kernels.decode_reports.samples import Samples
from kernels.join_topology.index import LinkEndIndex
from kernels.join_topology.joiner import Joined, JoinedEnds, Joiner, join_in_time
from kernels.window_bounds import WindowBounds
from schema.blocks import Block, BlockKind, block_kind, num_span_ends
from schema.outputs import (
    COMPONENTS_MATCHED,
    COMPONENTS_UNMATCHED,
    ENDS_JOINED,
    ENDS_LATE,
    LATE,
    UNMATCHED,
    Record,
)
from schema.records import EventTime
from schema.shards import all_shards
from schema.side_lines import (
    WRITTEN_IN_FULL,
    late_lines,
    readings_by_name,
    side_record,
    unmatched_line,
)
from schema.topology_file import TopologyFile
from transforms.joiner_state import JoinerCells, JoinerCodec
from transforms.outputs import Keyed, count, set_timer, typed
from transforms.sample_lines import Candidates, SampleLines
from transforms.state import HeldStates

__all__ = ["JoinTopology", "JoinedSamples"]


class JoinedSamples(NamedTuple):
    """What JoinTopology puts out.

    Attributes:
        blocks: (shard of link_id, ENDS block), on the shifted time line.
        late: records of the `late` output.
        unmatched: records of the `unmatched` output, sampled.
    """

    blocks: beam.PCollection[Keyed]
    late: beam.PCollection[Record]
    unmatched: beam.PCollection[Record]


@dataclass
class JoinTopology(beam.PTransform):
    """Joins samples with the topology; an equal component name on another node is no match.

    Attributes:
        bounds: when windows close.
        num_node_shards: number of node shards.
        num_shards: number of link shards.
        topology: the whole topology of a replay, or the LINK_ENDS blocks of a live job.
        event_time: how event time goes on.
        moments: those that are known to be ahead of the watermark, each before it is reached; None
            where nothing is late [us since the Unix epoch].
    """

    bounds: WindowBounds
    num_node_shards: int
    num_shards: int
    topology: TopologyFile | beam.PCollection
    event_time: EventTime
    moments: beam.PCollection | None

    @beam.typehints.no_annotations  # Beam knows no hint for several outputs
    def expand(self, samples: beam.PCollection) -> JoinedSamples:
        """Returns the blocks, the late samples, and the samples in no link."""
        file = self.topology if isinstance(self.topology, TopologyFile) else None
        inputs = [samples]
        if file is None:
            inputs.append(self.topology)
        if self.moments is not None:
            announce = beam.ParDo(_AnnounceFn(self.num_node_shards))
            inputs.append(self.moments | "ToAllShards" >> announce)
        if len(inputs) > 1:
            samples = inputs | "WithLinkEnds" >> beam.Flatten()
        if file is not None and self.event_time == EventTime.BOUNDED:
            join = beam.ParDo(_JoinInTimeFn(self.bounds, self.num_shards, file))
        else:
            codec = JoinerCodec(self.bounds, self.event_time, self.num_shards, file)
            join = beam.ParDo(_JoinFn(codec))
        joined = samples | "Join" >> join.with_outputs(LATE, UNMATCHED, main="blocks")
        candidates = typed(joined[UNMATCHED], Candidates)
        return JoinedSamples(
            blocks=typed(joined["blocks"], Keyed),
            late=typed(joined[LATE], Record),
            unmatched=typed(candidates | "SampleUnmatched" >> SampleLines(), Record),
        )


@beam.typehints.with_output_types(Keyed)
class _AnnounceFn(beam.DoFn):
    """Sends a moment to every shard."""

    def __init__(self, num_shards: int) -> None:
        self._shards = all_shards(num_shards)

    def process(self, moment_us: int) -> Iterable[Keyed]:
        moment = Block(BlockKind.MOMENT, {"moment_us": np.array([moment_us])}).to_bytes()
        return [(shard, moment) for shard in self._shards]


@beam.typehints.with_output_types(Keyed)
class _JoinInTimeFn(beam.DoFn):
    """The topology is complete, and nothing is late: nothing waits, nothing is kept."""

    def __init__(self, bounds: WindowBounds, num_shards: int, topology: TopologyFile) -> None:
        self._bounds = bounds
        self._num_shards = num_shards
        self._topology = topology

    def setup(self) -> None:
        self._index = LinkEndIndex.of(self._topology.links(), self._num_shards)

    def process(self, element: Keyed) -> Iterable[Any]:
        for step in join_in_time(self._index, Block.from_bytes(element[1])):
            yield from _put_out(step, self._bounds)


@beam.typehints.with_output_types(Keyed)
class _JoinFn(beam.DoFn):
    """A joiner for each shard of nodes: maps its cells, timers and outputs."""

    HEAD = ReadModifyWriteStateSpec("head", BytesCoder())
    LINK_ENDS = BagStateSpec("link_ends", BytesCoder())
    WAITING = BagStateSpec("waiting", BytesCoder())
    #: The clock's timers, told apart by their tags. Those of one family fire in order.
    CLOCK = TimerSpec("clock", TimeDomain.WATERMARK)

    def __init__(self, codec: JoinerCodec) -> None:
        self._joiners = HeldStates(codec)
        self._bounds = codec.bounds

    def process(
        self,
        element: Keyed,
        timestamp: Timestamp = beam.DoFn.TimestampParam,
        head: Any = beam.DoFn.StateParam(HEAD),
        link_ends: Any = beam.DoFn.StateParam(LINK_ENDS),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        clock: Any = beam.DoFn.TimerParam(CLOCK),
    ) -> Iterable[Any]:
        key, data = element
        with self._joiners.open(key, JoinerCells(head, link_ends, waiting)) as saved:
            for step in _take(saved.joiner, data, timestamp.micros):
                yield from _put_out(step, self._bounds, clock)

    @on_timer(CLOCK)
    def fire(
        self,
        key: int = beam.DoFn.KeyParam,
        tag: str = beam.DoFn.DynamicTimerTagParam,
        head: Any = beam.DoFn.StateParam(HEAD),
        link_ends: Any = beam.DoFn.StateParam(LINK_ENDS),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        clock: Any = beam.DoFn.TimerParam(CLOCK),
    ) -> Iterable[Any]:
        with self._joiners.open(key, JoinerCells(head, link_ends, waiting)) as saved:
            for step in saved.joiner.fire(tag):
                yield from _put_out(step, self._bounds, clock)


def _take(joiner: Joiner, data: bytes, now_us: int) -> Iterator[Joined]:
    """Hands a block to the joiner."""
    kind = block_kind(data)
    if kind == BlockKind.PM:
        return joiner.receive(data, now_us)
    block = Block.from_bytes(data)
    if kind == BlockKind.LINK_ENDS:
        return joiner.change_link_ends(block)
    (moment_us,) = block.columns["moment_us"].tolist()
    return joiner.announce(moment_us)


def _put_out(step: Joined, bounds: WindowBounds, clock: Any = None) -> Iterator[Any]:
    """Sets timers, counts, and yields blocks and side records."""
    count(COMPONENTS_MATCHED, step.num_matched)
    for ends in step.in_time:
        count(ENDS_JOINED, num_span_ends(ends.columns["role"]))
        block = Block(BlockKind.ENDS, ends.columns, ends.window, ends.due)
        shifted = Timestamp(micros=bounds.shifted_us(ends.window))
        yield TimestampedValue((ends.shard, block.to_bytes()), shifted)
    for ends in step.late:
        yield from _late(ends, bounds)
    if step.unmatched:
        yield from _unmatched(step.unmatched)
    if step.timer:
        set_timer(clock, step.timer)


def _late(ends: JoinedEnds, bounds: WindowBounds) -> Iterator[Any]:
    """Counts late samples, and yields their lines."""
    number = num_span_ends(ends.columns["role"])
    count(ENDS_JOINED, number)
    count(ENDS_LATE, number)
    start_s, closed_at_s = bounds.start_s(ends.window), bounds.closed_at_s(ends.window)
    for line in late_lines(ends.columns, start_s, closed_at_s):
        yield beam.pvalue.TaggedOutput(LATE, side_record(line["link_id"], line))


def _unmatched(samples: Samples) -> Iterator[Any]:
    """Counts samples in no link, and yields the lines of the first of them."""
    number = samples.num_samples
    if not number:
        return
    count(COMPONENTS_UNMATCHED, number)
    rows = np.arange(min(number, WRITTEN_IN_FULL))
    lines = [
        unmatched_line(
            samples.node_id[report].decode(), component.decode(), sample_time_ns, readings
        )
        for report, component, sample_time_ns, readings in zip(
            samples.reports_of(rows).tolist(),
            samples.component(rows),
            samples.sample_time_ns[rows].tolist(),
            readings_by_name(samples.readings, rows),
            strict=True,
        )
    ]
    yield beam.pvalue.TaggedOutput(UNMATCHED, (UNMATCHED, (number, lines)))
