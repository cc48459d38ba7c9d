"""The answers of the API, for its OpenAPI. Items have more fields: those of the event's data."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict


class AlarmItem(BaseModel):
    """An alarm: the fields of its event's data as last told (spec, section 7), and these."""

    model_config = ConfigDict(extra="allow")
    alarm_id: str
    source: str
    state: str
    severity: str
    acknowledged: bool
    incident_id: str | None
    operator_state: str
    shelved_until: str | None
    assignee: str | None


class IncidentItem(BaseModel):
    """An incident: the fields of its event's data as last told (spec, section 9)."""

    model_config = ConfigDict(extra="allow")
    incident_id: str
    source: str
    state: str
    severity: str


class AlarmPage(BaseModel):
    """A part of the list of alarms; `total` is counted up to 10,000."""

    items: list[AlarmItem]
    next: str | None
    total: int


class IncidentPage(BaseModel):
    """A part of the list of incidents."""

    items: list[IncidentItem]
    next: str | None
    total: int


class IncidentDetail(IncidentItem):
    """An incident with its alarms as they are now, by alarm_id."""

    alarms_now: dict[str, AlarmItem]


class LinkItem(BaseModel):
    """A link that had an alarm."""

    link_id: str
    a_end: str
    z_end: str
    alarms: int
    active: int
    severity: str | None
    last_raised_time: str | None


class LinkPage(BaseModel):
    """A part of the list of links."""

    items: list[LinkItem]
    next: str | None
    total: int


class LinkHistory(BaseModel):
    """What a link went through in a range of time."""

    model_config = ConfigDict(extra="allow")
    link_id: str
    alarms: int
    active: int
    hours_in_alarm: float
    flaps: int


class ActionItem(BaseModel):
    """What an operator did."""

    number: int
    time: str
    operator: str
    action: str
    text: str | None
    assignee: str | None
    until: str | None


class Summary(BaseModel):
    """What is open now. `lost` is of service-affecting alarms, `impacted` of all.

    The cleared ones of `by_state` are counted up to 10,000.
    """

    active: dict[str, int]
    by_state: dict[str, int]
    by_code: dict[str, int]
    unacknowledged: int
    suppressed: int
    incidents_active: int
    impacted_capacity_gbps: float
    lost_capacity_gbps: float
    impacted_services: int
    lost_services: int
    impacted_customers: list[str]
    lost_customers: list[str]


class Events(BaseModel):
    """CloudEvents as they came, by sequence."""

    items: list[dict[str, Any]]


class Actions(BaseModel):
    """What was done with an alarm, the oldest first."""

    items: list[ActionItem]


class Traces(BaseModel):
    """Windows of a link in order (spec, section 10)."""

    items: list[dict[str, Any]]
