"""Oracle, part 3: the data of an event."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from schema import topology_pb2 as topo
from schema.topology_pb2 import FiberLink, MaintenanceWindow
from tests.oracle_input import SECOND
from tests.oracle_span import CODE_OF, DIRECTIONS, SpanWindow, span_of, threshold_db

SEVERITIES = ("critical", "major", "minor", "warning")  # highest first
SEVERITY = {
    "FIBER_CUT": "critical",
    "FIBER_DEGRADE_SEVERE": "major",
    "SIGNAL_LOSS_EQUIPMENT": "major",
    "LINK_DARK": "major",
    "FIBER_DEGRADE": "minor",
    "SIGNAL_DEGRADE": "minor",
    "OSC_LOSS": "minor",
    "SPAN_LOSS_OUT_OF_RANGE": "minor",
    "FIBER_JITTER": "minor",
    "FIBER_DEGRADE_WARN": "warning",
    "UPSTREAM_POWER_LOSS": "warning",
    "TOPOLOGY_MISMATCH": "warning",
    "PM_DATA_MISSING": "warning",
}
PROBABLE_CAUSE = {
    "FIBER_CUT": "lossOfSignal",
    "SIGNAL_LOSS_EQUIPMENT": "lossOfSignal",
    "LINK_DARK": "lossOfSignal",
    "FIBER_DEGRADE_SEVERE": "opticalPowerDegraded",
    "FIBER_DEGRADE": "opticalPowerDegraded",
    "FIBER_DEGRADE_WARN": "opticalPowerDegraded",
    "SIGNAL_DEGRADE": "opticalPowerDegraded",
    "FIBER_JITTER": "opticalPowerDegraded",
    "UPSTREAM_POWER_LOSS": "serverSignalFail",
    "OSC_LOSS": "lossOfSignalOSC",
    "TOPOLOGY_MISMATCH": "equipmentMiscabledConnection",
    "PM_DATA_MISSING": "communicationsSubsystemFailure",
}
RANGE_CAUSE = {
    "high": "otsSpanlossPowerOutOfSpecificationHigh",
    "low": "vendorExtension",
}

Decided = Mapping[int, Mapping[str, SpanWindow]]  # window -> direction -> decision


@dataclass
class Standing:
    """How one span stands in one family."""

    level: int = 0
    count_from: int = 0  # the count towards a fall starts after this window


@dataclass
class Alarm:
    """One alarm of a (link, family), or one match, as its last event says."""

    family: str
    onset: int  # number of a window
    level: int = 0
    directions: set[str] = field(default_factory=set)
    sequence: int = 0
    severity: str | None = None
    raised_time: str | None = None
    changed_time: str | None = None
    suppressed: bool = False
    all_suppressed: bool = True
    event_window: int = 0
    problem: str | None = None  # specific_problem, in the families DATA and RANGE

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


def work_on(
    link: FiberLink, directions: Iterable[str], window: int, window_s: int, decided: Decided
) -> str | None:
    """Returns what work a window is under for an alarm that names some spans; None for none."""
    maintenance = maintenance_of(link, window * window_s)
    if maintenance is not None:
        return maintenance.ticket or "maintenance"
    if link.lifecycle_state == topo.MAINTENANCE:
        return "lifecycle MAINTENANCE"
    if window in decided and any(decided[window][d].powers.maint for d in directions):
        return "admin-state MAINT"
    return None


def carries_unprotected(link: FiberLink) -> bool:
    return any(not service.protected for service in link.services)


def severity_of(link: FiberLink, code: str) -> str:
    """Returns the severity of a code on a link.

    It is one step lower, but not below warning, if the link is protected or carries no service
    that is not protected.
    """
    step = SEVERITIES.index(SEVERITY[code])
    if link.protected or not carries_unprotected(link):
        step = min(step + 1, len(SEVERITIES) - 1)
    return SEVERITIES[step]


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
    problem: str | None = None,
    clear_reason: str | None = None,
    ended: int | None = None,
) -> dict[str, Any]:
    """Returns the alarm's next event, at a window, and updates the alarm with it.

    Args:
        link: the topology in force.
        alarm: level and directions are those of the event.
        action: RAISE, CHANGE, CLEAR or MATCH.
        window: the window of the event.
        decided: the decisions as they stand.
        window_s: length of a window.
        late: a late evaluation makes it.
        source: name of the pipeline.
        problem: specific_problem in the families DATA and RANGE.
        clear_reason: of a CLEAR.
        ended: of a CLEAR, the window with whose start the trouble was over.
    """
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
    work = work_on(link, alarm.directions, window, window_s, decided)
    alarm.suppressed = work is not None and (action != "CLEAR" or alarm.all_suppressed)
    alarm.all_suppressed &= alarm.suppressed
    alarm.event_window = window
    if alarm.family not in ("DATA", "RANGE"):
        problem = _specific_problem(code, alarm.directions, decided.get(window, {}))
    cause = RANGE_CAUSE[str(problem)] if alarm.family == "RANGE" else PROBABLE_CAUSE[code]

    onset_time = window_time(alarm.onset, window_s)
    alarm_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{link.link_id}|{alarm.family}|{onset_time}"))
    is_outage = code in ("FIBER_CUT", "SIGNAL_LOSS_EQUIPMENT", "LINK_DARK")
    affecting = is_outage and not link.protected and carries_unprotected(link)
    data = {
        "alarm_id": alarm_id,
        "sequence": alarm.sequence,
        "action": action,
        "state": "CLEARED" if action == "CLEAR" else "ACTIVE",
        "clear_reason": clear_reason,
        "code": code,
        "family": alarm.family,
        "severity": alarm.severity,
        "previous_severity": previous_severity,
        "probable_cause": cause,
        "specific_problem": problem,
        "direction": alarm.direction,
        "onset_time": onset_time,
        "raised_time": alarm.raised_time,
        "changed_time": alarm.changed_time,
        "cleared_time": time if action == "CLEAR" else None,
        "ended_time": None if ended is None else window_time(ended, window_s),
        "detected_late": late,
        "duration_ms": (window + 1 - alarm.onset) * window_s * 1000,
        "link": {
            "link_id": link.link_id,
            "name": link.name,
            "a_end": link.a_end.node_id,
            "z_end": link.z_end.node_id,
        },
        "measurement": {
            direction: _measurement(link, direction, code, problem, alarm.onset, window, decided)
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
        "suppressed_by": work if alarm.suppressed else None,
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
    """Returns what the window adds to a code, on any span of the event's direction."""
    spans = [window[d] for d in directions if d in window]
    if code == "FIBER_CUT" and any(span.osc_not_available for span in spans):
        return "osc-not-available"
    if code == "TOPOLOGY_MISMATCH" and any(span.below_base for span in spans):
        return "loss-below-base"
    return None


def missing_parts(window: Mapping[str, SpanWindow]) -> str:
    """Returns the parts of a link that told no reading in a window."""
    az, za = window["AZ"].powers, window["ZA"].powers
    parts = (("A tx", az.t_told), ("A rx", za.r_told), ("Z tx", za.t_told), ("Z rx", az.r_told))
    return ",".join(part for part, told in parts if not told)


def _measurement(
    link: FiberLink,
    direction: str,
    code: str,
    problem: str | None,
    onset: int,
    window: int,
    decided: Decided,
) -> dict[str, Any]:
    """Returns what an event says of a span: readings, losses and limits of its window."""
    since_onset = (decided[w][direction].delta_db for w in decided if onset <= w <= window)
    said = {
        "peak_delta_db": max((d for d in since_onset if d is not None), default=None),
        "threshold_db": threshold_db(span_of(link, direction), code, problem),
    }
    if window not in decided:  # the link is gone, and with it what is read
        nothing = ("tx_dbm", "rx_dbm", "span_loss_db", "span_loss_osc_db", "base_db", "delta_db")
        return _rounded({**dict.fromkeys(nothing), **said, "loss_is_lower_bound": False})
    span_window = decided[window][direction]
    powers = span_window.powers
    measured = {
        "tx_dbm": powers.t.value if powers.t else None,
        "rx_dbm": powers.r.value if powers.r else None,
        "span_loss_db": span_window.shown_loss_db,
        "span_loss_osc_db": span_window.osc_loss_db,
        "base_db": span_window.base_db,
        "delta_db": span_window.delta_db,
        **said,
        "loss_is_lower_bound": span_window.loss_is_lower_bound,
    }
    return _rounded(measured)


def _rounded(measurement: dict[str, Any]) -> dict[str, Any]:
    """Rounds numbers in dB and dBm to 0.01."""
    return {
        name: round(value, 2) + 0.0 if isinstance(value, float) else value
        for name, value in measurement.items()
    }
