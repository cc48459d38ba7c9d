"""The life of alarms: raise, rise, grow, fall, clear; one event an alarm and window."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import is_among
from kernels.track_links.confirm import Confirmation, run_length
from kernels.track_links.events import alarm_event
from kernels.track_links.history import Rows
from kernels.track_links.limits import maintenance_at
from kernels.track_links.tracks import Tracks
from schema.events import Action, FiberEvent

__all__ = ["raise_change_clear", "unsuppress"]


def unsuppress(tracks: Tracks, window: int, rows: Rows, *, late: bool) -> list[FiberEvent]:
    """Publishes again what is still active after the maintenance that suppressed it.

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
    start_s = tracks.bounds.start_s(window)
    actions = {
        row: Action.CHANGE
        for row in np.flatnonzero(again).tolist()
        if maintenance_at(tracks.links.link(int(table[row]["link"])), start_s) is None
    }
    return _events(tracks, actions, window, late=late)


def raise_change_clear(
    tracks: Tracks,
    window: int,
    confirmed: Sequence[Confirmation],
    rows: Rows,
    reopened: NDArray[np.bool_],
    *,
    late: bool,
) -> list[FiberEvent]:
    """Applies confirmations, then lets fall what is due to.

    Args:
        tracks: of the shard.
        window: number of the window.
        confirmed: what is newly confirmed at the window.
        rows: (k,) the links that are evaluated.
        reopened: (k, families) bool, set where an alarm is raised or falls.
        late: a late evaluation makes the events.
    """
    alarms = tracks.alarms
    actions: dict[int, Action] = {}
    for confirmation in confirmed:
        row = alarms.find(confirmation.link, confirmation.family)
        action = Action.CHANGE
        if row is None:
            action = Action.RAISE
            onset = _onset(tracks, window, confirmation)
            row = alarms.open(confirmation.link, confirmation.family, onset, window)
        alarm = alarms.table[row]
        direction = int(alarm["direction"]) | confirmation.direction
        risen = confirmation.level > alarm["level"]
        if risen or direction != alarm["direction"]:
            actions[row] = action
        alarm["direction"] = direction
        if risen:
            alarm["level"] = confirmation.level
            alarms.restart_count(row, window)
    fallen = []
    concerned = np.flatnonzero(is_among(alarms.table["link"], rows))
    for row, level in alarms.due_to_fall(tracks.history, window, concerned):
        actions[row] = Action.CHANGE if level else Action.CLEAR
        fallen.append(row)
        if level:
            alarms.table[row]["level"] = level
            alarms.restart_count(row, window)
    raised = [row for row, action in actions.items() if action == Action.RAISE]
    changed = alarms.table[[*raised, *fallen]]
    reopened[np.searchsorted(rows, changed["link"]), changed["family"]] = True
    events = _events(tracks, actions, window, late=late)
    alarms.close([row for row, action in actions.items() if action == Action.CLEAR])
    return events


def _onset(tracks: Tracks, window: int, confirmation: Confirmation) -> int:
    """Returns the first window of the unbroken run; of the earlier span if both confirm."""
    history = tracks.history
    length = run_length(history.codes(window, np.array([confirmation.link])))[0]
    start = window - (length - 1)
    whole = start == history.oldest
    start = np.where(whole, history.run_start[confirmation.link], start)
    spans = [confirmation.direction & 1, confirmation.direction & 2]
    return int(min(s for s, named in zip(start, spans, strict=True) if named))


def _events(
    tracks: Tracks, actions: Mapping[int, Action], window: int, *, late: bool
) -> list[FiberEvent]:
    """Makes the events of a window and notes them in their alarms; in order of link and family.

    Args:
        tracks: of the shard.
        actions: by row of the alarm.
        window: number of the window.
        late: a late evaluation makes the events.
    """
    if not actions:
        return []
    table = tracks.alarms.table
    rows = np.array(list(actions))
    rows = rows[np.lexsort((table["family"][rows], table["link"][rows]))]
    links = table["link"][rows].astype(np.int64)
    readings = tracks.history.event_readings(
        links, window, table["onset"][rows], table["folded_peak_db"][rows]
    )
    events = [
        alarm_event(
            actions[row],
            table[row],
            window,
            tracks.bounds,
            tracks.links.link(link),
            read,
            late=late,
        )
        for row, link, read in zip(rows.tolist(), links.tolist(), readings, strict=True)
    ]
    for row, event in zip(rows.tolist(), events, strict=True):
        tracks.alarms.note_event(row, event)
    return events
