"""MeasureSpans: both ends of every link in one second → what each span lost.

In:   (shard of link_id, ENDS block), timestamp inside the window of the shifted time line.
Out:  (shard of link_id, SPANS block), one on time per window, then one per report that brings
      late samples, with the links of that report; global window.
State: that of the window: its blocks, until it closes for good (L after it fired).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
import numpy as np
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.window import GlobalWindows
from apache_beam.utils.timestamp import Duration
from apache_beam.utils.windowed_value import PaneInfo, PaneInfoTiming

from kernels.samples import num_span_ends
from kernels.span_loss import concat_ends, measure_spans, new_samples, pick_ends
from pipeline import outputs
from schema.blocks import ALL_REPORTS, Block, BlockKind
from schema.columns import Columns
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
        if pane.index > 0 and pane.is_last:
            return []  # nothing new: some runners repeat a window when it closes
        blocks = [Block.from_bytes(d) for d in data]
        if not blocks:
            return []
        if pane.index > 0 or pane.timing == PaneInfoTiming.LATE:
            return _late(shard, blocks)
        rows = concat_ends([block.columns for block in blocks])
        outputs.count(outputs.ENDS_WINDOWED, num_span_ends(rows["role"]))
        return [(shard, _measured(rows, blocks[0].window_start_s, ALL_REPORTS))]


def _late(shard: int, blocks: list[Block]) -> Iterator[Keyed]:
    """Yields a measurement for each report that brings something new.

    The trigger fires for each late block, and blocks stay in order of arrival: the last is new.
    """
    known, newest = [block.columns for block in blocks[:-1]], blocks[-1].columns
    outputs.count(outputs.ENDS_WINDOWED, num_span_ends(newest["role"]))
    order = newest["order"][newest["report"]]
    for report in np.unique(order).tolist():
        rows = new_samples(pick_ends(newest, order == report), known)
        if len(rows["link"]):
            known.append(rows)
            every = concat_ends(known)
            concerned = pick_ends(every, np.isin(every["link"], rows["link"]))
            yield shard, _measured(concerned, blocks[-1].window_start_s, report)


def _measured(rows: Columns, window_s: int, report: int) -> bytes:
    return Block(BlockKind.SPANS, measure_spans(rows), window_s, report).to_bytes()
