"""Which sample of a link end counts, what is new about a late one, and the losses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from kernels.span_loss import measure_spans, new_samples, span_column
from schema.blocks import ROLE_RX, ROLE_TX, SCHEMAS, BlockKind

NAN, DARK = float("nan"), float("-inf")
A, Z = 0, 1


def sample(end: int, role: int, power: float = 0.0, **fields: Any) -> dict[str, Any]:
    """One ENDS row; its time, sequence and report are numbers."""
    row = {
        "link_id": "L1",
        "end": end,
        "role": role,
        "sample_time_ns": 0,
        "sequence": 0,
        "report": 0,
        "has_data": True,
        "input_power_dbm": power if role & ROLE_RX else NAN,
        "output_power_dbm": power if role & ROLE_TX else NAN,
        "input_power_osc_dbm": NAN,
        "output_power_osc_dbm": NAN,
    }
    return {**row, **fields}


def ends(*rows: dict[str, Any]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(list(rows), schema=SCHEMAS[BlockKind.ENDS])


@pytest.mark.parametrize(
    ("samples", "won"),
    [
        ([{}], 0),
        ([{"sample_time_ns": 1}, {"sequence": 9, "report": 1}], 0),  # latest time first
        ([{"sequence": 9}, {"sample_time_ns": 1, "report": 1}], 1),
        ([{"sequence": 1}, {"sequence": 2, "report": 1}], 1),  # then the highest sequence
        ([{"sequence": 2**63, "report": 1}, {"sequence": 1}], 0),
        ([{"report": 1}, {"report": 0}], 1),  # then the first to arrive
        ([{}, {}], 0),  # within a report the first named
        ([{}, {"sample_time_ns": 1, "has_data": False}], 0),  # no data hides nothing
        ([{"has_data": False}], None),
    ],
)
def test_the_sample_that_counts(samples: list[dict[str, Any]], won: int | None) -> None:
    rows = [sample(Z, ROLE_RX, -10.0 - i, **fields) for i, fields in enumerate(samples)]
    received = span_column(measure_spans(ends(*rows)), "rx_dbm")
    np.testing.assert_equal(received, [[NAN if won is None else -10.0 - won, NAN]])


def test_a_sample_counts_as_a_whole() -> None:
    older = sample(Z, ROLE_RX, -9.0, input_power_osc_dbm=-11.0)
    newer = sample(Z, ROLE_RX, NAN, input_power_osc_dbm=-12.0, sample_time_ns=1)
    spans = measure_spans(ends(older, newer))
    np.testing.assert_equal(span_column(spans, "rx_dbm")[0], [NAN, NAN])
    np.testing.assert_equal(span_column(spans, "rx_osc_dbm")[0], [-12.0, NAN])


def test_directions_and_losses() -> None:
    both = ROLE_TX | ROLE_RX
    spans = measure_spans(
        ends(
            sample(A, both, input_power_dbm=-7.0, output_power_dbm=1.0, output_power_osc_dbm=3.0),
            sample(Z, ROLE_RX, -9.0, input_power_osc_dbm=DARK),
            sample(Z, ROLE_TX, 2.0),
            sample(Z, ROLE_TX, 2.0, link_id="L0"),
            sample(A, ROLE_RX, DARK, link_id="L0"),
            sample(A, ROLE_RX, link_id="silent", has_data=False),
        )
    )
    assert spans.column("link_id").to_pylist() == ["L1", "L0", "silent"]
    expected = {
        "tx_dbm": [[1, 2], [NAN, 2], [NAN, NAN]],
        "rx_dbm": [[-9, -7], [NAN, DARK], [NAN, NAN]],
        "loss_db": [[10, 9], [NAN, NAN], [NAN, NAN]],
        "tx_osc_dbm": [[3, NAN], [NAN, NAN], [NAN, NAN]],
        "rx_osc_dbm": [[DARK, NAN], [NAN, NAN], [NAN, NAN]],
        "loss_osc_db": [[NAN, NAN]] * 3,
    }
    for name, values in expected.items():
        np.testing.assert_equal(span_column(spans, name), np.array(values, float), name)


def test_nothing() -> None:
    assert measure_spans(ends()).num_rows == 0


@pytest.mark.parametrize(
    ("change", "is_new"),
    [
        ({}, False),
        ({"report": 7, "input_power_dbm": 1.0}, False),  # the same sample, sent again
        ({"sample_time_ns": 1}, True),
        ({"sequence": 1}, True),
        ({"has_data": False}, True),
        ({"end": A}, True),
        ({"role": ROLE_TX}, True),
        ({"link_id": "L2"}, True),
    ],
)
def test_new_samples(change: dict[str, Any], is_new: bool) -> None:
    known = sample(Z, ROLE_RX, -9.0)
    news = new_samples(ends({**known, **change}), [ends(), ends(known)])
    assert news.num_rows == int(is_new)
