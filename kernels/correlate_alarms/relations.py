"""The four relations of alarms, their order, and the index that finds them (spec, section 9).

All alarms are never compared with all: each is found by its link, by its shared risks and onset, by
the nodes that are silent in it, and by the links upstream of it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from itertools import pairwise

from kernels.correlate_alarms.alarms import Alarm
from schema.events import Code
from schema.incidents import AlarmState

__all__ = ["AlarmIndex", "have_shared_risk", "max_apart", "order_of", "shared_risks"]

#: Rank of a code: what comes first is rather the cause than the effect.
_RANKED = (
    Code.FIBER_CUT,
    Code.LINK_DARK,
    Code.SIGNAL_LOSS_EQUIPMENT,
    Code.FIBER_DEGRADE_SEVERE,
    Code.FIBER_DEGRADE,
    Code.SIGNAL_DEGRADE,
    Code.FIBER_DEGRADE_WARN,
    Code.TOPOLOGY_MISMATCH,
    Code.OSC_LOSS,
    Code.SPAN_LOSS_OUT_OF_RANGE,
    Code.FIBER_JITTER,
    Code.PM_DATA_MISSING,
    Code.UPSTREAM_POWER_LOSS,
)
_RANK = {code: rank for rank, code in enumerate(_RANKED)}

#: Codes that a cable cut may cause on each of its links.
_CUT_LIKE = frozenset((Code.FIBER_CUT, Code.LINK_DARK))
#: Codes of a link that gets no light from upstream.
_STARVED = frozenset((Code.UPSTREAM_POWER_LOSS, Code.LINK_DARK))
#: Codes of a link that lets no light pass downstream.
_STARVING = frozenset(
    (Code.FIBER_CUT, Code.LINK_DARK, Code.SIGNAL_LOSS_EQUIPMENT, Code.UPSTREAM_POWER_LOSS)
)
#: Onsets of one cause are no farther apart than this, or than a window where that is longer [s].
_ONSETS_APART_S = 2


def max_apart(window_s: int) -> int:
    """Returns how many windows apart the onsets of one cause may be."""
    return max(_ONSETS_APART_S // window_s, 1)


def order_of(state: AlarmState) -> tuple[int, int, str, int]:
    """Returns what alarms are ordered by: rank, onset, link, family."""
    return _RANK[state.code], state.onset, state.link.link_id, state.family


class AlarmIndex:
    """Active alarms, found by what relates them."""

    def __init__(self, apart: int) -> None:
        """Starts empty; `apart` is how many windows apart the onsets of one cause may be."""
        self._apart = apart
        self._alarms: dict[Hashable, dict[str, Alarm]] = {}

    def add(self, alarm: Alarm) -> None:
        """Adds an alarm, under what its state says now."""
        for key in _keys(alarm.state):
            self._alarms.setdefault(key, {})[alarm.state.alarm_id] = alarm

    def remove(self, alarm: Alarm) -> None:
        """Removes an alarm; its state is that with which it was added."""
        for key in _keys(alarm.state):
            bucket = self._alarms[key]
            del bucket[alarm.state.alarm_id]
            if not bucket:
                del self._alarms[key]

    def related(self, state: AlarmState, asked: set[Hashable]) -> Iterator[Alarm]:
        """Yields the alarms of the index that an alarm is related to.

        Args:
            state: of the alarm.
            asked: what the index was asked for before and is not again; is added to.
        """
        for key in self._asks(state):
            if key not in asked:
                asked.add(key)
                yield from list(self._alarms.get(key, {}).values())
        if state.code in _STARVED:
            for upstream in state.link.upstream_link_ids:
                for other in list(self._alarms.get(("link", upstream), {}).values()):
                    if other.state.code in _STARVING and self._starves(other.state, state):
                        yield other
        if state.code in _STARVING:
            for other in list(self._alarms.get(("starved", state.link.link_id), {}).values()):
                if self._starves(state, other.state):
                    yield other

    def _starves(self, cause: AlarmState, effect: AlarmState) -> bool:
        return cause.onset <= effect.onset + self._apart

    def _asks(self, state: AlarmState) -> Iterator[Hashable]:
        """Yields the keys of alarms that are related whatever else they say."""
        yield "link", state.link.link_id
        if state.code in _CUT_LIKE:
            for srlg_id in state.link.srlg_ids:
                for onset in range(state.onset - self._apart, state.onset + self._apart + 1):
                    yield "risk", srlg_id, onset
        for node in state.silent_nodes:
            yield "silent", node


def _keys(state: AlarmState) -> set[Hashable]:
    """Returns what an alarm is found by."""
    keys: set[Hashable] = {("link", state.link.link_id)}
    if state.code in _CUT_LIKE:
        keys.update(("risk", srlg_id, state.onset) for srlg_id in state.link.srlg_ids)
    if state.code in _STARVED:
        keys.update(("starved", upstream) for upstream in state.link.upstream_link_ids)
    keys.update(("silent", node) for node in state.silent_nodes)
    return keys


def have_shared_risk(one: AlarmState, other: AlarmState, apart: int) -> bool:
    """Returns whether two alarms are related by a shared risk."""
    return (
        one.link.link_id != other.link.link_id
        and one.code in _CUT_LIKE
        and other.code in _CUT_LIKE
        and abs(one.onset - other.onset) <= apart
        and not set(one.link.srlg_ids).isdisjoint(other.link.srlg_ids)
    )


def shared_risks(states: Iterable[AlarmState], apart: int) -> list[str]:
    """Returns the srlg_ids by which some alarms are related, sorted."""
    at_risk: dict[str, list[tuple[int, str]]] = {}
    for state in states:
        if state.code in _CUT_LIKE:
            for srlg_id in set(state.link.srlg_ids):
                at_risk.setdefault(srlg_id, []).append((state.onset, state.link.link_id))
    # Where two of different links are near enough, so are two neighbors between them.
    return sorted(
        srlg_id
        for srlg_id, found in at_risk.items()
        if any(
            later[0] - earlier[0] <= apart and later[1] != earlier[1]
            for earlier, later in pairwise(sorted(found))
        )
    )
