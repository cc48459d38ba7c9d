"""The making of events: what an alarm or a match says at a window."""

from typing import Any

from kernels.track_links.alarms import NEVER, Confirmation
from kernels.track_links.limits import maintenance_at
from schema.events import CODE_OF, Action, Code, FiberEvent, Severity, SpanReading, severity_of
from schema.topology_pb2 import FiberLink

#: What was measured on the spans, and a bit mask of those cut while no OSC was measured.
Readings = tuple[tuple[SpanReading, SpanReading], int]


def alarm_event(
    action: Action, alarm: Any, window_s: int, link: FiberLink, readings: Readings, *, late: bool
) -> FiberEvent:
    """Makes the next event of an alarm, and notes in the alarm what it says.

    Args:
        action: what happens to the alarm.
        alarm: its row, of dtype `ALARM`; written to.
        window_s: the window that makes the event.
        link: the topology in force.
        readings: what was measured at the window.
        late: a late evaluation makes the event.
    """
    code = CODE_OF[int(alarm["family"]), int(alarm["level"])]
    previous = Severity(alarm["severity"]) if alarm["sequence"] else None
    # A CLEAR carries the severity it cleared from, whatever the topology says by now.
    severity = previous if action == Action.CLEAR and previous else severity_of(code, link)
    maintenance = maintenance_at(link, window_s)
    alarm["sequence"] += 1
    alarm["severity"] = severity
    alarm["suppressed"] = maintenance is not None
    alarm["last_s"] = window_s
    if action == Action.CHANGE:
        alarm["changed_s"] = window_s
    spans, without_osc = readings
    return FiberEvent(
        action=action,
        code=code,
        direction=int(alarm["direction"]),
        sequence=int(alarm["sequence"]),
        onset_s=int(alarm["onset_s"]),
        window_s=window_s,
        raised_s=int(alarm["raised_s"]),
        changed_s=None if alarm["changed_s"] == NEVER else int(alarm["changed_s"]),
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
    window_s: int,
    sequence: int,
    lifted_from: int,
    link: FiberLink,
    readings: Readings,
    *,
    late: bool,
) -> FiberEvent:
    """Makes the event of a match.

    Args:
        confirmation: what matches.
        window_s: the window that makes the event.
        sequence: number of the event; 1 = the match is published for the first time.
        lifted_from: the level published before; 0 = none.
        link: the topology in force.
        readings: what was measured at the window.
        late: a late evaluation makes the event.
    """
    code = CODE_OF[confirmation.family, confirmation.level]
    previous = CODE_OF[confirmation.family, lifted_from] if lifted_from else None
    spans, without_osc = readings
    maintenance = maintenance_at(link, window_s)
    return FiberEvent(
        action=Action.MATCH,
        code=code,
        direction=confirmation.direction,
        sequence=sequence,
        onset_s=window_s - 1,
        window_s=window_s,
        raised_s=window_s,
        changed_s=None,
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
