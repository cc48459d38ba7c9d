"""Files that a replay reads: captures and topologies."""

import functools
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from schema.pm_report_pb2 import PmReport
from schema.topology import BadTopologyError, parse_link_json
from schema.topology_pb2 import FiberLink

_log = logging.getLogger("eventcenter")


class NotUsableError(Exception):
    """A file is not what it should be; the message says which and why, in one line."""


@dataclass(frozen=True)
class Topology:
    """A topology file.

    Attributes:
        links: the links in force, by link_id.
        bad: what the file holds beside them.
    """

    links: dict[str, FiberLink]
    bad: list[BadTopologyError]


@functools.lru_cache(maxsize=4)
def read_topology(path: str) -> Topology:
    """Reads JSON lines of FiberLink; of several versions of a link the highest, last one holds.

    Raises:
        NotUsableError: no line is a JSON object.
        OSError: the file cannot be read.
    """
    links: dict[str, FiberLink] = {}
    bad: list[BadTopologyError] = []
    lines = [line for line in Path(path).read_bytes().splitlines() if line.strip()]
    if lines and not any(_is_json_object(line) for line in lines):
        raise NotUsableError(f"{path} is no topology: no line is a JSON object")
    for line in lines:
        try:
            link = parse_link_json(line.decode(errors="replace"))
        except BadTopologyError as error:
            bad.append(error)
            continue
        known = links.get(link.link_id)
        if known is None or link.version >= known.version:
            links[link.link_id] = link
    return Topology(links, bad)


def bad_topology_line(error: BadTopologyError) -> dict[str, Any]:
    """Returns the line of the invalid output."""
    return {
        "reason": "BAD_TOPOLOGY",
        "node_id": None,
        "component": None,
        "type": None,
        "detail": error.detail,
        "payload_base64": None,
        "link_id": error.link_id,
    }


@dataclass(frozen=True)
class Capture:
    """A capture file: varint-length-delimited PmReport messages in arrival order.

    Attributes:
        payloads: the complete records.
        num_left_over: bytes behind them that are no complete record.
    """

    payloads: list[bytes]
    num_left_over: int


def read_capture(path: str) -> Capture:
    """Reads the records of a capture file, parsed or not.

    Raises:
        OSError: the file cannot be read.
    """
    data = memoryview(Path(path).read_bytes())
    payloads, end = [], 0
    for start, stop in _frames(data):
        payloads.append(bytes(data[start:stop]))
        end = stop
    return Capture(payloads, len(data) - end)


def check_capture(path: str) -> None:
    """Checks that a file is a capture; says so when it is cut off inside a record.

    Raises:
        NotUsableError: it is none.
        OSError: the file cannot be read.
    """
    capture = read_capture(path)
    if not capture.num_left_over:
        return
    if not any(_is_report(payload) for payload in capture.payloads):
        raise NotUsableError(f"{path} is no capture: it holds no delimited PmReport")
    _log.warning(
        "%s is cut off inside a record: the %d whole records are replayed, %d bytes are left over",
        path,
        len(capture.payloads),
        capture.num_left_over,
    )


def _is_report(payload: bytes) -> bool:
    try:
        report = PmReport.FromString(payload)
    except DecodeError:
        return False
    return bool(report.node_id) and report.collect_time_unix_ns > 0


def _frames(data: memoryview) -> Iterator[tuple[int, int]]:
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


def _is_json_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
