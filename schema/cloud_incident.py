"""Incidents in their published form: CloudEvents 1.0, structured JSON (spec, section 9)."""

from collections.abc import Sequence
from typing import Any

from schema.cloud_event import CODE_WORDS, affecting_name, service_data
from schema.events import DIRECTION_NAMES
from schema.incidents import (
    CABLE_CUT,
    NODE_SILENT,
    AlarmState,
    IncidentAction,
    IncidentEvent,
    IncidentFacts,
)
from schema.times import rfc3339

#: So many names of nodes, shared risks or customers stand in a text; of more, their number.
_MAX_NAMES = 3


def cloud_incident(event: IncidentEvent, source: str) -> dict[str, Any]:
    """Returns an incident with its CloudEvents envelope.

    Args:
        event: of the incident.
        source: name of the pipeline.
    """
    kind, action = event.facts.kind.lower(), event.action.name.lower()
    return {
        "specversion": "1.0",
        "id": f"{event.incident_id}:{event.sequence}",
        "source": source,
        "type": f"eventcenter.incident.{kind}.{action}",
        "subject": event.incident_id,
        "time": _time(event, event.tick),
        "datacontenttype": "application/json",
        "data": _data(event),
    }


def _data(event: IncidentEvent) -> dict[str, Any]:
    is_closed = event.action == IncidentAction.CLOSE
    facts, root = event.facts, event.root
    return {
        "incident_id": event.incident_id,
        "sequence": event.sequence,
        "action": event.action.name,
        "state": "CLEARED" if is_closed else "ACTIVE",
        "kind": facts.kind,
        "severity": facts.severity.name.lower(),
        "onset_time": rfc3339(event.onset * event.window_s),
        "opened_time": _time(event, event.opened),
        "changed_time": None if event.changed is None else _time(event, event.changed),
        "closed_time": _time(event, event.tick) if is_closed else None,
        "duration_ms": _duration_s(event) * 1000,
        "root": {
            "alarm_id": root.alarm_id,
            "link_id": root.link.link_id,
            "family": root.family.name,
            "code": root.code.name,
        },
        "alarms": [_alarm(event, alarm) for alarm in event.alarms],
        "links": _links(event),
        "nodes": list(event.nodes),
        "srlg_ids": list(event.srlg_ids),
        "service_affecting": affecting_name(facts.is_affecting),
        "impacted_services": [service_data(service) for service in facts.services],
        "impacted_capacity_gbps": facts.capacity_gbps,
        "suppressed": facts.is_suppressed,
        "text": _text(event),
    }


def _alarm(event: IncidentEvent, alarm: AlarmState) -> dict[str, Any]:
    return {
        "alarm_id": alarm.alarm_id,
        "link_id": alarm.link.link_id,
        "family": alarm.family.name,
        "code": alarm.code.name,
        "severity": alarm.severity.name.lower(),
        "direction": DIRECTION_NAMES[alarm.direction],
        "state": "ACTIVE" if alarm.is_active else "CLEARED",
        "onset_time": rfc3339(alarm.onset * event.window_s),
        "role": "ROOT" if alarm is event.root else "CHILD",
    }


def _time(event: IncidentEvent, tick: int) -> str:
    return rfc3339((tick + 1) * event.window_s)


def _duration_s(event: IncidentEvent) -> int:
    return (event.tick + 1 - event.onset) * event.window_s


def _links(event: IncidentEvent) -> list[str]:
    return sorted({alarm.link.link_id for alarm in event.alarms})


def _text(event: IncidentEvent) -> str:
    """Returns the incident as one plain sentence."""
    what = f"{_what(event)} {_where(event)}"
    number = f"{_number(len(event.alarms), 'alarm')} on {_number(len(_links(event)), 'link')}"
    if event.action == IncidentAction.CLOSE:
        return f"{what} is closed {_duration_s(event)} s after its onset: {number}."
    if cleared := sum(not alarm.is_active for alarm in event.alarms):
        number += f" ({cleared} cleared)"
    now = f" is now {event.facts.severity.name.lower()}," if event.sequence > 1 else ""
    onset = rfc3339(event.onset * event.window_s)
    since = f"since {onset[:10]} {onset[11:19]} UTC"
    work = ", all under work" if event.facts.is_suppressed else ""
    return f"{what}{now} {since}: {number}, {_impact(event.facts)}{work}."


def _what(event: IncidentEvent) -> str:
    kind = event.facts.kind
    if kind == CABLE_CUT:
        risks = f" ({_names(event.srlg_ids, 'shared risk')})" if event.srlg_ids else ""
        return f"Cable cut{risks}"
    if kind == NODE_SILENT:
        return f"No PM data of {_names(event.nodes, 'node')}"
    # As last published; the root of a CLOSE may have another code by now.
    return next(words for code, words in CODE_WORDS.items() if code.name == kind)


def _where(event: IncidentEvent) -> str:
    link = event.root.link
    where = f"on {link.name or link.link_id} ({link.a_end.node_id} and {link.z_end.node_id})"
    if others := len(_links(event)) - 1:
        where += f" and {_number(others, 'more link')}"
    return where


def _impact(facts: IncidentFacts) -> str:
    if not facts.services:
        return "no service on what is hit"
    number = _number(len(facts.services), "service")
    customers = sorted({service.customer for service in facts.services} - {""})
    whose = f" of {_names(customers, 'customer')}" if customers else ""
    exposed = sum(not service.protected for service in facts.services)
    if not exposed:
        return f"{number}{whose} hit, each protected"
    capacity_gbps = facts.capacity_gbps
    told = f" ({capacity_gbps:g} Gbit/s)" if capacity_gbps else ""
    return f"{number}{whose} hit, {exposed} without protection of their own{told}"


def _number(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _names(names: Sequence[str], what: str) -> str:
    """Returns names as a list in words; where there are many, how many."""
    if len(names) > _MAX_NAMES:
        return _number(len(names), what)
    said = " and ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else names[0]
    return f"{what}{'s' if len(names) > 1 else ''} {said}"
