"""`Tracks` as bytes: what is carried over restarts, behind a version byte.

What was measured is most of it and is only ever added to, so it is kept apart, as a log of
MEASURED blocks. The rest is much the same for most links, and is compressed.
"""

import pickle
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow as pa

from kernels.track_links.alarms import Alarms
from kernels.track_links.history import History, Measured
from kernels.track_links.learned_base import LearningRow
from kernels.track_links.limits import no_limits
from kernels.track_links.link_rows import LinkRows
from kernels.track_links.revisions import ActedUpon
from kernels.track_links.tracks import Tracks
from schema.blocks import Block, BlockKind

#: First byte; state of another version is refused.
STATE_VERSION = 4

_CODEC = "lz4"
_LENGTH_BYTES = 8


def check_version(version: int, readable: int) -> None:
    """Refuses state of another version than can be read.

    Raises:
        ValueError: it is one.
    """
    if version != readable:
        raise ValueError(
            f"state of version {version} cannot be read by version {readable}: "
            "start without the savepoint"
        )


def pack_tracks(tracks: Tracks) -> bytes:
    """Returns the bytes of the tracks; topology and measurements are kept apart."""
    history = tracks.history
    state: dict[str, Any] = {
        "lifecycle": tracks.lifecycle,
        "late_windows": tracks.late_windows,
        "keys": tracks.links.keys,
        "newest_s": history.newest_s,
        "cells": history.cells,
        "run_start_s": history.run_start_s,
        "last_abnormal_s": history.last_abnormal_s,
        "alarms": tracks.alarms.table,
        "learned_db": tracks.learned_db,
        "learned_s": tracks.learned_s,
        "learning": {key: (row.windows_s, row.losses_db) for key, row in tracks.learning.items()},
        "acted": (tracks.acted.levels, tracks.acted.sequences),
    }
    data = pickle.dumps(state, protocol=5)
    length = len(data).to_bytes(_LENGTH_BYTES, "little")
    packed: bytes = pa.compress(data, _CODEC, asbytes=True)
    return bytes([STATE_VERSION]) + length + packed


def measured_block(window_s: int, measured: Measured) -> bytes:
    """Returns what was measured in a window as a block of the log."""
    return Block(BlockKind.MEASURED, measured.columns(), window_s).to_bytes()


def measured_blocks(tracks: Tracks) -> Iterator[bytes]:
    """Yields all that is still known of measurements: the log, made anew."""
    for window_s, measured in tracks.history.measured.items():
        yield measured_block(window_s, measured)


def unpack_tracks(data: bytes, measured: Iterable[bytes]) -> Tracks:
    """Reads the bytes of the tracks, and the log of their measurements.

    Raises:
        ValueError: they were written by another version.
    """
    check_version(data[0], STATE_VERSION)
    length = int.from_bytes(data[1 : 1 + _LENGTH_BYTES], "little")
    packed = memoryview(data)[1 + _LENGTH_BYTES :]
    state = pickle.loads(pa.decompress(packed, length, _CODEC, asbytes=True))
    history = History(
        newest_s=state["newest_s"],
        cells=state["cells"],
        run_start_s=state["run_start_s"],
        last_abnormal_s=state["last_abnormal_s"],
        limits=no_limits(),
    )
    for block in map(Block.from_bytes, measured):
        if history.newest_s is not None and block.window_start_s >= history.oldest_s:
            columns = block.columns
            read = Measured.of(columns["row"], columns, columns["base_db"])
            history.add_measured(block.window_start_s, read)
    return Tracks(
        lifecycle=state["lifecycle"],
        late_windows=state["late_windows"],
        links=LinkRows(state["keys"]),
        history=history,
        alarms=Alarms(state["alarms"]),
        learned_db=state["learned_db"],
        learned_s=state["learned_s"],
        learning={key: LearningRow(*row) for key, row in state["learning"].items()},
        acted=ActedUpon(*state["acted"]),
    )
