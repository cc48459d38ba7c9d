"""Oracle, part 3: the data of an event."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from schema.topology_pb2 import FiberLink, MaintenanceWindow, Span
from tests.oracle_input import SECOND
from tests.oracle_span import CODE_OF, DIRECTIONS, SpanWindow, threshold_db

SEVERITIES = ("critical", "major", "minor", "warning")  # highest first
SEVERITY = {
    "FIBER_CUT": "critical",
    "FIBER_DEGRADE_SEVERE": "major",
    "SIGNAL_LOSS_EQUIPMENT": "major",
    "FIBER_DEGRADE": "minor",
    "OSC_LOSS": "minor",
    "FIBER_DEGRADE_WARN": "warning",
    "UPSTREAM_POWER_LOSS": "warning",
    "TOPOLOGY_MISMATCH": "warning",
}
PROBABLE_CAUSE = {
    "FIBER_CUT": "lossOfSignal",
    "SIGNAL_LOSS_EQUIPMENT": "lossOfSignal",
    "FIBER_DEGRADE_SEVERE": "opticalPowerDegraded",
    "FIBER_DEGRADE": "opticalPowerDegraded",
    "FIBER_DEGRADE_WARN": "opticalPowerDegraded",
    "UPSTREAM_POWER_LOSS": "serverSignalFail",
    "OSC_LOSS": "lossOfSignalOSC",
    "TOPOLOGY_MISMATCH": "equipmentMiscabledConnection",
}

Decided = Mapping[int, Mapping[str, SpanWindow]]  # window -> direction -> decision


@dataclass
class Alarm:
    """One alarm of a (link, family), or one match."""

    family: str
    onset: int  # number of a window
    level: int
    directions: set[str]
    count_from: int  # the count towards a clear starts after this window
    sequence: int = 0
    severity: str | None = None  # of the last event
    raised_time: str | None = None
    changed_time: str | None = None
    suppressed: bool = False  # whether the last event was
    event_window: int = 0  # of the last event

    @property
    def direction(self) -> str:
        return "BOTH" if len(self.directions) == 2 else next(iter(self.directions))


def rfc3339(time_ns: int) -> str:
    """Returns a time in RFC 3339, UTC, with milliseconds."""
    moment = datetime(1970, 1, 1) + timedelta(microseconds=time_ns // 1000)
    return moment.isoformat(timespec="milliseconds") + "Z"


def window_time(window: int, window_s: int) -> str:
    """Returns the start of a window."""
    return rfc3339(window * window_s * SECOND)


def maintenance_of(link: FiberLink, start_s: int) -> MaintenanceWindow | None:
    """Returns the maintenance that a window starts in: start inclusive, end exclusive."""
    for maintenance in link.maintenance:
        start_ns, end_ns = maintenance.start_unix_ns, maintenance.end_unix_ns  # 0 = open
        if start_ns <= start_s * SECOND and (end_ns == 0 or start_s * SECOND < end_ns):
            return maintenance
    return None


def severity_of(link: FiberLink, code: str) -> str:
    """Returns the severity of a code on a link.

    It is one step lower, but not below warning, if the link is protected or carries no service.
    """
    step = SEVERITIES.index(SEVERITY[code])
    if link.protected or not link.services:
        step = min(step + 1, len(SEVERITIES) - 1)
    return SEVERITIES[step]


def span_of(link: FiberLink, direction: str) -> Span:
    return link.az if direction == "AZ" else link.za


def publish(
    link: FiberLink,
    alarm: Alarm,
    action: str,
    window: int,
    decided: Decided,
    *,
    window_s: int,
    late: bool,
    source: str,
) -> dict[str, Any]:
    """Returns the alarm's next event, at a window, and updates the alarm with it."""
    time = window_time(window + 1, window_s)
    code = CODE_OF[alarm.family, alarm.level]
    previous_severity = alarm.severity
    alarm.sequence += 1
    if action != "CLEAR":  # a CLEAR carries the severity it cleared from
        alarm.severity = severity_of(link, code)
    if action in ("RAISE", "MATCH"):
        alarm.raised_time = time
    if action == "CHANGE":
        alarm.changed_time = time
    maintenance = maintenance_of(link, window * window_s)
    alarm.suppressed = maintenance is not None
    alarm.event_window = window

    onset_time = window_time(alarm.onset, window_s)
    alarm_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{link.link_id}|{alarm.family}|{onset_time}"))
    is_outage = code in ("FIBER_CUT", "SIGNAL_LOSS_EQUIPMENT")
    affecting = is_outage and not link.protected and len(link.services) > 0
    data = {
        "alarm_id": alarm_id,
        "sequence": alarm.sequence,
        "action": action,
        "state": "CLEARED" if action == "CLEAR" else "ACTIVE",
        "code": code,
        "family": alarm.family,
        "severity": alarm.severity,
        "previous_severity": previous_severity,
        "probable_cause": PROBABLE_CAUSE[code],
        "specific_problem": _specific_problem(code, alarm.directions, decided[window]),
        "direction": alarm.direction,
        "onset_time": onset_time,
        "raised_time": alarm.raised_time,
        "changed_time": alarm.changed_time,
        "cleared_time": time if action == "CLEAR" else None,
        "detected_late": late,
        "duration_ms": (window + 1 - alarm.onset) * window_s * 1000,
        "link": {
            "link_id": link.link_id,
            "name": link.name,
            "a_end": link.a_end.node_id,
            "z_end": link.z_end.node_id,
        },
        "measurement": {
            direction: _measurement(link, direction, code, alarm.onset, window, decided)
            for direction in DIRECTIONS
        },
        "service_affecting": "SERVICE_AFFECTING" if affecting else "NOT_SERVICE_AFFECTING",
        "impacted_services": [
            {
                "service_id": service.service_id,
                "och_id": service.och_id,
                "customer": service.customer,
                "central_frequency_thz": service.central_frequency_thz,
                "capacity_gbps": service.capacity_gbps,
                "protected": service.protected,
            }
            for service in link.services
        ],
        "impacted_capacity_gbps": sum(
            (service.capacity_gbps for service in link.services if not service.protected), 0.0
        ),
        "suppressed": alarm.suppressed,
        "suppressed_by": (maintenance.ticket or None) if maintenance else None,
        "protected": link.protected,
        "topology_version": link.version,
    }
    return {
        "specversion": "1.0",
        "id": f"{alarm_id}:{alarm.sequence}",
        "source": source,
        "type": f"eventcenter.fiber.{code.lower()}.{action.lower()}",
        "subject": link.link_id,
        "time": time,
        "datacontenttype": "application/json",
        "data": data,
    }


def _specific_problem(
    code: str, directions: Iterable[str], window: Mapping[str, SpanWindow]
) -> str | None:
    """Returns what row 5 adds to a cut, on any span of its direction in the event's window."""
    if code == "FIBER_CUT" and any(window[d].osc_not_available for d in directions):
        return "osc-not-available"
    return None


def _measurement(
    link: FiberLink, direction: str, code: str, onset: int, window: int, decided: Decided
) -> dict[str, Any]:
    """Returns what an event says of a span: readings, losses and limits of its window."""
    span_window = decided[window][direction]
    powers = span_window.powers
    since_onset = (decided[w][direction].delta_db for w in decided if onset <= w <= window)
    return {
        "tx_dbm": powers.t.value if powers.t else None,
        "rx_dbm": powers.r.value if powers.r else None,
        "span_loss_db": span_window.shown_loss_db,
        "span_loss_osc_db": span_window.osc_loss_db,
        "base_db": span_window.base_db,
        "delta_db": span_window.delta_db,
        "peak_delta_db": max((d for d in since_onset if d is not None), default=None),
        "threshold_db": threshold_db(span_of(link, direction), code),
        "loss_is_lower_bound": span_window.loss_is_lower_bound,
    }
