"""Events: what an alarm or a match says at a window."""

from typing import NamedTuple

import numpy as np

from kernels.track_links.confirm import Confirmation
from kernels.track_links.decide import RANGE_HIGH
from kernels.track_links.history import EventReadings
from kernels.track_links.powers import RX_MISSING, TX_MISSING
from kernels.window_bounds import WindowBounds
from schema.events import (
    CODE_OF,
    Action,
    ClearReason,
    Code,
    FiberEvent,
    Severity,
    severity_of,
)
from schema.times import NEVER
from schema.topology_pb2 import FiberLink

__all__ = ["Clearing", "alarm_event", "match_event"]

#: Parts of a link by what an alarm keeps of missing data: flags of AZ, and of ZA two bits higher.
_PARTS = (
    ("A tx", TX_MISSING),
    ("A rx", RX_MISSING << 2),
    ("Z tx", TX_MISSING << 2),
    ("Z rx", RX_MISSING),
)


class Clearing(NamedTuple):
    """Why an alarm is cleared, and the window with whose start its trouble was over."""

    reason: ClearReason
    ended: int


def alarm_event(
    action: Action,
    alarm: np.void,
    level: int,
    direction: int,
    window: int,
    bounds: WindowBounds,
    link: FiberLink,
    readings: EventReadings,
    *,
    work: str | None,
    clearing: Clearing | None,
    late: bool,
) -> FiberEvent:
    """Returns the next event of an alarm; `Alarms.note_event` writes it into the alarm.

    Args:
        action: what happens to the alarm.
        alarm: the alarm before the event, of dtype `ALARM`.
        level: at which it stands; of a CLEAR, stood.
        direction: bit mask of the spans that stand; of a CLEAR, stood.
        window: the window that makes the event.
        bounds: what windows there are.
        link: the topology in force.
        readings: what was read at the window.
        work: what work the window is under, None = none.
        clearing: of a CLEAR.
        late: a late evaluation makes the event.
    """
    code = CODE_OF[int(alarm["family"]), level]
    previous = Severity(alarm["severity"]) if alarm["sequence"] else None
    # A CLEAR carries the severity that it clears, whatever the topology says by now.
    severity = previous if clearing and previous else severity_of(code, link)
    # Whoever leaves out what is suppressed has seen an event before, and must see this one.
    is_suppressed = clearing is None or bool(alarm["all_suppressed"])
    changed = window if action == Action.CHANGE else int(alarm["changed"])
    return FiberEvent(
        action=action,
        code=code,
        direction=direction,
        sequence=int(alarm["sequence"]) + 1,
        onset=int(alarm["onset"]),
        window=window,
        raised=int(alarm["raised"]),
        changed=None if changed == NEVER else changed,
        window_s=bounds.window_s,
        severity=severity,
        previous_severity=previous,
        specific_problem=_problem(code, int(alarm["problem"]), direction, readings),
        detected_late=late,
        suppressed_by=work if is_suppressed else None,
        spans=readings.spans,
        link=link,
        clear_reason=clearing and clearing.reason,
        ended=clearing and clearing.ended,
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
    work: str | None,
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
        work: what work the window is under, None = none.
        late: a late evaluation makes the event.
    """
    code = CODE_OF[confirmation.family, confirmation.level]
    previous = CODE_OF[confirmation.family, lifted_from] if lifted_from else None
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
        specific_problem=_problem(code, 0, confirmation.direction, readings),
        detected_late=late,
        suppressed_by=work,
        spans=readings.spans,
        link=link,
    )


def _problem(code: Code, kept: int, direction: int, readings: EventReadings) -> str | None:
    """Returns the specific problem of a code.

    Args:
        code: of the event.
        kept: what the alarm keeps of missing data, or of the side on which the loss is.
        direction: bit mask of the spans that the event names.
        readings: what was read at the window.
    """
    if code == Code.PM_DATA_MISSING:
        return ",".join(part for part, bit in _PARTS if kept & bit)
    if code == Code.SPAN_LOSS_OUT_OF_RANGE:
        return "high" if kept == RANGE_HIGH else "low"
    if code == Code.FIBER_CUT and readings.without_osc & direction:
        return "osc-not-available"
    if code == Code.TOPOLOGY_MISMATCH and readings.below_base & direction:
        return "loss-below-base"
    return None
