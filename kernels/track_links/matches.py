"""Matches: the plain two-in-a-row rule of ``--emit=matches``, without a life cycle."""

from collections.abc import Sequence

import numpy as np

from kernels.track_links.cells import in_maint
from kernels.track_links.confirm import Confirmation
from kernels.track_links.events import match_event
from kernels.track_links.limits import work_at
from kernels.track_links.tracks import Tracks
from schema.events import FiberEvent

__all__ = ["publish_matches"]


def publish_matches(
    tracks: Tracks, window: int, confirmed: Sequence[Confirmation], *, late: bool
) -> list[FiberEvent]:
    """Publishes what a window confirms; again where a late evaluation has lifted a match.

    Args:
        tracks: of the shard.
        window: number of the window.
        confirmed: what is newly confirmed at the window.
        late: a late evaluation makes the events.
    """
    new = []
    for confirmation in confirmed:
        key = confirmation.link, confirmation.family, window
        sequence, level = tracks.revisions.last_match(key) if late else (0, 0)
        if confirmation.level > level:
            if late:
                tracks.revisions.sequences[key] = sequence + 1
            new.append((confirmation, sequence + 1, level))
    if not new:
        return []
    links = np.array([confirmation.link for confirmation, *_ in new])
    onset = np.full(len(links), window - 1)
    readings = tracks.history.event_readings(links, window, onset, np.full((len(links), 2), np.nan))
    return [
        match_event(
            confirmation,
            window,
            tracks.bounds,
            sequence,
            level,
            tracks.links.link(confirmation.link),
            read,
            work=_work(tracks, window, confirmation),
            late=late,
        )
        for (confirmation, sequence, level), read in zip(new, readings, strict=True)
    ]


def _work(tracks: Tracks, window: int, confirmation: Confirmation) -> str | None:
    """Returns what work a window is under for a match."""
    az, za = in_maint(tracks.history.at(window, confirmation.link)).tolist()
    maint = bool((az and confirmation.direction & 1) or (za and confirmation.direction & 2))
    link = tracks.links.link(confirmation.link)
    return work_at(link, tracks.bounds.start_s(window), in_maint=maint)
