"""Topology records: how they are parsed, and the contract that each link must keep."""

import itertools
import json
import math
from collections.abc import Iterator
from typing import Any

from google.protobuf import json_format
from google.protobuf.message import DecodeError

from schema.times import FIRST_TIME_NS
from schema.topology_pb2 import FiberLink, LifecycleState, LinkEnd, MaintenanceWindow, Span

#: Defaults of the thresholds, in the order of every array: dark [dBm], FIBER levels 1 to 4 [dB].
THRESHOLD_DEFAULTS: dict[str, float] = {
    "los_dbm": -35.0,
    "degrade_warn_db": 1.0,
    "degrade_db": 3.0,
    "degrade_severe_db": 6.0,
    "cut_db": 10.0,
}
#: A power that means "no light" lies in this range [dBm].
LOS_MIN_DBM, LOS_MAX_DBM = -70.0, 0.0

_LOSSES = (
    "span_loss_base_db",
    "span_loss_base_osc_db",
    "engineered_span_loss_db",
    "max_span_loss_db",
    "min_span_loss_db",
)


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


def los_osc_dbm_of(span: Span) -> float | None:
    """Returns at or below which power of the OSC a span is dark; None where that is not set."""
    return span.thresholds.los_osc_dbm if span.thresholds.HasField("los_osc_dbm") else None


def id_of_key(key: bytes | None) -> str | None:
    """Returns the link_id that the key of a record says, if it says one."""
    return key.decode(errors="replace") if key else None


def parse_link(data: bytes, key: bytes | None) -> FiberLink:
    """Reads a binary topology record.

    Args:
        data: a serialized FiberLink.
        key: the key of the record, the link_id in UTF-8; it names the link where the record
            itself cannot be read.

    Raises:
        BadTopologyError: it breaks the contract.
    """
    try:
        link = FiberLink.FromString(data)
    except DecodeError as error:
        raise BadTopologyError(id_of_key(key), f"not a FiberLink: {error}") from None
    check_link(link)
    if link.link_id.encode() != key:
        raise BadTopologyError(link.link_id, f"the key of the record is not the link_id: {key!r}")
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
    named = link_id if isinstance(link_id, str) and link_id else None
    if _names_no_state(record):
        raise BadTopologyError(named, "lifecycle_state is not in the contract")
    try:
        link = json_format.ParseDict(record, FiberLink(), ignore_unknown_fields=True)
    except (json_format.ParseError, AttributeError, TypeError, ValueError) as error:
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
    if problem := next(_problems(link), None):
        raise BadTopologyError(link.link_id, problem)


def _problems(link: FiberLink) -> Iterator[str]:
    for name, end in (("a_end", link.a_end), ("z_end", link.z_end)):
        problem = _end_problem(end) if link.HasField(name) else "is missing"
        if problem:
            yield f"{name} {problem}"
    for name, span in (("az", link.az), ("za", link.za)):
        if problem := _span_problem(span):
            yield f"{name}: {problem}"
    if link.lifecycle_state not in LifecycleState.values():
        yield f"lifecycle_state {link.lifecycle_state} is not in the contract"
    for service in link.services:
        for name in ("capacity_gbps", "central_frequency_thz"):
            if not 0 <= getattr(service, name) < math.inf:
                yield f"service {service.service_id}: {name} is not finite, or below 0"
    for maintenance in link.maintenance:
        if problem := _maintenance_problem(maintenance):
            yield f"maintenance {maintenance.ticket}: {problem}"


def _end_problem(end: LinkEnd) -> str | None:
    for name in ("node_id", "tx_component", "rx_component"):
        if not getattr(end, name):
            return f"has no {name}"
    return None


def _span_problem(span: Span) -> str | None:
    for name in _LOSSES:
        if span.HasField(name) and not 0 < getattr(span, name) < math.inf:
            return f"{name} is not finite and over 0"
    bounded = span.HasField("min_span_loss_db") and span.HasField("max_span_loss_db")
    if bounded and span.min_span_loss_db > span.max_span_loss_db:
        return "min_span_loss_db is above max_span_loss_db"
    los_dbm, *levels = thresholds_of(span)
    if not all(0 < level < math.inf for level in levels):
        return "a threshold is not finite and over 0"
    if any(lower >= upper for lower, upper in itertools.pairwise(levels)):
        return f"thresholds do not ascend: {levels}"
    for name, value in (("los_dbm", los_dbm), ("los_osc_dbm", los_osc_dbm_of(span))):
        if value is not None and not LOS_MIN_DBM <= value <= LOS_MAX_DBM:
            return f"{name} is outside {LOS_MIN_DBM:.0f}..{LOS_MAX_DBM:.0f} dBm"
    return None


def _maintenance_problem(maintenance: MaintenanceWindow) -> str | None:
    start_ns, end_ns = maintenance.start_unix_ns, maintenance.end_unix_ns
    if any(time_ns and time_ns < FIRST_TIME_NS for time_ns in (start_ns, end_ns)):
        return "a time is before 2000-01-01, or not in nanoseconds"
    return "it ends before it starts" if end_ns and end_ns < start_ns else None


def _names_no_state(record: Any) -> bool:
    """Returns whether a record in JSON names a lifecycle_state that the contract does not have.

    A parser that passes over unknown fields passes over such a name, too, and rounds a number.
    """
    if not isinstance(record, dict):
        return False
    names = LifecycleState.keys()
    states = [record.get(name) for name in ("lifecycle_state", "lifecycleState")]
    return any(
        state not in names if isinstance(state, str) else isinstance(state, bool | float)
        for state in states
    )
