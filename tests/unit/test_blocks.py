"""Blocks on the wire, and the packed state of a shard."""

from __future__ import annotations

import pyarrow as pa
import pytest

from kernels.evaluate import Tracks
from kernels.tracks_state import STATE_VERSION, pack_tracks, unpack_tracks
from schema.blocks import ALL_REPORTS, NO_WINDOW, SCHEMAS, Block, BlockKind, block_kind, shard_of

SOME = pa.RecordBatch.from_pydict(
    {
        "link_id": ["L1", "länge"],
        **{
            name: [[1.0, float("-inf")], [-0.0, 2.5]] for name in SCHEMAS[BlockKind.SPANS].names[1:]
        },
    },
    schema=SCHEMAS[BlockKind.SPANS],
)


@pytest.mark.parametrize("kind", BlockKind)
def test_round_trip_of_every_kind(kind: BlockKind) -> None:
    empty = pa.RecordBatch.from_pylist([], schema=SCHEMAS[kind])
    data = Block(kind, empty).to_bytes()
    assert block_kind(data) == kind
    back = Block.from_bytes(data)
    assert back.batch.schema.equals(SCHEMAS[kind])
    assert (back.batch.num_rows, back.window_start_s, back.is_late) == (0, NO_WINDOW, False)


@pytest.mark.parametrize(
    ("window_s", "report"), [(0, ALL_REPORTS), (-1, 0), (2**62, 2**62), (1_767_225_600, 17)]
)
def test_round_trip(window_s: int, report: int) -> None:
    block = Block(BlockKind.SPANS, SOME, window_s, report)
    back = Block.from_bytes(block.to_bytes())
    assert back == block
    assert back.is_late == (report != ALL_REPORTS)


def test_rows_of_a_larger_batch_travel_alone() -> None:
    back = Block.from_bytes(Block(BlockKind.SPANS, SOME.slice(1)).to_bytes())
    assert back.batch.to_pylist() == SOME.to_pylist()[1:]


@pytest.mark.parametrize(
    "wrong",
    [
        SOME.select(SOME.schema.names[:-1]),
        SOME.rename_columns([*SOME.schema.names[:-1], "other"]),
        SOME.cast(pa.schema([f.with_nullable(True) for f in SOME.schema])),
        pa.RecordBatch.from_pylist([], schema=SCHEMAS[BlockKind.PM]),
    ],
)
def test_another_schema_is_refused(wrong: pa.RecordBatch) -> None:
    with pytest.raises(ValueError, match="a SPANS block cannot hold"):
        Block(BlockKind.SPANS, wrong).to_bytes()


def test_no_such_kind() -> None:
    data = bytes([99]) + Block(BlockKind.SPANS, SOME).to_bytes()[1:]
    with pytest.raises(ValueError, match="99"):
        Block.from_bytes(data)


def test_shards_are_the_same_for_all_time() -> None:
    assert [shard_of(name, 16) for name in ("L1", "L2", "ä")] == [12, 6, 3]
    assert {shard_of(f"L{i}", 4) for i in range(50)} == {0, 1, 2, 3}


def test_state_of_another_version_is_refused() -> None:
    tracks = Tracks.empty(lifecycle=True, allowed_lateness_s=5.5)
    data = pack_tracks(tracks)
    assert data[0] == STATE_VERSION
    back = unpack_tracks(data)
    assert (back.lifecycle, back.late_windows) == (True, 7)
    with pytest.raises(ValueError, match="cannot be read"):
        unpack_tracks(bytes([STATE_VERSION + 1]) + data[1:])
