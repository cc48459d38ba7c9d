"""TMF642 Alarm Management, its read part: the same alarms under the TM Forum's names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query
from pydantic import BaseModel, ConfigDict, Field

from console.store.alarms import list_alarms
from console.store.filters import AlarmFilter
from console.store.lists import MAX_TOTAL
from console.web.access import known
from console.web.api import Store, alarm_of
from console.web.problems import RESPONSES, Json
from console.web.queries import Name, given_once

PATH = "/tmf-api/alarmManagement/v4"
_ACK_STATES = {True: "acknowledged", False: "unacknowledged"}
_STATES = {"raised": "ACTIVE", "cleared": "CLEARED"}
_MAX_OFFSET = MAX_TOTAL

router = APIRouter(
    prefix=PATH,
    dependencies=[Depends(known), Depends(given_once)],
    responses=RESPONSES,
    default_response_class=Json,
)


class TmfQuery(BaseModel):
    """Which alarms, in TMF642's words."""

    model_config = ConfigDict(extra="forbid")
    offset: int = Field(default=0, ge=0, le=_MAX_OFFSET)
    limit: int = Field(default=50, ge=1, le=1000)
    state: Literal["raised", "cleared"] | None = None
    perceived_severity: Literal["warning", "minor", "major", "critical"] | None = Field(
        None, alias="perceivedSeverity"
    )
    ack_state: Literal["acknowledged", "unacknowledged"] | None = Field(
        default=None, alias="ackState"
    )
    fields: Name | None = Field(default=None, description="names of fields, with commas between")


@router.get("/alarm", response_model=list[dict[str, Any]])
def get_tmf_alarms(database: Store, query: Annotated[TmfQuery, Query()]) -> Json:
    """Alarms as TMF642 has them; X-Total-Count and X-Result-Count say how many there are."""
    filters = AlarmFilter(
        state=_STATES[query.state] if query.state else None,
        severity=(query.perceived_severity,) if query.perceived_severity else (),
        acknowledged=query.ack_state == "acknowledged" if query.ack_state else None,
    )
    with database.reading() as connection:
        page = list_alarms(connection, filters, limit=query.limit, offset=query.offset)
    items = [_chosen(_tmf(item), query.fields) for item in page.items]
    headers = {"X-Total-Count": str(page.total), "X-Result-Count": str(len(items))}
    return Json(items, headers=headers)


@router.get("/alarm/{alarm_id}", response_model=dict[str, Any])
def get_tmf_alarm(
    database: Store,
    alarm_id: Annotated[Name, Path()],
    fields: Annotated[Name | None, Query()] = None,
) -> Json:
    """One alarm as TMF642 has it."""
    return Json(_chosen(_tmf(alarm_of(database, alarm_id, None)), fields))


def _tmf(item: dict[str, Any]) -> dict[str, Any]:
    """Returns an alarm under TMF642's names."""
    link = item["link"]
    told = {
        "id": item["alarm_id"],
        "href": f"{PATH}/alarm/{item['alarm_id']}",
        "externalAlarmId": item["alarm_id"],
        "alarmType": "communicationsAlarm",
        "perceivedSeverity": "cleared" if item["state"] == "CLEARED" else item["severity"],
        "probableCause": item.get("probable_cause"),
        "specificProblem": item.get("specific_problem") or item["code"],
        "state": "cleared" if item["state"] == "CLEARED" else "raised",
        "ackState": _ACK_STATES[item["acknowledged"]],
        "alarmRaisedTime": item["raised_time"],
        "alarmChangedTime": item.get("changed_time"),
        "alarmClearedTime": item.get("cleared_time"),
        "alarmReportingTime": item.get("changed_time") or item["raised_time"],
        "alarmDetails": item.get("text"),
        "alarmedObjectType": "FiberLink",
        "alarmedObject": {"id": link["link_id"], "name": link.get("name")},
        "sourceSystemId": item["source"],
        "serviceAffecting": item.get("service_affecting") == "SERVICE_AFFECTING",
        "affectedService": [
            {"id": service["service_id"]} for service in item.get("impacted_services") or []
        ],
        "plannedOutageIndicator": "inService" if not item.get("suppressed") else "underMaintenance",
        "proposedRepairedActions": item.get("proposed_repair"),
        "@type": "Alarm",
    }
    return {name: value for name, value in told.items() if value is not None}


def _chosen(item: dict[str, Any], fields: str | None) -> dict[str, Any]:
    """Returns the fields that were asked for; id, href and @type always."""
    if fields is None:
        return item
    wanted = {"id", "href", "@type", *(name.strip() for name in fields.split(","))}
    return {name: value for name, value in item.items() if name in wanted}
