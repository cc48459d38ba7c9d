"""JoinTopology: samples → samples at link ends.

In:   (shard of node_id, PM block); LINK_ENDS blocks with the same key where topology streams.
Out:  (shard of link_id, JOINED block), timestamp kept; global window.
Side output: `unmatched` records, sampled.
State, where topology streams: the link ends of the shard's nodes, for good, as a log of LINK_ENDS
      blocks; PM of nodes that are not in the topology yet, until it is, or for 10 s of event time.
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
from schema.topology_file import TopologyFile
from transforms.outputs import count, typed
from transforms.sample_unmatched import Candidates, SampleUnmatched
from transforms.table_state import TableCache, TableState

#: PM of a node that the topology does not know yet waits this long [s of event time].
MAX_WAIT_S = 10
#: A timer of this time fires as soon as the watermark moves at all.
_WATERMARK_MOVES_US = 0
#: Candidates for the unmatched output that are sent on per block.
MAX_CANDIDATES = 100

Keyed = tuple[int, bytes]


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
        """Returns the blocks, and what is in no link."""
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
    """The topology changes while the job runs; PM may come before it.

    Until the watermark moves, the topology of the start is still coming, link by link: a
    component may be in the next link. So all PM waits for that moment.

    State: INDEX the link ends, HEAD what names that state, WAITING PM that waits, UNTIL whether
    the topology of the start is complete and until when PM waits.
    """

    INDEX = BagStateSpec("index", BytesCoder())
    HEAD = ReadModifyWriteStateSpec("head", BytesCoder())
    WAITING = BagStateSpec("waiting", BytesCoder())
    UNTIL = ReadModifyWriteStateSpec("until", BytesCoder())
    EXPIRY = TimerSpec("expiry", TimeDomain.WATERMARK)

    def __init__(self, num_shards: int) -> None:
        self._cache = TableCache(lambda: LinkEndTable(num_shards))

    def process(
        self,
        element: Keyed,
        timestamp: Timestamp = beam.DoFn.TimestampParam,
        index_state: Any = beam.DoFn.StateParam(INDEX),
        head_state: Any = beam.DoFn.StateParam(HEAD),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        until: Any = beam.DoFn.StateParam(UNTIL),
        expiry: Any = beam.DoFn.TimerParam(EXPIRY),
    ) -> Iterable[Any]:
        key, data = element
        state = self._cache.open(key, head_state, index_state)
        is_complete, waits_until = _unpack_until(until.read())
        if block_kind(data) == BlockKind.LINK_ENDS:
            new_nodes = state.apply(Block.from_bytes(data))
            if new_nodes and is_complete and waits_until is not None:
                yield from self._release(state, waiting, until, expiry, now=None)
            return
        block = Block.from_bytes(data)
        waits = Samples.of(block.columns)
        if is_complete:
            waits = yield from _join(state.table.index, waits, block.window_start_s)
        if waits.num_samples:
            waiting.add(_pack_waiting(timestamp, block.window_start_s, waits))
            if waits_until is None:
                waits_until = _WATERMARK_MOVES_US
                if is_complete:
                    waits_until = timestamp.micros + MAX_WAIT_S * 1_000_000
                expiry.set(Timestamp(micros=waits_until))
                until.write(_pack_until(is_complete, waits_until))

    @on_timer(EXPIRY)
    def expire(
        self,
        key: int = beam.DoFn.KeyParam,
        now: Timestamp = beam.DoFn.TimestampParam,
        index_state: Any = beam.DoFn.StateParam(INDEX),
        head_state: Any = beam.DoFn.StateParam(HEAD),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        until: Any = beam.DoFn.StateParam(UNTIL),
        expiry: Any = beam.DoFn.TimerParam(EXPIRY),
    ) -> Iterable[Any]:
        state = self._cache.open(key, head_state, index_state)
        yield from self._release(state, waiting, until, expiry, now)

    def _release(
        self,
        state: TableState[LinkEndTable],
        waiting: Any,
        until: Any,
        expiry: Any,
        now: Timestamp | None,
    ) -> Iterator[Any]:
        """Joins what waits with what is known by now; what has waited long enough gives up."""
        held = list(waiting.read())
        waiting.clear()
        waits_until = None
        for data in held:
            since, window_s, samples = _unpack_waiting(data)
            unknown = yield from _join(state.table.index, samples, window_s)
            until_us = since.micros + MAX_WAIT_S * 1_000_000
            if now is not None and until_us <= now.micros:
                yield from _unmatched(unknown)
            elif unknown.num_samples:
                waiting.add(_pack_waiting(since, window_s, unknown))
                waits_until = min(until_us, waits_until or until_us)
        until.write(_pack_until(True, waits_until))
        if waits_until is not None:
            expiry.set(Timestamp(micros=waits_until))


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
    number = samples.num_samples
    if not number:
        return
    count(COMPONENTS_UNMATCHED, number)
    rows = np.arange(min(number, MAX_CANDIDATES))
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


_UNTIL = struct.Struct("<??q")
_SINCE = struct.Struct("<q")


def _pack_until(is_complete: bool, waits_until: int | None) -> bytes:
    return _UNTIL.pack(is_complete, waits_until is not None, waits_until or 0)


def _unpack_until(data: bytes | None) -> tuple[bool, int | None]:
    """Returns whether the topology of the start is complete, and until when PM waits [us]."""
    if not data:
        return False, None
    is_complete, waits, waits_until = _UNTIL.unpack(data)
    return is_complete, waits_until if waits else None


def _pack_waiting(since: Timestamp, window_s: int, samples: Samples) -> bytes:
    return _SINCE.pack(since.micros) + Block(BlockKind.PM, samples.columns(), window_s).to_bytes()


def _unpack_waiting(data: bytes) -> tuple[Timestamp, int, Samples]:
    block = Block.from_bytes(data[_SINCE.size :])
    since = Timestamp(micros=_SINCE.unpack_from(data)[0])
    return since, block.window_start_s, Samples.of(block.columns)
