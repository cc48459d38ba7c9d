"""Events in their published form: CloudEvents 1.0, structured JSON (spec, section 7)."""

import math
import uuid
from dataclasses import dataclass
from typing import Any, Self

import orjson

from schema.blocks import DIRECTIONS
from schema.events import (
    CODE_FACTS,
    DIRECTION_NAMES,
    MISMATCH_DB,
    OSC_LOSS_DB,
    Action,
    Code,
    FiberEvent,
    SpanReading,
)
from schema.pm_types import DARK_DBM
from schema.times import rfc3339
from schema.topology import thresholds_of
from schema.topology_pb2 import FiberLink, OpticalService

#: Position of a code's threshold in `thresholds_of`, where the topology has a say in it.
_THRESHOLD_OF = {
    Code.UPSTREAM_POWER_LOSS: 0,
    Code.SIGNAL_LOSS_EQUIPMENT: 0,
    Code.FIBER_DEGRADE_WARN: 1,
    Code.FIBER_DEGRADE: 2,
    Code.FIBER_DEGRADE_SEVERE: 3,
    Code.FIBER_CUT: 4,
}
#: Thresholds that are fixed in the decision rows [dB].
_FIXED_THRESHOLD_DB = {Code.OSC_LOSS: OSC_LOSS_DB, Code.TOPOLOGY_MISMATCH: MISMATCH_DB}
_SERVICE_AFFECTING = (Code.FIBER_CUT, Code.SIGNAL_LOSS_EQUIPMENT)

#: For so many links the facts are kept.
_MAX_FACTS = 100_000


@dataclass(frozen=True)
class _LinkFacts:
    """What every event of a link says of it."""

    link: FiberLink
    ends: dict[str, str]
    services: list[dict[str, Any]]
    capacity_gbps: float
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
            services=[_service(service) for service in link.services],
            capacity_gbps=sum(s.capacity_gbps for s in link.services if not s.protected),
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


def _event_data(event: FiberEvent, of_link: _LinkFacts) -> dict[str, Any]:
    """Returns the `data` of an event."""
    facts, link = CODE_FACTS[event.code], event.link
    onset, time = rfc3339(event.onset_s), rfc3339(event.end_s)
    cleared = event.action == Action.CLEAR
    affecting = event.code in _SERVICE_AFFECTING and bool(of_link.services) and not link.protected
    name = f"{of_link.ends['link_id']}|{facts.family.name}|{onset}"
    return {
        "alarm_id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        "sequence": event.sequence,
        "action": event.action.name,
        "state": "CLEARED" if cleared else "ACTIVE",
        "code": event.code.name,
        "family": facts.family.name,
        "severity": event.severity.name.lower(),
        "previous_severity": event.previous_severity and event.previous_severity.name.lower(),
        "probable_cause": facts.probable_cause,
        "specific_problem": event.specific_problem,
        "direction": DIRECTION_NAMES[event.direction],
        "onset_time": onset,
        "raised_time": rfc3339((event.raised + 1) * event.window_s),
        "changed_time": (
            None if event.changed is None else rfc3339((event.changed + 1) * event.window_s)
        ),
        "cleared_time": time if cleared else None,
        "detected_late": event.detected_late,
        "duration_ms": (event.end_s - event.onset_s) * 1000,
        "link": of_link.ends,
        "measurement": {
            direction: _measurement(reading, event.code, thresholds)
            for direction, reading, thresholds in zip(
                DIRECTIONS, event.spans, of_link.thresholds, strict=True
            )
        },
        "service_affecting": "SERVICE_AFFECTING" if affecting else "NOT_SERVICE_AFFECTING",
        "impacted_services": of_link.services,
        "impacted_capacity_gbps": of_link.capacity_gbps,
        "suppressed": event.suppressed,
        "suppressed_by": event.suppressed_by,
        "protected": link.protected,
        "topology_version": link.version,
        "proposed_repair": facts.proposed_repair,
        "text": _text(event, of_link),
    }


def _text(event: FiberEvent, of_link: _LinkFacts) -> str:
    """Returns the event as one plain sentence."""
    link = event.link
    what = _WORDS[event.code]
    where = f"on {link.name or link.link_id} ({_route(link, event.direction)})"
    since = f"since {rfc3339(event.onset_s)[11:19]} UTC"
    duration_s = event.end_s - event.onset_s
    if event.action == Action.CLEAR:
        return f"{what} {where} is over after {duration_s} s."
    severity = event.severity.name.lower()
    verb = {Action.RAISE: "", Action.MATCH: "", Action.CHANGE: " is now"}[event.action]
    parts = [f"{what} {where}{verb} {severity} {since}" if verb else f"{what} {where} {since}"]
    if loss := _loss_words(event):
        parts.append(loss)
    parts.append(of_link.impact_words)
    text = ", ".join(parts) + "."
    return f"{text} Under maintenance {event.suppressed_by}." if event.suppressed else text


_WORDS = {
    Code.FIBER_DEGRADE_WARN: "Slightly raised loss",
    Code.FIBER_DEGRADE: "Raised loss",
    Code.FIBER_DEGRADE_SEVERE: "Severely raised loss",
    Code.FIBER_CUT: "Fiber cut",
    Code.UPSTREAM_POWER_LOSS: "No power to send",
    Code.SIGNAL_LOSS_EQUIPMENT: "Signal lost in the equipment, fiber sound,",
    Code.OSC_LOSS: "Supervisory channel lost",
    Code.TOPOLOGY_MISMATCH: "More power received than sent",
}


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
    capacity = sum(s.capacity_gbps for s in services if not s.protected)
    number = f"{len(services)} service{'s' if len(services) > 1 else ''}"
    if link.protected or capacity == 0:
        return f"{number} on it, all protected"
    return f"{number} on it, {capacity:g} Gbit/s of them unprotected"


def _measurement(reading: SpanReading, code: Code, thresholds: list[float]) -> dict[str, Any]:
    loss_db = reading.loss_db
    is_lower_bound = reading.rx_dark and not reading.tx_dark and not math.isnan(reading.tx_dbm)
    if is_lower_bound:
        loss_db = reading.tx_dbm - DARK_DBM
    if code in _THRESHOLD_OF:
        threshold_db = thresholds[_THRESHOLD_OF[code]]
    else:
        threshold_db = _FIXED_THRESHOLD_DB[code]
    return {
        "tx_dbm": _power(reading.tx_dbm),
        "rx_dbm": _power(reading.rx_dbm),
        "span_loss_db": _number(loss_db),
        "span_loss_osc_db": _number(reading.loss_osc_db),
        "base_db": _number(reading.base_db),
        "delta_db": _number(reading.delta_db),
        "peak_delta_db": _number(reading.peak_delta_db),
        "threshold_db": threshold_db,
        "loss_is_lower_bound": is_lower_bound,
    }


def _service(service: OpticalService) -> dict[str, Any]:
    return {
        "service_id": service.service_id,
        "och_id": service.och_id,
        "customer": service.customer,
        "central_frequency_thz": service.central_frequency_thz,
        "capacity_gbps": service.capacity_gbps,
        "protected": service.protected,
    }


def _power(value_dbm: float) -> float | None:
    return DARK_DBM if value_dbm == -math.inf else _number(value_dbm)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
