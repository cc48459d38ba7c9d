"""Sinks: JSON lines in files, for runs that end."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from operator import itemgetter

import apache_beam as beam
from apache_beam.transforms.trigger import AccumulationMode, AfterWatermark
from apache_beam.transforms.window import GlobalWindows

from pipeline import files
from schema.outputs import EVENTS, INCIDENTS, TRACES, Record

#: By what the lines of an output are sorted where they come in no order.
_ORDER = {
    EVENTS: ("time", "subject"),
    INCIDENTS: ("time", "subject"),
    TRACES: ("window_start", "link_id"),
}


@dataclass(frozen=True)
class FileSinks:
    """One file for each output, one JSON object a line; written whole when the input has ended.

    Attributes:
        paths: file of each output, any path that Beam's FileSystems know; an output without one
            is not written.
        bounded: the input is bounded: lines come in no order, so they are sorted by time.
    """

    paths: dict[str, str]
    bounded: bool

    def prepare(self) -> None:
        """Empties the files, so that a failed run leaves none of an older run.

        Raises:
            NotUsableError: a remote file cannot be written.
            OSError: a local file cannot be written.
        """
        for path in self.paths.values():
            files.write(path, ())

    def asks_for(self, output: str) -> bool:
        """Returns whether an output has a file."""
        return output in self.paths

    def write(self, output: str, records: beam.PCollection[Record]) -> None:
        """Writes the records of an output, if it has a file."""
        if not self.asks_for(output):
            return
        order = _ORDER.get(output) if self.bounded else None
        title = output.capitalize()
        _ = (
            records
            | f"{title}Lines" >> beam.Map(_under_one_key).with_output_types(tuple[int, bytes])
            | f"{title}UntilTheEnd"
            >> beam.WindowInto(
                GlobalWindows(),
                trigger=AfterWatermark(),
                accumulation_mode=AccumulationMode.DISCARDING,
            )
            | f"{title}Together" >> beam.GroupByKey()
            | f"{title}File" >> beam.ParDo(_WriteLinesFn(self.paths[output], order))
        )


def _under_one_key(record: Record) -> tuple[int, bytes]:
    return 0, record[1]


class _WriteLinesFn(beam.DoFn):
    def __init__(self, path: str, order: tuple[str, str] | None) -> None:
        self._path = path
        self._order = order

    def process(self, element: tuple[int, Iterable[bytes]]) -> None:
        lines = list(element[1])
        if not lines:
            return
        if self._order is not None:
            fields = itemgetter(*self._order)
            lines.sort(key=lambda line: fields(json.loads(line)))
        files.write(self._path, (line + b"\n" for line in lines))
