"""Every decision row and hold level of the kernels, on both sides of each limit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from kernels.track_links.decide import (
    NOT_COUNTING,
    RANGE_HIGH,
    RANGE_INSIDE,
    RANGE_LOW,
    RANGE_NEAR,
    RANGE_UNKNOWN,
    Decisions,
    decide,
    is_plainly_normal,
    problems_of,
)
from kernels.track_links.limits import SpanLimits, limits_of, parse_links
from kernels.track_links.losses import SpanLosses, losses_of
from kernels.track_links.powers import SpanPowers
from schema import topology_pb2 as topo
from schema.events import Code
from tests.builders import link, span
from tests.decision_table import CASES, CODES, DARK, NONE, SOUND, UNMEASURED, Case


def limits_in(one: topo.FiberLink) -> SpanLimits:
    return limits_of(parse_links([one.SerializeToString()]))


def made(case: Case, *, has_osc: bool = True) -> tuple[Decisions, SpanLosses]:
    """Decides one link."""
    osc = {} if case.base_osc is None else {"span_loss_base_osc_db": case.base_osc}
    az = span(case.base, thresholds=topo.Thresholds(**case.limits), **osc)
    za = span(thresholds=topo.Thresholds(**case.other_limits))
    limits = limits_in(link(has_osc=has_osc, az=az, za=za))
    if case.learned is not None:
        limits = limits.with_base(np.array([[case.learned, 10.0]]))
    az_za = ((case.t, case.r, *case.osc), (*case.other, *case.other_osc))
    powers = SpanPowers(*(np.array([pair], float) for pair in zip(*az_za, strict=True)))
    was_cut = np.array([["AZ" in case.was_cut, "ZA" in case.was_cut]])
    found = decide(powers, limits, np.array([[case.stands, False]]), was_cut)
    # The glance may miss a normal window, but never takes another one for normal.
    plain = is_plainly_normal(powers, limits)[0]
    assert not plain or (found.code[0, 0], found.fiber_hold[0, 0]) == (Code.NORMAL, 0)
    return found, losses_of(powers, limits)


@pytest.mark.parametrize("case", CASES)
def test_rows(case: Case) -> None:
    found, _ = made(case)
    hold = NOT_COUNTING if case.hold is None else case.hold
    assert Code(found.code[0, 0]).name == CODES[case.row]
    assert found.fiber_hold[0, 0] == hold


@pytest.mark.parametrize(
    ("case", "code"),
    [
        (Case(1, DARK, SOUND, 5), Code.FIBER_CUT),
        (Case(DARK, DARK, (1, DARK), 2), Code.UPSTREAM_POWER_LOSS),
        (Case(DARK, DARK, SOUND, 4, other=(DARK, DARK)), Code.LINK_DARK),
        (Case(1, -12, SOUND, 8), Code.FIBER_DEGRADE),
        (Case(1, -9, (1, DARK), 13), Code.NORMAL),
    ],
)
def test_an_osc_that_the_topology_does_not_know_is_none(case: Case, code: Code) -> None:
    found, _ = made(case, has_osc=False)
    assert Code(found.code[0, 0]) == code


@pytest.mark.parametrize(
    ("case", "without_osc", "below_base"),
    [
        (Case(1, DARK, UNMEASURED, 6), True, False),
        (Case(1, DARK, (DARK, -11), 6), True, False),
        (Case(1, DARK, (1, DARK), 6), False, False),
        (Case(1, -19, UNMEASURED, 9), False, False),  # a cut by loss, not by darkness
        (Case(DARK, DARK, UNMEASURED, 2, stands=True), False, False),
        (Case(1, -3, SOUND, 7), False, True),
        (Case(1, 2, SOUND, 7), False, True),  # L = -1
        (Case(1, 2.5, SOUND, 7), False, False),
    ],
)
def test_specific_problems(case: Case, without_osc: bool, below_base: bool) -> None:
    found, losses = made(case)
    assert Code(found.code[0, 0]).name == CODES[case.row]
    problems = [problem.tolist() for problem in problems_of(found.code, losses)]
    assert problems == [[[without_osc, False]], [[below_base, False]]]


@pytest.mark.parametrize(
    ("loss", "where"),
    [
        (15.25, RANGE_HIGH),
        (15.0, RANGE_NEAR),
        (14.75, RANGE_NEAR),
        (14.5, RANGE_INSIDE),
        (8.5, RANGE_INSIDE),
        (8.25, RANGE_NEAR),
        (8.0, RANGE_NEAR),
        (7.75, RANGE_LOW),
        (math.inf, RANGE_UNKNOWN),  # dark
    ],
)
def test_range(loss: float, where: int) -> None:
    az = span(None, max_span_loss_db=15.0, min_span_loss_db=8.0)
    nothing, never = np.full((1, 2), NONE), np.zeros((1, 2), bool)
    powers = SpanPowers(np.array([[1.0, 1.0]]), np.array([[1 - loss, 50.0]]), nothing, nothing)
    limits = limits_in(link(az=az))
    assert decide(powers, limits, never, never).span_range[0, 0] == where
    assert not is_plainly_normal(powers, limits)[0]


@pytest.mark.parametrize(
    ("t", "r", "osc", "loss", "delta", "osc_loss"),
    [
        (1, -9, (1, -12), 10, 0, 13),
        (1, DARK, (1, -12), None, None, 13),
        (1, -35, (1, -35), None, None, None),  # dark readings give no loss
        (-35, -9, (-35, -12), None, None, None),
        (NONE, -9, (1, NONE), None, None, None),
    ],
)
def test_losses_of_lit_readings_only(
    t: float, r: float, osc: Any, loss: Any, delta: Any, osc_loss: Any
) -> None:
    _, found = made(Case(t, r, osc, 0))
    losses = [float(x[0, 0]) for x in (found.loss_db, found.delta_db, found.loss_osc_db)]
    np.testing.assert_equal(
        losses, [NONE if x is None else float(x) for x in (loss, delta, osc_loss)]
    )


@pytest.mark.parametrize("has_osc", [False, True])
@pytest.mark.parametrize("los_osc_dbm", [None, -20.0])
@pytest.mark.parametrize("bounds", [{}, {"min_span_loss_db": 9.0, "max_span_loss_db": 11.0}])
def test_what_is_plainly_normal_is_decided_so(
    has_osc: bool, los_osc_dbm: float | None, bounds: dict[str, float]
) -> None:
    rng = np.random.default_rng(7)
    n = 20_000
    told = {} if los_osc_dbm is None else {"los_osc_dbm": los_osc_dbm}
    spans = [
        span(base, span_loss_base_osc_db=12.0, thresholds=topo.Thresholds(**told), **bounds)
        for base in (10.0, 12.0)
    ]
    limits = limits_in(link(has_osc=has_osc, az=spans[0], za=spans[1])).take(np.zeros(n, int))

    def about(*dbm: float) -> np.ndarray:
        """Returns (n, 2) powers near those, some of them none or dark."""
        powers = rng.choice(dbm, (n, 2)) + rng.choice([0.0, 0.0, 0.5, -1.0, 3.0, -6.0], (n, 2))
        powers[rng.random((n, 2)) < 0.05] = DARK
        powers[rng.random((n, 2)) < 0.05] = NONE
        return powers

    powers = SpanPowers(about(1, 1, 1, -34), about(-9), about(1, 1, 1, -20), about(-11, -19))
    plain = is_plainly_normal(powers, limits)
    for stands in (False, True):
        before = np.full((n, 2), stands)
        found = decide(powers, limits, before, before)
        assert (found.code[plain] == Code.NORMAL).all()
        assert (found.fiber_hold[plain] == 0).all()
        assert (found.span_range[plain] == RANGE_INSIDE).all()
    assert 10 < plain.sum() < n / 2
