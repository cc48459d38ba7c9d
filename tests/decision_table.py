"""The rows of the decision table and their hold levels, worked out by hand: for oracle and kernels.

Each case decides AZ of one link, with a base of 10 dB and of 12 dB for the OSC. ZA is lit and sound
where nothing else is said; without an OSC where AZ has none.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NONE, DARK = float("nan"), float("-inf")
UNMEASURED = (NONE, NONE)
SOUND = (1.0, -11.0)  # 12 dB, the base of the OSC


@dataclass(frozen=True)
class Case:
    """Powers of a window, and what was before.

    Attributes:
        t: T; NaN = none, -inf = no light.
        r: R.
        osc: To, Ro.
        row: the row that decides.
        hold: FIBER hold level, None = the window does not count.
        other: T', R'.
        other_osc: To', Ro'.
        stands: the FIBER alarm stands at a cut on the span.
        was_cut: the spans of which the window before decided a cut.
        base: the base of the topology, None = none.
        learned: a learned base.
        base_osc: the base of the OSC.
        limits: thresholds of AZ.
        other_limits: thresholds of ZA.
    """

    t: float
    r: float
    osc: tuple[float, float]
    row: int
    hold: int | None = None
    other: tuple[float, float] = (1.0, -9.0)
    other_osc: tuple[float, float] = UNMEASURED
    stands: bool = False
    was_cut: str = ""
    base: float | None = 10.0
    learned: float | None = None
    base_osc: float | None = 12.0
    limits: dict[str, float] = field(default_factory=dict)
    other_limits: dict[str, float] = field(default_factory=dict)


#: Code of each row.
CODES = {
    1: "NO_DATA",
    2: "FIBER_CUT",
    3: "LINK_DARK",
    4: "UPSTREAM_POWER_LOSS",
    5: "SIGNAL_LOSS_EQUIPMENT",
    6: "FIBER_CUT",
    7: "TOPOLOGY_MISMATCH",
    8: "SIGNAL_DEGRADE",
    9: "FIBER_CUT",
    10: "FIBER_DEGRADE_SEVERE",
    11: "FIBER_DEGRADE",
    12: "FIBER_DEGRADE_WARN",
    13: "OSC_LOSS",
    14: "NORMAL",
}
BOTH_DARK = (DARK, DARK)
CASES = [
    # Row 1.
    Case(NONE, -9, SOUND, 1),
    Case(1, NONE, SOUND, 1),
    Case(NONE, DARK, UNMEASURED, 1, stands=True),
    Case(DARK, NONE, (1, DARK), 1, was_cut="AZ ZA", other=BOTH_DARK),
    # Row 2a: the OSC tells of a cut, whatever was before.
    Case(DARK, DARK, (1, DARK), 2, 4),
    Case(-35, -36, (1, -35), 2, 4),
    Case(DARK, DARK, (1, DARK), 2, 4, base_osc=None),
    Case(DARK, DARK, (1, -34.9), 4),
    Case(DARK, -9, (1, DARK), 4),
    # Where los_osc_dbm is not told: -35, or 10 dB below what the base lets expect.
    Case(DARK, DARK, (1, -38.9), 4, base_osc=30.0),
    Case(DARK, DARK, (1, -39), 2, 4, base_osc=30.0),
    Case(DARK, DARK, (-20, -34.9), 4, base_osc=1.0),  # -31 is not lower than -35
    Case(DARK, DARK, (-20, -35), 2, 4, base_osc=1.0),
    # Told, it holds for To and for Ro, whatever the base.
    Case(DARK, DARK, (1, -38.9), 2, 4, base_osc=30.0, limits={"los_osc_dbm": -30.0}),
    Case(DARK, DARK, (1, -30), 2, 4, limits={"los_osc_dbm": -30.0}),
    Case(DARK, DARK, (1, -29.9), 4, limits={"los_osc_dbm": -30.0}),
    Case(DARK, DARK, (1, -39), 4, limits={"los_osc_dbm": -40.0}),
    Case(DARK, DARK, (-30, DARK), 4, limits={"los_osc_dbm": -30.0}),  # To is dark
    # Row 2b: the alarm stands at a cut, and no sound OSC denies it.
    Case(DARK, DARK, UNMEASURED, 2, 4, stands=True),
    Case(DARK, DARK, (DARK, -11), 2, 4, stands=True),
    Case(DARK, DARK, (1, -12), 2, 4, stands=True),  # Do = 1
    Case(DARK, DARK, (1, -11.5), 4, stands=True),
    Case(DARK, DARK, (1, -30), 4, stands=True, base_osc=None),
    Case(DARK, -9, UNMEASURED, 4, stands=True),
    # Row 2c: no OSC, R' dark, and a cut in the window before on this span or the other.
    Case(DARK, DARK, UNMEASURED, 2, 4, other=(1, DARK), was_cut="AZ"),
    Case(DARK, DARK, UNMEASURED, 2, 4, other=(1, DARK), was_cut="ZA"),
    Case(DARK, DARK, UNMEASURED, 2, 4, other=BOTH_DARK, was_cut="ZA"),
    Case(DARK, DARK, UNMEASURED, 4, was_cut="AZ ZA"),
    Case(DARK, DARK, UNMEASURED, 4, other=(1, NONE), was_cut="AZ"),
    Case(DARK, DARK, UNMEASURED, 4, other=(1, DARK)),
    Case(DARK, DARK, (1, -12), 4, other=(1, DARK), was_cut="AZ"),
    Case(DARK, DARK, (DARK, -12), 2, 4, other=(1, DARK), was_cut="AZ"),
    # R' is dark by the thresholds of its own span.
    Case(DARK, DARK, UNMEASURED, 4, other=(1, -30), was_cut="AZ", limits={"los_dbm": -20.0}),
    Case(DARK, DARK, UNMEASURED, 2, 4, other=(1, -30), was_cut="AZ",
         other_limits={"los_dbm": -30.0}),
    # Row 3.
    Case(DARK, DARK, UNMEASURED, 3, other=BOTH_DARK),
    Case(-35, -40, UNMEASURED, 3, other=(-36, -35)),
    Case(DARK, DARK, (DARK, -11), 3, other=BOTH_DARK),
    Case(DARK, DARK, UNMEASURED, 4, other=BOTH_DARK, other_osc=SOUND),
    Case(DARK, DARK, SOUND, 4, other=BOTH_DARK),
    Case(DARK, DARK, UNMEASURED, 4, other=(NONE, DARK)),
    Case(DARK, DARK, UNMEASURED, 4, other=(DARK, -9)),
    Case(DARK, DARK, UNMEASURED, 2, 4, other=BOTH_DARK, stands=True),
    # Row 4.
    Case(-35, -9, UNMEASURED, 4),
    Case(-34.9, -34.95, UNMEASURED, 14, 0, base=None),
    Case(-20, -9, UNMEASURED, 4, limits={"los_dbm": -20.0}),
    # Row 5.
    Case(1, DARK, SOUND, 5),
    Case(1, -35, SOUND, 5),
    Case(1, DARK, (1, -11.9), 5),
    Case(1, DARK, (1, -30), 5, base_osc=None),
    # Row 6.
    Case(1, DARK, (1, -12), 6, 4),
    Case(1, DARK, (1, DARK), 6, 4),
    Case(1, DARK, (1, DARK), 6, 4, base_osc=None),
    Case(1, DARK, (DARK, -11), 6, 4),
    Case(1, DARK, (NONE, -11), 6, 4),
    Case(1, DARK, (1, NONE), 6, 4),
    Case(1, DARK, UNMEASURED, 6, 4),
    # Row 7: by L, or by D with a base of the topology; before rows 8 to 12.
    Case(1, 2.5, UNMEASURED, 7),
    Case(1, 2.5, UNMEASURED, 7, base=None),
    Case(1, 2.0, UNMEASURED, 14, 0, base=None),
    Case(1, 2.0, UNMEASURED, 7),  # D = -11
    Case(1, -3, UNMEASURED, 7),
    Case(1, -2.9, UNMEASURED, 7),
    Case(1, -3.1, UNMEASURED, 14, 0),
    Case(1, -3, UNMEASURED, 14, 0, base=None, learned=10.0),
    # Row 8: the OSC lost less than 1 dB, and less than a fifth of what the signal lost.
    Case(1, -12, (1, -11.5), 8, 2),  # D = 3, Do = 0.5
    Case(1, -12, (1, -11.625), 11, 2),
    Case(1, -12, (1, -10), 8, 2),
    Case(1, -14, (1, -11.9375), 8, 3),
    Case(1, -14, (1, -12), 11, 3),  # D = 5, Do = 1
    Case(1, -19, (1, -11.9375), 8, 4),
    Case(1, -19, (1, -12), 9, 4),
    Case(1, -11.9, SOUND, 12, 2),
    Case(1, -12, SOUND, 11, 2, base_osc=None),
    Case(1, -12, SOUND, 8, 2, base=None, learned=10.0),
    # Rows 9 to 12, and the hold level at each clear threshold.
    Case(1, -19, UNMEASURED, 9, 4),
    Case(1, -18.9, UNMEASURED, 10, 4),
    Case(1, -18, UNMEASURED, 10, 4),
    Case(1, -17.9, UNMEASURED, 10, 3),
    Case(1, -15, UNMEASURED, 10, 3),
    Case(1, -14, UNMEASURED, 11, 3),
    Case(1, -13.9, UNMEASURED, 11, 2),
    Case(1, -12, UNMEASURED, 11, 2),
    Case(1, -11, UNMEASURED, 12, 2),
    Case(1, -10.9, UNMEASURED, 12, 1),
    Case(1, -10, UNMEASURED, 12, 1),
    Case(1, -9.5, UNMEASURED, 14, 1),
    Case(1, -9.4, UNMEASURED, 14, 0),
    Case(1, -34.9, UNMEASURED, 14, 0, base=None),
    Case(1, -19, UNMEASURED, 9, 4, base=None, learned=10.0),
    # clear = set - min(1, set / 2)
    Case(1, -9.5, UNMEASURED, 12, 1, limits={"degrade_warn_db": 0.5}),
    Case(1, -9.25, UNMEASURED, 14, 1, limits={"degrade_warn_db": 0.5}),
    Case(1, -9.2, UNMEASURED, 14, 0, limits={"degrade_warn_db": 0.5}),
    # Row 13.
    Case(1, -9, (1, -14), 13, 0),
    Case(1, -9, (1, -13.9), 14, 0),
    Case(1, -9, (1, DARK), 13, 0),
    Case(1, -9, (1, -35), 13, 0),
    Case(1, -9, (1, -36), 14, 0, base_osc=35.0),
    Case(1, -9, (1, -36), 13, 0, base_osc=35.0, limits={"los_osc_dbm": -35.0}),
    Case(1, -9, (DARK, DARK), 14, 0),
    Case(1, -9, (1, -30), 14, 0, base_osc=None),
    Case(1, -10, (1, DARK), 12, 1),  # rows 9 to 12 come before
    # Row 14.
    Case(1, -9, SOUND, 14, 0),
]  # fmt: skip
