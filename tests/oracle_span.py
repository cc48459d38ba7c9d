"""Oracle, part 2: what one window says about the two spans of a link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from schema.topology_pb2 import FiberLink, Span
from tests.oracle_input import NO_LIGHT_DBM, Limits, Reading, Sample, limits_of

DIRECTIONS = ("AZ", "ZA")
OTHER = {"AZ": "ZA", "ZA": "AZ"}
#: Families that the first true row decides, and those that rows of their own decide.
ROW_FAMILIES = ("FIBER", "SIGNAL", "OSC", "TOPOLOGY")
SIDE_FAMILIES = ("DATA", "RANGE", "JITTER")
FAMILIES = (*ROW_FAMILIES, *SIDE_FAMILIES)

NO_DATA, NORMAL = "NO_DATA", "NORMAL"
# Decision -> (family, level); NO_DATA and NORMAL have none.
CODES: dict[str, tuple[str, int]] = {
    "FIBER_CUT": ("FIBER", 4),
    "FIBER_DEGRADE_SEVERE": ("FIBER", 3),
    "FIBER_DEGRADE": ("FIBER", 2),
    "FIBER_DEGRADE_WARN": ("FIBER", 1),
    "LINK_DARK": ("SIGNAL", 4),
    "SIGNAL_LOSS_EQUIPMENT": ("SIGNAL", 3),
    "SIGNAL_DEGRADE": ("SIGNAL", 2),
    "UPSTREAM_POWER_LOSS": ("SIGNAL", 1),
    "OSC_LOSS": ("OSC", 1),
    "TOPOLOGY_MISMATCH": ("TOPOLOGY", 1),
    "PM_DATA_MISSING": ("DATA", 1),
    "SPAN_LOSS_OUT_OF_RANGE": ("RANGE", 1),
    "FIBER_JITTER": ("JITTER", 1),
}
CODE_OF: dict[tuple[str, int], str] = {place: code for code, place in CODES.items()}

MISMATCH_DB = -1.0  # row 7
BELOW_BASE_DB = -6.0  # row 7
OSC_SOUND_DB = 1.0  # rows 5 and 8
OSC_LOSS_DB = 3.0  # row 13
OSC_LOS_DBM = -35.0
OSC_LOS_BELOW_BASE_DB = 10.0
RANGE_MARGIN_DB = 0.5

# (direction, side): side T is the transmitting end of the span, R the receiving one.
SpanEnd = tuple[str, str]
Joined = Mapping[SpanEnd, list[Sample]]


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


def span_of(link: FiberLink, direction: str) -> Span:
    return link.az if direction == "AZ" else link.za


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
    """What was read on a span in a window.

    The four readings are None where there is no valid one; `t_told` and `r_told` are whether any
    sample, valid or not, has a reading.
    """

    t: Reading | None
    r: Reading | None
    t_osc: Reading | None
    r_osc: Reading | None
    t_told: bool
    r_told: bool
    out_of_service: bool
    maint: bool


def powers(link: FiberLink, direction: str, joined: Joined) -> SpanPowers:
    """Picks T, R, To, Ro from the samples that win in the window."""
    all_sent, all_received = joined.get((direction, "T"), []), joined.get((direction, "R"), [])
    sent, received = winner(all_sent), winner(all_received)
    osc = link.a_end.has_osc and link.z_end.has_osc

    def read(sample: Sample | None, name: str) -> Reading | None:
        return sample.readings.get(name) if sample else None

    return SpanPowers(
        t=read(sent, "OUTPUT_POWER"),
        r=read(received, "INPUT_POWER"),
        t_osc=read(sent, "OUTPUT_POWER_OSC") if osc else None,
        r_osc=read(received, "INPUT_POWER_OSC") if osc else None,
        t_told=any("OUTPUT_POWER" in sample.readings for sample in all_sent),
        r_told=any("INPUT_POWER" in sample.readings for sample in all_received),
        out_of_service=any(
            samples and all(sample.state == "DISABLED" for sample in samples)
            for samples in (all_sent, all_received)
        ),
        maint=any(sample is not None and sample.state == "MAINT" for sample in (sent, received)),
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
    osc_not_available: bool  # row 6 decided without a measured OSC
    below_base: bool  # row 7 decided by D alone
    fiber_hold: int | None  # hold level in family FIBER; None: the window does not count
    span_range: str | None  # high, low, None
    range_hold: int | None
    jitter: bool

    @property
    def out_of_service(self) -> bool:
        return self.powers.out_of_service

    @property
    def data_missing(self) -> bool:
        told = self.powers.t_told and self.powers.r_told
        return not told and not self.out_of_service

    def level(self, family: str) -> int:
        """Returns the level decided in a family; 0 for none."""
        if family == "DATA":
            return int(self.data_missing)
        if family == "RANGE":
            return int(self.span_range is not None)
        if family == "JITTER":
            return int(self.jitter)
        of_code, level = CODES.get(self.code, ("", 0))
        return level if of_code == family else 0

    def hold(self, family: str) -> int | None:
        """Returns the hold level in a family; None: the window does not count."""
        if self.out_of_service:
            return 0
        if family == "FIBER":
            return self.fiber_hold
        if family == "DATA":
            return self.level("DATA")
        if family == "RANGE":
            return self.range_hold
        if self.code == NO_DATA:
            return None
        if family == "JITTER":
            return int(self.level("FIBER") > 0)
        return self.level(family)

    @property
    def loss_is_lower_bound(self) -> bool:
        return self.code != NO_DATA and self.receive_dark and not self.launch_dark

    @property
    def shown_loss_db(self) -> float | None:
        """The loss; T + 40 where R is dark and T lit."""
        if self.loss_is_lower_bound and self.powers.t is not None:
            return self.powers.t.value - NO_LIGHT_DBM
        return self.loss_db


@dataclass(frozen=True)
class Before:
    """What was so before the window, of one span."""

    base_db: float | None  # in force for this window, configured or learned
    stands_at_cut: bool  # the FIBER alarm; False with emit=matches
    was_cut: bool  # the window before in its own row decided FIBER_CUT
    jitter: bool


@dataclass(frozen=True)
class Seen:
    """What the readings of a span come to, by its own thresholds."""

    t_dark: bool
    r_dark: bool
    to_dark: bool
    ro_dark: bool
    osc_measured: bool
    osc_sound: bool
    loss: float | None
    osc_loss: float | None
    osc_delta: float | None


def see(span: Span, read: SpanPowers) -> Seen:
    """Compares the readings of a span with its thresholds."""
    limits = limits_of(span)
    t, r, to, ro = read.t, read.r, read.t_osc, read.r_osc
    t_dark, r_dark = is_dark(t, limits.los_dbm), is_dark(r, limits.los_dbm)
    given = span.thresholds.HasField("los_osc_dbm")
    los_osc = span.thresholds.los_osc_dbm if given else OSC_LOS_DBM
    to_dark = is_dark(to, los_osc)
    has_osc_base = span.HasField("span_loss_base_osc_db")
    if not given and has_osc_base and to is not None and not to_dark:
        expected = to.value - span.span_loss_base_osc_db
        los_osc = min(los_osc, expected - OSC_LOS_BELOW_BASE_DB)
    ro_dark = is_dark(ro, los_osc)
    measured = to is not None and ro is not None and not to_dark
    osc_loss = to.value - ro.value if measured and to and ro and not ro_dark else None
    osc_delta = (
        osc_loss - span.span_loss_base_osc_db if osc_loss is not None and has_osc_base else None
    )
    return Seen(
        t_dark=t_dark,
        r_dark=r_dark,
        to_dark=to_dark,
        ro_dark=ro_dark,
        osc_measured=measured,
        osc_sound=measured
        and not ro_dark
        and (not has_osc_base or (osc_delta is not None and osc_delta < OSC_SOUND_DB)),
        loss=t.value - r.value if t and r and not t_dark and not r_dark else None,
        osc_loss=osc_loss,
        osc_delta=osc_delta,
    )


def decide(
    link: FiberLink, read: Mapping[str, SpanPowers], before: Mapping[str, Before]
) -> dict[str, SpanWindow]:
    """Applies the decision table to both spans of a link.

    Args:
        link: thresholds and OSC bases.
        read: the powers read in the window, by direction.
        before: what was so before the window, by direction.
    """
    seen = {d: see(span_of(link, d), read[d]) for d in DIRECTIONS}
    return {d: _decide(span_of(link, d), d, read, seen, before) for d in DIRECTIONS}


def _decide(
    span: Span,
    direction: str,
    read: Mapping[str, SpanPowers],
    seen: Mapping[str, Seen],
    before: Mapping[str, Before],
) -> SpanWindow:
    limits = limits_of(span)
    mine, here, there = read[direction], seen[direction], seen[OTHER[direction]]
    past = before[direction]
    loss, base = here.loss, past.base_db
    delta = loss - base if loss is not None and base is not None else None
    below_base = delta is not None and span.HasField("span_loss_base_db") and delta <= BELOW_BASE_DB
    osc_delta = here.osc_delta

    def cut_goes_on() -> bool:
        if here.osc_measured and here.ro_dark:
            return True
        if not here.osc_sound and past.stands_at_cut:
            return True
        was_cut = any(one.was_cut for one in before.values())
        return not here.osc_measured and there.r_dark and was_cut

    def first_true_row() -> tuple[int, str]:
        if mine.t is None or mine.r is None:
            return 1, NO_DATA
        if here.t_dark and here.r_dark and cut_goes_on():
            return 2, "FIBER_CUT"
        all_dark = here.t_dark and here.r_dark and there.t_dark and there.r_dark
        if all_dark and not here.osc_measured and not there.osc_measured:
            return 3, "LINK_DARK"
        if here.t_dark:
            return 4, "UPSTREAM_POWER_LOSS"
        if here.r_dark and here.osc_sound:
            return 5, "SIGNAL_LOSS_EQUIPMENT"
        if here.r_dark:
            return 6, "FIBER_CUT"
        if (loss is not None and loss < MISMATCH_DB) or below_base:
            return 7, "TOPOLOGY_MISMATCH"
        if (
            delta is not None
            and osc_delta is not None
            and delta >= limits.degrade_db
            and osc_delta < OSC_SOUND_DB
            and osc_delta < delta / 5
        ):
            return 8, "SIGNAL_DEGRADE"
        for row, level in ((9, 4), (10, 3), (11, 2), (12, 1)):
            if delta is not None and delta >= limits.set_db[level]:
                return row, CODE_OF["FIBER", level]
        osc_high = osc_delta is not None and osc_delta >= OSC_LOSS_DB
        if here.osc_measured and (here.ro_dark or osc_high):
            return 13, "OSC_LOSS"
        return 14, NORMAL

    row, code = first_true_row()
    return SpanWindow(
        row=row,
        code=code,
        powers=mine,
        base_db=base,
        loss_db=loss,
        delta_db=delta,
        osc_loss_db=here.osc_loss,
        receive_dark=here.r_dark,
        launch_dark=here.t_dark,
        osc_not_available=row == 6 and not here.osc_measured,
        below_base=row == 7 and loss is not None and loss >= MISMATCH_DB,
        fiber_hold=_fiber_hold(row, delta, here.r_dark, limits),
        span_range=_range(span, loss),
        range_hold=_range_hold(span, loss),
        jitter=past.jitter,
    )


def is_dark(reading: Reading | None, los_dbm: float) -> bool:
    """Returns whether there is no light, or the reading is at or below a threshold."""
    return reading is not None and (reading.no_light or reading.value <= los_dbm)


def _fiber_hold(row: int, delta: float | None, r_dark: bool, limits: Limits) -> int | None:
    """Returns the highest FIBER level whose clear threshold the window still meets."""
    if row in (1, 3, 4, 5, 7):
        return None
    if r_dark:
        return 4
    if delta is None:
        return 0  # lit, without a base
    return max((k for k, clear in limits.clear_db.items() if delta >= clear), default=0)


def _range(span: Span, loss: float | None, margin_db: float = 0.0) -> str | None:
    """Returns on which side the loss is out of the bounds, or not inside by a margin."""
    if loss is None:
        return None
    if span.HasField("max_span_loss_db") and loss > span.max_span_loss_db - margin_db:
        return "high"
    if span.HasField("min_span_loss_db") and loss < span.min_span_loss_db + margin_db:
        return "low"
    return None


def _range_hold(span: Span, loss: float | None) -> int | None:
    return None if loss is None else int(_range(span, loss, RANGE_MARGIN_DB) is not None)


def threshold_db(span: Span, code: str, problem: str | None) -> float | None:
    """Returns the threshold of an event's code: a loss [dB] or, for darkness, los_dbm."""
    limits = limits_of(span)
    family, level = CODES[code]
    if family == "FIBER":
        return limits.set_db[level]
    if code == "SPAN_LOSS_OUT_OF_RANGE":
        name = "max_span_loss_db" if problem == "high" else "min_span_loss_db"
        return getattr(span, name) if span.HasField(name) else None
    return {
        "LINK_DARK": limits.los_dbm,
        "SIGNAL_LOSS_EQUIPMENT": limits.los_dbm,
        "UPSTREAM_POWER_LOSS": limits.los_dbm,
        "SIGNAL_DEGRADE": limits.degrade_db,
        "OSC_LOSS": OSC_LOSS_DB,
        "TOPOLOGY_MISMATCH": MISMATCH_DB,
        "FIBER_JITTER": limits.warn_db,
        "PM_DATA_MISSING": None,
    }[code]
