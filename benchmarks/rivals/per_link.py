"""The rules for one link at a time, in plain Python, which the record-at-a-time rivals share.

These are the decision rows and the two-in-a-row rule of ``--emit=matches``. What the loads do not
need is left out, in favor of the rivals: rejections with their reasons, learned bases, and
publishing a match again when late data has changed it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from schema.events import CODE_FACTS, Action, Code, Family, FiberEvent, SpanReading, severity_of
from schema.pm_report_pb2 import (
    DISABLED,
    INPUT_POWER,
    INPUT_POWER_OSC,
    OUTPUT_POWER,
    OUTPUT_POWER_OSC,
    SUSPECT,
    ComponentPm,
    PmReport,
)
from schema.pm_types import DARK_BELOW_DBM
from schema.topology import thresholds_of
from schema.topology_pb2 import DEPLOYED, LIFECYCLE_STATE_UNSPECIFIED, MAINTENANCE, FiberLink, Span

NS_PER_S = 10**9
#: Reading of a port without light, as JSON between the steps has no infinity.
DARK_DBM = -1000.0
_MISMATCH_DB, _BELOW_BASE_DB = -1.0, -6.0
_OSC_SOUND_DB, _OSC_LOSS_DB, _OSC_LOS_DBM, _OSC_LOS_BELOW_BASE_DB = 1.0, 3.0, -35.0, 10.0
_FIBER_LOST_DB, _FIBER_LOST_PART = 1.0, 5
#: Thresholds that a loss meets from FIBER_DEGRADE on.
_DEGRADED = 2
_IN_FORCE = (LIFECYCLE_STATE_UNSPECIFIED, DEPLOYED, MAINTENANCE)

#: Power and OSC power [dBm]; None = not measured.
Powers = tuple[float | None, float | None]
#: A sample of a port: end, time of the sample [ns], sequence of the report, and its powers as
#: transmitter and as receiver; None = it has not this role.
Row = tuple[str, int, int, Powers | None, Powers | None]
#: The newest row of each role in one second: time, sequence, powers, by end and role (`Atx`).
LinkSecond = dict[str, tuple[int, int, Powers]]


class _Role(NamedTuple):
    link_id: str
    end: str
    transmits: bool
    receives: bool


@dataclass(frozen=True)
class Limits:
    """The limits of one direction of a link."""

    los_dbm: float
    levels_db: tuple[float, ...]
    base_db: float | None
    base_osc_db: float | None
    los_osc_dbm: float | None
    has_osc: bool

    @property
    def tx_osc_los_dbm(self) -> float:
        """A launched OSC at or below it is dark."""
        return _OSC_LOS_DBM if self.los_osc_dbm is None else self.los_osc_dbm

    def rx_osc_los_dbm(self, tx_osc_dbm: float) -> float:
        """A received OSC at or below it is dark, if that one is launched."""
        if self.los_osc_dbm is not None or self.base_osc_db is None:
            return self.tx_osc_los_dbm
        return min(_OSC_LOS_DBM, tx_osc_dbm - self.base_osc_db - _OSC_LOS_BELOW_BASE_DB)

    @classmethod
    def of(cls, span: Span, has_osc: bool) -> Limits:
        """Reads the limits from the topology, with defaults."""
        los_dbm, *levels_db = thresholds_of(span)
        base_db = span.span_loss_base_db if span.HasField("span_loss_base_db") else None
        osc_db = span.span_loss_base_osc_db if span.HasField("span_loss_base_osc_db") else None
        told = span.thresholds.HasField("los_osc_dbm")
        los_osc_dbm = span.thresholds.los_osc_dbm if told else None
        return cls(los_dbm, tuple(levels_db), base_db, osc_db, los_osc_dbm, has_osc)


class Links:
    """The topology, by port and by link."""

    def __init__(self, links: Iterable[FiberLink]) -> None:
        """Takes the links that are in force."""
        self.by_port: dict[tuple[str, str], list[_Role]] = {}
        self.by_id: dict[str, FiberLink] = {}
        self.limits: dict[str, tuple[Limits, Limits]] = {}
        for link in links:
            if link.lifecycle_state not in _IN_FORCE:
                continue
            has_osc = link.a_end.has_osc and link.z_end.has_osc
            self.by_id[link.link_id] = link
            self.limits[link.link_id] = Limits.of(link.az, has_osc), Limits.of(link.za, has_osc)
            for name, end in (("A", link.a_end), ("Z", link.z_end)):
                for component in {end.tx_component, end.rx_component}:
                    role = _Role(
                        link.link_id,
                        name,
                        component == end.tx_component,
                        component == end.rx_component,
                    )
                    self.by_port.setdefault((end.node_id, component), []).append(role)

    def rows(self, report: PmReport) -> Iterator[tuple[str, Row]]:
        """Yields link_id and row for each link that a report speaks of."""
        for component in report.components:
            if component.validity == SUSPECT or component.admin_state == DISABLED:
                continue
            time_ns = component.sample_time_unix_ns or report.collect_time_unix_ns
            roles = self.by_port.get((report.node_id, component.component), ())
            readings = _readings(component) if roles else {}
            sent = readings.get(OUTPUT_POWER), readings.get(OUTPUT_POWER_OSC)
            received = readings.get(INPUT_POWER), readings.get(INPUT_POWER_OSC)
            for role in roles:
                yield (
                    role.link_id,
                    (
                        role.end,
                        time_ns,
                        report.sequence,
                        sent if role.transmits else None,
                        received if role.receives else None,
                    ),
                )


def _readings(component: ComponentPm) -> dict[int, float]:
    readings: dict[int, float] = {}
    for value in component.values:
        reading = value.instant if value.HasField("instant") else value.avg
        dark = value.no_light or reading < DARK_BELOW_DBM
        readings[value.type] = DARK_DBM if dark else reading
    return readings


def merge(newest: LinkSecond, row: Row) -> LinkSecond:
    """Adds a row to a second, in which the latest sample counts; returns the second."""
    end, time_ns, sequence, sent, received = row
    for role, powers in (("tx", sent), ("rx", received)):
        known = newest.get(end + role)
        if powers and (known is None or (time_ns, sequence) > (known[0], known[1])):
            newest[end + role] = time_ns, sequence, powers
    return newest


@dataclass(frozen=True)
class SpanSecond:
    """The decision for one direction in one second."""

    code: Code
    reading: SpanReading
    specific_problem: str | None


@dataclass(frozen=True)
class _Span:
    """What the readings of one direction come to."""

    tx: float | None
    rx: float | None
    tx_dark: bool
    rx_dark: bool
    osc_measured: bool
    osc_dark: bool
    osc_sound: bool
    loss: float | None
    loss_osc: float | None
    delta: float | None
    delta_osc: float | None


def decide(
    newest: LinkSecond, limits: tuple[Limits, Limits], before: tuple[Code, ...]
) -> tuple[SpanSecond, SpanSecond]:
    """Decides both directions of a link.

    Args:
        newest: what was measured.
        limits: limits of the directions AZ and ZA.
        before: codes of the second before; empty if it was not decided.
    """
    az = _see(newest.get("Atx"), newest.get("Zrx"), limits[0])
    za = _see(newest.get("Ztx"), newest.get("Arx"), limits[1])
    cut_before = Code.FIBER_CUT in before
    return (
        _decide_span(az, za, limits[0], cut_before=cut_before),
        _decide_span(za, az, limits[1], cut_before=cut_before),
    )


def _see(
    sent: tuple[int, int, Powers] | None, received: tuple[int, int, Powers] | None, limits: Limits
) -> _Span:
    tx, tx_osc = sent[2] if sent else (None, None)
    rx, rx_osc = received[2] if received else (None, None)
    tx_dark, rx_dark = (power is not None and power <= limits.los_dbm for power in (tx, rx))
    osc_los_dbm = limits.tx_osc_los_dbm
    osc_lit = tx_osc is not None and tx_osc > osc_los_dbm
    if tx_osc is not None and osc_lit:
        osc_los_dbm = limits.rx_osc_los_dbm(tx_osc)
    osc_measured = limits.has_osc and osc_lit and rx_osc is not None
    osc_dark = rx_osc is not None and rx_osc <= osc_los_dbm
    loss = None if tx_dark or rx_dark else _minus(tx, rx)
    loss_osc = _minus(tx_osc, rx_osc) if osc_measured and not osc_dark else None
    delta_osc = _minus(loss_osc, limits.base_osc_db)
    as_expected = limits.base_osc_db is None or (
        delta_osc is not None and delta_osc < _OSC_SOUND_DB
    )
    return _Span(
        tx=tx,
        rx=rx,
        tx_dark=tx_dark,
        rx_dark=rx_dark,
        osc_measured=osc_measured,
        osc_dark=osc_dark,
        osc_sound=osc_measured and not osc_dark and as_expected,
        loss=loss,
        loss_osc=loss_osc,
        delta=_minus(loss, limits.base_db),
        delta_osc=delta_osc,
    )


def _decide_span(span: _Span, other: _Span, limits: Limits, *, cut_before: bool) -> SpanSecond:
    both_dark = span.tx_dark and span.rx_dark
    osc_lost = span.osc_dark or (span.delta_osc is not None and span.delta_osc >= _OSC_LOSS_DB)
    above = 0 if span.delta is None else sum(span.delta >= level for level in limits.levels_db)
    amplified = span.loss is not None and span.loss < _MISMATCH_DB
    problem = None
    if span.tx is None or span.rx is None:
        code = Code.NO_DATA
    elif both_dark and (
        (span.osc_measured and span.osc_dark)
        or (not span.osc_measured and other.rx_dark and cut_before)
    ):
        code = Code.FIBER_CUT
    elif (
        both_dark
        and other.tx_dark
        and other.rx_dark
        and not (span.osc_measured or other.osc_measured)
    ):
        code = Code.LINK_DARK
    elif span.tx_dark:
        code = Code.UPSTREAM_POWER_LOSS
    elif span.rx_dark:
        code = Code.SIGNAL_LOSS_EQUIPMENT if span.osc_sound else Code.FIBER_CUT
        problem = None if span.osc_measured else "osc-not-available"
    elif amplified or (span.delta is not None and span.delta <= _BELOW_BASE_DB):
        code = Code.TOPOLOGY_MISMATCH
        problem = None if amplified else "loss-below-base"
    elif above >= _DEGRADED and _fiber_is_sound(span):
        code = Code.SIGNAL_DEGRADE
    elif above:
        code = _FIBER_CODES[above - 1]
    elif span.osc_measured and osc_lost:
        code = Code.OSC_LOSS
    else:
        code = Code.NORMAL
    reading = SpanReading(
        tx_dbm=_told(span.tx),
        rx_dbm=_told(span.rx),
        loss_db=_told(span.loss),
        loss_osc_db=_told(span.loss_osc),
        base_db=_told(limits.base_db),
        delta_db=_told(span.delta),
        peak_delta_db=_told(span.delta),
        tx_dark=span.tx_dark,
        rx_dark=span.rx_dark,
    )
    return SpanSecond(code, reading, problem)


def _fiber_is_sound(span: _Span) -> bool:
    """Whether the signal lost what the fiber did not."""
    if span.delta is None or span.delta_osc is None:
        return False
    return span.delta_osc < _FIBER_LOST_DB and span.delta_osc < span.delta / _FIBER_LOST_PART


_FIBER_CODES = (
    Code.FIBER_DEGRADE_WARN,
    Code.FIBER_DEGRADE,
    Code.FIBER_DEGRADE_SEVERE,
    Code.FIBER_CUT,
)
_CODE_OF = {(facts.family, facts.level): code for code, facts in CODE_FACTS.items()}


def _minus(left: float | None, right: float | None) -> float | None:
    return None if left is None or right is None else left - right


def _told(value: float | None) -> float:
    if value is None:
        return math.nan
    return -math.inf if value == DARK_DBM else value


def matches(
    link: FiberLink,
    window_s: int,
    spans: tuple[SpanSecond, SpanSecond],
    before: tuple[Code, ...],
) -> Iterator[FiberEvent]:
    """Yields an event for each family on which two adjacent seconds agree.

    Args:
        link: the topology in force.
        window_s: the second.
        spans: its decisions.
        before: codes of the second before; empty if it was not decided.
    """
    confirmed: dict[Family, list[tuple[int, int]]] = {}
    for bit, (span, code_before) in enumerate(zip(spans, before, strict=False)):
        now, then = CODE_FACTS.get(span.code), CODE_FACTS.get(code_before)
        if now and then and now.family == then.family:
            level = min(now.level, then.level)
            confirmed.setdefault(now.family, []).append((level, 1 << bit))
    for family, spans_of_family in confirmed.items():
        code = _CODE_OF[family, max(level for level, _ in spans_of_family)]
        direction = sum(bit for _, bit in spans_of_family)
        problems = [
            span.specific_problem
            for bit, span in enumerate(spans)
            if direction >> bit & 1 and span.code == code and span.specific_problem
        ]
        yield FiberEvent(
            action=Action.MATCH,
            code=code,
            direction=direction,
            sequence=1,
            onset=window_s - 1,  # windows of one second are numbered by their starts
            window=window_s,
            raised=window_s,
            changed=None,
            window_s=1,
            severity=severity_of(code, link),
            previous_severity=None,
            specific_problem=problems[0] if problems else None,
            detected_late=False,
            suppressed_by=None,
            spans=(spans[0].reading, spans[1].reading),
            link=link,
        )
