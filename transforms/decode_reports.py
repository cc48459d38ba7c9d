"""DecodeReports: record bytes → blocks of samples, one per second and shard of the node.

In:   `PmRecord`, timestamp = the record's; global window.
Out:  (shard of node_id, PM block), timestamp = the newest record's in the block; global window.
Aside: `invalid` records.
State: none; the records of a bundle are gathered and decoded together. What reports look like is
remembered, and makes nothing but speed.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
import numpy as np
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from kernels.decode import decode
from kernels.layouts import Layouts
from kernels.samples import split_samples
from pipeline import outputs
from schema.blocks import Block, BlockKind
from schema.shards import shard_of

#: Records that are decoded together at most; more cost memory and gain nothing.
MAX_GATHERED = 2048

#: Nodes whose shard is remembered at most.
_MAX_NODES = 1_000_000

Keyed = tuple[int, bytes]


class PmRecord(NamedTuple):
    """A record of the PM source.

    Attributes:
        payload: a serialized PmReport, or what claims to be one.
        order: order of arrival; None = take it from the clock.
        has_time: the source has record timestamps; else collect times stand in for them.
    """

    payload: bytes
    order: int | None
    has_time: bool


@dataclass
class DecodeReports(beam.PTransform):
    """Decodes, checks and flattens PM reports.

    Attributes:
        num_shards: number of node shards; 1 where nothing is keyed by them.
        aside: takes the `invalid` records.
    """

    num_shards: int
    aside: outputs.Aside

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        """Returns the blocks."""
        decode = beam.ParDo(_DecodeFn(self.num_shards))
        decoded = records | "Decode" >> decode.with_outputs(outputs.INVALID, main="blocks")
        self.aside.add(outputs.INVALID, decoded[outputs.INVALID])
        return outputs.typed(decoded["blocks"], Keyed)


@beam.typehints.with_output_types(Keyed)
class _DecodeFn(beam.DoFn):
    def __init__(self, num_shards: int) -> None:
        self._num_shards = num_shards
        self._gathered: list[tuple[PmRecord, int]] = []
        self._last_order = 0
        self._layouts = Layouts()
        self._shards: dict[bytes, int] = {}

    def start_bundle(self) -> None:
        self._gathered = []

    def process(
        self, record: PmRecord, timestamp: Timestamp = beam.DoFn.TimestampParam
    ) -> Iterable[Any]:
        self._gathered.append((record, timestamp.micros))
        if len(self._gathered) >= MAX_GATHERED:
            yield from self._flush()

    def finish_bundle(self) -> Iterator[Any]:
        yield from self._flush()

    def _flush(self) -> Iterator[Any]:
        if not self._gathered:
            return
        records = [record for record, _ in self._gathered]
        time_us = np.array([micros for _, micros in self._gathered], dtype=np.int64)
        self._gathered = []
        decoded = decode(
            [record.payload for record in records],
            np.array([self._order(record) for record in records], dtype=np.int64),
            time_us * 1000 if records[0].has_time else None,
            self._layouts,
        )
        outputs.count(outputs.REPORTS, decoded.num_reports)
        outputs.count(outputs.REPORTS_REJECTED, decoded.num_reports_rejected)
        outputs.count(outputs.COMPONENTS, decoded.num_components)
        outputs.count(
            outputs.COMPONENTS_REJECTED, decoded.num_components - decoded.samples.num_samples
        )
        outputs.count_invalid(line["reason"] for line in decoded.invalid)
        newest_us = int(time_us.max())
        for line in decoded.invalid:
            record = outputs.side_record(line["node_id"], line)
            yield beam.pvalue.TaggedOutput(outputs.INVALID, _in_global_window(record, newest_us))
        for window_s, shard, samples in split_samples(decoded.samples, self._shard_of):
            block = Block(BlockKind.PM, samples.columns(), window_s)
            yield _in_global_window((shard, block.to_bytes()), newest_us)

    def _shard_of(self, node_id: bytes) -> int:
        shard = self._shards.get(node_id)
        if shard is None:
            if len(self._shards) >= _MAX_NODES:
                self._shards.clear()
            shard = self._shards[node_id] = shard_of(node_id, self._num_shards)
        return shard

    def _order(self, record: PmRecord) -> int:
        if record.order is not None:
            return record.order
        self._last_order = max(self._last_order + 1, time.time_ns())
        return self._last_order


def _in_global_window(value: Any, micros: int) -> WindowedValue:
    return WindowedValue(value, Timestamp(micros=micros), (GlobalWindow(),))
