"""Sources that replay files: as bounded input, or as a stream with a watermark of its own."""

import itertools
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from kernels.replay_watermark import Halts, watermarks_ns
from kernels.window_bounds import WindowBounds
from pipeline.files import local_copy
from pipeline.graph import PmInput
from schema.capture import read_capture
from schema.records import EventTime, PmRecords
from schema.side_lines import bad_topology_line
from schema.times import LAST_MOMENT_US
from schema.topology_file import TopologyFile
from transforms.decode_reports import MAX_GATHERED
from transforms.sample_lines import Candidates, reject_link

# Number of the first record, and how many there are; a moment [us], and 0.
_GROUP_HEADER = struct.Struct("<qI")


@dataclass(frozen=True)
class _FileSource:
    """What both replays share: the topology is a file, complete before the start.

    Attributes:
        pm_file: capture file, any path that Beam's FileSystems know.
        topology_file: JSON lines of FiberLink, likewise.
    """

    pm_file: str
    topology_file: str

    def topology(self, pipeline: beam.Pipeline) -> TopologyFile:
        """Returns the whole topology."""
        return TopologyFile(self.topology_file, local_copy)

    def invalid(self, pipeline: beam.Pipeline) -> beam.PCollection[Candidates]:
        """Returns the topology lines that break the contract."""
        lines = [bad_topology_line(error) for error in self.topology(pipeline).read().bad]
        return (
            pipeline
            | "BadTopology" >> beam.Create(lines).with_output_types(dict[str, Any])
            | "RejectLinks" >> beam.Map(reject_link).with_output_types(Candidates)
        )


@dataclass(frozen=True)
class BatchReplay(_FileSource):
    """A capture as bounded input: nothing in it is late."""

    event_time = EventTime.BOUNDED

    def read(self, pipeline: beam.Pipeline) -> PmInput:
        """Returns the records in order of arrival."""
        return PmInput(
            pipeline
            | "CaptureFile" >> beam.Create([self.pm_file])
            | "ReadCapture" >> beam.FlatMap(_read_records).with_output_types(PmRecords)
        )


# A timer that is set when event time has ended never fires, and the last windows set timers. So the
# watermark stops at a moment before the end.
_LONG_AFTER = Timestamp(micros=LAST_MOMENT_US)


@dataclass(frozen=True)
class StreamReplay(_FileSource):
    """A capture as a deterministic stream (spec, section 4).

    The reports come in file order. Before each of them the collect times of the reports before it
    set the watermark (`kernels.replay_watermark`). Only at the moments when a window becomes due or
    closes does the watermark make a difference, so reports between two such moments travel as one
    element.

    Attributes:
        bounds: when windows are due and close.
    """

    bounds: WindowBounds

    event_time = EventTime.ANNOUNCED

    def read(self, pipeline: beam.Pipeline) -> PmInput:
        """Returns the records in order of arrival, and the moments that the watermark moves to."""
        now = Timestamp(0)
        stream = TestStream(coder=beam.coders.BytesCoder()).with_output_types(bytes)
        for moment_us, group in self._steps(list(read_capture(local_copy(self.pm_file)))):
            if moment_us is not None:
                stream = stream.add_elements([TimestampedValue(_moment(moment_us), now)])
                now = Timestamp(micros=moment_us)
                stream = stream.advance_watermark_to(now)
            if group is not None:
                stream = stream.add_elements([TimestampedValue(group, now)])
        stream = stream.advance_watermark_to(_LONG_AFTER).advance_watermark_to_infinity()
        elements = pipeline | "StreamReplay" >> stream
        return PmInput(
            elements | "Ungroup" >> beam.FlatMap(_ungroup).with_output_types(PmRecords),
            elements | "Moments" >> beam.FlatMap(_moments).with_output_types(int),
        )

    def _steps(self, payloads: list[bytes]) -> Iterator[tuple[int | None, bytes | None]]:
        """Yields moments that the watermark reaches, each with the records that come then."""
        halts = Halts(self.bounds)
        for moment_us, records, first in self._groups(payloads):
            if moment_us is not None:
                yield from ((us, None) for us in halts.up_to(moment_us) if us < moment_us)
            yield moment_us, _group(first, records)
            for payload in records:
                halts.see(payload)
        yield from ((us, None) for us in halts.up_to(LAST_MOMENT_US))

    def _groups(self, payloads: list[bytes]) -> Iterator[tuple[int | None, list[bytes], int]]:
        """Yields records in groups, the moment that the watermark has reached, and the first."""
        moments = [
            None if watermark_ns is None else self.bounds.last_moment_us(watermark_ns // 1000)
            for watermark_ns in watermarks_ns(payloads)
        ]
        for moment_us, run in itertools.groupby(range(len(payloads)), moments.__getitem__):
            numbers = list(run)
            yield moment_us, payloads[numbers[0] : numbers[-1] + 1], numbers[0]


def _read_records(path: str) -> Iterable[PmRecords]:
    payloads = iter(read_capture(local_copy(path)))
    first = 0
    while some := list(itertools.islice(payloads, MAX_GATHERED)):
        yield PmRecords(some, first)
        first += len(some)


def _group(first: int, payloads: list[bytes]) -> bytes:
    parts = [_GROUP_HEADER.pack(first, len(payloads))]
    for payload in payloads:
        parts += [len(payload).to_bytes(4, "little"), payload]
    return b"".join(parts)


def _moment(moment_us: int) -> bytes:
    return _GROUP_HEADER.pack(moment_us, 0)


def _moments(group: bytes) -> Iterable[int]:
    moment_us, number = _GROUP_HEADER.unpack_from(group)
    if not number:
        yield moment_us


def _ungroup(group: bytes) -> Iterable[PmRecords]:
    first, number = _GROUP_HEADER.unpack_from(group)
    if not number:
        return  # a moment
    at = _GROUP_HEADER.size
    payloads = []
    for _ in range(number):
        length = int.from_bytes(group[at : at + 4], "little")
        payloads.append(group[at + 4 : at + 4 + length])
        at += 4 + length
    yield PmRecords(payloads, first)
