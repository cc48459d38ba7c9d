"""Oracle, part 1: from record bytes to samples, and what is wrong with a record or a link."""

from __future__ import annotations

import base64
import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from google.protobuf.message import DecodeError

from schema import pm_report_pb2 as pm
from schema.topology_pb2 import (
    FiberLink,
    LifecycleState,
    LinkEnd,
    MaintenanceWindow,
    OpticalService,
    Span,
)

SECOND = 1_000_000_000
MAX_AFTER = 60 * SECOND
MAX_BEFORE = 600 * SECOND
NO_LIGHT_DBM = -40.0
DARK_BELOW_DBM, POWER_MAX_DBM = -70.0, 35.0
YEAR_2000 = 946_684_800 * SECOND  # 2000-01-01 UTC

# Canonical unit of every known type, as in the contract's table.
CANONICAL_UNIT: dict[int, int] = {
    pm.INPUT_POWER: pm.DBM,
    pm.OUTPUT_POWER: pm.DBM,
    pm.INPUT_POWER_OSC: pm.DBM,
    pm.OUTPUT_POWER_OSC: pm.DBM,
    pm.TARGET_GAIN: pm.DB,
    pm.ACTUAL_GAIN: pm.DB,
    pm.ACTUAL_GAIN_TILT: pm.DB,
    pm.TARGET_OUTPUT_POWER: pm.DBM,
    pm.LASER_BIAS_CURRENT: pm.MA,
    pm.LASER_TEMPERATURE: pm.CELSIUS,
    pm.OPTICAL_RETURN_LOSS: pm.DB,
    pm.PRE_FEC_BER: pm.RATIO,
    pm.POST_FEC_BER: pm.RATIO,
    pm.Q_VALUE: pm.DB,
    pm.OSNR: pm.DB,
    pm.ESNR: pm.DB,
    pm.CHROMATIC_DISPERSION: pm.PS_PER_NM,
    pm.POLARIZATION_MODE_DISPERSION: pm.PS,
    pm.POLARIZATION_DEPENDENT_LOSS: pm.DB,
    pm.SOP_ROC: pm.KRAD_PER_S,
}


State = Literal["VALID", "MAINT", "SUSPECT", "DISABLED"]


@dataclass(frozen=True)
class Reading:
    """The number that counts in a value; with `no_light` it is -40 dBm and always dark."""

    value: float
    no_light: bool = False


@dataclass(frozen=True)
class Sample:
    """One component's PM in one report, validated."""

    node_id: str
    component: str
    time_ns: int
    sequence: int
    state: State
    readings: dict[str, Reading]

    @property
    def usable(self) -> bool:
        """Whether the sample is valid; others count as no data."""
        return self.state in ("VALID", "MAINT")

    def window(self, window_s: int) -> int:
        """Number k of the window [kW, (k+1)W) that holds the sample."""
        return self.time_ns // (window_s * SECOND)

    def shown_readings(self) -> dict[str, float]:
        return {name: reading.value for name, reading in self.readings.items()}


Rejection = tuple[int, dict[str, Any]]  # number of the type, 0 if it is no value; line


@dataclass
class ReadReport:
    """What one record comes to."""

    node_id: str = ""
    components: int = 0
    rejected: int = 0
    samples: list[Sample] = field(default_factory=list)
    invalid: list[Rejection] = field(default_factory=list)  # in order


def parse(payload: bytes) -> pm.PmReport | None:
    """Returns the message; None if the bytes are not one."""
    try:
        return pm.PmReport.FromString(payload)
    except DecodeError:
        return None


def read_report(payload: bytes, record_timestamp_ns: int | None) -> ReadReport:
    """Validates one record; a fault rejects only the part that it is in."""
    message = parse(payload)
    reason = report_fault(message)
    if message is None or reason is not None:
        components = 0 if message is None else len(message.components)
        line = _invalid(str(reason), message.node_id if message else "")
        line["payload_base64"] = base64.b64encode(payload).decode("ascii")
        # The components of a rejected report are rejected with it.
        return ReadReport(components=components, rejected=components, invalid=[(0, line)])

    reference_ns = (
        message.collect_time_unix_ns if record_timestamp_ns is None else record_timestamp_ns
    )
    result = ReadReport(message.node_id, components=len(message.components))
    for component in message.components:
        sample = _read_component(message, component, reference_ns, result.invalid)
        if sample is None:
            result.rejected += 1
        else:
            result.samples.append(sample)
    return result


def report_fault(message: pm.PmReport | None) -> str | None:
    if message is None:
        return "MALFORMED_PROTOBUF"
    if not message.node_id:
        return "MISSING_NODE_ID"
    if message.collect_time_unix_ns < YEAR_2000:
        return "MISSING_TIME"
    return None


def _read_component(
    message: pm.PmReport,
    component: pm.ComponentPm,
    reference_ns: int,
    invalid: list[Rejection],
) -> Sample | None:
    """Returns the component's sample; None, after noting why, if it is rejected."""
    node_id, name = message.node_id, component.component
    time_ns = component.sample_time_unix_ns or message.collect_time_unix_ns
    if not name:
        invalid.append((0, _invalid("MISSING_COMPONENT", node_id)))
        return None
    if time_ns - reference_ns > MAX_AFTER or reference_ns - time_ns > MAX_BEFORE:
        invalid.append((0, _invalid("TIME_OUT_OF_BOUNDS", node_id, name)))
        return None

    readings: dict[str, Reading] = {}
    for value in component.values:
        reason = _value_fault(value)
        if reason is None:
            readings[pm.PmType.Name(value.type)] = _reading(value)  # the last valid one counts
        else:
            known = value.type in CANONICAL_UNIT
            type_name = pm.PmType.Name(value.type) if known else None
            invalid.append((value.type, _invalid(reason, node_id, name, type_name)))
    if not readings:
        invalid.append((0, _invalid("NO_VALUES", node_id, name)))
        return None
    return Sample(
        node_id=node_id,
        component=name,
        time_ns=time_ns,
        sequence=message.sequence,
        state=_state(component),
        readings=readings,
    )


def _state(component: pm.ComponentPm) -> State:
    """Returns what counts first: DISABLED, then SUSPECT, then MAINT."""
    if component.admin_state == pm.DISABLED:
        return "DISABLED"
    if component.validity == pm.SUSPECT:
        return "SUSPECT"
    return "MAINT" if component.admin_state == pm.MAINT else "VALID"


def _value_fault(value: pm.PmValue) -> str | None:
    """Returns the first reason in the contract's order; only the reading itself is checked."""
    if value.type not in CANONICAL_UNIT:
        return "UNKNOWN_TYPE"
    unit = value.unit if value.unit in pm.Unit.values() else pm.UNIT_UNSPECIFIED
    if unit not in (pm.UNIT_UNSPECIFIED, CANONICAL_UNIT[value.type]):
        return "UNIT_MISMATCH"
    if not (value.HasField("instant") or value.HasField("avg") or value.no_light):
        return "NO_READING"
    reading = _reading(value).value
    if not math.isfinite(reading):  # a dark power reads -40 dBm by now
        return "NOT_FINITE"
    if _is_power(value) and reading > POWER_MAX_DBM:
        return "OUT_OF_RANGE"
    return None


def _reading(value: pm.PmValue) -> Reading:
    """Returns `instant`, else `avg`; -40 dBm for no_light and for a power below -70 dBm."""
    number = value.instant if value.HasField("instant") else value.avg
    if value.no_light or (_is_power(value) and number < DARK_BELOW_DBM):
        return Reading(NO_LIGHT_DBM, no_light=True)
    return Reading(number)


def _is_power(value: pm.PmValue) -> bool:
    return CANONICAL_UNIT.get(value.type) == pm.DBM


def _invalid(
    reason: str, node_id: str, component: str | None = None, type_name: str | None = None
) -> dict[str, Any]:
    """Returns a line of the invalid output; unknown parts are null."""
    return {
        "reason": reason,
        "node_id": node_id or None,
        "component": component,
        "type": type_name,
    }


@dataclass(frozen=True)
class Limits:
    """The thresholds of a span, defaults filled in."""

    los_dbm: float
    warn_db: float
    degrade_db: float
    severe_db: float
    cut_db: float

    @property
    def set_db(self) -> dict[int, float]:
        """Loss above base at which a FIBER level is decided."""
        return {1: self.warn_db, 2: self.degrade_db, 3: self.severe_db, 4: self.cut_db}

    @property
    def clear_db(self) -> dict[int, float]:
        """Loss above base at which a FIBER level is still held."""
        return {level: at - min(1.0, at / 2) for level, at in self.set_db.items()}


def limits_of(span: Span) -> Limits:
    given = span.thresholds

    def pick(name: str, default: float) -> float:
        return getattr(given, name) if given.HasField(name) else default

    return Limits(
        los_dbm=pick("los_dbm", -35.0),
        warn_db=pick("degrade_warn_db", 1.0),
        degrade_db=pick("degrade_db", 3.0),
        severe_db=pick("degrade_severe_db", 6.0),
        cut_db=pick("cut_db", 10.0),
    )


def bad_topology(link: FiberLink) -> bool:
    """Returns whether a link breaks the contract."""
    if not link.link_id:
        return True
    if not (link.HasField("a_end") and link.HasField("z_end")):
        return True
    return (
        any(_bad_end(end) for end in (link.a_end, link.z_end))
        or any(_bad_span(span) for span in (link.az, link.za))
        or link.lifecycle_state not in LifecycleState.values()
        or any(_bad_service(service) for service in link.services)
        or any(_bad_maintenance(maintenance) for maintenance in link.maintenance)
    )


def _bad_end(end: LinkEnd) -> bool:
    return not (end.node_id and end.tx_component and end.rx_component)


def _bad_span(span: Span) -> bool:
    losses = [
        getattr(span, name)
        for name in (
            "span_loss_base_db",
            "span_loss_base_osc_db",
            "engineered_span_loss_db",
            "max_span_loss_db",
            "min_span_loss_db",
        )
        if span.HasField(name)
    ]
    limits = limits_of(span)
    steps = [limits.warn_db, limits.degrade_db, limits.severe_db, limits.cut_db]
    if not all(math.isfinite(number) and number > 0 for number in [*losses, *steps]):
        return True
    if not all(lower < upper for lower, upper in pairwise(steps)):
        return True
    los_osc_dbm = span.thresholds.los_osc_dbm  # 0 where it is not set
    if not all(-70 <= los_dbm <= 0 for los_dbm in (limits.los_dbm, los_osc_dbm)):
        return True
    has_bounds = span.HasField("min_span_loss_db") and span.HasField("max_span_loss_db")
    return has_bounds and span.max_span_loss_db < span.min_span_loss_db


def _bad_service(service: OpticalService) -> bool:
    numbers = service.capacity_gbps, service.central_frequency_thz
    return not all(math.isfinite(number) and number >= 0 for number in numbers)


def _bad_maintenance(maintenance: MaintenanceWindow) -> bool:
    start, end = maintenance.start_unix_ns, maintenance.end_unix_ns
    if any(time != 0 and time < YEAR_2000 for time in (start, end)):
        return True
    return end != 0 and end < start


def bad_topology_line(link_id: str) -> dict[str, Any]:
    return {**_invalid("BAD_TOPOLOGY", ""), "link_id": link_id or None}
