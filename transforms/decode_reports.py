"""DecodeReports: record bytes → blocks of samples, one per window and shard of the node.

In:   `PmRecords`, timestamp = not after that of any record in them; global window.
Out:  (shard of node_id, PM block), timestamp = the newest record's in the block; global window.
Side output: candidates for `invalid`, which SampleLines thins out.
State: none; the records of a bundle are gathered and decoded together. The layouts of earlier
      reports are kept for speed only: without them the outputs are the same.
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
from numpy.typing import NDArray

from kernels.decode_reports.decode import decode
from kernels.decode_reports.fast_path import FastPath
from kernels.decode_reports.samples import Samples, in_turn, split_samples
from schema.blocks import Block, BlockKind
from schema.outputs import (
    COMPONENTS,
    COMPONENTS_REJECTED,
    INVALID,
    REPORTS,
    REPORTS_REJECTED,
)
from schema.records import PmRecords
from schema.shards import shard_of
from transforms.outputs import Keyed, count, count_invalid, typed
from transforms.sample_lines import Candidates

#: So many records are decoded at once: more of them cost memory and gain nothing.
MAX_GATHERED = 2048

#: For so many nodes the shard is kept.
_MAX_NODES = 1_000_000


class DecodedReports(NamedTuple):
    """What DecodeReports puts out.

    Attributes:
        blocks: (shard of node_id, PM block).
        invalid: candidates for the `invalid` output.
    """

    blocks: beam.PCollection[Keyed]
    invalid: beam.PCollection[Candidates]


@dataclass
class DecodeReports(beam.PTransform):
    """Decodes, checks and flattens PM reports.

    Attributes:
        num_shards: number of node shards; 1 where nothing is keyed by them.
        window_s: W, length of a window.
    """

    num_shards: int
    window_s: int

    @beam.typehints.no_annotations  # Beam knows no hint for several outputs
    def expand(self, records: beam.PCollection) -> DecodedReports:
        """Returns the blocks and the rejections."""
        decode = beam.ParDo(_DecodeFn(self.num_shards, self.window_s))
        decoded = records | "Decode" >> decode.with_outputs(INVALID, main="blocks")
        return DecodedReports(
            blocks=typed(decoded["blocks"], Keyed), invalid=typed(decoded[INVALID], Candidates)
        )


@beam.typehints.with_output_types(Keyed)
class _DecodeFn(beam.DoFn):
    """Decodes the records of a bundle together."""

    def __init__(self, num_shards: int, window_s: int) -> None:
        self._num_shards = num_shards
        self._window_s = window_s
        self._last_order = 0
        self._fast_path = FastPath()
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
            newest_us = max(newest_us, int(records.times_ns.max()) // 1000)
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
        decoded = decode(payloads, order, times_ns, self._fast_path)
        count(REPORTS, decoded.num_reports)
        count(REPORTS_REJECTED, decoded.num_reports_rejected)
        count(COMPONENTS, decoded.num_components)
        count(COMPONENTS_REJECTED, decoded.num_components - decoded.samples.num_samples)
        for rejections in decoded.invalid:
            count_invalid(rejections.reason.name, rejections.number)
            candidates = rejections.kind, (rejections.number, rejections.lines)
            yield beam.pvalue.TaggedOutput(INVALID, _in_global_window(candidates, newest_us))
        turns: Iterable[Samples] = [decoded.samples]
        if times_ns is None:  # from a file, in which all is replayed as it came
            turns = in_turn(decoded.samples, newest_us, self._window_s)
        for turn in turns:
            for window, shard, samples in split_samples(turn, self._shard_of, self._window_s):
                block = Block(BlockKind.PM, samples.columns(), window)
                yield _in_global_window((shard, block.to_bytes()), newest_us)

    def _shard_of(self, node_id: bytes) -> int:
        shard = self._shards.get(node_id)
        if shard is None:
            if len(self._shards) >= _MAX_NODES:
                self._shards.clear()
            shard = self._shards[node_id] = shard_of(node_id, self._num_shards)
        return shard

    def _order(self, records: PmRecords) -> NDArray[np.int64]:
        """Returns the place of each record in the order of all."""
        first = records.first
        if first is None:
            first = max(self._last_order + 1, time.time_ns())
            self._last_order = first + len(records.payloads) - 1
        return np.arange(first, first + len(records.payloads))


def _in_global_window(value: Any, micros: int) -> WindowedValue:
    return WindowedValue(value, Timestamp(micros=micros), (GlobalWindow(),))
