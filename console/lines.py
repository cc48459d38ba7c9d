"""One record or line of input → what is to be recorded (spec, sections 7, 9 and 10)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import orjson

from console.times import to_ms

#: Severities of X.733, ascending; kept as their number.
SEVERITIES = {"warning": 1, "minor": 2, "major": 3, "critical": 4}
SEVERITY_NAMES = {number: name for name, number in SEVERITIES.items()}

_ALARM_ACTIONS = ("RAISE", "CHANGE", "CLEAR", "MATCH")
_INCIDENT_ACTIONS = ("OPEN", "CHANGE", "CLOSE")
_STATES = ("ACTIVE", "CLEARED")
_MAX_SEQUENCE = 2**63 - 1
#: Of a name or id [bytes]; an index of PostgreSQL takes four of that length.
_MAX_NAME_BYTES = 512


@dataclass(frozen=True, slots=True)
class CloudEvent:
    """An event of an alarm or of an incident.

    Attributes:
        is_incident: whose event it is.
        source: the pipeline's name.
        id: of the event.
        subject_id: the alarm_id or incident_id.
        sequence: number of the event in its alarm or incident, from 1 on.
        time_ms: end of the window, or the tick, that made it.
        data: the event's own fields.
        body: the whole event as it came.
    """

    is_incident: bool
    source: str
    id: str
    subject_id: str
    sequence: int
    time_ms: int
    data: dict[str, Any]
    body: str


@dataclass(frozen=True, slots=True)
class Trace:
    """The powers of a link in one window, as they came."""

    source: str
    link_id: str
    window_start_ms: int
    body: str


class BadLineError(ValueError):
    """A line is none of what is expected; the message says why."""


def cloud_event(body: bytes) -> CloudEvent:
    """Returns the event that a record holds.

    Raises:
        BadLineError: it is no event of an alarm or incident.
    """
    event = _object(body)
    kind = _text(event, "type")
    data = event.get("data")
    if not isinstance(data, dict):
        raise BadLineError("data is no object")
    if kind.startswith("eventcenter.fiber."):
        subject_id = _check_alarm(data)
    elif kind.startswith("eventcenter.incident."):
        subject_id = _check_incident(data)
    else:
        raise BadLineError("type is neither eventcenter.fiber. nor eventcenter.incident.")
    return CloudEvent(
        is_incident=kind.startswith("eventcenter.incident."),
        source=_text(event, "source"),
        id=_text(event, "id"),
        subject_id=subject_id,
        sequence=data["sequence"],
        time_ms=_time_ms(event, "time"),
        data=data,
        body=body.decode(),
    )


def trace(body: bytes) -> Trace:
    """Returns the trace that a line holds; a source that is not told is empty.

    Raises:
        BadLineError: it is no trace.
    """
    line = _object(body)
    if not isinstance(line.get("measurement"), dict):
        raise BadLineError("measurement is no object")
    return Trace(
        source=_optional_name(line, "source"),
        link_id=_text(line, "link_id"),
        window_start_ms=_time_ms(line, "window_start"),
        body=body.decode(),
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadLineError(f"no JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadLineError("no JSON object")
    return value


def _check_alarm(data: dict[str, Any]) -> str:
    _check_common(data, _ALARM_ACTIONS)
    for name in ("code", "family"):
        _text(data, name)
    _time_ms(data, "raised_time")
    link = data.get("link")
    if not isinstance(link, dict):
        raise BadLineError("link is no object")
    _text(link, "link_id")
    for name in ("name", "a_end", "z_end"):
        _optional_name(link, name)
    return _text(data, "alarm_id")


def _check_incident(data: dict[str, Any]) -> str:
    _check_common(data, _INCIDENT_ACTIONS)
    _text(data, "kind")
    _time_ms(data, "opened_time")
    alarms = data.get("alarms")
    if not isinstance(alarms, list) or not all(isinstance(a, dict) for a in alarms):
        raise BadLineError("alarms is no list of objects")
    for alarm in alarms:
        _text(alarm, "alarm_id")
    for name in ("links", "nodes", "srlg_ids"):
        values = data.get(name, [])
        if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
            raise BadLineError(f"{name} is no list of texts")
        for value in values:
            _check_name(name, value)
    return _text(data, "incident_id")


def _check_common(data: dict[str, Any], actions: tuple[str, ...]) -> None:
    """Checks what alarms and incidents have in common."""
    sequence = data.get("sequence")
    if type(sequence) is not int or not 1 <= sequence <= _MAX_SEQUENCE:
        raise BadLineError("sequence is no number from 1 on")
    if data.get("action") not in actions:
        raise BadLineError(f"action is none of {', '.join(actions)}")
    if data.get("state") not in _STATES:
        raise BadLineError(f"state is none of {', '.join(_STATES)}")
    if data.get("severity") not in SEVERITIES:
        raise BadLineError(f"severity is none of {', '.join(SEVERITIES)}")
    _time_ms(data, "onset_time")
    _optional_text(data, "text")
    _optional_name(data, "clear_reason")
    _check_services(data.get("impacted_services", []))


def _check_services(services: Any) -> None:
    if not isinstance(services, list) or not all(isinstance(s, dict) for s in services):
        raise BadLineError("impacted_services is no list of objects")
    for service in services:
        _text(service, "service_id")
        _optional_name(service, "customer")
        capacity = service.get("capacity_gbps", 0.0)
        if type(capacity) not in (int, float) or not math.isfinite(capacity):
            raise BadLineError("capacity_gbps is no number")


def _text(fields: dict[str, Any], name: str) -> str:
    """Returns a name or id."""
    value = fields.get(name)
    if not isinstance(value, str) or not value:
        raise BadLineError(f"{name} is no text")
    _check_name(name, value)
    return value


def _optional_text(fields: dict[str, Any], name: str) -> str:
    """Returns a text of any length; empty when it is not told."""
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadLineError(f"{name} is no text")
    _check_no_nul(name, value)
    return value


def _optional_name(fields: dict[str, Any], name: str) -> str:
    """Returns a name or id; empty when it is not told."""
    return _text(fields, name) if fields.get(name) else ""


def _check_name(name: str, value: str) -> None:
    # Twenty in an event, nearly all of them short; a character takes at most 4 bytes.
    if 4 * len(value) > _MAX_NAME_BYTES and len(value.encode()) > _MAX_NAME_BYTES:
        raise BadLineError(f"{name} is longer than {_MAX_NAME_BYTES} bytes")
    _check_no_nul(name, value)


def _check_no_nul(name: str, value: str) -> None:
    # PostgreSQL has no such character in a text.
    if "\0" in value:
        raise BadLineError(f"{name} has a NUL character")


def _time_ms(fields: dict[str, Any], name: str) -> int:
    try:
        return to_ms(_text(fields, name))
    except (ValueError, OverflowError) as error:
        if isinstance(error, BadLineError):
            raise
        raise BadLineError(f"{name} is no RFC 3339 time") from error
