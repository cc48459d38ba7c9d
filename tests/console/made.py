"""Events, incidents and traces in their published form, for tests of the console."""

from __future__ import annotations

import uuid
from typing import Any

import orjson

from schema.times import rfc3339

#: A second that the tests count from.
START_S = 1_780_000_000
FAMILIES = {
    "FIBER_CUT": "FIBER",
    "FIBER_DEGRADE": "FIBER",
    "FIBER_DEGRADE_SEVERE": "FIBER",
    "OSC_LOSS": "OSC",
    "PM_DATA_MISSING": "DATA",
}
SEVERITIES = {
    "FIBER_CUT": "critical",
    "FIBER_DEGRADE": "minor",
    "FIBER_DEGRADE_SEVERE": "major",
    "OSC_LOSS": "minor",
    "PM_DATA_MISSING": "warning",
}
STATES = {"RAISE": "ACTIVE", "CHANGE": "ACTIVE", "MATCH": "ACTIVE", "CLEAR": "CLEARED"}


def time_at(second: float) -> str:
    return rfc3339(START_S + second)


def alarm_id_of(link_id: str, family: str, onset: float) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{link_id}|{family}|{time_at(onset)}"))


def service(service_id: str, **fields: Any) -> dict[str, Any]:
    return {
        "service_id": service_id,
        "och_id": f"och-{service_id}",
        "customer": "Bank",
        "central_frequency_thz": 193.1,
        "capacity_gbps": 100.0,
        "protected": False,
        **fields,
    }


def alarm_event(
    link_id: str = "L1",
    action: str = "RAISE",
    *,
    sequence: int = 1,
    at: float = 2,
    onset: float = 0,
    code: str = "FIBER_CUT",
    source: str = "center",
    **data: Any,
) -> dict[str, Any]:
    """Returns an event of an alarm; times are seconds from START_S on."""
    alarm_id = data.pop("alarm_id", alarm_id_of(link_id, FAMILIES[code], onset))
    cleared = STATES[action] == "CLEARED"
    fields = {
        "alarm_id": alarm_id,
        "sequence": sequence,
        "action": action,
        "state": STATES[action],
        "clear_reason": "NORMAL" if cleared else None,
        "code": code,
        "family": FAMILIES[code],
        "severity": SEVERITIES[code],
        "previous_severity": None,
        "probable_cause": "lossOfSignal",
        "specific_problem": None,
        "direction": "BOTH",
        "onset_time": time_at(onset),
        "raised_time": time_at(onset + 2),
        "changed_time": time_at(at) if action == "CHANGE" else None,
        "cleared_time": time_at(at) if cleared else None,
        "ended_time": time_at(at - 1) if cleared else None,
        "detected_late": False,
        "duration_ms": int((at - onset) * 1000),
        "link": {"link_id": link_id, "name": f"Route {link_id}", "a_end": "N1", "z_end": "N2"},
        "measurement": {"AZ": _measurement(), "ZA": _measurement()},
        "service_affecting": "SERVICE_AFFECTING",
        "impacted_services": [service("S1")],
        "impacted_capacity_gbps": 100.0,
        "suppressed": False,
        "suppressed_by": None,
        "protected": False,
        "topology_version": 1,
        "proposed_repair": "Locate the cut with an OTDR and send a splicing team.",
        "text": f"Fiber cut on Route {link_id}.",
        **data,
    }
    return {
        "specversion": "1.0",
        "id": f"{alarm_id}:{sequence}",
        "source": source,
        "type": f"eventcenter.fiber.{code.lower()}.{action.lower()}",
        "subject": link_id,
        "time": time_at(at),
        "datacontenttype": "application/json",
        "data": fields,
    }


def _measurement() -> dict[str, Any]:
    return {
        "tx_dbm": 1.0,
        "rx_dbm": -40.0,
        "span_loss_db": 41.0,
        "span_loss_osc_db": None,
        "base_db": 20.0,
        "delta_db": 21.0,
        "peak_delta_db": 21.0,
        "threshold_db": 10.0,
        "loss_is_lower_bound": True,
    }


def incident_event(
    alarms: list[dict[str, Any]],
    action: str = "OPEN",
    *,
    sequence: int = 1,
    at: float = 5,
    source: str = "center",
    **data: Any,
) -> dict[str, Any]:
    """Returns an event of an incident whose root is the first of the alarms' events."""
    root = alarms[0]["data"]
    incident_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"incident|{root['alarm_id']}"))
    members = [
        {
            "alarm_id": of["alarm_id"],
            "link_id": of["link"]["link_id"],
            "family": of["family"],
            "code": of["code"],
            "severity": of["severity"],
            "direction": of["direction"],
            "state": of["state"],
            "onset_time": of["onset_time"],
            "role": "ROOT" if of is root else "CHILD",
        }
        for of in (event["data"] for event in alarms)
    ]
    closed = action == "CLOSE"
    fields = {
        "incident_id": incident_id,
        "sequence": sequence,
        "action": action,
        "state": "CLEARED" if closed else "ACTIVE",
        "kind": "CABLE_CUT",
        "severity": "critical",
        "onset_time": root["onset_time"],
        "opened_time": time_at(5),
        "changed_time": time_at(at) if action == "CHANGE" else None,
        "closed_time": time_at(at) if closed else None,
        "duration_ms": int(at * 1000),
        "root": {n: members[0][n] for n in ("alarm_id", "link_id", "family", "code")},
        "alarms": members,
        "links": sorted({m["link_id"] for m in members}),
        "nodes": [],
        "srlg_ids": ["duct-1"],
        "service_affecting": True,
        "impacted_services": root["impacted_services"],
        "impacted_capacity_gbps": 100.0,
        "suppressed": False,
        "text": f"Cable cut: {len(members)} links.",
        **data,
    }
    return {
        "specversion": "1.0",
        "id": f"{incident_id}:{sequence}",
        "source": source,
        "type": f"eventcenter.incident.{fields['kind'].lower()}.{action.lower()}",
        "subject": incident_id,
        "time": time_at(at),
        "datacontenttype": "application/json",
        "data": fields,
    }


def trace_line(link_id: str, second: float, loss_db: float | None = 20.0) -> dict[str, Any]:
    span = {
        "tx_dbm": 1.0,
        "rx_dbm": None if loss_db is None else 1.0 - loss_db,
        "tx_osc_dbm": None,
        "rx_osc_dbm": None,
        "span_loss_db": loss_db,
        "span_loss_osc_db": None,
        "base_db": 20.0,
        "code": "FIBER_CUT" if loss_db is None else "NORMAL",
        "tx_dark": False,
        "rx_dark": loss_db is None,
    }
    return {
        "link_id": link_id,
        "window_start": time_at(second),
        "alarm_ids": [],
        "measurement": {"AZ": span, "ZA": span},
    }


def lines(*values: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(value) + b"\n" for value in values)
