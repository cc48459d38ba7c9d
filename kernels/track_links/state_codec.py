"""`Tracks` as bytes: what is carried over restarts, behind a version byte.

Most of it is what was read, which is only ever added to. So that is kept apart, as a log of
MEASURED blocks. The rest is much the same for most links, and is compressed.
"""

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from kernels.track_links.alarms import Alarms
from kernels.track_links.history import History, WindowPowers
from kernels.track_links.learned_base import LearnedBases, LearningRow
from kernels.track_links.link_rows import LinkRows
from kernels.track_links.revisions import Revisions
from kernels.track_links.tracks import Tracks
from schema.blocks import Block, BlockKind
from schema.versions import TRACKER_STATE_VERSION, check_version

__all__ = ["pack_tracks", "read_block", "read_blocks", "unpack_tracks"]

_CODEC = "lz4"
_LENGTH_BYTES = 8


def pack_tracks(tracks: Tracks) -> bytes:
    """Returns the bytes of the tracks; topology and what was read are kept apart."""
    history, bases = tracks.history, tracks.bases
    state: dict[str, Any] = {
        "lifecycle": tracks.lifecycle,
        "late_windows": tracks.late_windows,
        "keys": tracks.links.keys,
        "newest_s": history.newest_s,
        "cells": history.cells,
        "run_start_s": history.run_start_s,
        "last_abnormal_s": history.last_abnormal_s,
        "alarms": tracks.alarms.table,
        "learned_db": bases.base_db,
        "learned_s": bases.after_s,
        "learning": {key: (row.windows_s, row.losses_db) for key, row in bases.learning.items()},
        "acted": (tracks.revisions.levels, tracks.revisions.sequences),
    }
    data = pickle.dumps(state, protocol=5)
    length = len(data).to_bytes(_LENGTH_BYTES, "little")
    packed: bytes = pa.compress(data, _CODEC, asbytes=True)
    return bytes([TRACKER_STATE_VERSION]) + length + packed


def read_block(window_s: int, read: WindowPowers) -> bytes:
    """Returns what was read in a window as a block of the log."""
    return Block(BlockKind.MEASURED, read.columns(), window_s).to_bytes()


def read_blocks(tracks: Tracks) -> Iterator[bytes]:
    """Yields all that is still known of what was read: the whole log."""
    for window_s, read in tracks.history.read.items():
        yield read_block(window_s, read)


def unpack_tracks(data: bytes, log: Iterable[bytes]) -> Tracks:
    """Returns the tracks.

    Args:
        data: of `pack_tracks`.
        log: the blocks of what was read.

    Raises:
        ValueError: another version wrote them.
    """
    check_version(data[0], TRACKER_STATE_VERSION)
    length = int.from_bytes(data[1 : 1 + _LENGTH_BYTES], "little")
    packed = memoryview(data)[1 + _LENGTH_BYTES :]
    state = pickle.loads(pa.decompress(packed, length, _CODEC, asbytes=True))
    history = History(
        newest_s=state["newest_s"],
        cells=state["cells"],
        run_start_s=state["run_start_s"],
        last_abnormal_s=state["last_abnormal_s"],
    )
    for block in map(Block.from_bytes, log):
        if history.newest_s is not None and block.window_start_s >= history.oldest_s:
            history.add_read(block.window_start_s, WindowPowers.of(block.columns))
    return Tracks(
        lifecycle=state["lifecycle"],
        late_windows=state["late_windows"],
        links=LinkRows(state["keys"]),
        history=history,
        alarms=Alarms(state["alarms"]),
        bases=LearnedBases(
            state["learned_db"],
            state["learned_s"],
            {key: LearningRow(*row) for key, row in state["learning"].items()},
        ),
        revisions=Revisions(*state["acted"]),
    )
