"""SampleUnmatched: keeps the first 100 samples in no link, then 1 in 1,000 (spec, section 3).

In:   (0, (number of samples, lines of the first of them)), global window.
Out:  `unmatched` records; global window.
State: how many samples there were so far, under one key, as the job has one sequence of them.
"""

from collections.abc import Iterable
from typing import Any

import apache_beam as beam
from apache_beam.coders import VarIntCoder
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from schema.outputs import Record
from schema.side_lines import side_record

#: (0, (number of samples, lines of the first of them)).
Candidates = tuple[int, tuple[int, list[dict[str, Any]]]]

#: So many are written in full, and one in so many after that.
WRITTEN_IN_FULL, ONE_OF = 100, 1000


class SampleUnmatched(beam.PTransform):
    """Thins out the unmatched samples; JoinTopology counts all of them."""

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
            # A long block brings its first lines only; any of them will do.
            line = lines[at % len(lines)]
            yield side_record(line["node_id"], line)


def written(first: int, number: int) -> Iterable[int]:
    """Yields which of `number` samples to write, after `first` earlier ones."""
    yield from range(max(0, min(number, WRITTEN_IN_FULL - first)))
    # The sampled ones stand at 100 + 1000 - 1, 100 + 2000 - 1, …
    beyond = max(first - WRITTEN_IN_FULL, 0)
    next_one = WRITTEN_IN_FULL + (beyond // ONE_OF + 1) * ONE_OF - 1
    yield from range(next_one - first, number, ONE_OF)
