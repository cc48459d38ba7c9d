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
from schema.topology import thresholds_of
from schema.topology_pb2 import DEPLOYED, LIFECYCLE_STATE_UNSPECIFIED, MAINTENANCE, FiberLink, Span

NS_PER_S = 10**9
#: Reading of a port without light, as JSON between the steps has no infinity.
DARK_DBM = -1000.0
_MISMATCH_DB, _OSC_SOUND_DB, _OSC_LOSS_DB = -1.0, 1.0, 3.0
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
    has_osc: bool

    @classmethod
    def of(cls, span: Span, has_osc: bool) -> Limits:
        """Reads the limits from the topology, with defaults."""
        los_dbm, *levels_db = thresholds_of(span)
        base_db = span.span_loss_base_db if span.HasField("span_loss_base_db") else None
        osc_db = span.span_loss_base_osc_db if span.HasField("span_loss_base_osc_db") else None
        return cls(los_dbm, tuple(levels_db), base_db, osc_db, has_osc)


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
        dark = value.no_light or reading == -math.inf
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
    cut_without_osc: bool


def decide(
    newest: LinkSecond, limits: tuple[Limits, Limits], before: tuple[Code, ...]
) -> tuple[SpanSecond, SpanSecond]:
    """Decides both directions of a link.

    Args:
        newest: what was measured.
        limits: limits of the directions AZ and ZA.
        before: codes of the second before; empty if it was not decided.
    """
    az, za = (
        _decide_span(newest.get(tx), newest.get(rx), limit, before[i : i + 1] == (Code.FIBER_CUT,))
        for i, (tx, rx, limit) in enumerate((("Atx", "Zrx", limits[0]), ("Ztx", "Arx", limits[1])))
    )
    return az, za


def _decide_span(
    sent: tuple[int, int, Powers] | None,
    received: tuple[int, int, Powers] | None,
    limits: Limits,
    cut_before: bool,
) -> SpanSecond:
    tx, tx_osc = sent[2] if sent else (None, None)
    rx, rx_osc = received[2] if received else (None, None)
    tx_dark, rx_dark = (power is not None and power <= limits.los_dbm for power in (tx, rx))
    osc_lit = tx_osc is not None and tx_osc > limits.los_dbm
    osc_measured = limits.has_osc and osc_lit and rx_osc is not None
    osc_dark = rx_osc is not None and rx_osc <= limits.los_dbm
    loss = None if tx_dark or rx_dark else _minus(tx, rx)
    loss_osc = _minus(tx_osc, rx_osc) if osc_measured and not osc_dark else None
    delta, delta_osc = _minus(loss, limits.base_db), _minus(loss_osc, limits.base_osc_db)
    osc_sound = not osc_dark and (delta_osc is None or delta_osc < _OSC_SOUND_DB)
    above = 0 if delta is None else sum(delta >= level_db for level_db in limits.levels_db)

    if tx is None or rx is None:
        code = Code.NO_DATA
    elif tx_dark and rx_dark and cut_before:
        code = Code.FIBER_CUT
    elif tx_dark:
        code = Code.UPSTREAM_POWER_LOSS
    elif rx_dark:
        code = Code.SIGNAL_LOSS_EQUIPMENT if osc_measured and osc_sound else Code.FIBER_CUT
    elif loss is not None and loss < _MISMATCH_DB:
        code = Code.TOPOLOGY_MISMATCH
    elif above:
        code = _FIBER_CODES[above - 1]
    elif osc_measured and (osc_dark or (delta_osc is not None and delta_osc >= _OSC_LOSS_DB)):
        code = Code.OSC_LOSS
    else:
        code = Code.NORMAL
    reading = SpanReading(
        tx_dbm=_told(tx),
        rx_dbm=_told(rx),
        loss_db=_told(loss),
        loss_osc_db=_told(loss_osc),
        base_db=_told(limits.base_db),
        delta_db=_told(delta),
        peak_delta_db=_told(delta),
        tx_dark=tx_dark,
        rx_dark=rx_dark,
    )
    return SpanSecond(code, reading, code == Code.FIBER_CUT and rx_dark and not osc_measured)


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
        without_osc = any(
            span.cut_without_osc for bit, span in enumerate(spans) if direction >> bit & 1
        )
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
            specific_problem="osc-not-available"
            if code == Code.FIBER_CUT and without_osc
            else None,
            detected_late=False,
            suppressed=False,
            suppressed_by=None,
            spans=(spans[0].reading, spans[1].reading),
            link=link,
        )
