"""The life of alarms: spans rise and fall; alarms are raised, change, clear (spec, section 6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import is_among
from kernels.track_links.alarms import Fall, direction_of, level_of
from kernels.track_links.cells import flags_in, ranges_in
from kernels.track_links.confirm import Confirmed
from kernels.track_links.decide import RANGE_HIGH, RANGE_LOW
from kernels.track_links.events import Clearing, alarm_event
from kernels.track_links.history import Rows
from kernels.track_links.powers import OUT_OF_SERVICE, RX_MISSING, TX_MISSING
from kernels.track_links.tracks import Tracks
from schema.events import Action, ClearReason, Family, FiberEvent

__all__ = ["clear_removed", "raise_change_clear", "unsuppress"]


@dataclass(frozen=True)
class _Step:
    """What becomes of an alarm at a window."""

    action: Action
    levels: NDArray[np.uint8]  # at which its spans stand; for a CLEAR those it had
    clearing: Clearing | None = None


def unsuppress(tracks: Tracks, window: int, rows: Rows, *, late: bool) -> list[FiberEvent]:
    """Publishes again what is still active after the work that suppressed it.

    Args:
        tracks: of the shard.
        window: number of the window.
        rows: the links to look at.
        late: a late evaluation makes the events.
    """
    table = tracks.alarms.table
    if not table["suppressed"].any():
        return []
    evaluated = tracks.history.evaluated(window, rows)
    again = table["suppressed"] & (table["last"] < window)
    again &= is_among(table["link"], evaluated)
    alarms = np.flatnonzero(again)
    links = table["link"][alarms].astype(np.int64)
    works = tracks.works(window, links, [direction_of(table[row]["level"]) for row in alarms])
    steps = {
        row: _Step(Action.CHANGE, table[row]["level"].copy())
        for row, work in zip(alarms.tolist(), works, strict=True)
        if work is None
    }
    return _events(tracks, steps, window, late=late)


def raise_change_clear(
    tracks: Tracks,
    window: int,
    rows: Rows,
    stirred: Rows,
    confirmed: Confirmed | None,
    *,
    late: bool,
) -> list[FiberEvent]:
    """Lets spans rise to what is confirmed, then fall where they are due to.

    Args:
        tracks: of the shard.
        window: number of the window.
        rows: rows of the links that are evaluated, ascending.
        stirred: (k,) rows of those of which something is confirmed.
        confirmed: (k, K, 2) what is confirmed at the window, and new; None = nothing.
        late: a late evaluation makes the events.
    """
    alarms = tracks.alarms
    before: dict[int, NDArray[np.uint8]] = {}  # the levels of the alarms that are touched
    raised: set[int] = set()
    if confirmed is not None:
        rises = confirmed.level > alarms.standing(stirred, confirmed.family)
        for i, kind in np.argwhere(rises.any(axis=-1)).tolist():
            link = int(stirred[i])
            for family in sorted({int(f) for f in confirmed.family[i, kind][rises[i, kind]]}):
                spans = np.flatnonzero(rises[i, kind] & (confirmed.family[i, kind] == family))
                row = alarms.find(link, family)
                if row is None:
                    onset = int(confirmed.first[i, kind][spans].min())
                    row = alarms.open(link, family, onset, window)
                    raised.add(row)
                before[row] = alarms.table[row]["level"].copy()
                for span in spans.tolist():
                    alarms.stand(row, span, int(confirmed.level[i, kind, span]), window)
                all_spans = confirmed.family[i, kind] == family
                alarms.table[row]["problem"] = _problem(tracks, window, row, all_spans)
    falls = alarms.due_to_fall(
        tracks.history, window, np.flatnonzero(is_among(alarms.table["link"], rows))
    )
    for fall in falls:
        before.setdefault(fall.row, alarms.table[fall.row]["level"].copy())
        alarms.stand(fall.row, fall.span, fall.level, window)
    steps = {}
    for row, levels in before.items():
        if step := _step(tracks, window, row, levels, falls, is_raised=row in raised):
            steps[row] = step
    events = _events(tracks, steps, window, late=late)
    alarms.close([row for row, step in steps.items() if step.action == Action.CLEAR])
    return events


def _step(
    tracks: Tracks,
    window: int,
    row: int,
    before: NDArray[np.uint8],
    falls: Sequence[Fall],
    *,
    is_raised: bool,
) -> _Step | None:
    """Returns what an alarm publishes at a window; None where nothing is to be said."""
    alarm = tracks.alarms.table[row]
    levels = alarm["level"].copy()
    if is_raised:
        return _Step(Action.RAISE, levels)
    if not levels.any():
        flags = flags_in(tracks.history.at(window, int(alarm["link"])))
        is_down = (((flags & OUT_OF_SERVICE) != 0) & (before > 0)).any()
        reason = ClearReason.ADMIN_DOWN if is_down else ClearReason.NORMAL
        ended = max(fall.first for fall in falls if fall.row == row)
        return _Step(Action.CLEAR, before, Clearing(reason, ended))
    if (level_of(levels), direction_of(levels)) != (level_of(before), direction_of(before)):
        return _Step(Action.CHANGE, levels)
    return None


def clear_removed(tracks: Tracks, window: int, rows: Rows) -> list[FiberEvent]:
    """Clears all alarms of links that are not decided any more, and forgets their windows.

    Args:
        tracks: of the shard.
        window: the newest window that is due.
        rows: rows of the links.
    """
    table = tracks.alarms.table
    open_alarms = np.flatnonzero(is_among(table["link"], rows)).tolist()
    clearing = Clearing(ClearReason.LINK_REMOVED, window + 1)
    steps = {row: _Step(Action.CLEAR, table[row]["level"].copy(), clearing) for row in open_alarms}
    if steps:
        tracks.advance(window)
    events = _events(tracks, steps, window, late=False)
    tracks.alarms.close(open_alarms)
    tracks.forget(rows)
    return events


def _problem(tracks: Tracks, window: int, row: int, spans: NDArray[np.bool_]) -> int:
    """Returns what DATA or RANGE says of a window, as the number that an alarm keeps."""
    alarm = tracks.alarms.table[row]
    cells = tracks.history.at(window, int(alarm["link"]))
    if alarm["family"] == Family.RANGE:
        return RANGE_HIGH if (ranges_in(cells)[spans] == RANGE_HIGH).any() else RANGE_LOW
    if alarm["family"] == Family.DATA:
        az, za = (flags_in(cells) & (TX_MISSING | RX_MISSING)).tolist()
        return int(az | za << 2)
    return 0


def _events(
    tracks: Tracks, steps: Mapping[int, _Step], window: int, *, late: bool
) -> list[FiberEvent]:
    """Makes the events of a window and notes them in their alarms; in order of link and family.

    Args:
        tracks: of the shard.
        steps: by row of the alarm.
        window: number of the window.
        late: a late evaluation makes the events.
    """
    if not steps:
        return []
    table = tracks.alarms.table
    rows = np.array(list(steps))
    rows = rows[np.lexsort((table["family"][rows], table["link"][rows]))]
    links = table["link"][rows].astype(np.int64)
    readings = tracks.history.event_readings(
        links, window, table["onset"][rows], table["folded_peak_db"][rows]
    )
    directions = [direction_of(steps[row].levels) for row in rows.tolist()]
    works = tracks.works(window, links, directions)
    events = []
    for row, link, direction, work, read in zip(
        rows.tolist(), links.tolist(), directions, works, readings, strict=True
    ):
        step, alarm = steps[row], table[row]
        event = alarm_event(
            step.action,
            alarm,
            level_of(step.levels),
            direction,
            window,
            tracks.bounds,
            tracks.links.link(link),
            read,
            work=work,
            clearing=step.clearing,
            late=late,
        )
        tracks.alarms.note_event(row, event)
        events.append(event)
    return events
