"""Capture files: PmReport messages in order of arrival, each after its length as a varint."""

import logging
import mmap
from collections.abc import Iterable, Iterator
from pathlib import Path

from google.protobuf.message import DecodeError

from schema.errors import NotUsableError
from schema.pm_report_pb2 import PmReport

_log = logging.getLogger("eventcenter")


def write_capture(path: str | Path, payloads: Iterable[bytes]) -> int:
    """Writes serialized reports and returns how many there were."""
    count = 0
    with Path(path).open("wb") as file:
        for payload in payloads:
            file.write(varint(len(payload)) + payload)
            count += 1
    return count


def read_capture(path: str | Path) -> Iterator[bytes]:
    """Yields the records of a capture, unparsed; of one that is cut off, the whole records.

    Raises:
        OSError: the file cannot be read.
    """
    if not Path(path).stat().st_size:
        return
    with (
        Path(path).open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        for start, stop in _frames(data):
            yield data[start:stop]


def check_capture(path: str | Path, name: str | None = None) -> None:
    """Checks that a file is a capture; warns when it is cut off inside a record.

    Args:
        path: where it can be read.
        name: what people call it, if that is not the path.

    Raises:
        NotUsableError: it is not a capture.
        OSError: the file cannot be read.
    """
    size, end, number, any_report = Path(path).stat().st_size, 0, 0, False
    for payload in read_capture(path):
        number += 1
        end += len(varint(len(payload))) + len(payload)
        any_report = any_report or _is_report(payload)
    if end == size:
        return
    if not any_report:
        raise NotUsableError(f"{name or path} is no capture: it holds no delimited PmReport")
    _log.warning(
        "%s is cut off inside a record: the %d whole records are replayed, %d bytes are left over",
        name or path,
        number,
        size - end,
    )


def varint(number: int) -> bytes:
    """Returns a non-negative number in protobuf's varint form."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def _frames(data: mmap.mmap) -> Iterator[tuple[int, int]]:
    at = 0
    while at < len(data):
        length = shift = 0
        while True:
            if at == len(data) or shift > 63:
                return
            byte = data[at]
            at += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        if at + length > len(data):
            return
        yield at, at + length
        at += length


def _is_report(payload: bytes) -> bool:
    try:
        report = PmReport.FromString(payload)
    except DecodeError:
        return False
    return bool(report.node_id) and report.collect_time_unix_ns > 0
