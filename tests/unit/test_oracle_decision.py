"""The oracle's decisions of one window against the contract: tables worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import pytest

from schema import topology_pb2 as topo
from tests.builders import link, span
from tests.decision_table import CASES, CODES, Case
from tests.oracle_input import Reading
from tests.oracle_span import Before, SpanPowers, SpanWindow, decide


def reading(dbm: float) -> Reading | None:
    if math.isnan(dbm):
        return None
    return Reading(-40.0, no_light=True) if math.isinf(dbm) else Reading(dbm)


def read(t: float, r: float, osc: tuple[float, float], **more: Any) -> SpanPowers:
    told = {"t_told": True, "r_told": True, "out_of_service": False, "maint": False}
    return SpanPowers(*(reading(dbm) for dbm in (t, r, *osc)), **{**told, **more})


def spans_of(case: Case) -> dict[str, topo.Span]:
    """Returns the spans of the case's link."""
    osc = {} if case.base_osc is None else {"span_loss_base_osc_db": case.base_osc}
    return {
        "az": span(case.base, thresholds=topo.Thresholds(**case.limits), **osc),
        "za": span(thresholds=topo.Thresholds(**case.other_limits)),
    }


def decided(case: Case, **told: Any) -> SpanWindow:
    powers = {
        "AZ": read(case.t, case.r, case.osc, **told),
        "ZA": read(*case.other, case.other_osc),
    }
    base = case.learned if case.base is None else case.base
    before = {
        "AZ": Before(base, case.stands, "AZ" in case.was_cut, False),
        "ZA": Before(10.0, False, "ZA" in case.was_cut, False),
    }
    return decide(link(has_osc=True, **spans_of(case)), powers, before)["AZ"]


@pytest.mark.parametrize("case", CASES)
def test_decision(case: Case) -> None:
    window = decided(case)
    assert (window.row, window.code) == (case.row, CODES[case.row])
    assert window.hold("FIBER") == case.hold


@pytest.mark.parametrize(
    ("case", "without_osc", "below_base"),
    [
        (Case(1, -math.inf, (1, -12), 6), False, False),
        (Case(1, -math.inf, (-math.inf, -12), 6), True, False),
        (Case(1, -math.inf, (math.nan, -12), 6), True, False),
        (Case(-math.inf, -math.inf, (math.nan, math.nan), 2, stands=True), False, False),
        (Case(1, -19, (math.nan, math.nan), 9), False, False),
        (Case(1, -3, (1, -11), 7), False, True),
        (Case(1, 2, (1, -11), 7), False, True),  # L = -1
        (Case(1, 2.5, (1, -11), 7), False, False),
    ],
)
def test_specific_problems(case: Case, without_osc: bool, below_base: bool) -> None:
    window = decided(case)
    assert window.row == case.row
    assert (window.osc_not_available, window.below_base) == (without_osc, below_base)


@pytest.mark.parametrize(
    ("row", "signal", "osc", "topology"),
    [
        (1, None, None, None),
        (3, 4, 0, 0),
        (4, 1, 0, 0),
        (5, 3, 0, 0),
        (6, 0, 0, 0),
        (7, 0, 0, 1),
        (8, 2, 0, 0),
        (12, 0, 0, 0),
        (13, 0, 1, 0),
        (14, 0, 0, 0),
    ],
)
def test_other_families_hold_what_was_decided(
    row: int, signal: Any, osc: Any, topology: Any
) -> None:
    window = decided(next(case for case in CASES if case.row == row))
    holds = [window.hold(family) for family in ("SIGNAL", "OSC", "TOPOLOGY")]
    assert holds == [signal, osc, topology]


def test_out_of_service_holds_nothing_in_any_family() -> None:
    missing = {"t_told": False, "r_told": True}
    dark = Case(1, -math.inf, (1, -12), 6)
    families = ("FIBER", "SIGNAL", "OSC", "TOPOLOGY", "DATA", "RANGE", "JITTER")
    window = decided(dark, **missing, out_of_service=True)
    assert {window.hold(family) for family in families} == {0}
    assert window.level("DATA") == 0
    assert decided(dark, **missing).level("DATA") == 1


@pytest.mark.parametrize(
    ("loss", "level", "hold", "side"),
    [
        (15.0, 0, 1, None),
        (15.25, 1, 1, "high"),
        (14.75, 0, 1, None),
        (14.5, 0, 0, None),
        (8.5, 0, 0, None),
        (8.25, 0, 1, None),
        (8.0, 0, 1, None),
        (7.75, 1, 1, "low"),
        (None, 0, None, None),  # dark
    ],
)
def test_range(loss: float | None, level: int, hold: int | None, side: str | None) -> None:
    one = link(az=span(None, max_span_loss_db=15.0, min_span_loss_db=8.0))
    r = -math.inf if loss is None else 1 - loss
    nothing = (math.nan, math.nan)
    before = Before(None, stands_at_cut=False, was_cut=False, jitter=False)
    powers = {"AZ": read(1, r, nothing), "ZA": read(1, -9, nothing)}
    window = decide(one, powers, {"AZ": before, "ZA": before})["AZ"]
    assert (window.level("RANGE"), window.hold("RANGE"), window.span_range) == (level, hold, side)
