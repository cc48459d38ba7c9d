"""Blocks and their columns on the wire: what comes back is what went in, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels.track_links.state_codec import pack_tracks, unpack_tracks
from kernels.track_links.tracks import Tracks
from kernels.window_bounds import WindowBounds
from schema.blocks import (
    NO_WINDOW,
    SCHEMAS,
    Block,
    BlockKind,
    block_kind,
    link_key,
    num_rows,
    window_of,
)
from schema.columns import Column, coded, is_coded, plain, read_columns, write_columns
from tests.builders import empty_columns

SOME: dict[str, Any] = {
    "row": np.array([3, -(2**63)]),
    "tx_dbm": np.array([[1.0, -np.inf], [-0.0, 2.5]]),
    "rx_dbm": coded(np.array([[1.0, -np.inf], [np.nan, 2.51]])),
    "base_db": np.array([[0.5, np.nan], [0.25, 1e-9]]),
}


@pytest.mark.parametrize("kind", BlockKind)
def test_round_trip_of_no_rows(kind: BlockKind) -> None:
    data = Block(kind, empty_columns(kind)).to_bytes()
    assert block_kind(data) == kind
    back = Block.from_bytes(data)
    assert (back.kind, back.num_rows) == (kind, 0)
    assert back.window == NO_WINDOW
    assert back.columns.keys() == empty_columns(kind).keys()


@pytest.mark.parametrize("window", [0, -5, 2**40])
def test_round_trip(window: int) -> None:
    data = Block(BlockKind.MEASURED, SOME, window).to_bytes()
    back = Block.from_bytes(data)
    assert back.window == window
    assert window_of(data) == window
    assert back.columns.keys() == SOME.keys()
    for name, values in SOME.items():
        assert back.columns[name].tobytes() == values.tobytes()
    assert is_coded(back.columns["rx_dbm"]) and not is_coded(back.columns["tx_dbm"])
    assert num_rows(BlockKind.MEASURED, back.columns) == 2


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {**SOME, "other": SOME["tx_dbm"]},
        {**SOME, "row": SOME["row"].astype(np.int32)},
        {**SOME, "tx_dbm": SOME["tx_dbm"][:1]},
        {**SOME, "tx_dbm": np.array([1.0, 2.0])},
        {**SOME, "tx_dbm": SOME["tx_dbm"].astype(np.float32)},
    ],
)
def test_columns_that_are_not_of_the_schema_are_refused(columns: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        Block(BlockKind.MEASURED, columns).to_bytes()


@pytest.mark.parametrize("kind", [0, 4, 99])
def test_a_block_of_another_version_is_refused_in_words(kind: int) -> None:
    data = bytes([kind]) + Block(BlockKind.MEASURED, SOME).to_bytes()[1:]
    with pytest.raises(ValueError, match=f"a block of kind {kind} cannot be read by this version"):
        Block.from_bytes(data)


SCHEMA = {
    "number": Column("int64"),
    "big": Column("uint64"),
    "small": Column("uint8"),
    "flag": Column("bool"),
    "power": Column("float64"),
    "pair": Column("float64", width=2),
    "data": Column("bytes"),
    "of_report": Column("int64", per_report=True),
    "missing": Column("float64", optional=True),
}
ROW = st.tuples(
    st.integers(-(2**63), 2**63 - 1) | st.integers(0, 300),
    st.integers(0, 2**64 - 1),
    st.integers(0, 255),
    st.booleans(),
    st.floats(-70, 35).map(lambda x: round(x, 2)) | st.floats(allow_nan=True),
    st.binary(max_size=9),
)


@settings(deadline=None)  # machines are shared and noisy
@given(st.lists(ROW, max_size=6), st.lists(st.integers(0, 10**18), max_size=3))
def test_every_column_comes_back(rows: list[tuple[Any, ...]], reports: list[int]) -> None:
    number, big, small, flag, power, data = zip(*rows, strict=True) if rows else [()] * 6
    columns: dict[str, Any] = {
        "number": np.array(number, np.int64),
        "big": np.array(big, np.uint64),
        "small": np.array(small, np.uint8),
        "flag": np.array(flag, bool),
        "power": np.array(power, float),
        "pair": np.array([power, power[::-1]], float).T.copy(),
        "data": list(data),
        "of_report": np.array(reports, np.int64),
    }
    wire = write_columns(SCHEMA, columns, len(rows), len(reports))
    back = read_columns(SCHEMA, b"before.." + wire, 8, len(rows), len(reports))
    assert back.keys() == columns.keys()
    assert back.pop("data") == columns.pop("data")
    assert all(exactly(back[column]) == exactly(columns[column]) for column in columns)


def exactly(values: np.ndarray) -> tuple[str, list | bytes]:
    """Returns what must be equal: of floats every bit, of integers the value in any width."""
    return values.dtype.kind, values.tobytes() if values.dtype.kind == "f" else values.tolist()


@settings(deadline=None)  # machines are shared and noisy
@given(st.lists(st.floats(-70, 35).map(lambda x: round(x, 2)), min_size=1))
def test_hundredths_are_coded_and_lose_nothing(values: list[float]) -> None:
    some = np.array([*values, np.nan, -np.inf])
    some = some[(some != 0) | ~np.signbit(some)]  # a code has no -0.0
    assert is_coded(coded(some))
    assert plain(coded(some)).tobytes() == some.tobytes()


@settings(deadline=None)  # machines are shared and noisy
@given(st.lists(st.floats(allow_nan=False), min_size=1))
def test_coding_never_changes_a_number(values: list[float]) -> None:
    some = np.array(values)
    assert plain(coded(some)).tobytes() == some.tobytes()


def test_link_keys_never_change() -> None:
    assert link_key("link-000001") == 11307040831444784918
    assert len({link_key(f"link-{i}") for i in range(10_000)}) == 10_000


def test_empty_tracks_come_back() -> None:
    tracks = Tracks.empty(WindowBounds(), lifecycle=True)
    back = unpack_tracks(pack_tracks(tracks), [], 1)
    assert len(back.links.keys) == 0 and back.history.newest is None


def test_each_kind_has_a_schema() -> None:
    assert SCHEMAS.keys() == set(BlockKind)
