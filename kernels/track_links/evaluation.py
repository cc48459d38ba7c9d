"""The evaluation of a window: decide it, confirm it with its neighbors, act on what is new.

On time, a window becomes the newest of the history, and is decided and confirmed. A late
evaluation decides its window again for the links of one report, and confirms again every window
from there to the newest; it may raise or lift, and never takes back (spec, section 4).
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


def evaluate(tracks: Tracks, window_s: int, read: LinkPowers, *, late: bool) -> list[FiberEvent]:
    """Evaluates one window.

    Args:
        tracks: what is known of the links; carried forward.
        window_s: start of the window [s since the Unix epoch].
        read: what was read on the links that have a sample in it.
        late: the window was evaluated before; `read` holds the links of one report.

    Returns:
        The events, in the order in which they were made.
    """
    tracks.advance(window_s)
    view = tracks.links.view(read.link)
    rows, history = view.rows, tracks.history
    if not len(rows):
        return []
    before = _confirmed_from(tracks, window_s, rows) if late else []
    abnormal = tracks.decide(window_s, view, read, late=late)
    assert history.newest_s is not None
    events: list[FiberEvent] = []
    # On time nothing can be confirmed where the window itself is normal.
    suspects = rows if late else abnormal
    # Raised or fallen since the window: what later windows confirm acts again on such an alarm.
    reopened = np.zeros((len(rows), len(Family)), bool)
    for number, at_s in enumerate(range(window_s, history.newest_s + 1)):
        confirmed = confirm(history.codes(at_s, suspects), lifecycle=tracks.lifecycle)
        is_new = confirmed.level > 0
        if late:
            is_new &= confirmed.level > tracks.revisions.note(at_s, rows, before[number], confirmed)
            again = reopened[np.arange(len(rows))[:, None], confirmed.family]
            is_new |= again & (confirmed.level > 0)
        found = by_link(suspects, confirmed, is_new)
        if tracks.lifecycle:
            events += unsuppress(tracks, at_s, rows, late=late)
            events += raise_change_clear(tracks, at_s, found, rows, reopened, late=late)
        else:
            events += publish_matches(tracks, at_s, found, late=late)
    return events


def _confirmed_from(tracks: Tracks, window_s: int, rows: Rows) -> list[Confirmed]:
    """Returns what is confirmed at each window from `window_s` to the newest."""
    history = tracks.history
    assert history.newest_s is not None
    return [
        confirm(history.codes(at_s, rows), lifecycle=tracks.lifecycle)
        for at_s in range(window_s, history.newest_s + 1)
    ]
