"""Builders of events for incidents, and incidents in a short form.

Times are seconds after `builders.T0`. `Life` makes the events of one alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from schema.cloud_event import CloudEvents
from schema.events import Action, ClearReason, Code, FiberEvent, SpanReading, severity_of
from schema.topology_pb2 import FiberLink
from tests.builders import T0, seconds
from tests.oracle_incident import Told

_NOTHING = SpanReading(*[math.nan] * 7, tx_dark=False, rx_dark=False)
_CLOUD_EVENTS = CloudEvents("event-center")


@dataclass
class Life:
    """The life of an alarm; `events` are those that were made so far.

    Attributes:
        link: the topology.
        onset: start of the first window of its run.
        window_s: W.
        problem: specific_problem of its events.
    """

    link: FiberLink
    onset: int
    window_s: int = 1
    problem: str | None = None
    events: list[FiberEvent] = field(default_factory=list)

    def tell(
        self,
        action: Action,
        at: int,
        code: Code | None = None,
        *,
        direction: int = 1,
        suppressed_by: str | None = None,
        late_by: int | None = None,
    ) -> Life:
        """Adds an event.

        Args:
            action: of the event.
            at: its time; the window that makes it ends there.
            code: by default that of the event before it.
            direction: bit mask.
            suppressed_by: what work it is under.
            late_by: how long after `at` the newest window ended that was due when the report of a
                late evaluation was taken; None = the evaluation is on time.
        """
        before = self.events[-1] if self.events else None
        if code is None:
            assert before
            code = before.code
        window = (T0 + at) // self.window_s - 1
        is_clear = action == Action.CLEAR
        event = FiberEvent(
            action=action,
            code=code,
            direction=direction,
            sequence=len(self.events) + 1,
            onset=(T0 + self.onset) // self.window_s,
            window=window,
            raised=before.raised if before else window,
            changed=window if action == Action.CHANGE else None,
            window_s=self.window_s,
            severity=severity_of(code, self.link),
            previous_severity=before and before.severity,
            specific_problem=self.problem,
            detected_late=late_by is not None,
            suppressed_by=suppressed_by,
            spans=(_NOTHING, _NOTHING),
            link=self.link,
            clear_reason=ClearReason.NORMAL if is_clear else None,
            ended=window if is_clear else None,
            due=None if late_by is None else window + late_by // self.window_s,
        )
        self.events.append(event)
        return self


def alarm(
    link: FiberLink,
    code: Code,
    onset: int,
    clear: int | None = None,
    *,
    raised: int | None = None,
    problem: str | None = None,
) -> list[FiberEvent]:
    """Returns RAISE, two seconds after the onset by default, and perhaps CLEAR of an alarm."""
    life = Life(link, onset, problem=problem)
    life.tell(Action.RAISE, onset + 2 if raised is None else raised, code)
    if clear is not None:
        life.tell(Action.CLEAR, clear)
    return life.events


def told(events: Iterable[FiberEvent]) -> list[Told]:
    """Returns events as the oracle of incidents takes them."""
    return [
        Told(_CLOUD_EVENTS.of(event), event.link, (event.tick + 1) * event.window_s)
        for event in events
    ]


def short(incidents: Sequence[dict[str, Any]]) -> list[str]:
    """Returns incidents as "time ACTION KIND severity: CODE link, CODE link cleared"."""
    return [
        f"{seconds(event['time'])} {data['action']} {data['kind']} {data['severity']}: "
        + ", ".join(
            f"{one['code']} {one['link_id']}" + (" cleared" if one["state"] == "CLEARED" else "")
            for one in data["alarms"]
        )
        for event in incidents
        for data in [event["data"]]
    ]
