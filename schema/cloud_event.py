"""Events in their published form: CloudEvents 1.0, structured JSON (spec, section 7)."""

import math
from dataclasses import dataclass
from typing import Any, Self

import orjson

from schema.blocks import DIRECTIONS
from schema.decibels import rounded
from schema.events import (
    CODE_FACTS,
    DIRECTION_NAMES,
    LOW_LOSS_CAUSE,
    MISMATCH_DB,
    OSC_LOSS_DB,
    Action,
    ClearReason,
    Code,
    FiberEvent,
    SpanReading,
    is_service_affecting,
)
from schema.pm_types import DARK_DBM
from schema.times import rfc3339
from schema.topology import thresholds_of
from schema.topology_pb2 import FiberLink, OpticalService, Span

#: Position of a code's threshold in `thresholds_of`, where the topology has a say in it.
_THRESHOLD_OF = {
    Code.UPSTREAM_POWER_LOSS: 0,
    Code.SIGNAL_LOSS_EQUIPMENT: 0,
    Code.LINK_DARK: 0,
    Code.FIBER_DEGRADE_WARN: 1,
    Code.FIBER_JITTER: 1,
    Code.FIBER_DEGRADE: 2,
    Code.SIGNAL_DEGRADE: 2,
    Code.FIBER_DEGRADE_SEVERE: 3,
    Code.FIBER_CUT: 4,
}
#: Thresholds that are fixed in the decision rows [dB].
_FIXED_THRESHOLD_DB = {Code.OSC_LOSS: OSC_LOSS_DB, Code.TOPOLOGY_MISMATCH: MISMATCH_DB}

#: For so many links the facts are kept.
_MAX_FACTS = 100_000


@dataclass(frozen=True)
class _LinkFacts:
    """What every event of a link says of it."""

    link: FiberLink
    ends: dict[str, str]
    services: list[dict[str, Any]]
    capacity_gbps: float
    spans: tuple[Span, Span]
    thresholds: tuple[list[float], list[float]]
    impact_words: str

    @classmethod
    def of(cls, link: FiberLink) -> Self:
        return cls(
            link=link,
            ends={
                "link_id": link.link_id,
                "name": link.name,
                "a_end": link.a_end.node_id,
                "z_end": link.z_end.node_id,
            },
            services=[service_data(service) for service in link.services],
            capacity_gbps=sum(s.capacity_gbps for s in link.services if not s.protected),
            spans=(link.az, link.za),
            thresholds=(thresholds_of(link.az), thresholds_of(link.za)),
            impact_words=_impact_words(link),
        )


def to_json(value: dict[str, Any]) -> bytes:
    """Returns one line of JSON, UTF-8."""
    return orjson.dumps(value)


class CloudEvents:
    """Brings events into their published form."""

    def __init__(self, source: str) -> None:
        """Takes the name of the pipeline, `source` of every event."""
        self._source = source
        self._facts: dict[str, _LinkFacts] = {}

    def of(self, event: FiberEvent) -> dict[str, Any]:
        """Returns an event with its CloudEvents envelope."""
        data = _event_data(event, self._facts_of(event.link))
        return {
            "specversion": "1.0",
            "id": f"{data['alarm_id']}:{event.sequence}",
            "source": self._source,
            "type": f"eventcenter.fiber.{event.code.name.lower()}.{event.action.name.lower()}",
            "subject": data["link"]["link_id"],
            "time": rfc3339(event.end_s),
            "datacontenttype": "application/json",
            "data": data,
        }

    def _facts_of(self, link: FiberLink) -> _LinkFacts:
        """Returns the facts of a link; those of an unchanged link are gathered once."""
        facts = self._facts.get(link.link_id)
        if facts is None or facts.link != link:
            if len(self._facts) >= _MAX_FACTS:
                self._facts.clear()
            facts = self._facts[link.link_id] = _LinkFacts.of(link)
        return facts


def affecting_name(is_affecting: bool) -> str:
    """Returns `service_affecting` in its published form."""
    return "SERVICE_AFFECTING" if is_affecting else "NOT_SERVICE_AFFECTING"


def _event_data(event: FiberEvent, of_link: _LinkFacts) -> dict[str, Any]:
    """Returns the `data` of an event."""
    facts, link = CODE_FACTS[event.code], event.link
    onset, time = rfc3339(event.onset_s), rfc3339(event.end_s)
    cleared = event.action == Action.CLEAR
    return {
        "alarm_id": event.alarm_id,
        "sequence": event.sequence,
        "action": event.action.name,
        "state": "CLEARED" if cleared else "ACTIVE",
        "clear_reason": event.clear_reason and event.clear_reason.name,
        "code": event.code.name,
        "family": facts.family.name,
        "severity": event.severity.name.lower(),
        "previous_severity": event.previous_severity and event.previous_severity.name.lower(),
        "probable_cause": _probable_cause(event),
        "specific_problem": event.specific_problem,
        "direction": DIRECTION_NAMES[event.direction],
        "onset_time": onset,
        "raised_time": rfc3339((event.raised + 1) * event.window_s),
        "changed_time": (
            None if event.changed is None else rfc3339((event.changed + 1) * event.window_s)
        ),
        "cleared_time": time if cleared else None,
        "ended_time": None if event.ended is None else rfc3339(event.ended * event.window_s),
        "detected_late": event.detected_late,
        "duration_ms": (event.end_s - event.onset_s) * 1000,
        "link": of_link.ends,
        "measurement": {
            direction: _measurement(reading, _threshold_db(event, span, thresholds))
            for direction, reading, span, thresholds in zip(
                DIRECTIONS, event.spans, of_link.spans, of_link.thresholds, strict=True
            )
        },
        "service_affecting": affecting_name(is_service_affecting(event.code, link)),
        "impacted_services": of_link.services,
        "impacted_capacity_gbps": of_link.capacity_gbps,
        "suppressed": event.suppressed,
        "suppressed_by": event.suppressed_by,
        "protected": link.protected,
        "topology_version": link.version,
        "proposed_repair": facts.proposed_repair,
        "text": _text(event, of_link),
    }


def _probable_cause(event: FiberEvent) -> str:
    is_low = event.code == Code.SPAN_LOSS_OUT_OF_RANGE and event.specific_problem == "low"
    return LOW_LOSS_CAUSE if is_low else CODE_FACTS[event.code].probable_cause


def _threshold_db(event: FiberEvent, span: Span, thresholds: list[float]) -> float | None:
    """Returns the threshold of the event's code on a span: a loss [dB], or when light is lost."""
    code = event.code
    if code in _THRESHOLD_OF:
        return thresholds[_THRESHOLD_OF[code]]
    if code == Code.SPAN_LOSS_OUT_OF_RANGE:
        name = "max_span_loss_db" if event.specific_problem == "high" else "min_span_loss_db"
        return getattr(span, name) if span.HasField(name) else None
    return _FIXED_THRESHOLD_DB.get(code)


def _text(event: FiberEvent, of_link: _LinkFacts) -> str:
    """Returns the event as one plain sentence, and a second one about work on the link."""
    link = event.link
    what = _what(event)
    where = f"on {link.name or link.link_id} ({_route(link, event.direction)})"
    if event.action == Action.CLEAR:
        return f"{what} {where} {_over(event)}."
    since = f"since {rfc3339(event.onset_s)[11:19]} UTC"
    severity = event.severity.name.lower()
    now = f" is now {severity}" if event.action == Action.CHANGE else ""
    parts = [f"{what} {where}{now} {since}"]
    if loss := _loss_words(event):
        parts.append(loss)
    parts.append(of_link.impact_words)
    text = ", ".join(parts) + "."
    return f"{text} Under work: {event.suppressed_by}." if event.suppressed else text


def _over(event: FiberEvent) -> str:
    """Returns how an alarm ended."""
    assert event.ended is not None
    lasted_s = max(event.ended - event.onset, 0) * event.window_s
    return {
        ClearReason.LINK_REMOVED: f"is closed after {lasted_s} s: the link was removed",
        ClearReason.ADMIN_DOWN: f"is closed after {lasted_s} s: the link was taken out of service",
    }.get(event.clear_reason or ClearReason.NORMAL, f"is over after {lasted_s} s")


#: Each code in words.
CODE_WORDS = {
    Code.FIBER_DEGRADE_WARN: "Slightly raised loss",
    Code.FIBER_DEGRADE: "Raised loss",
    Code.FIBER_DEGRADE_SEVERE: "Severely raised loss",
    Code.FIBER_CUT: "Fiber cut",
    Code.UPSTREAM_POWER_LOSS: "No power to send",
    Code.SIGNAL_DEGRADE: "Signal weakened in the equipment, fiber sound,",
    Code.SIGNAL_LOSS_EQUIPMENT: "Signal lost in the equipment, fiber sound,",
    Code.LINK_DARK: "No light at either end (cut, or power lost on both sides: no OSC to tell)",
    Code.OSC_LOSS: "Supervisory channel lost",
    Code.TOPOLOGY_MISMATCH: "More power received than sent",
    Code.PM_DATA_MISSING: "No PM data",
    Code.SPAN_LOSS_OUT_OF_RANGE: "Loss out of its bounds",
    Code.FIBER_JITTER: "Loss comes and goes",
}
_WORDS_OF_PROBLEM = {
    "osc-not-available": "Fiber cut (no OSC to confirm it)",
    "loss-below-base": "Loss far below its base",
    "high": "Loss above its upper bound",
    "low": "Loss below its lower bound",
}


def _what(event: FiberEvent) -> str:
    """Returns what the problem is, and what is known of it."""
    problem = event.specific_problem
    if event.code == Code.PM_DATA_MISSING and problem:
        return f"No PM data of {problem.replace(',', ', ')}"
    return _WORDS_OF_PROBLEM.get(problem or "", CODE_WORDS[event.code])


def _route(link: FiberLink, direction: int) -> str:
    a, z = link.a_end.node_id, link.z_end.node_id
    return {1: f"{a} to {z}", 2: f"{z} to {a}", 3: f"{a} and {z}, both directions"}[direction]


def _loss_words(event: FiberEvent) -> str | None:
    deltas = [
        (name, reading.delta_db)
        for bit, name, reading in zip((1, 2), DIRECTIONS, event.spans, strict=True)
        if event.direction & bit and not math.isnan(reading.delta_db)
    ]
    if not deltas or CODE_FACTS[event.code].family.name != "FIBER":
        return None
    return " and ".join(f"{delta:.1f} dB above base {name}" for name, delta in deltas)


def _impact_words(link: FiberLink) -> str:
    services = link.services
    if not services:
        return "no service on it"
    number = f"{len(services)} service{'s' if len(services) > 1 else ''} on it"
    if link.protected:
        return f"{number}, the link is protected"
    exposed = [service for service in services if not service.protected]
    if not exposed:
        return f"{number}, all protected"
    capacity_gbps = sum(service.capacity_gbps for service in exposed)
    told = f" ({capacity_gbps:g} Gbit/s)" if capacity_gbps else ""
    return f"{number}, {len(exposed)} of them unprotected{told}"


def _measurement(reading: SpanReading, threshold_db: float | None) -> dict[str, Any]:
    loss_db = reading.loss_db
    is_lower_bound = reading.rx_dark and not reading.tx_dark and not math.isnan(reading.tx_dbm)
    if is_lower_bound:
        loss_db = reading.tx_dbm - DARK_DBM
    return {
        "tx_dbm": _power(reading.tx_dbm),
        "rx_dbm": _power(reading.rx_dbm),
        "span_loss_db": rounded(loss_db),
        "span_loss_osc_db": rounded(reading.loss_osc_db),
        "base_db": rounded(reading.base_db),
        "delta_db": rounded(reading.delta_db),
        "peak_delta_db": rounded(reading.peak_delta_db),
        "threshold_db": None if threshold_db is None else rounded(threshold_db),
        "loss_is_lower_bound": is_lower_bound,
    }


def service_data(service: OpticalService) -> dict[str, Any]:
    """Returns a service in its published form."""
    return {
        "service_id": service.service_id,
        "och_id": service.och_id,
        "customer": service.customer,
        "central_frequency_thz": service.central_frequency_thz,
        "capacity_gbps": service.capacity_gbps,
        "protected": service.protected,
    }


def _power(value_dbm: float) -> float | None:
    return DARK_DBM if value_dbm == -math.inf else rounded(value_dbm)
