"""JoinTopology: samples → samples at link ends.

In:   (shard of node_id, PM block); LINK_ENDS blocks with the same key where topology streams.
Out:  (shard of link_id, JOINED block), timestamp kept; global window.
Aside: `unmatched` records, sampled.
State, where topology streams: the link ends of the shard's nodes, for good; PM of nodes that are
      not in the topology yet, until it is, or for 10 s of event time.
"""

from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import pyarrow as pa
from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)
from apache_beam.utils.timestamp import Timestamp

from kernels.join import LinkEndIndex
from kernels.samples import num_span_ends, readings_by_name, split_rows
from pipeline import outputs
from schema.blocks import Block, BlockKind, block_kind
from transforms.index_state import IndexCache
from transforms.sample_unmatched import Candidates, SampleUnmatched
from transforms.update_topology import TopologyFile

#: PM of a node that the topology does not know yet waits this long [s of event time].
MAX_WAIT_S = 10
#: A timer of this time fires as soon as the watermark moves at all.
_WATERMARK_MOVES_US = 0
#: Candidates for the unmatched output that are sent on per block.
MAX_CANDIDATES = 100

Keyed = tuple[int, bytes]


@dataclass
class JoinTopology(beam.PTransform):
    """Joins samples with the topology; an equal component name on another node is no match.

    Attributes:
        num_shards: number of link shards.
        topology: the whole topology of a replay, or the LINK_ENDS blocks of a live job.
        aside: takes the `unmatched` records.
    """

    num_shards: int
    topology: TopologyFile | beam.PCollection
    aside: outputs.Aside

    def expand(self, samples: beam.PCollection) -> beam.PCollection:
        """Returns the blocks."""
        if isinstance(self.topology, TopologyFile):
            join = beam.ParDo(_JoinFileFn(self.num_shards, self.topology))
        else:
            samples = (samples, self.topology) | "WithLinkEnds" >> beam.Flatten()
            join = beam.ParDo(_JoinStreamFn(self.num_shards))
        joined = samples | "Join" >> join.with_outputs(outputs.UNMATCHED, main="blocks")
        candidates = outputs.typed(joined[outputs.UNMATCHED], Candidates)
        self.aside.add(outputs.UNMATCHED, candidates | SampleUnmatched())
        return outputs.typed(joined["blocks"], Keyed)


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
        unknown = yield from _join(self._index, block)
        yield from _unmatched(unknown)


@beam.typehints.with_output_types(Keyed)
class _JoinStreamFn(beam.DoFn):
    """The topology changes while the job runs; PM may come before it.

    Until the watermark moves, the topology of the start is still coming, link by link: a
    component may be in the next link. So all PM waits for that moment.

    State: INDEX the link ends, HEAD its version, whether the topology of the start is complete
    and until when PM waits, WAITING that PM.
    """

    INDEX = ReadModifyWriteStateSpec("index", BytesCoder())
    HEAD = ReadModifyWriteStateSpec("head", BytesCoder())
    WAITING = BagStateSpec("waiting", BytesCoder())
    EXPIRY = TimerSpec("expiry", TimeDomain.WATERMARK)

    def __init__(self, num_shards: int) -> None:
        self._cache = IndexCache(num_shards)

    def process(
        self,
        element: Keyed,
        timestamp: Timestamp = beam.DoFn.TimestampParam,
        index_state: Any = beam.DoFn.StateParam(INDEX),
        head_state: Any = beam.DoFn.StateParam(HEAD),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        expiry: Any = beam.DoFn.TimerParam(EXPIRY),
    ) -> Iterable[Any]:
        key, data = element
        state = self._cache.open(key, index_state, head_state)
        if block_kind(data) == BlockKind.LINK_ENDS:
            new_nodes = state.apply(Block.from_bytes(data).batch)
            if new_nodes and state.is_complete and state.waits_until is not None:
                yield from self._release(state, waiting, expiry, now=None)
        else:
            block = Block.from_bytes(data)
            waits = block.batch
            if state.is_complete:
                waits = yield from _join(state.index, block)
            if waits.num_rows:
                waiting.add(_pack_waiting(timestamp, block, waits))
                if state.waits_until is None:
                    until_us = timestamp.micros + MAX_WAIT_S * 1_000_000
                    state.waits_until = until_us if state.is_complete else _WATERMARK_MOVES_US
                    expiry.set(Timestamp(micros=state.waits_until))
        state.save()

    @on_timer(EXPIRY)
    def expire(
        self,
        key: int = beam.DoFn.KeyParam,
        now: Timestamp = beam.DoFn.TimestampParam,
        index_state: Any = beam.DoFn.StateParam(INDEX),
        head_state: Any = beam.DoFn.StateParam(HEAD),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        expiry: Any = beam.DoFn.TimerParam(EXPIRY),
    ) -> Iterable[Any]:
        state = self._cache.open(key, index_state, head_state)
        state.is_complete = True
        yield from self._release(state, waiting, expiry, now)
        state.save()

    def _release(
        self, state: Any, waiting: Any, expiry: Any, now: Timestamp | None
    ) -> Iterator[Any]:
        """Joins what waits with what is known by now; what has waited long enough gives up."""
        held = list(waiting.read())
        waiting.clear()
        state.waits_until = None
        for data in held:
            since, block = _unpack_waiting(data)
            unknown = yield from _join(state.index, block)
            until_us = since.micros + MAX_WAIT_S * 1_000_000
            if now is not None and until_us <= now.micros:
                yield from _unmatched(unknown)
            elif unknown.num_rows:
                waiting.add(_pack_waiting(since, block, unknown))
                state.waits_until = min(until_us, state.waits_until or until_us)
        if state.waits_until is not None:
            expiry.set(Timestamp(micros=state.waits_until))


def _join(index: LinkEndIndex, block: Block) -> Generator[Any, None, pa.RecordBatch]:
    """Yields what could be joined and what is in no link; returns rows of unknown nodes."""
    result = index.join(block.batch)
    outputs.count(outputs.COMPONENTS_MATCHED, result.num_matched)
    outputs.count(outputs.ENDS_JOINED, num_span_ends(result.joined))
    for (shard,), rows in split_rows(result.joined, result.shard):
        yield shard, Block(BlockKind.JOINED, rows, block.window_start_s).to_bytes()
    yield from _unmatched(result.unmatched)
    return result.unknown


def _unmatched(rows: pa.RecordBatch) -> Iterator[Any]:
    if not rows.num_rows:
        return
    outputs.count(outputs.COMPONENTS_UNMATCHED, rows.num_rows)
    lines = [
        {
            "node_id": row["node_id"],
            "component": row["component"],
            "sample_time_unix_ns": row["sample_time_ns"],
            "readings": readings_by_name(row["readings"]),
        }
        for row in rows.slice(0, MAX_CANDIDATES).to_pylist()
    ]
    yield beam.pvalue.TaggedOutput(outputs.UNMATCHED, (0, (rows.num_rows, lines)))


def _pack_waiting(since: Timestamp, block: Block, rows: pa.RecordBatch) -> bytes:
    held = Block(BlockKind.PM, rows, block.window_start_s)
    since_us: int = since.micros
    return since_us.to_bytes(8, "little", signed=True) + held.to_bytes()


def _unpack_waiting(data: bytes) -> tuple[Timestamp, Block]:
    since = Timestamp(micros=int.from_bytes(data[:8], "little", signed=True))
    return since, Block.from_bytes(data[8:])
