"""The alarms that incidents know of, and the blocks that they travel and are saved in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from schema.blocks import SCHEMAS, Block, BlockKind
from schema.events import Code, Severity
from schema.incidents import AlarmState
from schema.topology_pb2 import FiberLink

__all__ = ["Alarm", "AlarmTable", "alarms_block", "states_block", "states_of"]

_FIELDS = tuple(field.name for field in fields(AlarmState))
_SCHEMA = SCHEMAS[BlockKind.ALARMS]
#: What stands for an alarm that is forgotten.
_NONE = AlarmState(
    "", 0, False, Code.NO_DATA, 0, Severity.WARNING, 0, 0, 0, 0, False, False, 0, FiberLink()
)


@dataclass(slots=True, eq=False)
class Alarm:
    """An alarm, and whether it is placed.

    Attributes:
        state: as its event with the highest sequence says.
        placing: the tick from which on it is due to be placed.
        settled: it was placed, or had cleared before.
        incident_id: of the open incident that it is in; empty = in none.
    """

    state: AlarmState
    placing: int
    settled: bool = False
    incident_id: str = ""


class AlarmTable(dict[str, Alarm]):
    """Alarms by alarm_id."""

    def apply(self, block: Block) -> None:
        """Applies ALARMS rows of a state."""
        columns = block.columns
        for name, state, placing, settled, incident_id in zip(
            columns["alarm_id"],
            states_of(block),
            columns["placing"].tolist(),
            columns["settled"].tolist(),
            columns["incident_id"],
            strict=True,
        ):
            if state.link.link_id:
                self[state.alarm_id] = Alarm(state, placing, settled, incident_id.decode())
            else:
                self.pop(name.decode(), None)

    def to_block(self) -> Block:
        """Returns all alarms."""
        return alarms_block(self)


def alarms_block(alarms: Mapping[str, Alarm | None]) -> Block:
    """Returns alarms as an ALARMS block of a state; None = the alarm is forgotten."""
    known = [alarm or Alarm(_NONE, 0) for alarm in alarms.values()]
    columns = _columns(alarm.state for alarm in known)
    columns["alarm_id"] = [alarm_id.encode() for alarm_id in alarms]
    columns["placing"] = np.array([alarm.placing for alarm in known], np.int64)
    columns["settled"] = np.array([alarm.settled for alarm in known], bool)
    columns["incident_id"] = [alarm.incident_id.encode() for alarm in known]
    return Block(BlockKind.ALARMS, columns)


def states_block(states: Iterable[AlarmState]) -> Block:
    """Returns what events say of their alarms, as an ALARMS block."""
    return Block(BlockKind.ALARMS, _columns(states))


def _columns(states: Iterable[AlarmState]) -> dict[str, Any]:
    rows = list(states)
    columns: dict[str, Any] = {
        name: np.array([getattr(state, name) for state in rows], _SCHEMA[name].dtype)
        for name in _FIELDS
        if _SCHEMA[name].dtype != "bytes"
    }
    columns["alarm_id"] = [state.alarm_id.encode() for state in rows]
    columns["link"] = [state.link.SerializeToString() for state in rows]
    return columns


def states_of(block: Block) -> Iterator[AlarmState]:
    """Yields the alarms of an ALARMS block as their events say."""
    columns = block.columns
    rows = zip(
        *(
            values if isinstance(values := columns[name], list) else values.tolist()
            for name in _FIELDS
        ),
        strict=True,
    )
    for row in rows:
        said = dict(zip(_FIELDS, row, strict=True))
        said["alarm_id"] = said["alarm_id"].decode()
        said["code"] = Code(said["code"])
        said["severity"] = Severity(said["severity"])
        said["link"] = FiberLink.FromString(said["link"])
        yield AlarmState(**said)
