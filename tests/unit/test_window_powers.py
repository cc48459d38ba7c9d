"""What was read in a window, and what a late report adds to it."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from kernels.arrays import spaced
from kernels.track_links.history import WindowPowers
from schema.columns import coded, is_coded, plain


def read(base_db: float, **powers: dict[int, float]) -> WindowPowers:
    """Returns powers by name and row, the same both ways; coded where that loses nothing."""
    rows = sorted(set().union(*powers.values()))
    columns = {
        name: coded(np.array([[of_row.get(row, np.nan)] * 2 for row in rows]))
        for name, of_row in powers.items()
    }
    return WindowPowers(np.array(rows), columns, np.full((len(rows), 2), base_db))


def listed(values: NDArray[np.float64]) -> list[float | None]:
    """Returns the numbers of the first direction, None for no value."""
    return [None if np.isnan(value) else value for value in plain(values)[:, 0].tolist()]


def test_the_newer_powers_of_a_link_replace_the_older_ones() -> None:
    older = read(20.0, tx_dbm={2: 1.0, 5: 2.0, 9: 3.0}, rx_dbm={2: -1.0, 5: -2.0})
    newer = read(21.0, tx_dbm={0: 4.0, 5: 5.0, 12: 6.0}, tx_osc_dbm={5: -7.0})
    both = older.merge(newer)
    assert both.row.tolist() == [0, 2, 5, 9, 12]
    assert listed(both.powers["tx_dbm"]) == [4.0, 1.0, 5.0, 3.0, 6.0]
    # Also where the newer have no such reading at all.
    assert listed(both.powers["rx_dbm"]) == [None, -1.0, None, None, None]
    assert listed(both.powers["tx_osc_dbm"]) == [None, None, -7.0, None, None]
    assert "rx_osc_dbm" not in both.powers
    assert listed(both.base_db) == [21.0, 20.0, 21.0, 20.0, 21.0]


def test_what_is_merged_stays_as_it_was() -> None:
    older, newer = read(20.0, tx_dbm={2: 1.0, 5: 2.0}), read(21.0, tx_dbm={5: 5.0})
    older.merge(newer)
    assert listed(older.powers["tx_dbm"]) == [1.0, 2.0]
    assert listed(older.base_db) == [20.0, 20.0]


@pytest.mark.parametrize("third_db", [1.0, 1 / 3])
def test_powers_stay_coded_where_both_are(third_db: float) -> None:
    older, newer = read(20.0, tx_dbm={2: 1.0, 5: 2.0}), read(20.0, tx_dbm={5: third_db})
    for both, expected in (
        (older.merge(newer), [1.0, third_db]),
        (newer.merge(older), [1.0, 2.0]),
    ):
        assert is_coded(both.powers["tx_dbm"]) == (third_db == 1.0)
        assert listed(both.powers["tx_dbm"]) == expected


def test_rows_are_put_between_others() -> None:
    values = np.array([[1, 2], [3, 4]])
    found = spaced(values, np.array([0, 1, 1, 2]), -1)
    assert found[:, 0].tolist() == [-1, 1, -1, -1, 3, -1]
    assert spaced(values, np.array([], np.int64), -1).tolist() == values.tolist()
    assert spaced(values[:0], np.array([0]), -1).tolist() == [[-1, -1]]
