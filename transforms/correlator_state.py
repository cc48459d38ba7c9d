"""The state of CorrelateAlarms: a correlator as Beam's state cells hold it."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from kernels.correlate_alarms.alarms import AlarmTable, alarms_block
from kernels.correlate_alarms.correlator import Correlator
from kernels.correlate_alarms.incidents import IncidentTable, incidents_block
from kernels.window_bounds import WindowBounds
from schema.blocks import Block
from schema.records import EventTime
from schema.versions import CORRELATOR_STATE_VERSION
from transforms.state import TABLE_REST_BYTES, Log, load_table, save_table

__all__ = ["CorrelatorCells", "CorrelatorCodec", "SavedCorrelator"]


@dataclass(frozen=True)
class CorrelatorCells:
    """The state cells of the network.

    Attributes:
        head: value; version, token, sizes of the two logs, and the newest ticks.
        waiting: bag; ALARMS blocks of events that are not taken in.
        alarms: bag; log of ALARMS blocks, sized in rows.
        incidents: bag; log of INCIDENTS blocks, sized in rows.
    """

    head: Any
    waiting: Any
    alarms: Any
    incidents: Any


@dataclass
class SavedCorrelator:
    """A correlator and the logs that it is saved in."""

    correlator: Correlator
    alarms: Log = field(default_factory=Log)
    incidents: Log = field(default_factory=Log)


@dataclass(frozen=True)
class CorrelatorCodec:
    """Saves correlators.

    Attributes:
        bounds: when windows are due.
        event_time: how event time goes on.
    """

    bounds: WindowBounds
    event_time: EventTime

    version = CORRELATOR_STATE_VERSION

    def empty(self, key: int) -> SavedCorrelator:
        """Returns the correlator of a network that had no alarm."""
        return SavedCorrelator(Correlator(self.bounds, self.event_time))

    def read(self, key: int, rest: bytes, cells: CorrelatorCells) -> SavedCorrelator:
        """Reads a correlator; its timers are still set."""
        alarms, incidents = AlarmTable(), IncidentTable()
        alarm_log = load_table(alarms, rest[:TABLE_REST_BYTES], cells.alarms)
        incident_log = load_table(
            incidents, rest[TABLE_REST_BYTES : 2 * TABLE_REST_BYTES], cells.incidents
        )
        ticks = _TICKS.unpack_from(rest, 2 * TABLE_REST_BYTES)
        correlator = Correlator(self.bounds, self.event_time, alarms, incidents, *ticks)
        for data in cells.waiting.read():
            correlator.wait(data)
        return SavedCorrelator(correlator, alarm_log, incident_log)

    def write(self, copy: SavedCorrelator, cells: CorrelatorCells) -> bytes | None:
        """Writes what has changed."""
        correlator, unsaved = copy.correlator, copy.correlator.unsaved
        if not unsaved.anything:
            return None
        if unsaved.taken_in:
            cells.waiting.clear()
        for data in correlator.waiting_blocks() if unsaved.taken_in else unsaved.events:
            cells.waiting.add(data)
        alarms, incidents = correlator.alarms, correlator.incidents
        changed_alarms: list[Block] = []
        if unsaved.alarms:
            changed_alarms = [alarms_block({i: alarms.get(i) for i in unsaved.alarms})]
        changed_incidents: list[Block] = []
        if unsaved.incidents:
            changed_incidents = [incidents_block({i: incidents.get(i) for i in unsaved.incidents})]
        rest = save_table(alarms, changed_alarms, copy.alarms, cells.alarms)
        rest += save_table(incidents, changed_incidents, copy.incidents, cells.incidents)
        unsaved.clear()
        return rest + _TICKS.pack(correlator.last_tick, correlator.last_told)


#: The newest tick at which anything happened, and the newest that takes in an event.
_TICKS = struct.Struct("<qq")
