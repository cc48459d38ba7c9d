from schema import fiber_event_pb2 as _fiber_event_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from typing import ClassVar as _ClassVar, Iterable as _Iterable, Mapping as _Mapping, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Incident(_message.Message):
    __slots__ = ("incident_id", "sequence", "action", "state", "kind", "severity", "onset_time", "opened_time", "changed_time", "closed_time", "duration_ms", "root", "alarms", "links", "nodes", "srlg_ids", "service_affecting", "impacted_services", "impacted_capacity_gbps", "suppressed", "text")
    INCIDENT_ID_FIELD_NUMBER: _ClassVar[int]
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    ACTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    ONSET_TIME_FIELD_NUMBER: _ClassVar[int]
    OPENED_TIME_FIELD_NUMBER: _ClassVar[int]
    CHANGED_TIME_FIELD_NUMBER: _ClassVar[int]
    CLOSED_TIME_FIELD_NUMBER: _ClassVar[int]
    DURATION_MS_FIELD_NUMBER: _ClassVar[int]
    ROOT_FIELD_NUMBER: _ClassVar[int]
    ALARMS_FIELD_NUMBER: _ClassVar[int]
    LINKS_FIELD_NUMBER: _ClassVar[int]
    NODES_FIELD_NUMBER: _ClassVar[int]
    SRLG_IDS_FIELD_NUMBER: _ClassVar[int]
    SERVICE_AFFECTING_FIELD_NUMBER: _ClassVar[int]
    IMPACTED_SERVICES_FIELD_NUMBER: _ClassVar[int]
    IMPACTED_CAPACITY_GBPS_FIELD_NUMBER: _ClassVar[int]
    SUPPRESSED_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    incident_id: str
    sequence: int
    action: str
    state: str
    kind: str
    severity: str
    onset_time: str
    opened_time: str
    changed_time: str
    closed_time: str
    duration_ms: int
    root: IncidentRoot
    alarms: _containers.RepeatedCompositeFieldContainer[IncidentAlarm]
    links: _containers.RepeatedScalarFieldContainer[str]
    nodes: _containers.RepeatedScalarFieldContainer[str]
    srlg_ids: _containers.RepeatedScalarFieldContainer[str]
    service_affecting: str
    impacted_services: _containers.RepeatedCompositeFieldContainer[_fiber_event_pb2.ImpactedService]
    impacted_capacity_gbps: float
    suppressed: bool
    text: str
    def __init__(self, incident_id: _Optional[str] = ..., sequence: _Optional[int] = ..., action: _Optional[str] = ..., state: _Optional[str] = ..., kind: _Optional[str] = ..., severity: _Optional[str] = ..., onset_time: _Optional[str] = ..., opened_time: _Optional[str] = ..., changed_time: _Optional[str] = ..., closed_time: _Optional[str] = ..., duration_ms: _Optional[int] = ..., root: _Optional[_Union[IncidentRoot, _Mapping]] = ..., alarms: _Optional[_Iterable[_Union[IncidentAlarm, _Mapping]]] = ..., links: _Optional[_Iterable[str]] = ..., nodes: _Optional[_Iterable[str]] = ..., srlg_ids: _Optional[_Iterable[str]] = ..., service_affecting: _Optional[str] = ..., impacted_services: _Optional[_Iterable[_Union[_fiber_event_pb2.ImpactedService, _Mapping]]] = ..., impacted_capacity_gbps: _Optional[float] = ..., suppressed: bool = ..., text: _Optional[str] = ...) -> None: ...

class IncidentRoot(_message.Message):
    __slots__ = ("alarm_id", "link_id", "family", "code")
    ALARM_ID_FIELD_NUMBER: _ClassVar[int]
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    alarm_id: str
    link_id: str
    family: str
    code: str
    def __init__(self, alarm_id: _Optional[str] = ..., link_id: _Optional[str] = ..., family: _Optional[str] = ..., code: _Optional[str] = ...) -> None: ...

class IncidentAlarm(_message.Message):
    __slots__ = ("alarm_id", "link_id", "family", "code", "severity", "direction", "state", "onset_time", "role")
    ALARM_ID_FIELD_NUMBER: _ClassVar[int]
    LINK_ID_FIELD_NUMBER: _ClassVar[int]
    FAMILY_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    DIRECTION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    ONSET_TIME_FIELD_NUMBER: _ClassVar[int]
    ROLE_FIELD_NUMBER: _ClassVar[int]
    alarm_id: str
    link_id: str
    family: str
    code: str
    severity: str
    direction: str
    state: str
    onset_time: str
    role: str
    def __init__(self, alarm_id: _Optional[str] = ..., link_id: _Optional[str] = ..., family: _Optional[str] = ..., code: _Optional[str] = ..., severity: _Optional[str] = ..., direction: _Optional[str] = ..., state: _Optional[str] = ..., onset_time: _Optional[str] = ..., role: _Optional[str] = ...) -> None: ...
