"""Facts about PM types that the contract in ``proto/pm_report.proto`` states in words."""

from enum import IntEnum

from schema.pm_report_pb2 import AdminState, PmType, Unit, Validity

#: Canonical unit of each PM type.
CANONICAL_UNIT: dict[int, int] = {
    PmType.INPUT_POWER: Unit.DBM,
    PmType.OUTPUT_POWER: Unit.DBM,
    PmType.INPUT_POWER_OSC: Unit.DBM,
    PmType.OUTPUT_POWER_OSC: Unit.DBM,
    PmType.TARGET_GAIN: Unit.DB,
    PmType.ACTUAL_GAIN: Unit.DB,
    PmType.ACTUAL_GAIN_TILT: Unit.DB,
    PmType.TARGET_OUTPUT_POWER: Unit.DBM,
    PmType.LASER_BIAS_CURRENT: Unit.MA,
    PmType.LASER_TEMPERATURE: Unit.CELSIUS,
    PmType.OPTICAL_RETURN_LOSS: Unit.DB,
    PmType.PRE_FEC_BER: Unit.RATIO,
    PmType.POST_FEC_BER: Unit.RATIO,
    PmType.Q_VALUE: Unit.DB,
    PmType.OSNR: Unit.DB,
    PmType.ESNR: Unit.DB,
    PmType.CHROMATIC_DISPERSION: Unit.PS_PER_NM,
    PmType.POLARIZATION_MODE_DISPERSION: Unit.PS,
    PmType.POLARIZATION_DEPENDENT_LOSS: Unit.DB,
    PmType.SOP_ROC: Unit.KRAD_PER_S,
}

#: All PM types of the contract.
ALL_TYPES: tuple[int, ...] = tuple(CANONICAL_UNIT)

#: Types measured in dBm: powers, which may be dark.
POWER_TYPES: tuple[int, ...] = tuple(t for t, u in CANONICAL_UNIT.items() if u == Unit.DBM)

#: The powers that are compared.
COMPARED_POWERS: tuple[int, ...] = (
    PmType.INPUT_POWER,
    PmType.OUTPUT_POWER,
    PmType.INPUT_POWER_OSC,
    PmType.OUTPUT_POWER_OSC,
)

#: Largest power that a sound device reports [dBm].
POWER_MAX_DBM = 35.0
#: A power below this is dark: devices say -99 or -255 for no light [dBm].
DARK_BELOW_DBM = -70.0

#: A sample may be this much later, or earlier, than its record [s].
MAX_AHEAD_S, MAX_BEHIND_S = 60, 600

#: Reading shown where there is no light [dBm]; never used as a measured value.
DARK_DBM = -40.0


class SampleState(IntEnum):
    """Whether a sample counts, and what is known of its component (spec, sections 2 and 6).

    The first of DISABLED, SUSPECT, MAINT that applies. Samples up to MAINT are valid; the others
    count as no data. A DISABLED component is out of service; MAINT means work on it.
    """

    VALID = 0
    MAINT = 1
    SUSPECT = 2
    DISABLED = 3


def sample_state(validity: int, admin_state: int) -> SampleState:
    """Returns the state of a sample; numbers that are not in their enum read as 0."""
    if admin_state == AdminState.DISABLED:
        return SampleState.DISABLED
    if validity == Validity.SUSPECT:
        return SampleState.SUSPECT
    return SampleState.MAINT if admin_state == AdminState.MAINT else SampleState.VALID


def pm_type_name(number: int) -> str:
    """Returns the name of a PM type, or its number as text if the contract has none."""
    return PmType.Name(number) if number in PmType.values() else str(number)
