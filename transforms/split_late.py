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
import numpy as np
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.window import GlobalWindows, TimestampedValue
from apache_beam.utils.timestamp import Duration
from apache_beam.utils.windowed_value import PaneInfo, PaneInfoTiming

from kernels.samples import num_span_ends, readings_by_name
from kernels.served import names_of
from pipeline import outputs
from schema.blocks import END_NAMES, Block, readings_of, window_of, with_ends_only
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
        start = self._lateness.start_of_closing(window_of(data))
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
            if pane.timing == PaneInfoTiming.EARLY:
                yield _on_time(shard, data, self._lateness)
            else:
                yield from _late_lines(Block.from_bytes(data), self._lateness)


@beam.typehints.with_output_types(Keyed)
class _KeepPowersFn(beam.DoFn):
    def __init__(self, lateness: Lateness) -> None:
        self._lateness = lateness

    def process(self, element: Keyed) -> Iterable[TimestampedValue]:
        yield _on_time(*element, self._lateness)


def _on_time(shard: int, joined: bytes, lateness: Lateness) -> TimestampedValue:
    start = lateness.start_of_window(window_of(joined))
    return TimestampedValue((shard, with_ends_only(joined)), start)


def _late_lines(block: Block, lateness: Lateness) -> Iterator[beam.pvalue.TaggedOutput]:
    columns = block.columns
    outputs.count(outputs.ENDS_LATE, num_span_ends(columns["role"]))
    closed_at = rfc3339(block.window_start_s + WINDOW_S + lateness.closing_s)
    readings = readings_by_name(readings_of(columns), np.arange(block.num_rows))
    for report, (component, link_id), end, sample_time_ns, reading in zip(
        columns["report"].tolist(),
        names_of(columns),
        columns["end"].tolist(),
        columns["sample_time_ns"].tolist(),
        readings,
        strict=True,
    ):
        line = {
            "node_id": columns["node_id"][report].decode(),
            "component": component,
            "link_id": link_id,
            "end": END_NAMES[end],
            "sample_time_unix_ns": sample_time_ns,
            "window_start": rfc3339(block.window_start_s),
            "closed_at": closed_at,
            "readings": reading,
        }
        yield beam.pvalue.TaggedOutput(outputs.LATE, outputs.side_record(link_id, line))
