"""What is no event, incident or trace is told from one, with a reason."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from console.lines import BadLineError, cloud_event, trace
from tests.console.made import START_S, alarm_event, incident_event, trace_line


def changed(event: dict[str, Any], **fields: Any) -> bytes:
    """Returns an event with other fields: `data__x` is field x of its data."""
    event = orjson.loads(orjson.dumps(event))
    for name, value in fields.items():
        place = event
        *path, last = name.split("__")
        for part in path:
            place = place[part]
        place[last] = value
    return orjson.dumps(event)


BAD_EVENTS = {
    "no JSON": b"{",
    "no JSON object": b"[1]",
    "no JSON: ": b'{"a": NaN}',
    "id is no text": changed(alarm_event(), id=""),
    "type is neither": changed(alarm_event(), type="other.thing"),
    "time is no RFC 3339 time": changed(alarm_event(), time="yesterday"),
    "data is no object": changed(alarm_event(), data=None),
    "sequence is no number from 1 on": changed(alarm_event(), data__sequence=True),
    "sequence is no number": changed(alarm_event(), data__sequence=0),
    "action is none of RAISE": changed(alarm_event(), data__action="OPEN"),
    "action is none of OPEN": changed(incident_event([alarm_event()]), data__action="RAISE"),
    "severity is none of": changed(alarm_event(), data__severity="fatal"),
    "link_id is no text": changed(alarm_event(), data__link__link_id=7),
    "link_id is longer than": changed(alarm_event(), data__link__link_id="x" * 513),
    "code has a NUL character": changed(alarm_event(), data__code="A\0B"),
    "text is no text": changed(alarm_event(), data__text=["x"]),
    "impacted_services is no list": changed(alarm_event(), data__impacted_services=[1]),
    "capacity_gbps is no number": changed(
        alarm_event(), data__impacted_services=[{"service_id": "S", "capacity_gbps": "1"}]
    ),
    "alarms is no list": changed(incident_event([alarm_event()]), data__alarms={}),
    "srlg_ids is no list": changed(incident_event([alarm_event()]), data__srlg_ids=[1]),
}


@pytest.mark.parametrize("reason", BAD_EVENTS)
def test_what_is_no_event_has_a_reason(reason: str) -> None:
    with pytest.raises(BadLineError, match=reason):
        cloud_event(BAD_EVENTS[reason])


def test_an_event_is_read_as_it_is() -> None:
    body = orjson.dumps(alarm_event(at=2.5))
    event = cloud_event(body)
    assert (event.is_incident, event.time_ms) == (False, START_S * 1000 + 2500)
    assert event.body == body.decode()


def test_an_event_with_the_least_that_is_needed() -> None:
    event = alarm_event()
    for name in ("impacted_services", "text", "clear_reason", "measurement", "suppressed"):
        del event["data"][name]
    event["data"]["link"] = {"link_id": "L1", "name": None}
    assert cloud_event(orjson.dumps(event)).subject_id == event["data"]["alarm_id"]


@pytest.mark.parametrize("field", ["link_id", "window_start", "measurement"])
def test_a_trace_needs_its_fields(field: str) -> None:
    line = trace_line("L1", 0)
    assert trace(orjson.dumps(line)).window_start_ms == START_S * 1000
    with pytest.raises(BadLineError, match=field):
        trace(orjson.dumps({**line, field: None}))
