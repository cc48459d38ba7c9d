"""`Tracks` as bytes: what is carried over restarts, behind a version byte."""

import pickle
from typing import Any

from kernels.acted import ActedUpon
from kernels.evaluate import Tracks
from kernels.history import History, Readings
from kernels.learn import LearningRow
from kernels.lifecycle import Alarms

#: First byte; state of another version is refused.
STATE_VERSION = 1


def pack_tracks(tracks: Tracks) -> bytes:
    """Returns the bytes of the tracks; the topology is kept apart."""
    history = tracks.history
    state: dict[str, Any] = {
        "lifecycle": tracks.lifecycle,
        "late_windows": tracks.late_windows,
        "row_of": tracks.row_of,
        "newest_s": history.newest_s,
        "cells": history.cells,
        "run_start_s": history.run_start_s,
        "last_abnormal_s": history.last_abnormal_s,
        "readings": {w: (r.link, r.values, r.flags) for w, r in history.readings.items()},
        "alarms": tracks.alarms.table,
        "learned_db": tracks.learned_db,
        "learned_s": tracks.learned_s,
        "learning": {key: (row.windows_s, row.losses_db) for key, row in tracks.learning.items()},
        "acted": (tracks.acted.levels, tracks.acted.sequences),
    }
    return bytes([STATE_VERSION]) + pickle.dumps(state, protocol=5)


def unpack_tracks(data: bytes) -> Tracks:
    """Reads the bytes of the tracks.

    Raises:
        ValueError: they were written by another version.
    """
    if data[0] != STATE_VERSION:
        raise ValueError(
            f"state of version {data[0]} cannot be read by version {STATE_VERSION}: "
            "start without the savepoint"
        )
    state = pickle.loads(memoryview(data)[1:])
    return Tracks(
        lifecycle=state["lifecycle"],
        late_windows=state["late_windows"],
        history=History(
            newest_s=state["newest_s"],
            cells=state["cells"],
            run_start_s=state["run_start_s"],
            last_abnormal_s=state["last_abnormal_s"],
            readings={w: Readings(*arrays) for w, arrays in state["readings"].items()},
        ),
        row_of=state["row_of"],
        alarms=Alarms(state["alarms"]),
        learned_db=state["learned_db"],
        learned_s=state["learned_s"],
        learning={key: LearningRow(*row) for key, row in state["learning"].items()},
        acted=ActedUpon(*state["acted"]),
    )
