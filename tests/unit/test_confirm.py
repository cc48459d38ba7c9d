"""Confirmation: how many windows in a row, of which family, at which level; and what a dip is."""

from __future__ import annotations

import numpy as np
import pytest

from kernels.track_links.cells import EMPTY_CELL, cells_of
from kernels.track_links.confirm import Confirmed, Confirming, no_runs
from kernels.track_links.decide import NOT_COUNTING, RANGE_HIGH, RANGE_INSIDE, Decisions
from kernels.track_links.history import History
from kernels.track_links.powers import OUT_OF_SERVICE, TX_MISSING
from kernels.track_links.runs import Runs
from schema.events import Code, Family

LETTERS = {
    "-": Code.NO_DATA,
    "d": Code.NO_DATA,  # and no reading of T
    "D": Code.NO_DATA,  # likewise, out of service
    "0": Code.NORMAL,
    "r": Code.NORMAL,  # out of range
    "1": Code.FIBER_DEGRADE_WARN,
    "2": Code.FIBER_DEGRADE,
    "3": Code.FIBER_DEGRADE_SEVERE,
    "4": Code.FIBER_CUT,
    "u": Code.UPSTREAM_POWER_LOSS,
    "s": Code.SIGNAL_DEGRADE,
    "e": Code.SIGNAL_LOSS_EQUIPMENT,
    "k": Code.LINK_DARK,
    "o": Code.OSC_LOSS,
    "m": Code.TOPOLOGY_MISMATCH,
}
FLAGS = {"d": TX_MISSING, "D": TX_MISSING | OUT_OF_SERVICE}
ROW, DATA, RANGE = range(3)
NONE = Family.NONE


def cell(letter: str) -> np.uint16:
    """Returns what a window decided; "." = it was not evaluated."""
    if letter == ".":
        return EMPTY_CELL
    ranges = RANGE_HIGH if letter == "r" else RANGE_INSIDE
    parts = (LETTERS[letter], NOT_COUNTING, ranges)
    decided = Decisions(*(np.array([[part]], np.uint8) for part in parts))
    return np.uint16(cells_of(decided, np.array([[FLAGS.get(letter, 0)]], np.uint8))[0, 0])


def walk(
    az: str, za: str = "", *, lifecycle: bool = True, gap_windows: int = 1
) -> tuple[Confirming, np.ndarray, list[Confirmed]]:
    """Takes runs forward over windows 0, 1, ...; the shorter word is filled up in front."""
    rule = Confirming(lifecycle=lifecycle, gap_windows=gap_windows)
    runs = no_runs(1)
    length = max(len(az), len(za))
    pairs = zip(az.rjust(length, "."), za.rjust(length, "."), strict=True)
    cells = [np.array([[cell(one), cell(other)]]) for one, other in pairs]
    return rule, runs, [rule.step(runs, window, at) for window, at in enumerate(cells)]


def last(found: list[Confirmed], kind: int) -> tuple[int, int]:
    return int(found[-1].family[0, kind, 0]), int(found[-1].level[0, kind, 0])


@pytest.mark.parametrize(
    ("az", "family", "level"),
    [
        ("00", NONE, 0),
        ("--", NONE, 0),
        ("04", NONE, 0),
        ("40", NONE, 0),
        ("404", NONE, 0),  # a normal window parts
        ("4o4", NONE, 0),
        ("44", Family.FIBER, 4),
        ("34", Family.FIBER, 3),
        ("43", Family.FIBER, 3),
        ("24", Family.FIBER, 2),
        ("444432", Family.FIBER, 2),
        ("14", NONE, 0),  # what they have in common is WARN, which needs ten
        ("11", NONE, 0),
        ("111111111", NONE, 0),
        ("1111111111", Family.FIBER, 1),
        ("1234123414", Family.FIBER, 1),
        ("1111111122", Family.FIBER, 2),
        ("0111111111", NONE, 0),
        ("11111u1111", NONE, 0),
        ("uu", Family.SIGNAL, 1),
        ("us", Family.SIGNAL, 1),
        ("ue", Family.SIGNAL, 1),
        ("ss", Family.SIGNAL, 2),
        ("es", Family.SIGNAL, 2),
        ("ee", Family.SIGNAL, 3),
        ("ke", Family.SIGNAL, 3),
        ("kk", Family.SIGNAL, 4),
        ("4e", NONE, 0),
        ("oo", Family.OSC, 1),
        ("mm", Family.TOPOLOGY, 1),
        ("om", NONE, 0),
        # A window without data confirms nothing, though it does not part.
        ("44-", NONE, 0),
        ("44-4", Family.FIBER, 4),
    ],
)
def test_lifecycle(az: str, family: Family, level: int) -> None:
    _, _, found = walk(az, "33")
    assert last(found, ROW) == (family, level)
    # The other span confirms by itself.
    assert (found[-1].family[0, ROW, 1], found[-1].level[0, ROW, 1]) == (Family.FIBER, 3)


@pytest.mark.parametrize(
    ("az", "gap_windows", "level"),
    [
        ("4-4", 1, 4),
        ("4.4", 1, 4),  # a window that was not evaluated is like one without data
        ("4d4", 1, 4),
        ("4--4", 1, 0),
        ("4.-4", 1, 0),
        ("4--4", 2, 4),
        ("4---4", 2, 0),
        ("4-4", 0, 0),
        ("44", 0, 4),
        ("4-0-4", 1, 0),
        # A row may bridge many gaps, each by itself.
        ("1-11-11-11-11-1", 1, 1),
        ("1-1-1-1-1-1-1-1-1-1", 1, 1),
        ("1-1-1-1-1--1-1-1-1-1", 1, 0),
        ("11111-11111", 0, 0),
        ("1-1-1-1-1-1-1-1-1", 1, 0),  # nine windows and eight gaps
    ],
)
def test_gaps(az: str, gap_windows: int, level: int) -> None:
    _, _, found = walk(az, gap_windows=gap_windows)
    assert last(found, ROW)[1] == level


@pytest.mark.parametrize(
    ("az", "kind", "level"),
    [
        ("dd", DATA, 0),
        ("ddd", DATA, 1),
        ("dddddd", DATA, 1),
        # Only adjacent windows are in a row, and one that is not evaluated breaks it.
        ("d.dd", DATA, 0),
        ("dd0d", DATA, 0),
        ("dd-d", DATA, 0),
        ("ddDd", DATA, 0),
        ("DDD", DATA, 0),
        ("dd.ddd", DATA, 1),
        ("rrrrrrrrr", RANGE, 0),
        ("rrrrrrrrrr", RANGE, 1),
        ("rrrrr-rrrrr", RANGE, 1),
        ("rrrrrdrrrrr", RANGE, 1),
        ("rrrrr--rrrrr", RANGE, 0),
        ("rrrrr0rrrrr", RANGE, 0),
    ],
)
def test_beside_the_row(az: str, kind: int, level: int) -> None:
    _, _, found = walk(az)
    family = (NONE, Family.DATA, Family.RANGE)[kind] if level else NONE
    assert last(found, kind) == (family, level)
    assert last(found, ROW) == (NONE, 0)


def test_data_is_missing_where_a_cut_is_bridged() -> None:
    _, _, found = walk("4ddd4", gap_windows=3)
    assert [one.level[0, DATA, 0] for one in found] == [0, 0, 0, 1, 0]
    assert last(found, ROW) == (Family.FIBER, 4)


@pytest.mark.parametrize(
    ("az", "family", "level"),
    [
        ("1", NONE, 0),
        ("11", Family.FIBER, 1),
        ("14", Family.FIBER, 1),
        ("41", Family.FIBER, 1),
        ("43", Family.FIBER, 3),
        ("0111", Family.FIBER, 1),
        ("ke", Family.SIGNAL, 3),
        ("4-4", NONE, 0),
        ("4.4", NONE, 0),
    ],
)
def test_matches(az: str, family: Family, level: int) -> None:
    _, _, found = walk(az, lifecycle=False, gap_windows=1)  # the gap is always 0
    assert last(found, ROW) == (family, level)


@pytest.mark.parametrize(
    ("az", "first"),
    [
        ("044", 1),
        ("1144", 0),  # any level of the family
        ("04-4", 1),
        ("4--44", 3),
        ("uu44", 2),
        ("4044", 2),
        ("4-4-4-4-4", 0),
    ],
)
def test_first_window_of_the_run(az: str, first: int) -> None:
    _, _, found = walk(az)
    assert found[-1].first[0, ROW, 0] == first


@pytest.mark.parametrize(
    ("az", "gap_windows", "was"),
    [
        ("4", 1, True),
        ("14", 1, True),
        ("3", 1, False),
        ("43", 1, False),
        ("4-", 1, True),
        ("4.", 1, True),
        ("4--", 1, False),
        ("4-", 0, False),
        ("40", 1, False),
        ("4u", 1, False),
    ],
)
def test_was_cut(az: str, gap_windows: int, was: bool) -> None:
    rule, runs, _ = walk(az, gap_windows=gap_windows)
    assert rule.was_cut(runs, len(az)).tolist() == [[was, False]]


@pytest.mark.parametrize(
    ("az", "code", "ends"),
    [
        ("4", Code.NORMAL, True),
        ("1", Code.OSC_LOSS, True),
        ("111111111", Code.NORMAL, True),  # nine do not confirm WARN
        ("1111111111", Code.NORMAL, False),
        ("14", Code.NORMAL, True),
        ("44", Code.NORMAL, False),
        ("441", Code.NORMAL, False),  # confirmed at some window of the run
        ("4404", Code.NORMAL, True),
        ("4-", Code.NORMAL, True),
        ("4--", Code.NORMAL, False),
        ("0", Code.NORMAL, False),
        ("u", Code.NORMAL, False),
        ("4", Code.UPSTREAM_POWER_LOSS, False),
        ("4", Code.TOPOLOGY_MISMATCH, False),
        ("4", Code.NO_DATA, False),
        ("4", Code.FIBER_DEGRADE, False),
    ],
)
def test_what_ends_a_dip(az: str, code: Code, ends: bool) -> None:
    rule, runs, _ = walk(az)
    codes = np.array([[code, Code.NORMAL]], np.uint8)
    assert rule.ends_dip(runs, len(az), codes).tolist() == [[ends, False]]


def test_runs_start_again_from_any_window_that_is_kept() -> None:
    trace = "1-1111-111-1144-4.4--440rrrrr-rrrrrdddd0"
    history = History.empty(4, 10)  # nine windows
    runs = Runs(Confirming(lifecycle=True, gap_windows=1), no_runs(1), no_runs(1))
    history.rearrange(np.array([-1]))
    history.begin(0)
    rows, on_time = np.array([0]), []
    for window, letter in enumerate(trace):
        runs.fold_oldest(history)
        history.step()
        history.record(window, rows, np.array([[cell(letter), cell("0")]]))
        on_time.append(runs.step(history, window, rows))
        for start in range(max(history.oldest, 0), window + 1):
            again = list(runs.again(history, start, rows))
            for was, now in zip(on_time[start:], again, strict=True):
                assert was.level.tolist() == now.level.tolist()
                confirmed = was.level > 0
                assert was.first[confirmed].tolist() == now.first[confirmed].tolist()
