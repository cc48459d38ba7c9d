from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class LifecycleState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    LIFECYCLE_STATE_UNSPECIFIED: _ClassVar[LifecycleState]
    PLANNED: _ClassVar[LifecycleState]
    DEPLOYED: _ClassVar[LifecycleState]
    MAINTENANCE: _ClassVar[LifecycleState]
    RETIRED: _ClassVar[LifecycleState]
LIFECYCLE_STATE_UNSPECIFIED: LifecycleState
PLANNED: LifecycleState
DEPLOYED: LifecycleState
MAINTENANCE: LifecycleState
RETIRED: LifecycleState

class FiberLink(_message.Message):
    __slots__ = ("link_id", "name", "a_end", "z_end", "az", "za", "srlg_ids", "lifecycle_state", "maintenance", "protected", "services", "upstream_link_ids", "version", "valid_from_unix_ns")
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    A_END_FIELD_NUMBER: _ClassVar[int]
    Z_END_FIELD_NUMBER: _ClassVar[int]
    AZ_FIELD_NUMBER: _ClassVar[int]
    ZA_FIELD_NUMBER: _ClassVar[int]
    SRLG_IDS_FIELD_NUMBER: _ClassVar[int]
    LIFECYCLE_STATE_FIELD_NUMBER: _ClassVar[int]
    MAINTENANCE_FIELD_NUMBER: _ClassVar[int]
    PROTECTED_FIELD_NUMBER: _ClassVar[int]
    SERVICES_FIELD_NUMBER: _ClassVar[int]
    UPSTREAM_LINK_IDS_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    VALID_FROM_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    link_id: str
    name: str
    a_end: LinkEnd
    z_end: LinkEnd
    az: Span
    za: Span
    srlg_ids: _containers.RepeatedScalarFieldContainer[str]
    lifecycle_state: LifecycleState
    maintenance: _containers.RepeatedCompositeFieldContainer[MaintenanceWindow]
    protected: bool
    services: _containers.RepeatedCompositeFieldContainer[OpticalService]
    upstream_link_ids: _containers.RepeatedScalarFieldContainer[str]
    version: int
    valid_from_unix_ns: int
    def __init__(self, link_id: _Optional[str] = ..., name: _Optional[str] = ..., a_end: _Optional[_Union[LinkEnd, _Mapping]] = ..., z_end: _Optional[_Union[LinkEnd, _Mapping]] = ..., az: _Optional[_Union[Span, _Mapping]] = ..., za: _Optional[_Union[Span, _Mapping]] = ..., srlg_ids: _Optional[_Iterable[str]] = ..., lifecycle_state: _Optional[_Union[LifecycleState, str]] = ..., maintenance: _Optional[_Iterable[_Union[MaintenanceWindow, _Mapping]]] = ..., protected: bool = ..., services: _Optional[_Iterable[_Union[OpticalService, _Mapping]]] = ..., upstream_link_ids: _Optional[_Iterable[str]] = ..., version: _Optional[int] = ..., valid_from_unix_ns: _Optional[int] = ...) -> None: ...

class LinkEnd(_message.Message):
    __slots__ = ("node_id", "tx_component", "rx_component", "has_osc")
    NODE_ID_FIELD_NUMBER: _ClassVar[int]
    TX_COMPONENT_FIELD_NUMBER: _ClassVar[int]
    RX_COMPONENT_FIELD_NUMBER: _ClassVar[int]
    HAS_OSC_FIELD_NUMBER: _ClassVar[int]
    node_id: str
    tx_component: str
    rx_component: str
    has_osc: bool
    def __init__(self, node_id: _Optional[str] = ..., tx_component: _Optional[str] = ..., rx_component: _Optional[str] = ..., has_osc: bool = ...) -> None: ...

class Span(_message.Message):
    __slots__ = ("span_loss_base_db", "span_loss_base_osc_db", "engineered_span_loss_db", "max_span_loss_db", "min_span_loss_db", "length_km", "fiber_type", "thresholds")
    SPAN_LOSS_BASE_DB_FIELD_NUMBER: _ClassVar[int]
    SPAN_LOSS_BASE_OSC_DB_FIELD_NUMBER: _ClassVar[int]
    ENGINEERED_SPAN_LOSS_DB_FIELD_NUMBER: _ClassVar[int]
    MAX_SPAN_LOSS_DB_FIELD_NUMBER: _ClassVar[int]
    MIN_SPAN_LOSS_DB_FIELD_NUMBER: _ClassVar[int]
    LENGTH_KM_FIELD_NUMBER: _ClassVar[int]
    FIBER_TYPE_FIELD_NUMBER: _ClassVar[int]
    THRESHOLDS_FIELD_NUMBER: _ClassVar[int]
    span_loss_base_db: float
    span_loss_base_osc_db: float
    engineered_span_loss_db: float
    max_span_loss_db: float
    min_span_loss_db: float
    length_km: float
    fiber_type: str
    thresholds: Thresholds
    def __init__(self, span_loss_base_db: _Optional[float] = ..., span_loss_base_osc_db: _Optional[float] = ..., engineered_span_loss_db: _Optional[float] = ..., max_span_loss_db: _Optional[float] = ..., min_span_loss_db: _Optional[float] = ..., length_km: _Optional[float] = ..., fiber_type: _Optional[str] = ..., thresholds: _Optional[_Union[Thresholds, _Mapping]] = ...) -> None: ...

class Thresholds(_message.Message):
    __slots__ = ("los_dbm", "degrade_warn_db", "degrade_db", "degrade_severe_db", "cut_db", "los_osc_dbm")
    LOS_DBM_FIELD_NUMBER: _ClassVar[int]
    DEGRADE_WARN_DB_FIELD_NUMBER: _ClassVar[int]
    DEGRADE_DB_FIELD_NUMBER: _ClassVar[int]
    DEGRADE_SEVERE_DB_FIELD_NUMBER: _ClassVar[int]
    CUT_DB_FIELD_NUMBER: _ClassVar[int]
    LOS_OSC_DBM_FIELD_NUMBER: _ClassVar[int]
    los_dbm: float
    degrade_warn_db: float
    degrade_db: float
    degrade_severe_db: float
    cut_db: float
    los_osc_dbm: float
    def __init__(self, los_dbm: _Optional[float] = ..., degrade_warn_db: _Optional[float] = ..., degrade_db: _Optional[float] = ..., degrade_severe_db: _Optional[float] = ..., cut_db: _Optional[float] = ..., los_osc_dbm: _Optional[float] = ...) -> None: ...

class OpticalService(_message.Message):
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

class MaintenanceWindow(_message.Message):
    __slots__ = ("start_unix_ns", "end_unix_ns", "ticket")
    START_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    END_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    TICKET_FIELD_NUMBER: _ClassVar[int]
    start_unix_ns: int
    end_unix_ns: int
    ticket: str
    def __init__(self, start_unix_ns: _Optional[int] = ..., end_unix_ns: _Optional[int] = ..., ticket: _Optional[str] = ...) -> None: ...
