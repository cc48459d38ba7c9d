"""Topology records: how they are parsed, and the contract that each link must keep."""

import itertools
import json
import math

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from schema.topology_pb2 import FiberLink, LinkEnd, Span

#: Defaults of the thresholds, in the order of every array: dark [dBm], FIBER levels 1 to 4 [dB].
THRESHOLD_DEFAULTS: dict[str, float] = {
    "los_dbm": -35.0,
    "degrade_warn_db": 1.0,
    "degrade_db": 3.0,
    "degrade_severe_db": 6.0,
    "cut_db": 10.0,
}


class BadTopologyError(Exception):
    """A topology record that breaks the contract (spec, section 3).

    Attributes:
        link_id: the link, None when it is unknown.
        detail: what is wrong.
    """

    def __init__(self, link_id: str | None, detail: str) -> None:
        """Takes the link and what is wrong with it."""
        super().__init__(link_id, detail)
        self.link_id = link_id
        self.detail = detail


def thresholds_of(span: Span) -> list[float]:
    """Returns the thresholds of a span, defaults filled in."""
    if not span.HasField("thresholds"):
        return list(THRESHOLD_DEFAULTS.values())
    given = span.thresholds
    return [
        getattr(given, name) if given.HasField(name) else default
        for name, default in THRESHOLD_DEFAULTS.items()
    ]


def parse_link(data: bytes, key: str | None = None) -> FiberLink:
    """Reads a binary topology record.

    Args:
        data: a serialized FiberLink.
        key: the key of the record; it names the link where the record itself cannot be read.

    Raises:
        BadTopologyError: it breaks the contract.
    """
    try:
        link = FiberLink.FromString(data)
    except DecodeError as error:
        raise BadTopologyError(key, f"not a FiberLink: {error}") from None
    check_link(link)
    return link


def parse_link_json(line: str) -> FiberLink:
    """Reads a topology record in protobuf's JSON mapping.

    Raises:
        BadTopologyError: it breaks the contract.
    """
    try:
        record = json.loads(line)
    except ValueError as error:
        raise BadTopologyError(None, f"not JSON: {error}") from None
    link_id = record.get("link_id", record.get("linkId")) if isinstance(record, dict) else None
    try:
        link = json_format.ParseDict(record, FiberLink(), ignore_unknown_fields=True)
    except (json_format.ParseError, AttributeError, TypeError, ValueError) as error:
        named = link_id if isinstance(link_id, str) and link_id else None
        raise BadTopologyError(named, f"not a FiberLink: {error}") from None
    check_link(link)
    return link


def check_link(link: FiberLink) -> None:
    """Checks what the contract asks of a link.

    Raises:
        BadTopologyError: it is broken.
    """
    if not link.link_id:
        raise BadTopologyError(None, "no link_id")
    for name, end in (("a_end", link.a_end), ("z_end", link.z_end)):
        problem = None if link.HasField(name) else "is missing"
        if problem := problem or _end_problem(end):
            raise BadTopologyError(link.link_id, f"{name} {problem}")
    for name, span in (("az", link.az), ("za", link.za)):
        if problem := _span_problem(span):
            raise BadTopologyError(link.link_id, f"{name}: {problem}")


def _end_problem(end: LinkEnd) -> str | None:
    for name in ("node_id", "tx_component", "rx_component"):
        if not getattr(end, name):
            return f"has no {name}"
    return None


def _span_problem(span: Span) -> str | None:
    thresholds = thresholds_of(span)
    levels = thresholds[1:]
    if not all(map(math.isfinite, thresholds)):
        return "a threshold is not a finite number"
    if any(lower >= upper for lower, upper in itertools.pairwise(levels)):
        return f"thresholds do not ascend: {levels}"
    for name in ("span_loss_base_db", "span_loss_base_osc_db", "min_span_loss_db",
                 "max_span_loss_db"):  # fmt: skip
        if span.HasField(name) and not math.isfinite(getattr(span, name)):
            return f"{name} is not a finite number"
    bounded = span.HasField("min_span_loss_db") and span.HasField("max_span_loss_db")
    if bounded and span.min_span_loss_db > span.max_span_loss_db:
        return "min_span_loss_db is above max_span_loss_db"
    return None
