from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FiberEvent(_message.Message):
    __slots__ = ("alarm_id", "sequence", "action", "state", "code", "family", "severity", "previous_severity", "probable_cause", "specific_problem", "direction", "onset_time", "raised_time", "changed_time", "cleared_time", "detected_late", "duration_ms", "link", "measurement", "service_affecting", "impacted_services", "impacted_capacity_gbps", "suppressed", "suppressed_by", "protected", "topology_version", "proposed_repair", "text")
    class MeasurementEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: SpanMeasurement
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[SpanMeasurement, _Mapping]] = ...) -> None: ...
    ALARM_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    PREVIOUS_SEVERITY_FIELD_NUMBER: _ClassVar[int]
    PROBABLE_CAUSE_FIELD_NUMBER: _ClassVar[int]
    SPECIFIC_PROBLEM_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    ONSET_TIME_FIELD_NUMBER: _ClassVar[int]
    RAISED_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANGED_TIME_FIELD_NUMBER: _ClassVar[int]
    CLEARED_TIME_FIELD_NUMBER: _ClassVar[int]
    DETECTED_LATE_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    LINK_FIELD_NUMBER: _ClassVar[int]
    MEASUREMENT_FIELD_NUMBER: _ClassVar[int]
    SERVICE_AFFECTING_FIELD_NUMBER: _ClassVar[int]
    IMPACTED_SERVICES_FIELD_NUMBER: _ClassVar[int]
    IMPACTED_CAPACITY_GBPS_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_BY_FIELD_NUMBER: _ClassVar[int]
    PROTECTED_FIELD_NUMBER: _ClassVar[int]
    TOPOLOGY_VERSION_FIELD_NUMBER: _ClassVar[int]
    PROPOSED_REPAIR_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    alarm_id: str
    sequence: int
    action: str
    state: str
    code: str
    family: str
    severity: str
    previous_severity: str
    probable_cause: str
    specific_problem: str
    direction: str
    onset_time: str
    raised_time: str
    changed_time: str
    cleared_time: str
    detected_late: bool
    duration_ms: int
    link: EventLink
    measurement: _containers.MessageMap[str, SpanMeasurement]
    service_affecting: str
    impacted_services: _containers.RepeatedCompositeFieldContainer[ImpactedService]
    impacted_capacity_gbps: float
    suppressed: bool
    suppressed_by: str
    protected: bool
    topology_version: int
    proposed_repair: str
    text: str
    def __init__(self, alarm_id: _Optional[str] = ..., sequence: _Optional[int] = ..., action: _Optional[str] = ..., state: _Optional[str] = ..., code: _Optional[str] = ..., family: _Optional[str] = ..., severity: _Optional[str] = ..., previous_severity: _Optional[str] = ..., probable_cause: _Optional[str] = ..., specific_problem: _Optional[str] = ..., direction: _Optional[str] = ..., onset_time: _Optional[str] = ..., raised_time: _Optional[str] = ..., changed_time: _Optional[str] = ..., cleared_time: _Optional[str] = ..., detected_late: bool = ..., duration_ms: _Optional[int] = ..., link: _Optional[_Union[EventLink, _Mapping]] = ..., measurement: _Optional[_Mapping[str, SpanMeasurement]] = ..., service_affecting: _Optional[str] = ..., impacted_services: _Optional[_Iterable[_Union[ImpactedService, _Mapping]]] = ..., impacted_capacity_gbps: _Optional[float] = ..., suppressed: bool = ..., suppressed_by: _Optional[str] = ..., protected: bool = ..., topology_version: _Optional[int] = ..., proposed_repair: _Optional[str] = ..., text: _Optional[str] = ...) -> None: ...

class EventLink(_message.Message):
    __slots__ = ("link_id", "name", "a_end", "z_end")
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    A_END_FIELD_NUMBER: _ClassVar[int]
    Z_END_FIELD_NUMBER: _ClassVar[int]
    link_id: str
    name: str
    a_end: str
    z_end: str
    def __init__(self, link_id: _Optional[str] = ..., name: _Optional[str] = ..., a_end: _Optional[str] = ..., z_end: _Optional[str] = ...) -> None: ...

class SpanMeasurement(_message.Message):
    __slots__ = ("tx_dbm", "rx_dbm", "span_loss_db", "span_loss_osc_db", "base_db", "delta_db", "peak_delta_db", "threshold_db", "loss_is_lower_bound")
    TX_DBM_FIELD_NUMBER: _ClassVar[int]
    RX_DBM_FIELD_NUMBER: _ClassVar[int]
    SPAN_LOSS_DB_FIELD_NUMBER: _ClassVar[int]
    SPAN_LOSS_OSC_DB_FIELD_NUMBER: _ClassVar[int]
    BASE_DB_FIELD_NUMBER: _ClassVar[int]
    DELTA_DB_FIELD_NUMBER: _ClassVar[int]
    PEAK_DELTA_DB_FIELD_NUMBER: _ClassVar[int]
    THRESHOLD_DB_FIELD_NUMBER: _ClassVar[int]
    LOSS_IS_LOWER_BOUND_FIELD_NUMBER: _ClassVar[int]
    tx_dbm: float
    rx_dbm: float
    span_loss_db: float
    span_loss_osc_db: float
    base_db: float
    delta_db: float
    peak_delta_db: float
    threshold_db: float
    loss_is_lower_bound: bool
    def __init__(self, tx_dbm: _Optional[float] = ..., rx_dbm: _Optional[float] = ..., span_loss_db: _Optional[float] = ..., span_loss_osc_db: _Optional[float] = ..., base_db: _Optional[float] = ..., delta_db: _Optional[float] = ..., peak_delta_db: _Optional[float] = ..., threshold_db: _Optional[float] = ..., loss_is_lower_bound: bool = ...) -> None: ...

class ImpactedService(_message.Message):
    __slots__ = ("service_id", "och_id", "customer", "central_frequency_thz", "capacity_gbps", "protected")
    SERVICE_ID_FIELD_NUMBER: _ClassVar[int]
    OCH_ID_FIELD_NUMBER: _ClassVar[int]
    CUSTOMER_FIELD_NUMBER: _ClassVar[int]
    CENTRAL_FREQUENCY_THZ_FIELD_NUMBER: _ClassVar[int]
    CAPACITY_GBPS_FIELD_NUMBER: _ClassVar[int]
    PROTECTED_FIELD_NUMBER: _ClassVar[int]
    service_id: str
    och_id: str
    customer: str
    central_frequency_thz: float
    capacity_gbps: float
    protected: bool
    def __init__(self, service_id: _Optional[str] = ..., och_id: _Optional[str] = ..., customer: _Optional[str] = ..., central_frequency_thz: _Optional[float] = ..., capacity_gbps: _Optional[float] = ..., protected: bool = ...) -> None: ...
