"""Events: what an alarm or a match says at a window."""

import numpy as np

from kernels.track_links.confirm import Confirmation
from kernels.track_links.history import EventReadings
from kernels.track_links.limits import maintenance_at
from kernels.window_bounds import WindowBounds
from schema.events import CODE_OF, Action, Code, FiberEvent, Severity, severity_of
from schema.times import NEVER
from schema.topology_pb2 import FiberLink

__all__ = ["alarm_event", "match_event"]


def alarm_event(
    action: Action,
    alarm: np.void,
    window: int,
    bounds: WindowBounds,
    link: FiberLink,
    readings: EventReadings,
    *,
    late: bool,
) -> FiberEvent:
    """Returns the next event of an alarm; `Alarms.note_event` writes it into the alarm.

    Args:
        action: what happens to the alarm.
        alarm: the alarm before the event, of dtype `ALARM`.
        window: the window that makes the event.
        bounds: what windows there are.
        link: the topology in force.
        readings: what was read at the window.
        late: a late evaluation makes the event.
    """
    code = CODE_OF[int(alarm["family"]), int(alarm["level"])]
    previous = Severity(alarm["severity"]) if alarm["sequence"] else None
    # A CLEAR carries the severity that it clears, whatever the topology says by now.
    severity = previous if action == Action.CLEAR and previous else severity_of(code, link)
    changed = window if action == Action.CHANGE else int(alarm["changed"])
    maintenance = maintenance_at(link, bounds.start_s(window))
    spans, without_osc = readings
    return FiberEvent(
        action=action,
        code=code,
        direction=int(alarm["direction"]),
        sequence=int(alarm["sequence"]) + 1,
        onset=int(alarm["onset"]),
        window=window,
        raised=int(alarm["raised"]),
        changed=None if changed == NEVER else changed,
        window_s=bounds.window_s,
        severity=severity,
        previous_severity=previous,
        specific_problem=_specific_problem(code, without_osc & int(alarm["direction"])),
        detected_late=late,
        suppressed=maintenance is not None,
        suppressed_by=(maintenance and maintenance.ticket) or None,
        spans=spans,
        link=link,
    )


def match_event(
    confirmation: Confirmation,
    window: int,
    bounds: WindowBounds,
    sequence: int,
    lifted_from: int,
    link: FiberLink,
    readings: EventReadings,
    *,
    late: bool,
) -> FiberEvent:
    """Returns the event of a match.

    Args:
        confirmation: what matches.
        window: the window that makes the event.
        bounds: what windows there are.
        sequence: number of the event; 1 = the match is published for the first time.
        lifted_from: the level published before; 0 = none.
        link: the topology in force.
        readings: what was read at the window.
        late: a late evaluation makes the event.
    """
    code = CODE_OF[confirmation.family, confirmation.level]
    previous = CODE_OF[confirmation.family, lifted_from] if lifted_from else None
    spans, without_osc = readings
    maintenance = maintenance_at(link, bounds.start_s(window))
    return FiberEvent(
        action=Action.MATCH,
        code=code,
        direction=confirmation.direction,
        sequence=sequence,
        onset=window - 1,
        window=window,
        raised=window,
        changed=None,
        window_s=bounds.window_s,
        severity=severity_of(code, link),
        previous_severity=None if previous is None else severity_of(previous, link),
        specific_problem=_specific_problem(code, without_osc & confirmation.direction),
        detected_late=late,
        suppressed=maintenance is not None,
        suppressed_by=(maintenance and maintenance.ticket) or None,
        spans=spans,
        link=link,
    )


def _specific_problem(code: Code, cut_without_osc: int) -> str | None:
    return "osc-not-available" if code == Code.FIBER_CUT and cut_without_osc else None
