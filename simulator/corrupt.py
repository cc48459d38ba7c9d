"""Damages single reports as broken devices do."""

import math

from schema import pm_report_pb2 as pm
from simulator.fault_model import Defect, DefectKind
from simulator.signals import FLOOR_DBM

#: Words for no light that are not simply a power: the flag alone, the flag beside a reading that is
#: still there, and nothing at all.
NO_LIGHT, STALE, LEFT_OUT = "no_light", "stale", "left out"
_STALE_DBM = -9.0
_POWERS = (pm.INPUT_POWER, pm.OUTPUT_POWER, pm.INPUT_POWER_OSC, pm.OUTPUT_POWER_OSC)
_TEN_YEARS_NS = 3652 * 86_400 * 1_000_000_000
_ADMIN_STATES = {"DISABLED": pm.DISABLED, "MAINT": pm.MAINT}
# A type that the contract does not have.
_NEW_TYPE = 21


def corrupt(payload: bytes, defect: Defect, number: int) -> bytes | None:
    """Returns the report of second `number` as a node with this defect sends it, if it does."""
    if defect.kind is DefectKind.NO_REPORT:
        return None
    if defect.kind is DefectKind.TRUNCATED:
        # Cut inside the last component: no parser can mistake the rest for a whole message.
        return payload[:-5]
    report = pm.PmReport.FromString(payload)
    if defect.kind is DefectKind.SILENT:
        kept = [c for c in report.components if c.component not in defect.components]
        del report.components[:]
        report.components.extend(kept)
    if defect.kind is DefectKind.CLOCK:
        report.collect_time_unix_ns += _TEN_YEARS_NS
    for component in report.components:
        if defect.kind is DefectKind.CLOCK:
            component.sample_time_unix_ns += _TEN_YEARS_NS
        elif defect.kind is DefectKind.NEW_TYPE:
            component.values.add(type=_NEW_TYPE, instant=1.0)
        elif component.component in defect.components:
            _damage(component, defect, number)
    return report.SerializeToString()


def _damage(component: pm.ComponentPm, defect: Defect, number: int) -> None:
    match defect.kind:
        case DefectKind.GARBAGE:
            _spoil_received_power(component, number)
        case DefectKind.WORD:
            _say_dark(component, defect.word)
        case DefectKind.ADMIN:
            component.admin_state = _ADMIN_STATES[defect.word]


def _say_dark(component: pm.ComponentPm, word: str) -> None:
    """Puts a word for no light, or the number of one, where a power is dark."""
    values = list(component.values)
    del component.values[:]
    for value in values:
        if value.type in _POWERS and (value.no_light or value.instant <= FLOOR_DBM):
            if word == LEFT_OUT:
                continue
            value = pm.PmValue(type=value.type, unit=value.unit)
            if word == NO_LIGHT:
                value.no_light = True
            elif word == STALE:
                value.no_light = True
                value.instant = _STALE_DBM
            else:
                value.instant = float(word)
        component.values.append(value)


def _spoil_received_power(component: pm.ComponentPm, number: int) -> None:
    for value in component.values:
        if value.type == pm.INPUT_POWER:
            match number % 6:
                case 0:
                    value.instant = math.nan
                case 1:
                    # The bits of a power as a whole number, in a field of dBm.
                    value.instant = 1_000.0 + abs(value.instant)
                case 2:
                    value.unit = pm.MA
                case 3:
                    value.type = pm.PM_TYPE_UNSPECIFIED
                case 4:
                    value.ClearField("instant")
                    value.ClearField("avg")
                case _:
                    component.validity = pm.SUSPECT
