"""GatherWindows: samples at link ends → the samples of a window, both ends of each link together.

In:   (shard of link_id, ENDS block), on the time line that is shifted forward by B; global window.
Out:  (shard of link_id, WINDOW block): all that a window holds when it is due; and, as ENDS blocks,
      what comes for it after that; timestamp = end of the window on that time line; global window.
Window: fixed, W seconds. Trigger: the watermark, then each late element; allowed lateness L; what
      has fired is discarded.
State: Beam's own: the blocks of windows that are not due yet.

JoinTopology lets no block of a closed window through, so Beam drops nothing here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.window import FixedWindows, GlobalWindows
from apache_beam.utils.timestamp import Duration

from kernels.window_bounds import WindowBounds
from schema.blocks import NO_WINDOW, Block, BlockKind, due_of, window_of
from transforms.outputs import Keyed

__all__ = ["GatherWindows", "gathered"]


@dataclass
class GatherWindows(beam.PTransform):
    """Groups the samples of each window by shard.

    Attributes:
        bounds: when windows are due and close.
    """

    bounds: WindowBounds

    def expand(self, ends: beam.PCollection[Keyed]) -> beam.PCollection[Keyed]:
        """Returns the samples, window by window."""
        window_s = self.bounds.window_s
        windowed = ends | "Window" >> beam.WindowInto(
            FixedWindows(window_s, offset=self.bounds.out_of_orderness_s % window_s),
            trigger=AfterWatermark(late=AfterCount(1)),
            allowed_lateness=Duration.of(self.bounds.allowed_lateness_s),
            accumulation_mode=AccumulationMode.DISCARDING,
        )
        gathered = windowed | "Group" >> beam.GroupByKey() | "Gather" >> beam.ParDo(_GatherFn())
        return gathered | "Unwindow" >> beam.WindowInto(GlobalWindows())


@beam.typehints.with_output_types(Keyed)
class _GatherFn(beam.DoFn):
    """Makes one element of all that has come in time."""

    def process(self, element: tuple[int, Iterable[bytes]]) -> Iterable[Keyed]:
        shard, blocks = element
        return [(shard, block) for block in gathered(blocks)]


def gathered(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Yields what came for a window before it was due as one WINDOW block, then the late ones.

    Args:
        blocks: ENDS blocks of one window, in wire form; none when the window closes.
    """
    in_time: list[bytes] = []
    late: list[bytes] = []
    for block in blocks:
        (in_time if due_of(block) == NO_WINDOW else late).append(block)
    if in_time:
        yield Block(BlockKind.WINDOW, {"ends": in_time}, window_of(in_time[0])).to_bytes()
    yield from late
