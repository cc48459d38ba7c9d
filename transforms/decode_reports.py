"""DecodeReports: record bytes → blocks of samples, one per second and shard of the node.

In:   `PmRecords`, timestamp = not after that of any record in them; global window.
Out:  (shard of node_id, PM block), timestamp = the newest record's in the block; global window.
Aside: `invalid` records.
State: none; the records of a bundle are gathered and decoded together. What reports look like is
remembered, and makes nothing but speed.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
import numpy as np
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue
from numpy.typing import NDArray

from kernels.decode_reports.decode import decode
from kernels.decode_reports.fast_path import Layouts
from kernels.decode_reports.samples import split_samples
from pipeline import outputs
from schema.blocks import Block, BlockKind
from schema.shards import shard_of

#: So many records are decoded without waiting for more, which cost memory and gain nothing.
MAX_GATHERED = 2048

#: Nodes whose shard is remembered at most.
_MAX_NODES = 1_000_000

Keyed = tuple[int, bytes]


@dataclass(frozen=True)
class PmRecords:
    """Records of the PM source, in order of arrival.

    Attributes:
        payloads: of each record a serialized PmReport, or what claims to be one.
        first: place of the first in the order of all records; None: they get theirs by the clock.
        times_ns: (len(payloads),) int64, timestamps of the records [ns since the Unix epoch]; None
            where the source has none: the collect times stand in.
    """

    payloads: Sequence[bytes]
    first: int | None = None
    times_ns: NDArray[np.int64] | None = None


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
        self._last_order = 0
        self._layouts = Layouts()
        self._shards: dict[bytes, int] = {}

    def start_bundle(self) -> None:
        self._payloads: list[bytes] = []
        self._orders: list[NDArray[np.int64]] = []
        self._times_ns: list[NDArray[np.int64]] = []
        self._newest_us = 0

    def process(
        self, records: PmRecords, timestamp: Timestamp = beam.DoFn.TimestampParam
    ) -> Iterable[Any]:
        newest_us = timestamp.micros
        if records.times_ns is not None:
            self._times_ns.append(records.times_ns)
            newest_us = int(records.times_ns.max()) // 1000
        self._newest_us = max(self._newest_us, newest_us)
        self._orders.append(self._order(records))
        self._payloads += records.payloads
        return self._flush() if len(self._payloads) >= MAX_GATHERED else ()

    def finish_bundle(self) -> Iterator[Any]:
        yield from self._flush()

    def _flush(self) -> Iterator[Any]:
        if not self._payloads:
            return
        payloads, newest_us = self._payloads, self._newest_us
        order = np.concatenate(self._orders)
        times_ns = np.concatenate(self._times_ns) if self._times_ns else None
        self.start_bundle()
        decoded = decode(payloads, order, times_ns, self._layouts)
        outputs.count(outputs.REPORTS, decoded.num_reports)
        outputs.count(outputs.REPORTS_REJECTED, decoded.num_reports_rejected)
        outputs.count(outputs.COMPONENTS, decoded.num_components)
        outputs.count(
            outputs.COMPONENTS_REJECTED, decoded.num_components - decoded.samples.num_samples
        )
        outputs.count_invalid(line["reason"] for line in decoded.invalid)
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

    def _order(self, records: PmRecords) -> NDArray[np.int64]:
        first = records.first
        if first is None:
            first = max(self._last_order + 1, time.time_ns())
            self._last_order = first + len(records.payloads) - 1
        return np.arange(first, first + len(records.payloads))


def _in_global_window(value: Any, micros: int) -> WindowedValue:
    return WindowedValue(value, Timestamp(micros=micros), (GlobalWindow(),))
