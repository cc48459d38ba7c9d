"""Every decision row and hold level, on both sides of each limit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.track_links.decide import (
    NOT_COUNTING,
    Decisions,
    cut_without_osc,
    decide,
    is_plainly_normal,
)
from kernels.track_links.limits import limits_of, parse_links
from kernels.track_links.losses import SpanLosses, losses_of
from kernels.track_links.powers import SpanPowers
from schema import topology_pb2 as topo
from schema.events import Code
from tests.builders import link, span

NONE, DARK = float("nan"), float("-inf")
OSC = {"osc": (1.0, -11.0)}  # 12 dB, the base of the OSC


def made(
    t: float,
    r: float,
    *,
    osc: tuple[float, float] = (NONE, NONE),
    has_osc: bool = True,
    held: bool = False,
    base_db: float | None = 10.0,
    base_osc_db: float | None = 12.0,
    **thresholds: float,
) -> tuple[Decisions, SpanLosses]:
    """Decides AZ of one link; ZA is sound and must stay so."""
    fields: dict[str, Any] = {"thresholds": topo.Thresholds(**thresholds)}
    if base_osc_db is not None:
        fields["span_loss_base_osc_db"] = base_osc_db
    one = link(has_osc=has_osc, az=span(base_db, **fields))
    limits = limits_of(parse_links([one.SerializeToString()]))
    powers = [np.array([[az, za]]) for az, za in zip((t, r, *osc), (1, -9, 1, -11), strict=True)]
    found = decide(SpanPowers(*powers), limits, np.array([[held, False]]))
    losses = losses_of(SpanPowers(*powers), limits)
    plain = is_plainly_normal(SpanPowers(*powers), limits)
    # The glance may miss a normal window, but never takes another one for normal.
    assert not plain[0] or (found.code[0, 0], found.fiber_hold[0, 0]) == (Code.NORMAL, 0)
    assert found.code[0, 1] == Code.NORMAL
    return found, losses


def decided(t: float, r: float, **more: Any) -> Decisions:
    return made(t, r, **more)[0]


@pytest.mark.parametrize(
    ("t", "r", "more", "code", "hold"),
    [
        # row 1
        (NONE, -9, OSC, Code.NO_DATA, NOT_COUNTING),
        (1, NONE, OSC, Code.NO_DATA, NOT_COUNTING),
        (NONE, DARK, {"held": True}, Code.NO_DATA, NOT_COUNTING),
        # row 2: dark at both ends, and held
        (DARK, DARK, {"held": True}, Code.FIBER_CUT, 4),
        (-35, -36, {"held": True}, Code.FIBER_CUT, 4),
        # row 3
        (DARK, DARK, {}, Code.UPSTREAM_POWER_LOSS, NOT_COUNTING),
        (DARK, -9, {"held": True}, Code.UPSTREAM_POWER_LOSS, NOT_COUNTING),
        (-35, -9, {}, Code.UPSTREAM_POWER_LOSS, NOT_COUNTING),
        (-34.9, -34.95, {}, Code.NORMAL, 0),
        (-20, -9, {"los_dbm": -20.0}, Code.UPSTREAM_POWER_LOSS, NOT_COUNTING),
        # row 4
        (1, DARK, OSC, Code.SIGNAL_LOSS_EQUIPMENT, NOT_COUNTING),
        (1, -35, OSC, Code.SIGNAL_LOSS_EQUIPMENT, NOT_COUNTING),
        (1, DARK, {"osc": (1, -11.9)}, Code.SIGNAL_LOSS_EQUIPMENT, NOT_COUNTING),
        (1, DARK, {"osc": (1, -30), "base_osc_db": None}, Code.SIGNAL_LOSS_EQUIPMENT, NOT_COUNTING),
        # row 5
        (1, DARK, {"osc": (1, -12)}, Code.FIBER_CUT, 4),
        (1, DARK, {"osc": (1, DARK)}, Code.FIBER_CUT, 4),
        (1, DARK, {"osc": (1, DARK), "base_osc_db": None}, Code.FIBER_CUT, 4),
        (1, DARK, {"osc": (DARK, -11)}, Code.FIBER_CUT, 4),
        (1, DARK, {"osc": (NONE, -11)}, Code.FIBER_CUT, 4),
        (1, DARK, {"osc": (1, NONE)}, Code.FIBER_CUT, 4),
        (1, DARK, {**OSC, "has_osc": False}, Code.FIBER_CUT, 4),
        # row 6
        (1, 2.1, {}, Code.TOPOLOGY_MISMATCH, 0),
        (1, 2.1, {"base_db": None}, Code.TOPOLOGY_MISMATCH, 0),
        (1, 2.0, {}, Code.NORMAL, 0),
        (1, 2.1, {"base_db": -30.0}, Code.TOPOLOGY_MISMATCH, 4),  # before rows 7-10
        # rows 7-10, and the hold level at each clear threshold
        (1, -19, {}, Code.FIBER_CUT, 4),
        (1, -18.9, {}, Code.FIBER_DEGRADE_SEVERE, 4),
        (1, -18, {}, Code.FIBER_DEGRADE_SEVERE, 4),
        (1, -17.9, {}, Code.FIBER_DEGRADE_SEVERE, 3),
        (1, -15, {}, Code.FIBER_DEGRADE_SEVERE, 3),
        (1, -14, {}, Code.FIBER_DEGRADE, 3),
        (1, -13.9, {}, Code.FIBER_DEGRADE, 2),
        (1, -12, {}, Code.FIBER_DEGRADE, 2),
        (1, -11, {}, Code.FIBER_DEGRADE_WARN, 2),
        (1, -10.9, {}, Code.FIBER_DEGRADE_WARN, 1),
        (1, -10, {}, Code.FIBER_DEGRADE_WARN, 1),
        (1, -9.5, {}, Code.NORMAL, 1),
        (1, -9.4, {}, Code.NORMAL, 0),
        (1, -34.9, {"base_db": None}, Code.NORMAL, 0),
        # clear = set - min(1, set / 2)
        (1, -9.4, {"degrade_warn_db": 0.4}, Code.FIBER_DEGRADE_WARN, 1),
        (1, -9.25, {"degrade_warn_db": 0.4}, Code.NORMAL, 1),
        (1, -9.1, {"degrade_warn_db": 0.4}, Code.NORMAL, 0),
        # row 11
        (1, -9, {"osc": (1, -14)}, Code.OSC_LOSS, 0),
        (1, -9, {"osc": (1, -13.9)}, Code.NORMAL, 0),
        (1, -9, {"osc": (1, DARK)}, Code.OSC_LOSS, 0),
        (1, -9, {"osc": (1, -35)}, Code.OSC_LOSS, 0),
        (1, -9, {"osc": (DARK, DARK)}, Code.NORMAL, 0),
        (1, -9, {"osc": (1, DARK), "has_osc": False}, Code.NORMAL, 0),
        (1, -9, {"osc": (1, -30), "base_osc_db": None}, Code.NORMAL, 0),
        (1, -10, {"osc": (1, DARK)}, Code.FIBER_DEGRADE_WARN, 1),  # rows 7-10 come before
        # row 12
        (1, -9, OSC, Code.NORMAL, 0),
    ],
)  # fmt: skip
def test_rows(t: float, r: float, more: dict[str, Any], code: Code, hold: int) -> None:
    found = decided(t, r, **more)
    assert (Code(found.code[0, 0]), found.fiber_hold[0, 0]) == (code, hold)


@pytest.mark.parametrize(
    ("t", "r", "more", "without"),
    [
        (1, DARK, {}, True),
        (1, DARK, {"osc": (DARK, -11)}, True),
        (1, DARK, {**OSC, "has_osc": False}, True),
        (1, DARK, {"osc": (1, DARK)}, False),
        (1, -19, {}, False),  # a cut by loss, not by darkness
        (DARK, DARK, {"held": True}, False),
    ],
)
def test_cut_without_osc(t: float, r: float, more: dict[str, Any], without: bool) -> None:
    found, losses = made(t, r, **more)
    assert cut_without_osc(found.code, losses).tolist() == [[without, False]]


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
    _, found = made(t, r, osc=osc)
    losses = [float(x[0, 0]) for x in (found.loss_db, found.delta_db, found.loss_osc_db)]
    np.testing.assert_equal(
        losses, [NONE if x is None else float(x) for x in (loss, delta, osc_loss)]
    )
