"""The correlator: the alarms of the network, from events to incidents (spec, section 9).

This is the one place of the flow. Beam is not in it: the correlator is told what comes and which
moments the watermark has reached, and says which timers to set.

- An event waits for its tick, the end of a window. Ticks run in order of time, when a timer tells
  that all windows that end up to then were evaluated. Ticks at which nothing can happen do not run.
- In a tick events are taken in, incidents without an active alarm are closed, and alarms that are
  due are placed. What has changed of an incident is published once.
- An event that comes when its tick is over, as the CLEAR of a link that was removed may, is taken
  in at the next one.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from kernels.correlate_alarms.alarms import Alarm, AlarmTable, states_block, states_of
from kernels.correlate_alarms.incidents import Incident, IncidentTable, incident_id_of
from kernels.correlate_alarms.placing import groups_of, related_incidents
from kernels.correlate_alarms.relations import AlarmIndex, max_apart, order_of
from kernels.timers import Timer
from kernels.window_bounds import WindowBounds
from schema.blocks import Block
from schema.events import Severity
from schema.incidents import AlarmState, IncidentEvent
from schema.records import EventTime
from schema.times import NEVER

__all__ = ["Correlated", "Correlator", "Unsaved"]

#: H: an alarm is placed so long after it was raised [s].
_PLACED_AFTER_S = 3
#: So long after it was cleared an alarm is dropped from its incident [s].
_DROPPED_AFTER_S = 24 * 3600
#: The timer of a tick stands so long after its moment that all events of the tick have come: on a
#: runner that does not hold event time for what timers put out, they come a step later [us].
_AFTER_US = 1_000
#: Tag of the timer of bounded input, and the tick that it stands for: the last.
_END = 2**62


@dataclass(frozen=True)
class Correlated:
    """A step of the correlator.

    Attributes:
        incidents: what a tick publishes, in order.
        timers: to set.
    """

    incidents: Sequence[IncidentEvent] = ()
    timers: Sequence[Timer] = ()


@dataclass
class Unsaved:
    """What has changed since the correlator was last saved.

    Attributes:
        anything: any of it.
        events: ALARMS blocks that came, in wire form.
        taken_in: some events do not wait any more.
        alarms: ids of alarms that have changed.
        incidents: ids of incidents that have changed.
    """

    anything: bool = False
    events: list[bytes] = field(default_factory=list)
    taken_in: bool = False
    alarms: set[str] = field(default_factory=set)
    incidents: set[str] = field(default_factory=set)

    def clear(self) -> None:
        """Says that all is saved."""
        self.anything = self.taken_in = False
        for changed in (self.events, self.alarms, self.incidents):
            changed.clear()


class Correlator:
    """The alarms and the open incidents of the network.

    Attributes:
        alarms: all that are active, in an open incident, or were cleared a moment ago.
        incidents: the open ones.
        waiting: events by the tick that takes them in.
        last_tick: the newest tick at which anything happened.
        last_told: the newest tick that takes in an event.
        unsaved: what has changed since it was last saved.
    """

    def __init__(
        self,
        bounds: WindowBounds,
        event_time: EventTime,
        alarms: AlarmTable | None = None,
        incidents: IncidentTable | None = None,
        last_tick: int = NEVER,
        last_told: int = NEVER,
    ) -> None:
        """Takes what was saved.

        Args:
            bounds: when windows are due.
            event_time: how event time goes on.
            alarms: as saved.
            incidents: as saved.
            last_tick: as saved.
            last_told: as saved.
        """
        self.alarms = AlarmTable() if alarms is None else alarms
        self.incidents = IncidentTable() if incidents is None else incidents
        self.waiting: dict[int, list[AlarmState]] = {}
        self.last_tick = last_tick
        self.last_told = last_told
        self.unsaved = Unsaved()
        self._bounds = bounds
        self._event_time = event_time
        self._apart = max_apart(bounds.window_s)
        self._placed_after = -(-_PLACED_AFTER_S // bounds.window_s)
        self._unplaced, self._placed = AlarmIndex(self._apart), AlarmIndex(self._apart)
        self._num_open = Counter(i.told.severity for i in self.incidents.values() if i.told)
        #: Ticks at which something can happen, as a heap; an alarm, or none, that it happens to.
        self._agenda: list[tuple[int, str]] = []
        self._timed: set[int] = set()
        for alarm in self.alarms.values():
            self._enter(alarm)
            if alarm.incident_id:
                self.incidents[alarm.incident_id].add(alarm)
            self._note_next(alarm)

    def open_by_severity(self) -> dict[Severity, int]:
        """Returns how many incidents of each severity are open."""
        return {severity: self._num_open[severity] for severity in Severity}

    def receive(self, data: bytes) -> Correlated:
        """Takes events.

        Args:
            data: an ALARMS block in wire form.
        """
        self.unsaved.anything = True
        self.unsaved.events.append(data)
        timers: list[Timer] = []
        for state in self.wait(data):
            timers += self._timer(state.tick)
            # By then its alarm is due to be placed.
            timers += self._timer(state.tick + self._placed_after)
        return Correlated(timers=timers)

    def wait(self, data: bytes) -> list[AlarmState]:
        """Lets events of an ALARMS block wait for their ticks; returns them."""
        states = [
            state if state.tick > self.last_tick else replace(state, tick=self.last_tick + 1)
            for state in states_of(Block.from_bytes(data))
        ]
        for state in states:
            self.waiting.setdefault(state.tick, []).append(state)
            self.last_told = max(self.last_told, state.tick)
            heapq.heappush(self._agenda, (state.tick, ""))
        return states

    def waiting_blocks(self) -> list[bytes]:
        """Returns the events that wait, as ALARMS blocks in wire form."""
        states = [state for states in self.waiting.values() for state in states]
        return [states_block(states).to_bytes()] if states else []

    def fire(self, tag: str) -> Iterator[Correlated]:
        """Takes the news that a timer has fired: its tick comes, and all that are before it."""
        self.unsaved.anything = True
        tick = int(tag)
        self._timed = {other for other in self._timed if other > tick}
        last = self.last_told + self._placed_after if tick == _END else tick
        while self._agenda and self._agenda[0][0] <= last:
            yield self._run(self._agenda[0][0])

    def _timer(self, tick: int) -> list[Timer]:
        """Returns the timer of a tick, unless it is set."""
        tag = _END if self._event_time == EventTime.BOUNDED else tick
        if tag in self._timed:
            return []
        self._timed.add(tag)
        return [Timer(str(tag), self._bounds.due_us(tick) + _AFTER_US)]

    # --- A tick

    def _run(self, tick: int) -> Correlated:
        """Runs a tick."""
        taken_in = self._take_in(tick)
        touched = {alarm.incident_id for alarm in taken_in} & self.incidents.keys()
        events = self._close([i for i in touched if not self.incidents[i].num_active], tick)
        noted = self._noted(tick)
        touched |= {alarm.incident_id for alarm in noted if self._drop(alarm, tick)}
        due = [alarm for alarm in noted if not alarm.settled and alarm.placing <= tick]
        touched |= self._place(due, tick)
        for incident_id in touched & self.incidents.keys():
            events += self._publish(self.incidents[incident_id], tick)
        if events:
            self.last_tick = tick
            events.sort(key=lambda event: event.incident_id)
        return Correlated(events, self._dropping(taken_in))

    def _noted(self, tick: int) -> list[Alarm]:
        """Returns the alarms to which something may happen by itself up to a tick."""
        noted = []
        while self._agenda and self._agenda[0][0] <= tick:
            alarm = self.alarms.get(heapq.heappop(self._agenda)[1])
            if alarm:
                noted.append(alarm)
        return noted

    def _dropping(self, alarms: Sequence[Alarm]) -> list[Timer]:
        """Returns the timers at which alarms will be dropped from their incidents.

        In a replay event time jumps at the end over what no event would have told.
        """
        if self._event_time != EventTime.LIVE:
            return []
        return [
            timer
            for alarm in alarms
            if alarm.incident_id and not alarm.state.is_active
            for timer in self._timer(self._forgotten(alarm))
        ]

    def _take_in(self, tick: int) -> list[Alarm]:
        """Takes in the events of a tick; returns the alarms that are known otherwise now."""
        states = self.waiting.pop(tick, [])
        if states:
            self.unsaved.taken_in = True
            self.last_tick = tick
        changed = []
        for state in sorted(states, key=lambda state: state.sequence):
            alarm = self.alarms.get(state.alarm_id)
            if alarm is None:
                alarm = Alarm(state, max(state.raised + self._placed_after, tick))
                self.alarms[state.alarm_id] = alarm
            elif state.sequence > alarm.state.sequence:
                self._leave(alarm)
                if incident := self.incidents.get(alarm.incident_id):
                    incident.num_active += state.is_active - alarm.state.is_active
                alarm.state = replace(state, silent_ends=alarm.state.silent_ends)
            else:
                continue
            self._enter(alarm)
            self._note_next(alarm)
            self.unsaved.alarms.add(state.alarm_id)
            changed.append(alarm)
        return changed

    def _enter(self, alarm: Alarm) -> None:
        if index := self._index_of(alarm):
            index.add(alarm)

    def _leave(self, alarm: Alarm) -> None:
        if index := self._index_of(alarm):
            index.remove(alarm)

    def _index_of(self, alarm: Alarm) -> AlarmIndex | None:
        """Returns the index that an alarm belongs to; None where it relates to nothing any more."""
        if not alarm.state.is_active:
            return None
        if alarm.incident_id:
            return self._placed
        return None if alarm.settled else self._unplaced

    def _note_next(self, alarm: Alarm) -> None:
        """Notes the tick at which something happens to an alarm by itself."""
        if not alarm.settled:
            heapq.heappush(self._agenda, (alarm.placing, alarm.state.alarm_id))
        elif not alarm.state.is_active:
            heapq.heappush(self._agenda, (self._forgotten(alarm), alarm.state.alarm_id))

    def _forgotten(self, alarm: Alarm) -> int:
        """Returns the tick at which a cleared alarm is forgotten.

        In no incident it is known for as long as a late evaluation can make an event of it.
        """
        if alarm.incident_id:
            return alarm.state.window + _DROPPED_AFTER_S // self._bounds.window_s + 1
        return max(alarm.state.tick, alarm.placing) + self._bounds.num_open + 1

    def _close(self, incident_ids: Sequence[str], tick: int) -> list[IncidentEvent]:
        """Closes incidents; returns what they publish."""
        events = []
        for incident_id in incident_ids:
            incident = self.incidents[incident_id]
            events += self._publish(incident, tick)
            del self.incidents[incident_id]
            for alarm in incident.alarms.values():
                alarm.incident_id = ""
                self._note_next(alarm)
            self.unsaved.alarms.update(incident.alarms)
        return events

    def _drop(self, alarm: Alarm, tick: int) -> bool:
        """Forgets an alarm that was cleared long ago; returns whether an incident has lost it."""
        if alarm.state.is_active or not alarm.settled or self._forgotten(alarm) > tick:
            return False
        self.unsaved.alarms.add(alarm.state.alarm_id)
        self.alarms.pop(alarm.state.alarm_id, None)
        incident = self.incidents.get(alarm.incident_id)
        return incident is not None and incident.alarms.pop(alarm.state.alarm_id, None) is not None

    def _place(self, due: Sequence[Alarm], tick: int) -> set[str]:
        """Places alarms, and what is related to them; returns their incidents."""
        for alarm in due:
            if not alarm.state.is_active:
                alarm.settled = True
                self._note_next(alarm)
                self.unsaved.alarms.add(alarm.state.alarm_id)
        active = [alarm for alarm in due if alarm.state.is_active]
        groups = list(groups_of(active, self._unplaced))
        # Before any of them is placed.
        joins = [
            (group, self._first_of(related_incidents(group, self._placed))) for group in groups
        ]
        touched = set()
        for group, incident in joins:
            if incident is None:
                root = min((alarm.state for alarm in group), key=order_of)
                incident = Incident(incident_id_of(root), tick)
                self.incidents[incident.incident_id] = incident
            for alarm in group:
                alarm.settled = True
                incident.add(alarm)
                self._enter(alarm)
                self.unsaved.alarms.add(alarm.state.alarm_id)
            touched.add(incident.incident_id)
        return touched

    def _first_of(self, incident_ids: set[str]) -> Incident | None:
        """Returns the incident whose root comes first; None if there is none."""
        found = [self.incidents[incident_id] for incident_id in incident_ids]
        if len(found) < 2:
            return found[0] if found else None
        return min(found, key=lambda incident: order_of(incident.root()))

    def _publish(self, incident: Incident, tick: int) -> list[IncidentEvent]:
        """Returns what is new of an incident, if anything is."""
        before = incident.told
        event = incident.news(tick, self._bounds.window_s, self._apart)
        if event is None:
            return []
        self.unsaved.incidents.add(incident.incident_id)
        if before:
            self._num_open[before.severity] -= 1
        if incident.num_active:
            self._num_open[event.facts.severity] += 1
        return [event]
