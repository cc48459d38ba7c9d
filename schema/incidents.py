"""The words of an incident; the alarms that it gathers, and what it publishes (spec, section 9)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from schema.events import (
    CODE_FACTS,
    Action,
    Code,
    Family,
    FiberEvent,
    Severity,
    is_service_affecting,
)
from schema.topology_pb2 import FiberLink, LinkEnd, OpticalService

#: Kinds of incidents; any other kind is the name of the root's code.
CABLE_CUT, NODE_SILENT = "CABLE_CUT", "NODE_SILENT"

#: By end of a link, A and Z: the parts whose PM a silent node does not tell.
_PARTS_OF_END = ({"A tx", "A rx"}, {"Z tx", "Z rx"})


class IncidentAction(IntEnum):
    """What an event says of its incident."""

    OPEN = 1
    CHANGE = 2
    CLOSE = 3


@dataclass(frozen=True, slots=True)
class AlarmState:
    """An alarm as one of its events says, as far as incidents need it; windows are numbers.

    Attributes:
        alarm_id: identity of the alarm.
        sequence: of the event; 1 = it raises the alarm.
        is_active: the alarm is not cleared.
        code: the problem.
        direction: bit mask, see `schema.events.DIRECTION_NAMES`.
        severity: severity now; of a cleared alarm, what it had.
        onset: first window of the run that was confirmed.
        raised: the window that raised the alarm.
        window: the window that made the event.
        tick: number of the window with whose end the event is taken in.
        is_suppressed: the event is.
        is_affecting: the alarm takes a service that nothing protects from its link.
        silent_ends: bit mask of the ends of the link, 1 = A, 2 = Z, whose nodes told nothing in the
            window of the RAISE; 0 in other events.
        link: identity, nodes, shared risks, links upstream and services of the link.
    """

    alarm_id: str
    sequence: int
    is_active: bool
    code: Code
    direction: int
    severity: Severity
    onset: int
    raised: int
    window: int
    tick: int
    is_suppressed: bool
    is_affecting: bool
    silent_ends: int
    link: FiberLink

    @property
    def family(self) -> Family:
        """Family of the code."""
        return CODE_FACTS[self.code].family

    @property
    def silent_nodes(self) -> list[str]:
        """The nodes that are silent in the alarm."""
        nodes = (self.link.a_end.node_id, self.link.z_end.node_id)
        return [node for end, node in enumerate(nodes) if self.silent_ends & 1 << end]


def alarm_state(event: FiberEvent) -> AlarmState:
    """Returns what an event says of its alarm."""
    return AlarmState(
        alarm_id=event.alarm_id,
        sequence=event.sequence,
        is_active=event.action != Action.CLEAR,
        code=event.code,
        direction=event.direction,
        severity=event.severity,
        onset=event.onset,
        raised=event.raised,
        window=event.window,
        tick=event.tick,
        is_suppressed=event.suppressed,
        is_affecting=is_service_affecting(event.code, event.link),
        silent_ends=_silent_ends(event),
        link=_what_matters(event.link),
    )


def _silent_ends(event: FiberEvent) -> int:
    if event.code != Code.PM_DATA_MISSING or event.action != Action.RAISE:
        return 0
    missing = set((event.specific_problem or "").split(","))
    return sum(1 << end for end, parts in enumerate(_PARTS_OF_END) if parts <= missing)


def _what_matters(link: FiberLink) -> FiberLink:
    """Returns a link without what incidents do not ask for."""
    return FiberLink(
        link_id=link.link_id,
        name=link.name,
        a_end=LinkEnd(node_id=link.a_end.node_id),
        z_end=LinkEnd(node_id=link.z_end.node_id),
        srlg_ids=link.srlg_ids,
        services=link.services,
        upstream_link_ids=link.upstream_link_ids,
    )


@dataclass(frozen=True)
class IncidentFacts:
    """What is so of an incident as long as it is open, and what its end repeats.

    Attributes:
        kind: CABLE_CUT, NODE_SILENT, or the name of the root's code.
        severity: the highest of its active alarms.
        services: of the links of its active alarms, each once, in order of service_id.
        is_affecting: one active alarm at least takes an unprotected service from its link.
        is_suppressed: every active alarm is.
    """

    kind: str
    severity: Severity
    services: Sequence[OpticalService]
    is_affecting: bool
    is_suppressed: bool

    @property
    def capacity_gbps(self) -> float:
        """Capacity of the services that are not protected [Gbit/s]."""
        return sum((s.capacity_gbps for s in self.services if not s.protected), 0.0)


@dataclass(frozen=True)
class IncidentEvent:
    """One step in the life of an incident; windows are numbers, and a tick is a window's end.

    Attributes:
        action: what it says of the incident.
        incident_id: identity of the incident.
        sequence: 1 = OPEN.
        tick: of the event.
        opened: tick of the OPEN.
        changed: tick of the latest CHANGE.
        window_s: W, length of a window.
        facts: what is so; of a CLOSE, what was published last.
        alarms: all its alarms in order; the first is the root.
        nodes: those silent in one of them, sorted.
        srlg_ids: shared risks by which some of them are related, sorted.
    """

    action: IncidentAction
    incident_id: str
    sequence: int
    tick: int
    opened: int
    changed: int | None
    window_s: int
    facts: IncidentFacts
    alarms: Sequence[AlarmState]
    nodes: Sequence[str]
    srlg_ids: Sequence[str]

    @property
    def root(self) -> AlarmState:
        """The alarm that the others stem from."""
        return self.alarms[0]

    @cached_property
    def onset(self) -> int:
        """The earliest onset of its alarms."""
        return min(alarm.onset for alarm in self.alarms)
