"""The open incidents: what is so of each, and what it publishes (spec, section 9)."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from kernels.correlate_alarms.alarms import Alarm
from kernels.correlate_alarms.relations import have_shared_risk, order_of, shared_risks
from schema.blocks import Block, BlockKind
from schema.events import Severity
from schema.incidents import (
    CABLE_CUT,
    NODE_SILENT,
    AlarmState,
    IncidentAction,
    IncidentEvent,
    IncidentFacts,
)
from schema.times import NEVER
from schema.topology_pb2 import FiberLink, OpticalService

__all__ = ["Incident", "IncidentTable", "incident_id_of", "incidents_block"]


def incident_id_of(root: AlarmState) -> str:
    """Returns the identity of an incident that opens with a root."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"incident|{root.alarm_id}"))


@dataclass
class Incident:
    """An open incident; ticks are numbers of windows.

    Attributes:
        incident_id: its identity.
        opened: tick of the OPEN.
        sequence: of the newest event.
        changed: tick of the latest CHANGE.
        digest: of what a CHANGE is compared with, as it was published last.
        told: the facts that were published last; None = it is not published yet.
        alarms: all its alarms, by alarm_id.
        num_active: how many of these are active.
    """

    incident_id: str
    opened: int
    sequence: int = 0
    changed: int | None = None
    digest: bytes = b""
    told: IncidentFacts | None = None
    alarms: dict[str, Alarm] = field(default_factory=dict)
    num_active: int = 0

    def add(self, alarm: Alarm) -> None:
        """Takes an alarm in."""
        alarm.incident_id = self.incident_id
        self.alarms[alarm.state.alarm_id] = alarm
        self.num_active += alarm.state.is_active

    def root(self) -> AlarmState:
        """Returns the first of its alarms."""
        return min((alarm.state for alarm in self.alarms.values()), key=order_of)

    def news(self, tick: int, window_s: int, apart: int) -> IncidentEvent | None:
        """Returns what is to be published at a tick; None where nothing has changed."""
        states = sorted((alarm.state for alarm in self.alarms.values()), key=order_of)
        if not self.num_active:
            assert self.told
            return self._event(IncidentAction.CLOSE, tick, window_s, apart, states, self.told)
        facts = _facts(states, apart)
        digest = _digest(states, facts)
        if digest == self.digest:
            return None
        action = IncidentAction.CHANGE if self.told else IncidentAction.OPEN
        if action == IncidentAction.CHANGE:
            self.changed = tick
        self.told, self.digest = facts, digest
        return self._event(action, tick, window_s, apart, states, facts)

    def _event(
        self,
        action: IncidentAction,
        tick: int,
        window_s: int,
        apart: int,
        states: Sequence[AlarmState],
        facts: IncidentFacts,
    ) -> IncidentEvent:
        self.sequence += 1
        return IncidentEvent(
            action=action,
            incident_id=self.incident_id,
            sequence=self.sequence,
            tick=tick,
            opened=self.opened,
            changed=self.changed,
            window_s=window_s,
            facts=facts,
            alarms=states,
            nodes=sorted({node for state in states for node in state.silent_nodes}),
            srlg_ids=shared_risks(states, apart),
        )


def _facts(states: Sequence[AlarmState], apart: int) -> IncidentFacts:
    """Returns what is so of an incident.

    Args:
        states: its alarms in order, one active at least.
        apart: how many windows apart the onsets of one cause may be.
    """
    active = [state for state in states if state.is_active]
    return IncidentFacts(
        kind=_kind(states, apart),
        severity=max(state.severity for state in active),
        services=_services(active),
        is_affecting=any(state.is_affecting for state in active),
        is_suppressed=all(state.is_suppressed for state in active),
    )


def _kind(states: Sequence[AlarmState], apart: int) -> str:
    root = states[0]
    if any(have_shared_risk(root, state, apart) for state in states):
        return CABLE_CUT
    silent = set(root.silent_nodes)
    others = (state for state in states if state.link.link_id != root.link.link_id)
    if silent and any(not silent.isdisjoint(state.silent_nodes) for state in others):
        return NODE_SILENT
    return root.code.name


def _services(states: Iterable[AlarmState]) -> list[OpticalService]:
    """Returns the services of the links of some alarms, each once, in order of service_id.

    An unprotected entry goes first, then that of the first link.
    """
    found: dict[str, tuple[bool, str, OpticalService]] = {}
    for state in states:
        for service in state.link.services:
            entry = (service.protected, state.link.link_id, service)
            known = found.get(service.service_id)
            if known is None or entry[:2] < known[:2]:
                found[service.service_id] = entry
    return [found[service_id][2] for service_id in sorted(found)]


def _digest(states: Iterable[AlarmState], facts: IncidentFacts) -> bytes:
    """Returns a digest of all that makes a CHANGE when it differs."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(f"{facts.kind} {facts.severity:d} {facts.is_suppressed:d}".encode())
    digest.update(_packed(facts.services))
    for one in states:  # the root comes first
        said = f"{one.alarm_id}{one.code:d} {one.severity:d} {one.direction:d} {one.is_active:d}"
        digest.update(said.encode())
    return digest.digest()


def _packed(services: Iterable[OpticalService]) -> bytes:
    return FiberLink(services=services).SerializeToString(deterministic=True)


class IncidentTable(dict[str, Incident]):
    """Open incidents by incident_id; their alarms are saved by themselves."""

    def apply(self, block: Block) -> None:
        """Applies INCIDENTS rows."""
        columns = block.columns
        rows = [
            values if isinstance(values, list) else values.tolist() for values in columns.values()
        ]
        for row in zip(*rows, strict=True):
            said = dict(zip(columns, row, strict=True))
            incident_id = said["incident_id"].decode()
            if not said["digest"]:
                self.pop(incident_id, None)
                continue
            facts = IncidentFacts(
                kind=said["kind"].decode(),
                severity=Severity(said["severity"]),
                services=list(FiberLink.FromString(said["services"]).services),
                is_affecting=said["is_affecting"],
                is_suppressed=said["is_suppressed"],
            )
            self[incident_id] = Incident(
                incident_id,
                said["opened"],
                said["sequence"],
                None if said["changed"] == NEVER else said["changed"],
                said["digest"],
                facts,
            )

    def to_block(self) -> Block:
        """Returns all incidents."""
        return incidents_block(self)


_CLOSED = Incident("", 0, told=IncidentFacts("", Severity.WARNING, (), False, False))


def incidents_block(incidents: Mapping[str, Incident | None]) -> Block:
    """Returns incidents as an INCIDENTS block; None = the incident is closed."""
    rows = [incident or _CLOSED for incident in incidents.values()]
    told = [incident.told for incident in rows if incident.told]
    changed = [NEVER if row.changed is None else row.changed for row in rows]
    return Block(
        BlockKind.INCIDENTS,
        {
            "incident_id": [incident_id.encode() for incident_id in incidents],
            "sequence": np.array([row.sequence for row in rows], np.int64),
            "opened": np.array([row.opened for row in rows], np.int64),
            "changed": np.array(changed, np.int64),
            "digest": [row.digest for row in rows],
            "kind": [facts.kind.encode() for facts in told],
            "severity": np.array([facts.severity for facts in told], np.uint8),
            "services": [_packed(facts.services) for facts in told],
            "is_affecting": np.array([facts.is_affecting for facts in told], bool),
            "is_suppressed": np.array([facts.is_suppressed for facts in told], bool),
        },
    )
