"""All rivals that are measured, the event center included.

All have the same topics, the same number of slots and the same interval of checkpoints.
"""

from __future__ import annotations

from benchmarks.rivals.on_flink import EventCenter, NativeFlink, RecordAtATime
from benchmarks.rivals.on_quix import Quix
from benchmarks.rivals.rival import Rival

RIVALS: dict[str, Rival] = {
    rival.name: rival
    for rival in (
        EventCenter(),
        NativeFlink("stock"),
        NativeFlink("tuned"),
        RecordAtATime(),
        Quix(),
    )
}
