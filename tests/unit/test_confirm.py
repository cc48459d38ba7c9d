"""Confirmation: how many windows in a row, of which family, at which level."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.track_links.confirm import confirm, run_length
from schema.events import Code, Family

LETTERS = {
    "-": Code.NO_DATA,
    "0": Code.NORMAL,
    "1": Code.FIBER_DEGRADE_WARN,
    "2": Code.FIBER_DEGRADE,
    "3": Code.FIBER_DEGRADE_SEVERE,
    "4": Code.FIBER_CUT,
    "u": Code.UPSTREAM_POWER_LOSS,
    "e": Code.SIGNAL_LOSS_EQUIPMENT,
    "o": Code.OSC_LOSS,
    "m": Code.TOPOLOGY_MISMATCH,
}


def codes(az: str, za: str = "") -> np.ndarray:
    """Returns (H, 1, 2) codes; the windows before the words have no data."""
    length = max(len(az), len(za), 10)
    both = [[LETTERS[letter] for letter in word.rjust(length, "-")] for word in (az, za)]
    return np.array(both, np.uint8).T[:, None, :]


@pytest.mark.parametrize(
    ("az", "family", "level"),
    [
        ("00", Family.NONE, 0),
        ("--", Family.NONE, 0),
        ("04", Family.NONE, 0),
        ("40", Family.NONE, 0),
        ("4-4", Family.NONE, 0),
        ("404", Family.NONE, 0),
        ("44", Family.FIBER, 4),
        ("34", Family.FIBER, 3),
        ("43", Family.FIBER, 3),
        ("24", Family.FIBER, 2),
        ("444432", Family.FIBER, 2),
        ("14", Family.NONE, 0),  # what they have in common is WARN, which needs ten
        ("11", Family.NONE, 0),
        ("111111111", Family.NONE, 0),
        ("1111111111", Family.FIBER, 1),
        ("1234123414", Family.FIBER, 1),
        ("1111111122", Family.FIBER, 2),
        ("-111111111", Family.NONE, 0),
        ("11111u1111", Family.NONE, 0),
        ("uu", Family.SIGNAL, 1),
        ("ue", Family.SIGNAL, 1),
        ("eu", Family.SIGNAL, 1),
        ("ee", Family.SIGNAL, 2),
        ("4e", Family.NONE, 0),
        ("oo", Family.OSC, 1),
        ("mm", Family.TOPOLOGY, 1),
        ("om", Family.NONE, 0),
    ],
)
def test_lifecycle(az: str, family: Family, level: int) -> None:
    found = confirm(codes(az, "33"), lifecycle=True)
    assert found.family[0].tolist() == [family, Family.FIBER]
    assert found.level[0].tolist() == [level, 3]  # the other span confirms by itself


@pytest.mark.parametrize(
    ("az", "family", "level"),
    [("1", 0, 0), ("11", 1, 1), ("14", 1, 1), ("41", 1, 1), ("43", 1, 3), ("0111", 1, 1)],
)
def test_matches(az: str, family: int, level: int) -> None:
    found = confirm(codes(az), lifecycle=False)
    assert (found.family[0].tolist(), found.level[0].tolist()) == ([family, 0], [level, 0])


@pytest.mark.parametrize(
    ("az", "length"),
    [("0", 0), ("-", 0), ("4", 1), ("414", 3), ("4e4", 1), ("4-44", 2), ("ueu", 3), ("4" * 12, 12)],
)
def test_run_length(az: str, length: int) -> None:
    assert run_length(codes(az, "o")).tolist() == [[length, 1]]
