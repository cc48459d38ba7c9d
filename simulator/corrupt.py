"""Damages single reports as broken devices do."""

import math

from schema import pm_report_pb2 as pm
from simulator.fault_model import Defect, DefectKind


def corrupt(payload: bytes, defect: Defect, number: int) -> bytes:
    """Returns the report of second `number` as a node with this defect sends it."""
    if defect.kind is DefectKind.TRUNCATED:
        # Cut inside the last component: no parser can mistake the rest for a whole message.
        return payload[:-5]
    report = pm.PmReport.FromString(payload)
    if defect.kind is DefectKind.SILENT:
        kept = [c for c in report.components if c.component not in defect.components]
        del report.components[:]
        report.components.extend(kept)
    else:
        for component in report.components:
            if component.component in defect.components:
                _spoil_received_power(component, number)
    return report.SerializeToString()


def _spoil_received_power(component: pm.ComponentPm, number: int) -> None:
    for value in component.values:
        if value.type == pm.INPUT_POWER:
            match number % 6:
                case 0:
                    value.instant = math.nan
                case 1:
                    # The largest 16-bit number, in hundredths: the device has no value.
                    value.instant = 655.35
                case 2:
                    value.unit = pm.MA
                case 3:
                    value.type = pm.PM_TYPE_UNSPECIFIED
                case 4:
                    value.ClearField("instant")
                    value.ClearField("avg")
                case _:
                    component.validity = pm.SUSPECT
