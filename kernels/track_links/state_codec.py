"""`Tracks` as bytes: what is carried over restarts, behind a version byte.

Most of it is what was read, which is only ever added to. So that is kept apart, as a log of
MEASURED blocks. The rest is much the same for most links, and is compressed.
"""

import pickle
from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kernels.track_links.alarms import Alarms
from kernels.track_links.confirm import no_runs
from kernels.track_links.dips import Dips
from kernels.track_links.history import Rows, WindowPowers
from kernels.track_links.learned_base import LearnedBases, LearningRow
from kernels.track_links.link_rows import LinkRows
from kernels.track_links.revisions import Revisions
from kernels.track_links.runs import Runs
from kernels.track_links.traces import Traces, traces_of_open_alarms
from kernels.track_links.tracks import Tracks
from kernels.window_bounds import WindowBounds
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
        "gap_windows": tracks.runs.rule.gap_windows,
        "bounds": asdict(tracks.bounds),
        "keys": tracks.links.keys,
        "newest": history.newest,
        "cells": history.cells,
        "runs": _packed_runs(tracks),
        "last_abnormal": history.last_abnormal,
        "alarms": tracks.alarms.table,
        "learned_db": bases.base_db,
        "learned_after": bases.after,
        "learning": {key: (row.windows, row.losses_db) for key, row in bases.learning.items()},
        "dips": tracks.dips.ended,
        "acted": (tracks.revisions.levels, tracks.revisions.sequences),
        "traced": None if tracks.traces is None else tracks.traces.alarms,
    }
    data = pickle.dumps(state, protocol=5)
    length = len(data).to_bytes(_LENGTH_BYTES, "little")
    packed: bytes = pa.compress(data, _CODEC, asbytes=True)
    return bytes([TRACKER_STATE_VERSION]) + length + packed


def read_block(window: int, read: WindowPowers) -> bytes:
    """Returns what was read in a window as a block of the log."""
    return Block(BlockKind.MEASURED, read.columns(), window).to_bytes()


def read_blocks(tracks: Tracks) -> Iterator[bytes]:
    """Yields all that is still known of what was read: the whole log."""
    for window, read in tracks.history.read.items():
        yield read_block(window, read)


def unpack_tracks(
    data: bytes, log: Iterable[bytes], gap_windows: int, *, has_traces: bool = False
) -> Tracks:
    """Returns the tracks.

    Args:
        data: of `pack_tracks`.
        log: the blocks of what was read.
        gap_windows: G, where the bytes do not tell it.
        has_traces: windows around alarms are traced from now on.

    Raises:
        ValueError: another version wrote them.
    """
    check_version(data[0], TRACKER_STATE_VERSION)
    length = int.from_bytes(data[1 : 1 + _LENGTH_BYTES], "little")
    packed = memoryview(data)[1 + _LENGTH_BYTES :]
    state = pickle.loads(pa.decompress(packed, length, _CODEC, asbytes=True))
    bounds = WindowBounds(**state["bounds"])
    tracks = Tracks.empty(
        bounds,
        lifecycle=state["lifecycle"],
        gap_windows=state.get("gap_windows", gap_windows),
        has_traces=has_traces,
    )
    history = tracks.history
    num_windows = history.num_windows
    history.newest, history.cells = state["newest"], state["cells"]
    history.reach_back(num_windows)
    history.last_abnormal = state["last_abnormal"]
    for block in map(Block.from_bytes, log):
        if history.newest is not None and block.window >= history.oldest_read:
            history.add_read(block.window, WindowPowers.of(block.columns))
    num_links = len(state["keys"])
    runs = Runs(tracks.runs.rule, *(_unpacked_runs(packed, num_links) for packed in state["runs"]))
    learning = {key: LearningRow(*row) for key, row in state["learning"].items()}
    traces = tracks.traces
    if traces is not None:
        told = state.get("traced")
        traces = traces_of_open_alarms(state["alarms"]) if told is None else Traces(told)
    return replace(
        tracks,
        runs=runs,
        links=LinkRows(state["keys"]),
        alarms=Alarms(state["alarms"]),
        bases=LearnedBases(state["learned_db"], state["learned_after"], learning),
        dips=Dips(state["dips"]),
        revisions=Revisions(*state["acted"]),
        traces=traces,
    )


def _packed_runs(tracks: Tracks) -> list[tuple[Rows, NDArray[np.void]]]:
    """Returns the runs that may go on, and the rows of their links: few, as nearly all is sound."""
    runs, history = tracks.runs, tracks.history
    if history.newest is None:
        return [(np.empty(0, np.int64), no_runs(0))] * 2
    settled = runs.moving(history, history.oldest)
    newest = runs.moving(history, history.newest + 1)
    return [(settled, runs.settled[settled]), (newest, runs.newest[newest])]


def _unpacked_runs(packed: tuple[Rows, NDArray[np.void]], num_links: int) -> NDArray[np.void]:
    runs = no_runs(num_links)
    runs[packed[0]] = packed[1]
    return runs
