"""Sinks: JSON lines in files, for runs that end."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
from apache_beam.transforms.trigger import AccumulationMode, AfterWatermark
from apache_beam.transforms.window import GlobalWindows

from schema.outputs import EVENTS, Record


@dataclass(frozen=True)
class FileSinks:
    """One file for each output, one JSON object a line; written whole when the input has ended.

    Attributes:
        paths: file of each output; an output without one is not written.
        bounded: the input is bounded: events come in no order, so they are sorted by time.
    """

    paths: dict[str, str]
    bounded: bool

    def prepare(self) -> None:
        """Empties the files, so that a failed run leaves none of an older run.

        Raises:
            OSError: a file cannot be written.
        """
        for path in self.paths.values():
            Path(path).write_bytes(b"")

    def write(self, output: str, records: beam.PCollection[Record]) -> None:
        """Writes the records of an output."""
        if output not in self.paths:
            return
        by_time = self.bounded and output == EVENTS
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
        beside = Path(f"{self._path}.part")
        with beside.open("wb") as file:
            file.writelines(line + b"\n" for line in lines)
        os.replace(beside, self._path)


def _time_and_subject(line: bytes) -> tuple[str, str]:
    event = json.loads(line)
    return event["time"], event["subject"]
