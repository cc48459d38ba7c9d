"""SampleLines: of each kind of line the first 100 of the run, then 1 in 1,000 (spec, section 2).

In:   (kind, (number of lines, the first of them)), global window.
Out:  records of a side output; global window.
State: how many lines there were so far, by kind, for good: one number each.

All are counted where they come from. What comes together brings its first lines only, so a flood of
them costs little: any of them will do for those that are written later.
"""

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.coders import VarIntCoder
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from schema.outputs import Record
from schema.side_lines import WRITTEN_IN_FULL, Reason, side_record
from transforms.outputs import count_invalid

__all__ = ["Candidates", "SampleLines", "reject_link", "written"]

#: (kind, (number of lines, the first of them)).
Candidates = tuple[str, tuple[int, list[dict[str, Any]]]]

#: Behind those that are written in full, one in so many is written.
ONE_OF = 1000


class SampleLines(beam.PTransform):
    """Thins out the lines of a side output, each kind by itself."""

    def expand(self, candidates: beam.PCollection) -> beam.PCollection:
        """Returns the records."""
        return candidates | "Sample" >> beam.ParDo(_SampleFn())


@beam.typehints.with_input_types(Candidates)
@beam.typehints.with_output_types(Record)
class _SampleFn(beam.DoFn):
    SEEN = ReadModifyWriteStateSpec("seen", VarIntCoder())

    def process(
        self,
        element: Candidates,
        seen: Any = beam.DoFn.StateParam(SEEN),
    ) -> Iterable[Record]:
        _, (number, lines) = element
        first = seen.read() or 0
        seen.write(first + number)
        for at in written(first, number):
            line = lines[at % len(lines)]
            yield side_record(line.get("link_id") or line["node_id"], line)


def reject_link(line: dict[str, Any]) -> Candidates:
    """Counts the line of a topology record that breaks the contract, and returns it."""
    count_invalid(Reason.BAD_TOPOLOGY.name)
    return Reason.BAD_TOPOLOGY.name, (1, [line])


def written(first: int, number: int) -> Iterable[int]:
    """Yields which of `number` lines to write, after `first` earlier ones."""
    yield from range(max(0, min(number, WRITTEN_IN_FULL - first)))
    # The sampled ones stand at 100 + 1000 - 1, 100 + 2000 - 1, …
    beyond = max(first - WRITTEN_IN_FULL, 0)
    next_one = WRITTEN_IN_FULL + (beyond // ONE_OF + 1) * ONE_OF - 1
    yield from range(next_one - first, number, ONE_OF)
