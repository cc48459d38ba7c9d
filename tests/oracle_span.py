"""Oracle, part 2: what one window says about one span."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schema.topology_pb2 import FiberLink, Span
from tests.oracle_input import NO_LIGHT_DBM, Limits, Reading, Sample, limits_of

DIRECTIONS = ("AZ", "ZA")
FAMILIES = ("FIBER", "SIGNAL", "OSC", "TOPOLOGY")

NO_DATA, NORMAL = "NO_DATA", "NORMAL"
# Decision -> (family, level); NO_DATA and NORMAL have none.
CODES: dict[str, tuple[str, int]] = {
    "FIBER_CUT": ("FIBER", 4),
    "FIBER_DEGRADE_SEVERE": ("FIBER", 3),
    "FIBER_DEGRADE": ("FIBER", 2),
    "FIBER_DEGRADE_WARN": ("FIBER", 1),
    "SIGNAL_LOSS_EQUIPMENT": ("SIGNAL", 2),
    "UPSTREAM_POWER_LOSS": ("SIGNAL", 1),
    "OSC_LOSS": ("OSC", 1),
    "TOPOLOGY_MISMATCH": ("TOPOLOGY", 1),
}
CODE_OF: dict[tuple[str, int], str] = {place: code for code, place in CODES.items()}

MISMATCH_DB = -1.0  # decision row 6
EQUIPMENT_OSC_DB = 1.0  # decision row 4
OSC_LOSS_DB = 3.0  # decision row 11

# (direction, side): side T is the transmitting end of the span, R the receiving one.
SpanEnd = tuple[str, str]


def span_ends(link: FiberLink, node_id: str, component: str) -> list[SpanEnd]:
    """Returns the span ends of the link that the component serves."""
    a, z = link.a_end, link.z_end
    table: list[tuple[SpanEnd, str, str]] = [
        (("AZ", "T"), a.node_id, a.tx_component),
        (("AZ", "R"), z.node_id, z.rx_component),
        (("ZA", "T"), z.node_id, z.tx_component),
        (("ZA", "R"), a.node_id, a.rx_component),
    ]
    return [end for end, node, name in table if (node, name) == (node_id, component)]


def link_end(end: SpanEnd) -> str:
    """Returns the end of the link, A or Z, at which a span end lies."""
    return {("AZ", "T"): "A", ("ZA", "R"): "A", ("ZA", "T"): "Z", ("AZ", "R"): "Z"}[end]


def winner(samples: Iterable[Sample]) -> Sample | None:
    """Returns the sample that counts; unusable ones never do.

    The latest sample time wins, then the highest sequence, then the first to arrive.
    """
    best: Sample | None = None
    for sample in samples:  # in order of arrival
        if not sample.usable:
            continue
        if best is None or (sample.time_ns, sample.sequence) > (best.time_ns, best.sequence):
            best = sample
    return best


@dataclass(frozen=True)
class SpanPowers:
    """The four readings of a span in a window; None where there is no valid one."""

    t: Reading | None
    r: Reading | None
    t_osc: Reading | None
    r_osc: Reading | None


def powers(link: FiberLink, direction: str, joined: Mapping[SpanEnd, list[Sample]]) -> SpanPowers:
    """Picks T, R, To, Ro from the samples that win in the window."""
    sent = winner(joined.get((direction, "T"), ()))
    received = winner(joined.get((direction, "R"), ()))
    osc = link.a_end.has_osc and link.z_end.has_osc

    def read(sample: Sample | None, name: str) -> Reading | None:
        return sample.readings.get(name) if sample else None

    return SpanPowers(
        t=read(sent, "OUTPUT_POWER"),
        r=read(received, "INPUT_POWER"),
        t_osc=read(sent, "OUTPUT_POWER_OSC") if osc else None,
        r_osc=read(received, "INPUT_POWER_OSC") if osc else None,
    )


@dataclass(frozen=True)
class SpanWindow:
    """What one window decides about one span, and why."""

    row: int  # of the decision table
    code: str
    powers: SpanPowers
    base_db: float | None
    loss_db: float | None  # L; only from lit readings
    delta_db: float | None  # D
    osc_loss_db: float | None  # Lo
    receive_dark: bool
    launch_dark: bool
    osc_not_available: bool  # row 5 decided without a measured OSC
    fiber_hold: int | None  # hold level in family FIBER; None: the window does not count

    @property
    def family(self) -> str | None:
        return CODES[self.code][0] if self.code in CODES else None

    @property
    def level(self) -> int:
        return CODES[self.code][1] if self.code in CODES else 0

    def hold(self, family: str) -> int | None:
        """Returns the hold level in a family; None: the window does not count."""
        if family == "FIBER":
            return self.fiber_hold
        if self.code == NO_DATA:
            return None
        return self.level if self.family == family else 0

    @property
    def loss_is_lower_bound(self) -> bool:
        return self.code != NO_DATA and self.receive_dark and not self.launch_dark

    @property
    def shown_loss_db(self) -> float | None:
        """The loss; T + 40 where R is dark and T lit."""
        if self.loss_is_lower_bound and self.powers.t is not None:
            return self.powers.t.value - NO_LIGHT_DBM
        return self.loss_db


def decide(span: Span, read: SpanPowers, base_db: float | None, cut_holds: bool) -> SpanWindow:
    """Applies the decision table.

    Args:
        span: Thresholds and OSC base.
        read: The powers read in the window.
        base_db: The base in force for this window, configured or learned.
        cut_holds: The alarm, or the window just before, is at FIBER_CUT (row 2).
    """
    limits = limits_of(span)
    t, r, t_osc, r_osc = read.t, read.r, read.t_osc, read.r_osc
    t_dark, r_dark = is_dark(t, limits), is_dark(r, limits)
    loss = t.value - r.value if t and r and not t_dark and not r_dark else None
    delta = loss - base_db if loss is not None and base_db is not None else None

    ro_dark = is_dark(r_osc, limits)
    osc_measured = t_osc is not None and r_osc is not None and not is_dark(t_osc, limits)
    osc_loss: float | None = None
    osc_delta: float | None = None
    if osc_measured and t_osc and r_osc and not ro_dark:
        osc_loss = t_osc.value - r_osc.value
        if span.HasField("span_loss_base_osc_db"):
            osc_delta = osc_loss - span.span_loss_base_osc_db

    def first_true_row() -> tuple[int, str]:
        if t is None or r is None:
            return 1, NO_DATA
        if t_dark and r_dark and cut_holds:
            return 2, "FIBER_CUT"
        if t_dark:
            return 3, "UPSTREAM_POWER_LOSS"
        osc_fine = osc_delta is None or osc_delta < EQUIPMENT_OSC_DB
        if r_dark and osc_measured and not ro_dark and osc_fine:
            return 4, "SIGNAL_LOSS_EQUIPMENT"
        if r_dark:
            return 5, "FIBER_CUT"
        if loss is not None and loss < MISMATCH_DB:
            return 6, "TOPOLOGY_MISMATCH"
        for row, level in ((7, 4), (8, 3), (9, 2), (10, 1)):
            if delta is not None and delta >= limits.set_db[level]:
                return row, CODE_OF["FIBER", level]
        osc_high = osc_delta is not None and osc_delta >= OSC_LOSS_DB
        if osc_measured and (ro_dark or osc_high):
            return 11, "OSC_LOSS"
        return 12, NORMAL

    row, code = first_true_row()
    return SpanWindow(
        row=row,
        code=code,
        powers=read,
        base_db=base_db,
        loss_db=loss,
        delta_db=delta,
        osc_loss_db=osc_loss,
        receive_dark=r_dark,
        launch_dark=t_dark,
        osc_not_available=row == 5 and not osc_measured,
        fiber_hold=_fiber_hold(row, delta, r_dark, limits),
    )


def is_dark(reading: Reading | None, limits: Limits) -> bool:
    """Returns whether there is no light, or the reading is at or below los_dbm."""
    return reading is not None and (reading.no_light or reading.value <= limits.los_dbm)


def _fiber_hold(row: int, delta: float | None, r_dark: bool, limits: Limits) -> int | None:
    """Returns the highest FIBER level whose clear threshold the window still meets."""
    if row in (1, 3, 4):
        return None
    if r_dark:
        return 4
    if delta is None:
        return 0  # lit, without a base
    return max((k for k, clear in limits.clear_db.items() if delta >= clear), default=0)


def threshold_db(span: Span, code: str) -> float:
    """Returns the threshold of an event's code: a loss [dB] or, for two codes, los_dbm."""
    limits = limits_of(span)
    if code in ("SIGNAL_LOSS_EQUIPMENT", "UPSTREAM_POWER_LOSS"):
        return limits.los_dbm
    if code == "OSC_LOSS":
        return OSC_LOSS_DB
    if code == "TOPOLOGY_MISMATCH":
        return MISMATCH_DB
    return limits.set_db[CODES[code][1]]
