"""The evaluation of a window: decide it, confirm it with its neighbors, act on what is new.

On time, a window becomes the newest of the history, and is decided and confirmed. A late
evaluation decides its window again for links of which a report has come, confirms again every
window from there to the newest, and counts again; it may raise, lift or clear, and never takes back
(spec, sections 4 and 6).
"""

from typing import Any, NamedTuple

import numpy as np

from kernels.track_links.confirm import Confirmed, by_link
from kernels.track_links.history import Rows
from kernels.track_links.life_cycle import raise_change_clear, unsuppress
from kernels.track_links.matches import publish_matches
from kernels.track_links.powers import LinkPowers
from kernels.track_links.tell import tell
from kernels.track_links.tracks import Tracks
from schema.events import Family, FiberEvent

__all__ = ["Evaluated", "evaluate"]


class Evaluated(NamedTuple):
    """What the evaluation of a window says.

    Attributes:
        events: in the order in which they were made.
        traces: lines of the output `traces`.
    """

    events: list[FiberEvent]
    traces: list[dict[str, Any]]


def evaluate(tracks: Tracks, window: int, read: LinkPowers, *, late: bool) -> Evaluated:
    """Evaluates one window.

    Args:
        tracks: what is known of the links; carried forward.
        window: number of the window.
        read: what was read on the links that have a sample in it.
        late: the window was evaluated before; `read` holds the links that say something new.
    """
    tracks.advance(window)
    view = tracks.links.view(read.link)
    rows = view.rows
    if not len(rows):
        return Evaluated([], [])
    again = (
        tracks.history.evaluated(window, rows) if late and tracks.traces is not None else rows[:0]
    )
    before = list(_confirmed_again(tracks, window, rows)) if late else []
    tracks.decide(window, view, read, late=late)
    events = _act_late(tracks, window, rows, before) if late else _act(tracks, window, rows)
    return Evaluated(events, tell(tracks, window, rows, again, events))


def _act(tracks: Tracks, window: int, rows: Rows) -> list[FiberEvent]:
    """Acts on what the newest window confirms."""
    runs, history = tracks.runs, tracks.history
    stirred = runs.in_motion(history, window, rows)
    confirmed = None
    if tracks.lifecycle and len(jittery := np.intersect1d(tracks.dips.rows(), rows)):
        stirred = np.union1d(stirred, jittery)
    if len(stirred):
        tracks.count_dips(window, stirred)
        confirmed = runs.step(history, window, stirred)
        if not tracks.lifecycle:
            is_new = confirmed.level[:, 0] > 0
            found = list(by_link(stirred, confirmed, is_new))
            return publish_matches(tracks, window, found, late=False)
        confirmed = _with_jitter(tracks, window, stirred, confirmed)
    if not tracks.lifecycle:
        return []
    events = unsuppress(tracks, window, rows, late=False)
    return events + raise_change_clear(tracks, window, rows, stirred, confirmed, late=False)


def _act_late(tracks: Tracks, window: int, rows: Rows, before: list[Confirmed]) -> list[FiberEvent]:
    """Acts on what each window from one on confirms now and did not before, and on full counts."""
    history = tracks.history
    assert history.newest is not None
    now = list(_confirmed_again(tracks, window, rows))
    events: list[FiberEvent] = []
    if tracks.lifecycle:
        # What the window completes may have been full before it.
        for at_window in range(history.oldest, window):
            events += raise_change_clear(tracks, at_window, rows, rows, None, late=True)
    for at_window, was, confirmed in zip(
        range(window, history.newest + 1), before, now, strict=True
    ):
        is_new = confirmed.level > tracks.revisions.note(at_window, rows, was, confirmed)
        if tracks.lifecycle:
            events += unsuppress(tracks, at_window, rows, late=True)
            new = confirmed.where(is_new)
            events += raise_change_clear(tracks, at_window, rows, rows, new, late=True)
        else:
            found = list(by_link(rows, confirmed, is_new[:, 0]))
            events += publish_matches(tracks, at_window, found, late=True)
    return events


def _confirmed_again(tracks: Tracks, window: int, rows: Rows) -> list[Confirmed]:
    """Returns what each window from one to the newest confirms, as decisions stand."""
    confirmed = list(tracks.runs.again(tracks.history, window, rows))
    if not tracks.lifecycle:
        return confirmed
    return [
        _with_jitter(tracks, at_window, rows, one)
        for at_window, one in enumerate(confirmed, window)
    ]


def _with_jitter(tracks: Tracks, window: int, rows: Rows, confirmed: Confirmed) -> Confirmed:
    """Returns what is confirmed, FIBER_JITTER too; one window confirms it."""
    jitter = np.zeros((len(rows), 2), bool)
    evaluated = tracks.history.evaluated(window, rows)
    if len(evaluated):
        jitter[np.isin(rows, evaluated)] = tracks.dips.is_jitter(window, evaluated)
    level = jitter[:, None].astype(np.uint8)
    return Confirmed(
        np.concatenate((confirmed.family, level * np.uint8(Family.JITTER)), axis=1),
        np.concatenate((confirmed.level, level), axis=1),
        np.concatenate((confirmed.first, np.full_like(level, window, np.int64)), axis=1),
    )
