"""All rivals that are measured, the event center included.

All have the same topics, the same number of slots and the same interval of checkpoints. Two forms
of the event center are measured only if they are named: with alarms that have a life, and with
incidents too.
"""

from __future__ import annotations

from benchmarks.rivals.on_flink import EventCenter, NativeFlink, RecordAtATime
from benchmarks.rivals.on_quix import Quix
from benchmarks.rivals.rival import Rival

_STANDARD: tuple[Rival, ...] = (
    EventCenter(),
    NativeFlink("stock"),
    NativeFlink("tuned"),
    RecordAtATime(),
    Quix(),
)
_NAMED: tuple[Rival, ...] = (
    EventCenter("event-center-alarms", emits="lifecycle"),
    EventCenter("event-center-incidents", emits="lifecycle", with_incidents=True),
)
RIVALS = {rival.name: rival for rival in (*_STANDARD, *_NAMED)}
#: Names of those that are measured if none is named.
STANDARD = tuple(rival.name for rival in _STANDARD)
