"""The evaluation of a window: decide it, confirm it with its neighbors, act on what is new.

On time, a window becomes the newest of the history, and is decided and confirmed. A late
evaluation decides its window again for links of which a report has come, and confirms again every
window from there to the newest; it may raise or lift, and never takes back (spec, section 4).
"""

import numpy as np

from kernels.track_links.confirm import Confirmed, by_link, confirm
from kernels.track_links.history import Rows
from kernels.track_links.life_cycle import raise_change_clear, unsuppress
from kernels.track_links.matches import publish_matches
from kernels.track_links.powers import LinkPowers
from kernels.track_links.tracks import Tracks
from schema.events import Family, FiberEvent

__all__ = ["evaluate"]


def evaluate(tracks: Tracks, window: int, read: LinkPowers, *, late: bool) -> list[FiberEvent]:
    """Evaluates one window.

    Args:
        tracks: what is known of the links; carried forward.
        window: number of the window.
        read: what was read on the links that have a sample in it.
        late: the window was evaluated before; `read` holds the links that say something new.

    Returns:
        The events, in the order in which they were made.
    """
    tracks.advance(window)
    view = tracks.links.view(read.link)
    rows, history = view.rows, tracks.history
    if not len(rows):
        return []
    before = _confirmed_from(tracks, window, rows) if late else []
    abnormal = tracks.decide(window, view, read, late=late)
    assert history.newest is not None
    events: list[FiberEvent] = []
    # On time nothing can be confirmed where the window itself is normal.
    suspects = rows if late else abnormal
    # Raised or fallen since the window: what later windows confirm acts again on such an alarm.
    reopened = np.zeros((len(rows), len(Family)), bool)
    for number, at_window in enumerate(range(window, history.newest + 1)):
        confirmed = confirm(history.codes(at_window, suspects), lifecycle=tracks.lifecycle)
        is_new = confirmed.level > 0
        if late:
            is_new &= confirmed.level > tracks.revisions.note(
                at_window, rows, before[number], confirmed
            )
            again = reopened[np.arange(len(rows))[:, None], confirmed.family]
            is_new |= again & (confirmed.level > 0)
        found = by_link(suspects, confirmed, is_new)
        if tracks.lifecycle:
            events += unsuppress(tracks, at_window, rows, late=late)
            events += raise_change_clear(tracks, at_window, found, rows, reopened, late=late)
        else:
            events += publish_matches(tracks, at_window, found, late=late)
    return events


def _confirmed_from(tracks: Tracks, window: int, rows: Rows) -> list[Confirmed]:
    """Returns what is confirmed at each window from `window` to the newest."""
    history = tracks.history
    assert history.newest is not None
    return [
        confirm(history.codes(at_window, rows), lifecycle=tracks.lifecycle)
        for at_window in range(window, history.newest + 1)
    ]
