"""What the evaluation of a window adds to the traces of links (spec, section 10)."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from kernels.track_links.cells import codes_in
from kernels.track_links.history import Rows
from kernels.track_links.losses import losses_of
from kernels.track_links.traces import Step, Traces
from kernels.track_links.tracks import Tracks
from schema.events import CODE_FACTS, Action, Family, FiberEvent, alarm_id
from schema.trace_lines import SpanTrace, trace_line

__all__ = ["note_removed", "tell"]


def tell(
    tracks: Tracks, window: int, rows: Rows, again: Rows, events: Sequence[FiberEvent]
) -> list[dict[str, Any]]:
    """Returns the lines that are new, or new again, after a window has been evaluated.

    Args:
        tracks: of the shard; not with ``--emit=matches``.
        window: number of the window.
        rows: rows of the links that it was evaluated for.
        again: those of them that it was evaluated for before.
        events: what the evaluation has made.
    """
    traces, history = tracks.traces, tracks.history
    if traces is None or history.newest is None:
        return []
    told: dict[int, set[int]] = {}
    for link, windows in traces.note(_steps(tracks, events), history.newest).items():
        for at_window in windows:
            if at_window >= history.oldest:
                told.setdefault(at_window, set()).add(link)
    if traces.alarms:
        now = traces.at(window, set(again.tolist())).intersection(rows.tolist())
        told.setdefault(window, set()).update(now)
    lines: list[dict[str, Any]] = []
    for at_window in sorted(told):
        links = np.array(sorted(told[at_window]), np.int64)
        lines += _lines(tracks, traces, at_window, history.evaluated(at_window, links))
    return lines


def note_removed(tracks: Tracks, window: int, events: Sequence[FiberEvent]) -> None:
    """Takes the CLEARs of links that no events are decided for any more.

    Args:
        tracks: of the shard.
        window: the newest window that is due.
        events: the CLEARs.
    """
    if tracks.traces is not None:
        tracks.traces.note(_steps(tracks, events), window)


def _steps(tracks: Tracks, events: Sequence[FiberEvent]) -> Iterator[Step]:
    for event in events:
        if event.action != Action.CHANGE:
            (link,) = tracks.links.rows_of([event.link.link_id]).tolist()
            cleared = event.window if event.action == Action.CLEAR else None
            family = CODE_FACTS[event.code].family
            yield Step(link, family, event.onset, event.raised, cleared)


def _lines(tracks: Tracks, traces: Traces, window: int, rows: Rows) -> Iterator[dict[str, Any]]:
    """Yields the lines of some links in a window."""
    history, window_s = tracks.history, tracks.bounds.window_s
    powers, base_db = history.powers(rows, window)
    limits = history.limits.take(rows).with_base(base_db)
    losses = losses_of(powers, limits)
    no_osc = ~limits.has_osc
    columns = (
        np.where(losses.tx_dark, np.nan, powers.tx_dbm),
        np.where(losses.rx_dark, np.nan, powers.rx_dbm),
        np.where(losses.tx_osc_dark | no_osc, np.nan, powers.tx_osc_dbm),
        np.where(losses.rx_osc_dark | no_osc, np.nan, powers.rx_osc_dbm),
        *(losses.loss_db, losses.loss_osc_db, base_db, codes_in(history.at(window, rows))),
        *(losses.tx_dark, losses.rx_dark),
    )
    az, za = (
        list(map(SpanTrace, *(column[:, span].tolist() for column in columns))) for span in (0, 1)
    )
    for row, spans in zip(rows.tolist(), zip(az, za, strict=True), strict=True):
        link_id = tracks.links.link(row).link_id
        alarm_ids = sorted(
            alarm_id(link_id, Family(alarm.family), alarm.onset * window_s)
            for alarm in traces.open_after(window, row)
        )
        yield trace_line(link_id, window * window_s, alarm_ids, spans)
