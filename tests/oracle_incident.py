"""Oracle, part 5: incidents, out of a list of events; all alarms are compared with all.

Readings: how the contract is read where it leaves something open. The reading that was not chosen
stands in brackets.

- An event with a sequence that its alarm has already passed says nothing.
- Which ends are silent is what the RAISE said; whose nodes these are, the newest event's link says.
- Alarms that were cleared more than 24 h ago are dropped after incidents were closed, before alarms
  are placed. That waits for no event, but ends with the ticks.
- `impacted_services` are in order of service_id; of several entries of a service in one link the
  first counts, of several alarms of one link the first in order.
- `changed_time` is the tick of the latest CHANGE, null before; a CLOSE repeats it.
- A CLOSE has the alarms, root, links, nodes and srlg_ids as they are at its tick.
- The events of one tick are in order of incident_id.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from schema.topology_pb2 import FiberLink
from tests.oracle_event import SEVERITIES, rfc3339
from tests.oracle_input import SECOND

PLACED_AFTER_S = 3
ONSETS_APART_S = 2
DROPPED_AFTER_S = 24 * 3600
RANKS = (
    "FIBER_CUT",
    "LINK_DARK",
    "SIGNAL_LOSS_EQUIPMENT",
    "FIBER_DEGRADE_SEVERE",
    "FIBER_DEGRADE",
    "SIGNAL_DEGRADE",
    "FIBER_DEGRADE_WARN",
    "TOPOLOGY_MISMATCH",
    "OSC_LOSS",
    "SPAN_LOSS_OUT_OF_RANGE",
    "FIBER_JITTER",
    "PM_DATA_MISSING",
    "UPSTREAM_POWER_LOSS",
)
CUT_LIKE = ("FIBER_CUT", "LINK_DARK")
STARVED = ("UPSTREAM_POWER_LOSS", "LINK_DARK")
STARVING = ("FIBER_CUT", "LINK_DARK", "SIGNAL_LOSS_EQUIPMENT", "UPSTREAM_POWER_LOSS")
AFFECTING = {True: "SERVICE_AFFECTING", False: "NOT_SERVICE_AFFECTING"}


@dataclass(frozen=True)
class Told:
    """An event, the topology that it was made with, and the tick that takes it in [s]."""

    event: dict[str, Any]
    link: FiberLink
    tick_s: int


@dataclass
class Alarm:
    """An alarm as its event with the highest sequence says."""

    data: dict[str, Any] = field(default_factory=dict)
    link: FiberLink = field(default_factory=FiberLink)
    missing: str = ""  # specific_problem of the RAISE
    taken_s: int = 0  # the first tick that knows it
    settled: bool = False  # placed, or cleared before it was

    @property
    def active(self) -> bool:
        return self.data["state"] == "ACTIVE"

    @property
    def code(self) -> str:
        return str(self.data["code"])

    @property
    def onset_s(self) -> int:
        return _s(self.data["onset_time"])

    @property
    def order(self) -> tuple[int, int, str, str]:
        family = str(self.data["family"])
        return RANKS.index(self.code), self.onset_s, self.link.link_id, family

    def silent(self) -> set[str]:
        """Returns the nodes that are silent in it."""
        if self.code != "PM_DATA_MISSING":
            return set()
        ends = (("A", self.link.a_end.node_id), ("Z", self.link.z_end.node_id))
        missing = self.missing.split(",")
        return {node for end, node in ends if {f"{end} tx", f"{end} rx"} <= set(missing)}


@dataclass
class Incident:
    """An open incident; `told` is the data that was published last."""

    incident_id: str
    opened_s: int
    alarms: list[Alarm]
    sequence: int = 0
    changed_s: int | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def root(self) -> Alarm:
        return min(self.alarms, key=lambda alarm: alarm.order)

    @property
    def active(self) -> list[Alarm]:
        return [alarm for alarm in self.alarms if alarm.active]


def incidents(
    told: Sequence[Told], *, window_s: int = 1, source: str = "event-center"
) -> list[dict[str, Any]]:
    """Returns the incidents that events make, in order of time."""
    return _Oracle(window_s, source).run(told)


class _Oracle:
    def __init__(self, window_s: int, source: str) -> None:
        self._window_s = window_s
        self._source = source
        self._apart_s = max(ONSETS_APART_S, window_s)
        self._alarms: dict[str, Alarm] = {}
        self._open: list[Incident] = []
        self._out: list[dict[str, Any]] = []

    def run(self, told: Sequence[Told]) -> list[dict[str, Any]]:
        if not told:
            return []
        last_s = self._tick_from(max(one.tick_s for one in told) + PLACED_AFTER_S)
        # At other ticks nothing can happen.
        ticks = {one.tick_s for one in told}
        ticks |= {self._placing_s(one.event["data"]) for one in told}
        ticks |= {
            self._tick_from(_s(one.event["time"]) + DROPPED_AFTER_S + 1)
            for one in told
            if one.event["data"]["action"] == "CLEAR"
        }
        for tick_s in sorted(ticks):
            if tick_s <= last_s:
                self._tick(tick_s, [one for one in told if one.tick_s == tick_s])
        return sorted(self._out, key=lambda event: (event["time"], event["subject"]))

    def _tick_from(self, time_s: int) -> int:
        """Returns the first tick that is not before a time."""
        return -(-time_s // self._window_s) * self._window_s

    def _placing_s(self, data: dict[str, Any]) -> int:
        return self._tick_from(_s(data["raised_time"]) + PLACED_AFTER_S)

    def _tick(self, tick_s: int, told: Iterable[Told]) -> None:
        for one in sorted(told, key=lambda one: one.event["data"]["sequence"]):
            self._take_in(one)
        over = [incident for incident in self._open if not incident.active]
        for incident in over:
            self._publish(incident, "CLOSE", tick_s)
            self._open.remove(incident)
        for incident in self._open:
            incident.alarms = [a for a in incident.alarms if not _is_old(a, tick_s)]
        self._place(tick_s)
        for incident in self._open:
            if not incident.told:
                self._publish(incident, "OPEN", tick_s)
            elif _compared(self._facts(incident)) != _compared(incident.told):
                incident.changed_s = tick_s
                self._publish(incident, "CHANGE", tick_s)

    def _take_in(self, one: Told) -> None:
        data = one.event["data"]
        alarm = self._alarms.setdefault(data["alarm_id"], Alarm(taken_s=one.tick_s))
        if alarm.data and data["sequence"] <= alarm.data["sequence"]:
            return
        alarm.data, alarm.link = data, one.link
        if data["action"] == "RAISE":
            alarm.missing = data["specific_problem"] or ""

    # --- Placing ---

    def _place(self, tick_s: int) -> None:
        waiting = [alarm for alarm in self._alarms.values() if not alarm.settled]
        due = [
            alarm for alarm in waiting if max(self._placing_s(alarm.data), alarm.taken_s) <= tick_s
        ]
        for alarm in due:
            alarm.settled = True
        taken = [alarm for alarm in due if alarm.active]
        candidates = [alarm for alarm in waiting if alarm.active]
        groups = self._groups(self._with_related(taken, candidates))
        joins = [(group, self._incident_of(group)) for group in groups]  # before any is placed
        for group, incident in joins:
            for alarm in group:
                alarm.settled = True
            if incident:
                incident.alarms += group
            else:
                root = min(group, key=lambda alarm: alarm.order)
                name = f"incident|{root.data['alarm_id']}"
                incident_id = str(uuid.uuid5(uuid.NAMESPACE_URL, name))
                self._open.append(Incident(incident_id, tick_s, group))

    def _with_related(self, taken: list[Alarm], candidates: list[Alarm]) -> list[Alarm]:
        """Returns some alarms, those that are related to them, and so on."""
        taken = list(taken)
        more = True
        while more:
            more = False
            for alarm in candidates:
                if alarm not in taken and any(self.related(alarm, other) for other in taken):
                    taken.append(alarm)
                    more = True
        return taken

    def _groups(self, alarms: list[Alarm]) -> list[list[Alarm]]:
        """Returns alarms in groups of what is related, directly or through others of them."""
        left, groups = list(alarms), []
        while left:
            group = self._with_related([left[0]], left)
            groups.append(group)
            left = [alarm for alarm in left if alarm not in group]
        return groups

    def _incident_of(self, group: list[Alarm]) -> Incident | None:
        """Returns the open incident that a group joins; None if it opens one."""
        found = [
            incident
            for incident in self._open
            if any(self.related(alarm, other) for alarm in group for other in incident.active)
        ]
        return min(found, key=lambda incident: incident.root.order, default=None)

    # --- The four relations ---

    def related(self, one: Alarm, other: Alarm) -> bool:
        return (
            one.link.link_id == other.link.link_id
            or bool(self.shared_risks(one, other))
            or self._starves(one, other)
            or self._starves(other, one)
            or self.is_silent_with(one, other)
        )

    def shared_risks(self, one: Alarm, other: Alarm) -> set[str]:
        """Returns the srlg_ids by which two alarms are related."""
        if one.link.link_id == other.link.link_id:
            return set()
        if one.code not in CUT_LIKE or other.code not in CUT_LIKE:
            return set()
        if abs(one.onset_s - other.onset_s) > self._apart_s:
            return set()
        return set(one.link.srlg_ids) & set(other.link.srlg_ids)

    def _starves(self, cause: Alarm, effect: Alarm) -> bool:
        return (
            effect.code in STARVED
            and cause.code in STARVING
            and cause.link.link_id in effect.link.upstream_link_ids
            and cause.onset_s <= effect.onset_s + self._apart_s
        )

    def is_silent_with(self, one: Alarm, other: Alarm) -> bool:
        return bool(one.silent() & other.silent())

    # --- What is published ---

    def _publish(self, incident: Incident, action: str, tick_s: int) -> None:
        facts = self._facts(incident)
        if action == "CLOSE":
            repeated = (
                "kind",
                "severity",
                "service_affecting",
                "impacted_services",
                "impacted_capacity_gbps",
                "suppressed",
            )
            facts |= {name: incident.told[name] for name in repeated}
        incident.sequence += 1
        incident.told = facts
        changed_s = incident.changed_s
        data = {
            "incident_id": incident.incident_id,
            "sequence": incident.sequence,
            "action": action,
            "state": "CLEARED" if action == "CLOSE" else "ACTIVE",
            **facts,
            "opened_time": _time(incident.opened_s),
            "changed_time": None if changed_s is None else _time(changed_s),
            "closed_time": _time(tick_s) if action == "CLOSE" else None,
            "duration_ms": (tick_s - _s(facts["onset_time"])) * 1000,
        }
        self._out.append(
            {
                "specversion": "1.0",
                "id": f"{incident.incident_id}:{incident.sequence}",
                "source": self._source,
                "type": f"eventcenter.incident.{facts['kind'].lower()}.{action.lower()}",
                "subject": incident.incident_id,
                "time": _time(tick_s),
                "datacontenttype": "application/json",
                "data": data,
            }
        )

    def _facts(self, incident: Incident) -> dict[str, Any]:
        """Returns what is so of an incident now."""
        alarms = sorted(incident.alarms, key=lambda alarm: alarm.order)
        active = [alarm for alarm in alarms if alarm.active]
        root = incident.root
        services = _services(active)
        pairs = [(one, other) for one in alarms for other in alarms]
        return {
            "kind": self._kind(incident),
            "severity": min((a.data["severity"] for a in active), key=SEVERITIES.index, default=""),
            "onset_time": min(alarm.data["onset_time"] for alarm in alarms),
            "root": {
                "alarm_id": root.data["alarm_id"],
                "link_id": root.link.link_id,
                "family": root.data["family"],
                "code": root.code,
            },
            "alarms": [
                {
                    "alarm_id": alarm.data["alarm_id"],
                    "link_id": alarm.link.link_id,
                    "family": alarm.data["family"],
                    "code": alarm.code,
                    "severity": alarm.data["severity"],
                    "direction": alarm.data["direction"],
                    "state": alarm.data["state"],
                    "onset_time": alarm.data["onset_time"],
                    "role": "ROOT" if alarm is root else "CHILD",
                }
                for alarm in alarms
            ],
            "links": sorted({alarm.link.link_id for alarm in alarms}),
            "nodes": sorted(set[str]().union(*(alarm.silent() for alarm in alarms))),
            "srlg_ids": sorted(set[str]().union(*(self.shared_risks(*pair) for pair in pairs))),
            "service_affecting": AFFECTING[
                any(a.data["service_affecting"] == "SERVICE_AFFECTING" for a in active)
            ],
            "impacted_services": services,
            "impacted_capacity_gbps": sum(
                (s["capacity_gbps"] for s in services if not s["protected"]), 0.0
            ),
            "suppressed": all(alarm.data["suppressed"] for alarm in active),
        }

    def _kind(self, incident: Incident) -> str:
        root = incident.root
        others = [a for a in incident.alarms if a.link.link_id != root.link.link_id]
        if any(self.shared_risks(root, other) for other in others):
            return "CABLE_CUT"
        if any(self.is_silent_with(root, other) for other in others):
            return "NODE_SILENT"
        return root.code


def _services(alarms: Iterable[Alarm]) -> list[dict[str, Any]]:
    """Returns the services of the links of some alarms, each once."""
    entries: dict[str, list[tuple[bool, str, dict[str, Any]]]] = {}
    for alarm in alarms:
        for service in alarm.data["impacted_services"]:
            entry = service["protected"], alarm.link.link_id, service
            entries.setdefault(service["service_id"], []).append(entry)
    return [min(entries[name], key=lambda entry: entry[:2])[2] for name in sorted(entries)]


def _compared(facts: dict[str, Any]) -> list[Any]:
    """Returns what makes a CHANGE when it differs."""
    names = ("alarm_id", "code", "severity", "direction", "state")
    return [
        facts["kind"],
        facts["root"]["alarm_id"],
        facts["severity"],
        facts["suppressed"],
        facts["impacted_services"],
        facts["impacted_capacity_gbps"],
        sorted([alarm[name] for name in names] for alarm in facts["alarms"]),
    ]


def _is_old(alarm: Alarm, tick_s: int) -> bool:
    cleared = alarm.data["cleared_time"]
    return cleared is not None and tick_s - _s(cleared) > DROPPED_AFTER_S


def _s(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())


def _time(time_s: int) -> str:
    return rfc3339(time_s * SECOND)
