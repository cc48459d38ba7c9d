"""Sinks: JSON lines in files, for runs that end."""

import json
from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.transforms.trigger import AccumulationMode, AfterWatermark
from apache_beam.transforms.window import GlobalWindows

from pipeline import files
from schema.outputs import EVENTS, INCIDENTS, Record


@dataclass(frozen=True)
class FileSinks:
    """One file for each output, one JSON object a line; written whole when the input has ended.

    Attributes:
        paths: file of each output, any path that Beam's FileSystems know; an output without one
            is not written.
        bounded: the input is bounded: events come in no order, so they and the incidents are
            sorted by time.
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

    def wants(self, output: str) -> bool:
        """Returns whether an output is written."""
        return output in self.paths

    def write(self, output: str, records: beam.PCollection[Record]) -> None:
        """Writes the records of an output."""
        if output not in self.paths:
            return
        by_time = self.bounded and output in (EVENTS, INCIDENTS)
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
            | f"{title}File" >> beam.ParDo(_WriteLinesFn(self.paths[output], by_time))
        )


def _under_one_key(record: Record) -> tuple[int, bytes]:
    return 0, record[1]


class _WriteLinesFn(beam.DoFn):
    def __init__(self, path: str, by_time: bool) -> None:
        self._path = path
        self._by_time = by_time

    def process(self, element: tuple[int, Iterable[bytes]]) -> None:
        lines = list(element[1])
        if not lines:
            return
        if self._by_time:
            lines.sort(key=_time_and_subject)
        files.write(self._path, (line + b"\n" for line in lines))


def _time_and_subject(line: bytes) -> tuple[str, str]:
    event = json.loads(line)
    return event["time"], event["subject"]
