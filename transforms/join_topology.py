"""JoinTopology: samples → samples at link ends.

In:   (shard of node_id, PM block); LINK_ENDS blocks with the same key where topology streams.
Out:  (shard of link_id, JOINED block), timestamp kept; global window.
Side output: `unmatched` records, sampled.
State, where topology streams: the link ends of the shard's nodes, for good, as a log of LINK_ENDS
      blocks; PM of nodes that are not in the topology yet, until they are, or for 10 s of event
      time.
Timer, where topology streams: event time; the earliest end of a wait.
"""

import struct
from collections.abc import Generator, Iterable, Iterator
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

from kernels.decode_reports.samples import Samples
from kernels.join_topology.index import LinkEndIndex
from kernels.join_topology.tables import LinkEndTable
from schema.blocks import Block, BlockKind, block_kind, num_span_ends
from schema.outputs import COMPONENTS_MATCHED, COMPONENTS_UNMATCHED, ENDS_JOINED, UNMATCHED, Record
from schema.side_lines import readings_by_name, unmatched_line
from schema.times import US_PER_S
from schema.topology_file import TopologyFile
from transforms.outputs import Keyed, count, typed
from transforms.sample_unmatched import WRITTEN_IN_FULL, Candidates, SampleUnmatched
from transforms.state import HeldStates, TableCells, TableCodec

__all__ = ["MAX_WAIT_S", "JoinTopology", "JoinedSamples"]

#: PM of a node that the topology does not know yet waits this long [s of event time].
MAX_WAIT_S = 10
#: A timer that stands here fires as soon as the watermark moves at all.
_WATERMARK_MOVES_US = 0


class JoinedSamples(NamedTuple):
    """What JoinTopology puts out.

    Attributes:
        blocks: (shard of link_id, JOINED block).
        unmatched: records of the `unmatched` output, sampled.
    """

    blocks: beam.PCollection[Keyed]
    unmatched: beam.PCollection[Record]


@dataclass
class JoinTopology(beam.PTransform):
    """Joins samples with the topology; an equal component name on another node is no match.

    Attributes:
        num_shards: number of link shards.
        topology: the whole topology of a replay, or the LINK_ENDS blocks of a live job.
    """

    num_shards: int
    topology: TopologyFile | beam.PCollection

    @beam.typehints.no_annotations  # Beam knows no hint for several outputs
    def expand(self, samples: beam.PCollection) -> JoinedSamples:
        """Returns the blocks, and the samples in no link."""
        if isinstance(self.topology, TopologyFile):
            join = beam.ParDo(_JoinFileFn(self.num_shards, self.topology))
        else:
            samples = (samples, self.topology) | "WithLinkEnds" >> beam.Flatten()
            join = beam.ParDo(_JoinStreamFn(self.num_shards))
        joined = samples | "Join" >> join.with_outputs(UNMATCHED, main="blocks")
        candidates = typed(joined[UNMATCHED], Candidates)
        return JoinedSamples(
            blocks=typed(joined["blocks"], Keyed),
            unmatched=typed(candidates | SampleUnmatched(), Record),
        )


@beam.typehints.with_output_types(Keyed)
class _JoinFileFn(beam.DoFn):
    """The topology is complete before the first report: nothing waits, nothing is kept."""

    def __init__(self, num_shards: int, topology: TopologyFile) -> None:
        self._num_shards = num_shards
        self._topology = topology

    def setup(self) -> None:
        self._index = LinkEndIndex.of(self._topology.links(), self._num_shards)

    def process(self, element: Keyed) -> Iterable[Any]:
        block = Block.from_bytes(element[1])
        samples = Samples.of(block.columns)
        unknown = yield from _join(self._index, samples, block.window_start_s)
        yield from _unmatched(unknown)


@beam.typehints.with_output_types(Keyed)
class _JoinStreamFn(beam.DoFn):
    """The topology changes while the job runs, and PM may come before it.

    Until the watermark moves, the topology of the start is still coming, link by link: a
    component may be in the next link. So all PM waits for that moment.
    """

    INDEX = BagStateSpec("index", BytesCoder())
    HEAD = ReadModifyWriteStateSpec("head", BytesCoder())
    WAITING = BagStateSpec("waiting", BytesCoder())
    #: Whether the topology of the start is complete, and until when PM waits.
    UNTIL = ReadModifyWriteStateSpec("until", BytesCoder())
    EXPIRY = TimerSpec("expiry", TimeDomain.WATERMARK)

    def __init__(self, num_shards: int) -> None:
        self._tables = HeldStates(TableCodec(lambda: LinkEndTable(num_shards)))

    def process(
        self,
        element: Keyed,
        timestamp: Timestamp = beam.DoFn.TimestampParam,
        index: Any = beam.DoFn.StateParam(INDEX),
        head: Any = beam.DoFn.StateParam(HEAD),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        until: Any = beam.DoFn.StateParam(UNTIL),
        expiry: Any = beam.DoFn.TimerParam(EXPIRY),
    ) -> Iterable[Any]:
        key, data = element
        wait = _Wait.read(waiting, until, expiry)
        with self._tables.open(key, TableCells(head, index)) as saved:
            if block_kind(data) == BlockKind.LINK_ENDS:
                brings_new = saved.apply(Block.from_bytes(data))
                if brings_new and wait.topology_is_complete and wait.until_us is not None:
                    yield from _release(saved.table.index, wait, now_us=None)
            else:
                yield from _take(saved.table.index, wait, Block.from_bytes(data), timestamp.micros)

    @on_timer(EXPIRY)
    def expire(
        self,
        key: int = beam.DoFn.KeyParam,
        now: Timestamp = beam.DoFn.TimestampParam,
        index: Any = beam.DoFn.StateParam(INDEX),
        head: Any = beam.DoFn.StateParam(HEAD),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        until: Any = beam.DoFn.StateParam(UNTIL),
        expiry: Any = beam.DoFn.TimerParam(EXPIRY),
    ) -> Iterable[Any]:
        wait = _Wait.read(waiting, until, expiry)
        with self._tables.open(key, TableCells(head, index)) as saved:
            yield from _release(saved.table.index, wait, now_us=now.micros)


_UNTIL = struct.Struct("<??q")
_SINCE = struct.Struct("<q")


@dataclass
class _Wait:
    """PM that waits, in its state cells.

    Attributes:
        topology_is_complete: the topology of the start has come.
        until_us: earliest end of a wait, where the timer stands; None = nothing waits.
    """

    blocks: Any
    until: Any
    expiry: Any
    topology_is_complete: bool = False
    until_us: int | None = None

    @classmethod
    def read(cls, blocks: Any, until: Any, expiry: Any) -> "_Wait":
        wait = cls(blocks, until, expiry)
        if data := until.read():
            wait.topology_is_complete, waits, until_us = _UNTIL.unpack(data)
            wait.until_us = until_us if waits else None
        return wait

    def add(self, since_us: int, window_s: int, samples: Samples) -> None:
        """Lets samples wait; the timer is set by `end_at`."""
        block = Block(BlockKind.PM, samples.columns(), window_s)
        self.blocks.add(_SINCE.pack(since_us) + block.to_bytes())

    def take_all(self) -> Iterator[tuple[int, int, Samples]]:
        """Takes out all that waits, and yields since when, window and samples, block by block."""
        held = list(self.blocks.read())
        self.blocks.clear()
        for data in held:
            block = Block.from_bytes(data[_SINCE.size :])
            since_us = _SINCE.unpack_from(data)[0]
            yield since_us, block.window_start_s, Samples.of(block.columns)

    def end_at(self, until_us: int | None) -> None:
        """Writes when the earliest wait ends, and sets the timer."""
        self.until_us = until_us
        waits = until_us is not None
        self.until.write(_UNTIL.pack(self.topology_is_complete, waits, until_us or 0))
        if until_us is not None:
            self.expiry.set(Timestamp(micros=until_us))


def _take(index: LinkEndIndex, wait: _Wait, block: Block, now_us: int) -> Iterator[Any]:
    """Joins a PM block, or lets wait what cannot be joined yet."""
    samples = Samples.of(block.columns)
    if wait.topology_is_complete:
        samples = yield from _join(index, samples, block.window_start_s)
    if samples.num_samples:
        wait.add(now_us, block.window_start_s, samples)
        if wait.until_us is None:
            is_complete = wait.topology_is_complete
            wait.end_at(now_us + MAX_WAIT_S * US_PER_S if is_complete else _WATERMARK_MOVES_US)


def _release(index: LinkEndIndex, wait: _Wait, now_us: int | None) -> Iterator[Any]:
    """Joins what waits with the topology known by now.

    Args:
        index: the topology.
        wait: what waits.
        now_us: event time; what has waited long enough by then is unmatched. None = no wait ends.
    """
    until_us: int | None = None
    for since_us, window_s, samples in wait.take_all():
        unknown = yield from _join(index, samples, window_s)
        ends_us = since_us + MAX_WAIT_S * US_PER_S
        if now_us is not None and ends_us <= now_us:
            yield from _unmatched(unknown)
        elif unknown.num_samples:
            wait.add(since_us, window_s, unknown)
            until_us = min(ends_us, until_us or ends_us)
    wait.topology_is_complete = True
    wait.end_at(until_us)


def _join(index: LinkEndIndex, samples: Samples, window_s: int) -> Generator[Any, None, Samples]:
    """Yields what could be joined and what is in no link; returns samples of unknown nodes."""
    result = index.join(samples)
    count(COMPONENTS_MATCHED, result.num_matched)
    for shard, columns in result.joined:
        count(ENDS_JOINED, num_span_ends(columns["role"]))
        yield shard, Block(BlockKind.JOINED, columns, window_s).to_bytes()
    yield from _unmatched(result.unmatched)
    return result.unknown


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
    yield beam.pvalue.TaggedOutput(UNMATCHED, (0, (number, lines)))
