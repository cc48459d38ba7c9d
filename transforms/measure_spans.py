"""MeasureSpans: both ends of every link in one second → what each span lost.

In:   (shard of link_id, ENDS block), timestamp inside the window of the shifted time line.
Out:  (shard of link_id, SPANS block), one on time per window, then one per report that brings
      late samples, with the links of that report; global window.
State: that of the window: its blocks, until it closes for good (L after it fired).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import pyarrow as pa
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.timestamp import Duration
from apache_beam.utils.windowed_value import PaneInfo, PaneInfoTiming

from kernels.samples import num_span_ends, rows_of_links
from kernels.span_loss import measure_spans, new_samples
from pipeline import outputs
from schema.blocks import ALL_REPORTS, SCHEMAS, Block, BlockKind
from transforms.lateness import Lateness

Keyed = tuple[int, bytes]


@dataclass
class MeasureSpans(beam.PTransform):
    """Compares both ends of every link in windows of one second.

    Attributes:
        lateness: the bounds B and L.
    """

    lateness: Lateness

    def expand(self, ends: beam.PCollection) -> beam.PCollection:
        """Returns SPANS blocks."""
        return (
            ends
            | "Window"
            >> beam.WindowInto(
                self.lateness.windows(),
                trigger=AfterWatermark(late=AfterCount(1)),
                accumulation_mode=AccumulationMode.ACCUMULATING,
                allowed_lateness=Duration(seconds=self.lateness.allowed_lateness_s),
            )
            | "BothEnds" >> beam.GroupByKey()
            | "Measure" >> beam.ParDo(_MeasureFn())
            | "Unwindow" >> beam.WindowInto(GlobalWindows())
        )


@beam.typehints.with_output_types(Keyed)
class _MeasureFn(beam.DoFn):
    def process(
        self,
        element: tuple[int, Iterable[bytes]],
        pane: PaneInfo = beam.DoFn.PaneInfoParam,
    ) -> Iterable[Keyed]:
        shard, data = element
        blocks = [Block.from_bytes(d) for d in data]
        if not blocks or (pane.index > 0 and pane.is_last):
            return []  # nothing new: some runners repeat a window when it closes
        if pane.index > 0 or pane.timing == PaneInfoTiming.LATE:
            return _late(shard, blocks)
        rows = _concat(blocks)
        outputs.count(outputs.ENDS_WINDOWED, num_span_ends(rows))
        return [(shard, _measured(rows, blocks[0].window_start_s, ALL_REPORTS))]


def _late(shard: int, blocks: list[Block]) -> Iterator[Keyed]:
    """Yields a measurement for each report that brings something new.

    The trigger fires for each late block, and blocks stay in order of arrival: the last is new.
    """
    known, newest = blocks[:-1], blocks[-1]
    outputs.count(outputs.ENDS_WINDOWED, num_span_ends(newest.batch))
    for report, reported in _by_report(newest.batch):
        rows = new_samples(reported, [block.batch for block in known])
        if rows.num_rows:
            known.append(Block(BlockKind.ENDS, rows, newest.window_start_s))
            concerned = rows_of_links(_concat(known), rows.column("link_id"))
            yield shard, _measured(concerned, newest.window_start_s, report)


def _measured(rows: pa.RecordBatch, window_s: int, report: int) -> bytes:
    return Block(BlockKind.SPANS, measure_spans(rows), window_s, report).to_bytes()


def _concat(blocks: list[Block]) -> pa.RecordBatch:
    if len(blocks) == 1:
        return blocks[0].batch
    table = pa.Table.from_batches([b.batch for b in blocks], schema=SCHEMAS[BlockKind.ENDS])
    return table.combine_chunks().to_batches()[0]


def _by_report(rows: pa.RecordBatch) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yields the rows of each report, in order of arrival."""
    report = rows.column("report").to_numpy()
    for number in sorted(set(report.tolist())):
        yield number, rows.filter(pa.array(report == number))
