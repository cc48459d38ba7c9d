"""Which sample of a link end counts, and which late samples are new."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.track_links.ends import concat_ends, new_samples
from kernels.track_links.powers import LinkPowers, read_powers
from schema.blocks import ROLE_RX, ROLE_TX, Block, BlockKind
from schema.columns import Columns, coded, plain
from schema.pm_report_pb2 import PmType
from schema.pm_types import SampleState
from tests.builders import empty_columns

NAN, DARK = float("nan"), float("-inf")
A, Z = 0, 1


def sample(end: int, role: int, power: float = 0.0, **fields: Any) -> dict[str, Any]:
    """Returns one ENDS row."""
    row = {
        "link": 1,
        "end": end,
        "role": role,
        "sample_time_ns": 0,
        "sequence": 0,
        "order": 0,
        "state": SampleState.VALID,
        "input": power if role & ROLE_RX else NAN,
        "output": power if role & ROLE_TX else NAN,
        "input_osc": NAN,
        "output_osc": NAN,
    }
    return {**row, **fields}


def ends(*rows: dict[str, Any], code: bool = False) -> dict[str, Any]:
    """Returns rows as a block has them, each of its own report."""
    if not rows:
        return empty_columns(BlockKind.ENDS)
    columns: dict[str, Any] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    columns["report"] = np.arange(len(rows))
    columns["link"] = columns["link"].astype(np.uint64)
    columns["sequence"] = columns["sequence"].astype(np.uint64)
    for name in ("end", "role", "state"):
        columns[name] = columns[name].astype(np.uint8)
    for name, pm_type in (
        ("input", PmType.INPUT_POWER),
        ("output", PmType.OUTPUT_POWER),
        ("input_osc", PmType.INPUT_POWER_OSC),
        ("output_osc", PmType.OUTPUT_POWER_OSC),
    ):
        values = columns.pop(name).astype(float)
        columns[f"pm_{pm_type}"] = coded(values) if code else values
    return Block.from_bytes(Block(BlockKind.ENDS, columns).to_bytes()).columns  # type: ignore[return-value]


def read(rows: Columns) -> LinkPowers:
    """Returns the powers of all links in some rows."""
    return read_powers(rows, np.unique(rows["link"]))


@pytest.mark.parametrize(
    ("samples", "won"),
    [
        ([{}], 0),
        ([{"sample_time_ns": 1}, {"sequence": 9, "order": 1}], 0),  # the latest time wins
        ([{"sequence": 9}, {"sample_time_ns": 1, "order": 1}], 1),
        ([{"sequence": 1}, {"sequence": 2, "order": 1}], 1),  # then the highest sequence
        ([{"sequence": 2**63, "order": 1}, {"sequence": 1}], 0),
        ([{"order": 1}, {"order": 0}], 1),  # then the first to arrive
        ([{}, {}], 0),  # within a report the first one
        ([{}, {"sample_time_ns": 1, "state": SampleState.SUSPECT}], 0),  # hides nothing
        ([{}, {"sample_time_ns": 1, "state": SampleState.DISABLED}], 0),
        ([{}, {"sample_time_ns": 1, "state": SampleState.MAINT}], 1),  # is valid
        ([{"state": SampleState.SUSPECT}], None),
    ],
)
def test_the_sample_that_counts(samples: list[dict[str, Any]], won: int | None) -> None:
    rows = [sample(Z, ROLE_RX, -10.0 - i, **fields) for i, fields in enumerate(samples)]
    for code in (False, True):
        received = plain(read(ends(*rows, code=code)).powers["rx_dbm"])
        np.testing.assert_equal(received, [[NAN if won is None else -10.0 - won, NAN]])


def test_a_sample_counts_as_a_whole() -> None:
    older = sample(Z, ROLE_RX, -9.0, input_osc=-11.0)
    newer = sample(Z, ROLE_RX, NAN, input_osc=-12.0, sample_time_ns=1)
    found = read(ends(older, newer))
    np.testing.assert_equal(found.powers["rx_dbm"][0], [NAN, NAN])
    np.testing.assert_equal(found.powers["rx_osc_dbm"][0], [-12.0, NAN])


def test_each_direction_has_its_ends() -> None:
    both = ROLE_TX | ROLE_RX
    found = read(
        ends(
            sample(A, both, input=-7.0, output=1.0, output_osc=3.0),
            sample(Z, ROLE_RX, -9.0, input_osc=DARK),
            sample(Z, ROLE_TX, 2.0),
            sample(Z, ROLE_TX, 2.0, link=2),
            sample(A, ROLE_RX, DARK, link=2),
            sample(A, ROLE_RX, link=3, state=SampleState.DISABLED),
        )
    )
    assert found.link.tolist() == [1, 2, 3]
    expected = {
        "tx_dbm": [[1, 2], [NAN, 2], [NAN, NAN]],
        "rx_dbm": [[-9, -7], [NAN, DARK], [NAN, NAN]],
        "tx_osc_dbm": [[3, NAN], [NAN, NAN], [NAN, NAN]],
        "rx_osc_dbm": [[DARK, NAN], [NAN, NAN], [NAN, NAN]],
    }
    for name, values in expected.items():
        np.testing.assert_equal(plain(found.powers[name]), np.array(values, float), name)


def test_links_that_are_not_asked_for_are_left_out() -> None:
    rows = ends(*(sample(Z, ROLE_RX, -9.0 - link, link=link) for link in (5, 3, 1)))
    found = read_powers(rows, np.array([1, 2, 3, 4], np.uint64))
    assert found.link.tolist() == [1, 3]
    np.testing.assert_equal(plain(found.powers["rx_dbm"])[:, 0], [-10.0, -12.0])
    assert len(read_powers(rows, np.array([], np.uint64)).link) == 0


def test_no_rows() -> None:
    assert len(read(ends()).link) == 0


@pytest.mark.parametrize(
    ("change", "is_new"),
    [
        ({}, False),
        ({"order": 7, "input": 1.0}, False),  # the same sample, sent again
        ({"sample_time_ns": 1}, True),
        ({"sequence": 1}, True),
        ({"state": SampleState.MAINT}, True),
        ({"end": A}, True),
        ({"role": ROLE_TX}, True),
        ({"link": 2}, True),
    ],
)
def test_new_samples(change: dict[str, Any], is_new: bool) -> None:
    known = sample(Z, ROLE_RX, -9.0)
    new = new_samples(ends({**known, **change}), [ends(), ends(known)])
    assert len(new["link"]) == int(is_new)


def test_blocks_are_joined_whatever_form_their_powers_have() -> None:
    both = ROLE_TX | ROLE_RX
    first = ends(sample(A, both, 1.5), sample(Z, both, -9.25), code=True)
    second = ends(sample(A, both, 2.0, link=2, order=1), sample(Z, both, -9.123456, link=2))
    third = {n: v for n, v in first.items() if n != f"pm_{PmType.INPUT_POWER}"}
    found = read(concat_ends([first, second]))
    np.testing.assert_equal(found.powers["tx_dbm"], [[1.5, -9.25], [2.0, -9.123456]])
    rows = concat_ends([third, first])
    assert rows["report"].tolist() == [0, 1, 2, 3]
    received = plain(rows[f"pm_{PmType.INPUT_POWER}"])
    np.testing.assert_equal(received, [NAN, NAN, 1.5, -9.25])
