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
from typing import Any

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


#: A record of the PM source: its order of arrival, or its key where the order is taken from the
#: clock; and a serialized PmReport, or what claims to be one.
PmRecord = tuple[int | bytes | None, bytes | None]


@dataclass
class DecodeReports(beam.PTransform):
    """Decodes, checks and flattens PM reports.

    Attributes:
        num_shards: number of node shards; 1 where nothing is keyed by them.
        have_times: the records have timestamps of their own; else collect times stand in for them.
        aside: takes the `invalid` records.
    """

    num_shards: int
    have_times: bool
    aside: outputs.Aside

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        """Returns the blocks."""
        decode = beam.ParDo(_DecodeFn(self.num_shards, self.have_times))
        decoded = records | "Decode" >> decode.with_outputs(outputs.INVALID, main="blocks")
        self.aside.add(outputs.INVALID, decoded[outputs.INVALID])
        return outputs.typed(decoded["blocks"], Keyed)


@beam.typehints.with_output_types(Keyed)
class _DecodeFn(beam.DoFn):
    def __init__(self, num_shards: int, have_times: bool) -> None:
        self._num_shards = num_shards
        self._have_times = have_times
        self._last_order = 0
        self._layouts = Layouts()
        self._shards: dict[bytes, int] = {}

    def start_bundle(self) -> None:
        self._gathered: list[PmRecord] = []
        self._times_us: list[int] = []

    def process(
        self, record: PmRecord, timestamp: Timestamp = beam.DoFn.TimestampParam
    ) -> Iterable[Any]:
        self._gathered.append(record)
        self._times_us.append(timestamp.micros)
        return self._flush() if len(self._gathered) >= MAX_GATHERED else ()

    def finish_bundle(self) -> Iterator[Any]:
        yield from self._flush()

    def _flush(self) -> Iterator[Any]:
        if not self._gathered:
            return
        records, times_us = self._gathered, np.array(self._times_us, np.int64)
        self.start_bundle()
        decoded = decode(
            [payload or b"" for _, payload in records],
            np.array([self._order(order) for order, _ in records], dtype=np.int64),
            times_us * 1000 if self._have_times else None,
            self._layouts,
        )
        outputs.count(outputs.REPORTS, decoded.num_reports)
        outputs.count(outputs.REPORTS_REJECTED, decoded.num_reports_rejected)
        outputs.count(outputs.COMPONENTS, decoded.num_components)
        outputs.count(
            outputs.COMPONENTS_REJECTED, decoded.num_components - decoded.samples.num_samples
        )
        outputs.count_invalid(line["reason"] for line in decoded.invalid)
        newest_us = int(times_us.max())
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

    def _order(self, order: int | bytes | None) -> int:
        if isinstance(order, int):
            return order
        self._last_order = max(self._last_order + 1, time.time_ns())
        return self._last_order


def _in_global_window(value: Any, micros: int) -> WindowedValue:
    return WindowedValue(value, Timestamp(micros=micros), (GlobalWindow(),))
