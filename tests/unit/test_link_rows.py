"""Links come and go while alarms are open: all that is kept by link moves to its new row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.track_links.evaluation import evaluate
from kernels.track_links.powers import LinkPowers
from kernels.track_links.state_codec import pack_tracks, read_blocks, unpack_tracks
from kernels.track_links.tracks import Tracks
from kernels.window_bounds import WindowBounds
from schema.blocks import link_key
from schema.events import Action, FiberEvent
from schema.topology_pb2 import PLANNED
from tests.builders import link

IDS = [f"L{number}" for number in range(20)]
BASE_DB = 10.0


def serialized(*ids: str, **fields: Any) -> dict[str, bytes | None]:
    return {name: link(name, **fields).SerializeToString() for name in ids}


def read(deltas_db: dict[str, float]) -> LinkPowers:
    """Returns the powers of some links, both directions alike."""
    rows = sorted((link_key(name), delta_db) for name, delta_db in deltas_db.items())
    tx_dbm = np.ones((len(rows), 2))
    loss_db = np.array([[BASE_DB + delta_db] * 2 for _, delta_db in rows])
    keys = np.array([key for key, _ in rows], np.uint64)
    return LinkPowers(keys, {"tx_dbm": tx_dbm, "rx_dbm": tx_dbm - loss_db.reshape(-1, 2)})


def run(tracks: Tracks, first_s: int, number: int, **deltas_db: float) -> list[FiberEvent]:
    events = []
    for window in range(first_s, first_s + number):
        events += evaluate(tracks, window, read(deltas_db), late=False).events
    return events


def summary(events: list[FiberEvent]) -> list[tuple[str, Action, int]]:
    return [(event.link.link_id, event.action, event.onset) for event in events]


def restored(tracks: Tracks, links: dict[str, bytes | None]) -> Tracks:
    back = unpack_tracks(pack_tracks(tracks), list(read_blocks(tracks)), 1)
    back.set_links({name: data for name, data in links.items() if data})
    return back


@pytest.mark.parametrize("restore", [False, True])
def test_an_open_alarm_goes_on_when_links_come_and_go(restore: bool) -> None:
    tracks = Tracks.empty(WindowBounds(), lifecycle=True)
    links = serialized("L7", "L8")
    tracks.change_links(links)
    assert summary(run(tracks, 100, 3, L7=20.0, L8=0.0)) == [("L7", Action.RAISE, 100)]
    assert tracks.change_links(serialized(*IDS))
    if restore:
        tracks = restored(tracks, serialized(*IDS))
    assert run(tracks, 103, 4, **dict.fromkeys(IDS, 0.0)) == []
    gone = [name for name in IDS if name not in ("L7", "L3")]
    assert tracks.change_links(dict.fromkeys(gone))
    if restore:
        tracks = restored(tracks, serialized("L3", "L7"))
    (event,) = run(tracks, 107, 6, L7=0.0, L3=0.0, L8=30.0)
    assert summary([event]) == [("L7", Action.CLEAR, 100)]
    assert (event.window, event.sequence) == (112, 2)
    assert event.spans[0].peak_delta_db == pytest.approx(20.0)


def test_a_link_that_is_gone_takes_its_alarm_with_it() -> None:
    tracks = Tracks.empty(WindowBounds(), lifecycle=True)
    tracks.change_links(serialized("L1", "L2"))
    run(tracks, 100, 3, L1=20.0, L2=20.0)
    tracks.change_links({"L1": None})
    assert tracks.alarms.table["link"].tolist() == [0]
    assert run(tracks, 103, 20, L1=0.0) == []
    tracks.change_links(serialized("L1"))
    assert summary(run(tracks, 130, 2, L1=20.0)) == [("L1", Action.RAISE, 130)]


def test_a_change_that_moves_no_row_applies_from_the_next_window() -> None:
    tracks = Tracks.empty(WindowBounds(), lifecycle=False)
    tracks.change_links(serialized("L1", "L2"))
    assert len(run(tracks, 100, 2, L1=20.0, L2=20.0)) == 2
    assert not tracks.change_links(serialized("L2", lifecycle_state=PLANNED))
    assert [event.link.link_id for event in run(tracks, 102, 1, L1=20.0, L2=20.0)] == ["L1"]


def test_links_that_are_not_in_the_topology_are_left_out() -> None:
    tracks = Tracks.empty(WindowBounds(), lifecycle=False)
    assert run(tracks, 100, 3, L1=20.0) == []
    tracks.change_links(serialized("L2"))
    assert [event.link.link_id for event in run(tracks, 103, 2, L1=20.0, L2=20.0)] == ["L2"]


def test_cells_lie_in_memory_window_by_window() -> None:
    # Otherwise each step copies all of them, against their order.
    tracks = Tracks.empty(WindowBounds(), lifecycle=False)
    tracks.change_links(serialized(*IDS))
    run(tracks, 100, 3, L1=20.0)
    tracks.change_links({"L1": None})
    assert tracks.history.cells.flags.c_contiguous
