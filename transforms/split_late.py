"""SplitLate: samples that are too late leave here, so that nothing is dropped behind.

In:   (shard of link_id, JOINED block); global window.
Out:  (shard of link_id, ENDS block), timestamp = the window's, shifted by B; global window.
Aside: `late` records, one for each link end that a sample serves.
State: that of the window: which windows of the shifted time line are closed.

Beam drops what comes after the allowed lateness and has no output for it. So the time line is
shifted by B + L: there a window ends exactly when the real one closes for good. With a trigger
that fires at once, a pane says by its timing on which side of that moment its block came:
EARLY = before. A block is handed on before the watermark moves, so the real window, which comes
next, never drops one. Bounded input has no late data: there the step only keeps the powers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.window import GlobalWindows, TimestampedValue
from apache_beam.utils.timestamp import Duration
from apache_beam.utils.windowed_value import PaneInfo, PaneInfoTiming

from kernels.samples import compared_powers, num_span_ends, readings_by_name
from pipeline import outputs
from schema.blocks import END_NAMES, Block, BlockKind
from schema.times import rfc3339
from transforms.lateness import WINDOW_S, Lateness

Keyed = tuple[int, bytes]


@dataclass
class SplitLate(beam.PTransform):
    """Parts the samples whose window is closed from the others.

    Attributes:
        lateness: the bounds B and L.
        farthest_behind_s: how far behind the watermark a block may come, as so long the step
            remembers that a window is closed; None: the input is bounded, nothing is late.
        aside: takes the `late` records.
    """

    lateness: Lateness
    farthest_behind_s: int | None
    aside: outputs.Aside

    def expand(self, joined: beam.PCollection) -> beam.PCollection:
        """Returns the blocks that are in time."""
        if self.farthest_behind_s is None:
            return joined | "KeepPowers" >> beam.ParDo(_KeepPowersFn(self.lateness))
        panes = (
            joined
            | "ShiftToClosing" >> beam.ParDo(_ShiftFn(self.lateness))
            | "ClosingWindow"
            >> beam.WindowInto(
                self.lateness.closing_windows(),
                trigger=AfterWatermark(early=AfterCount(1), late=AfterCount(1)),
                accumulation_mode=AccumulationMode.DISCARDING,
                allowed_lateness=Duration(seconds=self.farthest_behind_s),
            )
            | "AskTheWatermark" >> beam.GroupByKey()
        )
        split = panes | "Split" >> beam.ParDo(_SplitFn(self.lateness)).with_outputs(
            outputs.LATE, main="blocks"
        )
        late = outputs.typed(
            split[outputs.LATE], outputs.Record
        ) | "LateUnwindow" >> beam.WindowInto(GlobalWindows())
        self.aside.add(outputs.LATE, late)
        in_time = outputs.typed(split["blocks"], Keyed)
        return in_time | "Unwindow" >> beam.WindowInto(GlobalWindows())


#: Carries nothing. Timers that a watermark fires leave a bundle of the step behind them open on
#: Flink, which keeps the watermark until the bundle ends; where a bundle is one element, as in a
#: replay, that would be a block that came after the watermark.
_NOTHING = b""


@beam.typehints.with_output_types(Keyed)
class _ShiftFn(beam.DoFn):
    def __init__(self, lateness: Lateness) -> None:
        self._lateness = lateness

    def start_bundle(self) -> None:
        self._is_first = True

    def process(self, element: Keyed) -> Iterable[TimestampedValue]:
        shard, data = element
        start = self._lateness.start_of_closing(Block.from_bytes(data).window_start_s)
        if self._is_first:
            self._is_first = False
            yield TimestampedValue((shard, _NOTHING), start)
        yield TimestampedValue(element, start)


@beam.typehints.with_output_types(Keyed)
class _SplitFn(beam.DoFn):
    def __init__(self, lateness: Lateness) -> None:
        self._lateness = lateness

    def process(
        self,
        element: tuple[int, Iterable[bytes]],
        pane: PaneInfo = beam.DoFn.PaneInfoParam,
    ) -> Iterable[Any]:
        shard, blocks = element
        for data in blocks:  # panes with nothing in them come and go
            if data == _NOTHING:
                continue
            block = Block.from_bytes(data)
            if pane.timing == PaneInfoTiming.EARLY:
                yield _on_time(shard, block, self._lateness)
            else:
                yield from _late_lines(block, self._lateness)


@beam.typehints.with_output_types(Keyed)
class _KeepPowersFn(beam.DoFn):
    def __init__(self, lateness: Lateness) -> None:
        self._lateness = lateness

    def process(self, element: Keyed) -> Iterable[TimestampedValue]:
        yield _on_time(element[0], Block.from_bytes(element[1]), self._lateness)


def _on_time(shard: int, block: Block, lateness: Lateness) -> TimestampedValue:
    ends = Block(BlockKind.ENDS, compared_powers(block.batch), block.window_start_s)
    return TimestampedValue(
        (shard, ends.to_bytes()), lateness.start_of_window(block.window_start_s)
    )


def _late_lines(block: Block, lateness: Lateness) -> Iterator[beam.pvalue.TaggedOutput]:
    outputs.count(outputs.ENDS_LATE, num_span_ends(block.batch))
    closed_at = rfc3339(block.window_start_s + WINDOW_S + lateness.closing_s)
    for row in block.batch.to_pylist():
        line = {
            "node_id": row["node_id"],
            "component": row["component"],
            "link_id": row["link_id"],
            "end": END_NAMES[row["end"]],
            "sample_time_unix_ns": row["sample_time_ns"],
            "window_start": rfc3339(block.window_start_s),
            "closed_at": closed_at,
            "readings": readings_by_name(row["readings"]),
        }
        yield beam.pvalue.TaggedOutput(outputs.LATE, outputs.side_record(line["link_id"], line))
