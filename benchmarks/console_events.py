"""The lives of alarms and incidents that the console is measured with."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from schema.times import rfc3339

START_S = 1_735_000_000
#: From the onset of an alarm to that of the next, and between the events of one [s].
APART_S, STEP_S = 60, 5
EVENTS_AN_ALARM = 10
#: The last so many alarms are still active.
_ACTIVE = 2_000
_LINKS = 10_000
_ALARMS_AN_INCIDENT = 5
_CODES = (
    ("FIBER_CUT", "FIBER", "critical"),
    ("FIBER_DEGRADE", "FIBER", "minor"),
    ("OSC_LOSS", "OSC", "minor"),
    ("SIGNAL_LOSS_EQUIPMENT", "SIGNAL", "major"),
    ("PM_DATA_MISSING", "DATA", "warning"),
)

Event = dict[str, Any]


def life(number: int, total: int) -> Iterator[Event]:
    """Yields the events of one alarm of so many, and those of an incident that begins with it."""
    is_active = number >= total - min(_ACTIVE, total // 2)
    raised = _raised(number)
    for step in range(EVENTS_AN_ALARM):
        is_last = step == EVENTS_AN_ALARM - 1 and not is_active
        event = _at_step(raised, number, step, is_last=is_last) if step else raised
        yield event
        if number % _ALARMS_AN_INCIDENT == 0 and (step == 0 or is_last):
            yield _incident_event(event, is_last=is_last)


def _at_step(raised: Event, number: int, step: int, *, is_last: bool) -> Event:
    """Returns a later event of an alarm."""
    data, action = raised["data"], "CLEAR" if is_last else "CHANGE"
    at = rfc3339(START_S + number * APART_S + 2 + step * STEP_S)
    end = {"state": "CLEARED", "clear_reason": "NORMAL", "cleared_time": at}
    return {
        **raised,
        "id": f"{data['alarm_id']}:{step + 1}",
        "type": f"eventcenter.fiber.{data['code'].lower()}.{action.lower()}",
        "time": at,
        "data": {
            **data,
            **{"sequence": step + 1, "action": action, "changed_time": at},
            **{"duration_ms": (2 + step * STEP_S) * 1000},
            **(end if is_last else {}),
            "text": f"Raised loss on {data['link']['name']}, {3.5 + step / 100:.2f} dB above base.",
        },
    }


def _raised(number: int) -> Event:
    """Returns the event that raises an alarm."""
    code, family, severity = _CODES[number % len(_CODES)]
    link = number % _LINKS
    link_id = f"link-{link:05d}"
    onset_s = START_S + number * APART_S
    onset, at = rfc3339(onset_s), rfc3339(onset_s + 2)
    alarm_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{link_id}|{family}|{onset}"))
    span = {
        **{"tx_dbm": 1.0, "rx_dbm": -22.5, "span_loss_db": 23.5, "span_loss_osc_db": 23.1},
        **{"base_db": 20.0, "delta_db": 3.5, "peak_delta_db": 3.5, "threshold_db": 3.0},
        "loss_is_lower_bound": False,
    }
    services = [
        {
            **{"service_id": f"service-{(number * 3 + n) % 30_000}", "och_id": f"och-{n}"},
            **{"customer": f"Customer {(number + n) % 500}", "central_frequency_thz": 193.1},
            **{"capacity_gbps": 100.0, "protected": n == 2},
        }
        for n in range(3)
    ]
    return {
        "specversion": "1.0",
        "id": f"{alarm_id}:1",
        "source": "load",
        "type": f"eventcenter.fiber.{code.lower()}.raise",
        "subject": link_id,
        "time": at,
        "datacontenttype": "application/json",
        "data": {
            **{"alarm_id": alarm_id, "sequence": 1, "action": "RAISE"},
            **{"state": "ACTIVE", "code": code, "family": family, "clear_reason": None},
            **{"severity": severity, "previous_severity": None, "probable_cause": "lossOfSignal"},
            **{"specific_problem": None, "direction": "BOTH", "onset_time": onset},
            **{"raised_time": at, "changed_time": None},
            **{"cleared_time": None, "ended_time": None},
            **{"detected_late": False, "duration_ms": 2_000},
            "link": {
                **{"link_id": link_id, "name": f"Route {link}"},
                **{
                    "a_end": f"node-{link % 997}",
                    "z_end": f"node-{link * 7 % 997}",
                },
            },
            "measurement": {"AZ": span, "ZA": span},
            **{"service_affecting": "NOT_SERVICE_AFFECTING", "impacted_services": services},
            **{"impacted_capacity_gbps": 200.0, "suppressed": False, "suppressed_by": None},
            **{"protected": False, "topology_version": 1, "proposed_repair": "Look at it."},
            "text": f"Raised loss on Route {link}, 3.5 dB above base.",
        },
    }


def _incident_event(of: Event, *, is_last: bool) -> Event:
    """Returns the event of an incident that an alarm is the root of."""
    data = of["data"]
    incident_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"incident|{data['alarm_id']}"))
    root = {name: data[name] for name in ("alarm_id", "family", "code")}
    root["link_id"] = data["link"]["link_id"]
    alarm = {name: data[name] for name in ("severity", "direction", "state", "onset_time")}
    return {
        **of,
        "id": f"{incident_id}:{2 if is_last else 1}",
        "type": f"eventcenter.incident.fiber.{'close' if is_last else 'open'}",
        "subject": incident_id,
        "data": {
            **{"incident_id": incident_id, "sequence": 2 if is_last else 1},
            **{"action": "CLOSE" if is_last else "OPEN", "state": data["state"]},
            **{"kind": data["code"], "severity": data["severity"]},
            **{"onset_time": data["onset_time"], "opened_time": data["raised_time"]},
            **{"changed_time": None, "closed_time": data["cleared_time"]},
            **{"duration_ms": data["duration_ms"], "root": root},
            "alarms": [{**root, **alarm, "role": "ROOT"}],
            **{
                "links": [root["link_id"]],
                "nodes": [],
                "srlg_ids": [f"duct-{root['link_id'][-3:]}"],
            },
            **{"service_affecting": False, "impacted_services": data["impacted_services"]},
            **{"impacted_capacity_gbps": 200.0, "suppressed": False, "text": data["text"]},
        },
    }
