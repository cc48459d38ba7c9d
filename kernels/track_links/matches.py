"""Matches: the plain two-in-a-row rule of ``--emit=matches``, without a life cycle."""

from collections.abc import Sequence

import numpy as np

from kernels.track_links.confirm import Confirmation
from kernels.track_links.events import match_event
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
    works = tracks.works(window, links, [confirmation.direction for confirmation, *_ in new])
    return [
        match_event(
            confirmation,
            window,
            tracks.bounds,
            sequence,
            level,
            tracks.links.link(confirmation.link),
            read,
            work=work,
            late=late,
        )
        for (confirmation, sequence, level), read, work in zip(new, readings, works, strict=True)
    ]
