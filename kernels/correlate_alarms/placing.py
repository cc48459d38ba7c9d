"""Placing: which alarms come into which incident (spec, section 9)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator

from kernels.correlate_alarms.alarms import Alarm
from kernels.correlate_alarms.relations import AlarmIndex

__all__ = ["groups_of", "related_incidents"]


def groups_of(due: Iterable[Alarm], waiting: AlarmIndex) -> Iterator[list[Alarm]]:
    """Takes alarms out of those that wait, with all that is related to them, directly or not.

    Args:
        due: the alarms that are due to be placed, all in `waiting`.
        waiting: the active alarms that are not placed.

    Yields:
        What is related, as one group.
    """
    taken: set[str] = set()
    for first in due:
        if first.state.alarm_id in taken:
            continue
        group = [first]
        waiting.remove(first)
        asked: set[Hashable] = set()
        for alarm in group:  # grows meanwhile
            for other in waiting.related(alarm.state, asked):
                waiting.remove(other)
                group.append(other)
        taken.update(alarm.state.alarm_id for alarm in group)
        yield group


def related_incidents(group: Iterable[Alarm], placed: AlarmIndex) -> set[str]:
    """Returns the open incidents with an active alarm that one of a group is related to.

    Args:
        group: alarms that are to be placed.
        placed: the active alarms of open incidents.
    """
    asked: set[Hashable] = set()
    return {other.incident_id for alarm in group for other in placed.related(alarm.state, asked)}
