"""Events → rows of the tables."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

import orjson

from console.lines import SEVERITIES, CloudEvent
from console.store.names import incident_parts
from console.store.spans import lasted
from console.times import to_ms

_SERVICE_AFFECTING = "SERVICE_AFFECTING"


def event_row(event: CloudEvent) -> dict[str, Any]:
    """Returns the row of an event."""
    data = event.data
    return {
        "source": event.source,
        "id": event.id,
        "subject_id": event.subject_id,
        "sequence": event.sequence,
        "time_ms": event.time_ms,
        "state": data["state"],
        "severity": SEVERITIES[data["severity"]],
        "code": data["kind"] if event.is_incident else data["code"],
        "suppressed": data.get("suppressed") is True,
        "body": event.body,
    }


def alarm_row(event: CloudEvent) -> dict[str, Any]:
    """Returns the row of an alarm as its event says it is, without what operators did."""
    data = event.data
    link = data["link"]
    cleared = data["state"] == "CLEARED"
    raised_ms, ended_ms = to_ms(data["raised_time"]), event.time_ms if cleared else None
    return {
        "source": event.source,
        "alarm_id": event.subject_id,
        "sequence": event.sequence,
        "state": data["state"],
        "clear_reason": data.get("clear_reason") if cleared else None,
        "severity": SEVERITIES[data["severity"]],
        "code": data["code"],
        "family": data["family"],
        "link_id": link["link_id"],
        "a_end": link.get("a_end") or "",
        "z_end": link.get("z_end") or "",
        "onset_ms": to_ms(data["onset_time"]),
        "raised_ms": raised_ms,
        "time_ms": event.time_ms,
        "cleared_ms": ended_ms,
        "lasted": lasted(raised_ms, ended_ms),
        "superseded_ms": None,
        "suppressed": data.get("suppressed") is True,
        "service_affecting": data.get("service_affecting") == _SERVICE_AFFECTING,
        "services_crc": zlib.crc32(orjson.dumps(data.get("impacted_services", []))),
        "data": orjson.dumps(data).decode(),
    }


def service_rows(event: CloudEvent) -> list[dict[str, Any]]:
    """Returns a row for each service of an alarm; of a service named twice, the last."""
    rows = {
        service["service_id"]: {
            "source": event.source,
            "alarm_id": event.subject_id,
            "service_id": service["service_id"],
            "customer": service.get("customer") or "",
            "capacity_gbps": float(service.get("capacity_gbps", 0.0)),
            "protected": service.get("protected") is True,
        }
        for service in event.data.get("impacted_services", [])
    }
    return list(rows.values())


def incident_row(event: CloudEvent) -> dict[str, Any]:
    """Returns the row of an incident as its event says it is."""
    data = event.data
    opened_ms = to_ms(data["opened_time"])
    closed_ms = event.time_ms if data["state"] == "CLEARED" else None
    return {
        "source": event.source,
        "incident_id": event.subject_id,
        "sequence": event.sequence,
        "state": data["state"],
        "severity": SEVERITIES[data["severity"]],
        "kind": data["kind"],
        "opened_ms": opened_ms,
        "time_ms": event.time_ms,
        "closed_ms": closed_ms,
        "lasted": lasted(opened_ms, closed_ms),
        "suppressed": data.get("suppressed") is True,
        "service_affecting": data.get("service_affecting") in (True, _SERVICE_AFFECTING),
        "data": orjson.dumps(data).decode(),
    }


def part_rows(event: CloudEvent) -> Iterator[dict[str, Any]]:
    """Yields a row for each thing that an incident names."""
    for what, value in incident_parts(event.data):
        yield {
            "source": event.source,
            "incident_id": event.subject_id,
            "what": what,
            "value": value,
        }
