from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class PmType(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PM_TYPE_UNSPECIFIED: _ClassVar[PmType]
    INPUT_POWER: _ClassVar[PmType]
    OUTPUT_POWER: _ClassVar[PmType]
    INPUT_POWER_OSC: _ClassVar[PmType]
    OUTPUT_POWER_OSC: _ClassVar[PmType]
    TARGET_GAIN: _ClassVar[PmType]
    ACTUAL_GAIN: _ClassVar[PmType]
    ACTUAL_GAIN_TILT: _ClassVar[PmType]
    TARGET_OUTPUT_POWER: _ClassVar[PmType]
    LASER_BIAS_CURRENT: _ClassVar[PmType]
    LASER_TEMPERATURE: _ClassVar[PmType]
    OPTICAL_RETURN_LOSS: _ClassVar[PmType]
    PRE_FEC_BER: _ClassVar[PmType]
    POST_FEC_BER: _ClassVar[PmType]
    Q_VALUE: _ClassVar[PmType]
    OSNR: _ClassVar[PmType]
    ESNR: _ClassVar[PmType]
    CHROMATIC_DISPERSION: _ClassVar[PmType]
    POLARIZATION_MODE_DISPERSION: _ClassVar[PmType]
    POLARIZATION_DEPENDENT_LOSS: _ClassVar[PmType]
    SOP_ROC: _ClassVar[PmType]

class Unit(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    UNIT_UNSPECIFIED: _ClassVar[Unit]
    DBM: _ClassVar[Unit]
    DB: _ClassVar[Unit]
    MA: _ClassVar[Unit]
    CELSIUS: _ClassVar[Unit]
    RATIO: _ClassVar[Unit]
    PS_PER_NM: _ClassVar[Unit]
    PS: _ClassVar[Unit]
    KRAD_PER_S: _ClassVar[Unit]

class Validity(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    VALIDITY_UNSPECIFIED: _ClassVar[Validity]
    COMPLETE: _ClassVar[Validity]
    PARTIAL: _ClassVar[Validity]
    SUSPECT: _ClassVar[Validity]

class AdminState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ADMIN_STATE_UNSPECIFIED: _ClassVar[AdminState]
    ENABLED: _ClassVar[AdminState]
    DISABLED: _ClassVar[AdminState]
    MAINT: _ClassVar[AdminState]

class ClockState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CLOCK_STATE_UNKNOWN: _ClassVar[ClockState]
    FREE_RUNNING: _ClassVar[ClockState]
    SYNCHRONIZED: _ClassVar[ClockState]
PM_TYPE_UNSPECIFIED: PmType
INPUT_POWER: PmType
OUTPUT_POWER: PmType
INPUT_POWER_OSC: PmType
OUTPUT_POWER_OSC: PmType
TARGET_GAIN: PmType
ACTUAL_GAIN: PmType
ACTUAL_GAIN_TILT: PmType
TARGET_OUTPUT_POWER: PmType
LASER_BIAS_CURRENT: PmType
LASER_TEMPERATURE: PmType
OPTICAL_RETURN_LOSS: PmType
PRE_FEC_BER: PmType
POST_FEC_BER: PmType
Q_VALUE: PmType
OSNR: PmType
ESNR: PmType
CHROMATIC_DISPERSION: PmType
POLARIZATION_MODE_DISPERSION: PmType
POLARIZATION_DEPENDENT_LOSS: PmType
SOP_ROC: PmType
UNIT_UNSPECIFIED: Unit
DBM: Unit
DB: Unit
MA: Unit
CELSIUS: Unit
RATIO: Unit
PS_PER_NM: Unit
PS: Unit
KRAD_PER_S: Unit
VALIDITY_UNSPECIFIED: Validity
COMPLETE: Validity
PARTIAL: Validity
SUSPECT: Validity
ADMIN_STATE_UNSPECIFIED: AdminState
ENABLED: AdminState
DISABLED: AdminState
MAINT: AdminState
CLOCK_STATE_UNKNOWN: ClockState
FREE_RUNNING: ClockState
SYNCHRONIZED: ClockState

class PmReport(_message.Message):
    __slots__ = ("node_id", "collect_time_unix_ns", "sequence", "clock_state", "components")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    COLLECT_TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    CLOCK_STATE_FIELD_NUMBER: _ClassVar[int]
    COMPONENTS_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    collect_time_unix_ns: int
    sequence: int
    clock_state: ClockState
    components: _containers.RepeatedCompositeFieldContainer[ComponentPm]
    def __init__(self, node_id: _Optional[str] = ..., collect_time_unix_ns: _Optional[int] = ..., sequence: _Optional[int] = ..., clock_state: _Optional[_Union[ClockState, str]] = ..., components: _Optional[_Iterable[_Union[ComponentPm, _Mapping]]] = ...) -> None: ...

class ComponentPm(_message.Message):
    __slots__ = ("component", "sample_time_unix_ns", "validity", "admin_state", "values")
    COMPONENT_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_TIME_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    VALIDITY_FIELD_NUMBER: _ClassVar[int]
    ADMIN_STATE_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    component: str
    sample_time_unix_ns: int
    validity: Validity
    admin_state: AdminState
    values: _containers.RepeatedCompositeFieldContainer[PmValue]
    def __init__(self, component: _Optional[str] = ..., sample_time_unix_ns: _Optional[int] = ..., validity: _Optional[_Union[Validity, str]] = ..., admin_state: _Optional[_Union[AdminState, str]] = ..., values: _Optional[_Iterable[_Union[PmValue, _Mapping]]] = ...) -> None: ...

class PmValue(_message.Message):
    __slots__ = ("type", "instant", "avg", "min", "max", "no_light", "unit")
    TYPE_FIELD_NUMBER: _ClassVar[int]
    INSTANT_FIELD_NUMBER: _ClassVar[int]
    AVG_FIELD_NUMBER: _ClassVar[int]
    MIN_FIELD_NUMBER: _ClassVar[int]
    MAX_FIELD_NUMBER: _ClassVar[int]
    NO_LIGHT_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    type: PmType
    instant: float
    avg: float
    min: float
    max: float
    no_light: bool
    unit: Unit
    def __init__(self, type: _Optional[_Union[PmType, str]] = ..., instant: _Optional[float] = ..., avg: _Optional[float] = ..., min: _Optional[float] = ..., max: _Optional[float] = ..., no_light: bool = ..., unit: _Optional[_Union[Unit, str]] = ...) -> None: ...
