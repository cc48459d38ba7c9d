"""The API: alarms, incidents, links, what is open now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import StreamingResponse
from starlette.exceptions import HTTPException

from console.store import alarms, incidents, links
from console.store.actions import act, actions_on
from console.store.database import Database
from console.store.lists import Page
from console.store.operator_states import Action
from console.store.summary import summary
from console.times import now_ms, to_ms
from console.web import models
from console.web.access import Caller, known, operator
from console.web.csv_lines import MEDIA_TYPE, csv_lines
from console.web.problems import RESPONSES, Json
from console.web.queries import (
    ActionBody,
    AlarmQuery,
    IncidentQuery,
    LinksQuery,
    Name,
    OneQuery,
    RangeQuery,
    given_once,
    ms_of,
)

#: Powers are shown from so long before an alarm's onset, to so long after its end [ms].
AROUND_MS = 60_000
_CSV_ROWS = 500

router = APIRouter(
    prefix="/api",
    dependencies=[Depends(known), Depends(given_once)],
    responses=RESPONSES,
    default_response_class=Json,
)
Id = Annotated[Name, Path()]
One = Annotated[OneQuery, Query()]


def store(request: Request) -> Database:
    """Returns the database of the application."""
    database: Database = request.app.state.database
    return database


Store = Annotated[Database, Depends(store)]


@router.get("/summary", response_model=models.Summary)
def get_summary(database: Store) -> Json:
    """What is open now, and whom it hurts."""
    with database.reading() as connection:
        return Json(summary(connection))


@router.get(
    "/alarms",
    response_model=models.AlarmPage,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def get_alarms(
    request: Request, database: Store, query: Annotated[AlarmQuery, Query()]
) -> Json | StreamingResponse:
    """Alarms, as they are or as they stood at a moment; as CSV, all of them, by Accept."""
    if request.headers.get("accept", "").startswith("text/csv"):
        return csv_of(database, query)
    return Json(_page(alarm_page(database, query)))


@router.get(
    "/alarms.csv",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def get_alarms_csv(database: Store, query: Annotated[AlarmQuery, Query()]) -> StreamingResponse:
    """All alarms that a filter finds, as CSV."""
    return csv_of(database, query)


@router.get("/alarms/{alarm_id}", response_model=models.AlarmItem)
def get_alarm(database: Store, alarm_id: Id, query: One) -> Json:
    """One alarm."""
    return Json(alarm_of(database, alarm_id, query.source))


@router.get("/alarms/{alarm_id}/events", response_model=models.Events)
def get_alarm_events(database: Store, alarm_id: Id, query: One) -> Json:
    """All events of an alarm, as they came."""
    item = alarm_of(database, alarm_id, query.source)
    with database.reading() as connection:
        return Json({"items": alarms.events_of(connection, item["source"], alarm_id)})


@router.get("/alarms/{alarm_id}/trace", response_model=models.Traces)
def get_alarm_trace(database: Store, alarm_id: Id, query: One) -> Json:
    """The powers of the alarm's link, window by window, around it."""
    return Json({"items": traces_of(database, alarm_of(database, alarm_id, query.source))})


@router.get("/alarms/{alarm_id}/actions", response_model=models.Actions)
def get_alarm_actions(database: Store, alarm_id: Id, query: One) -> Json:
    """What was done with an alarm, the oldest first."""
    item = alarm_of(database, alarm_id, query.source)
    return Json({"items": actions_on(database, item["source"], alarm_id)})


@router.post("/alarms/{alarm_id}/actions", status_code=201, response_model=models.AlarmItem)
def post_alarm_action(
    database: Store,
    alarm_id: Id,
    query: One,
    body: ActionBody,
    caller: Annotated[Caller, Depends(operator)],
) -> Json:
    """Does something with an alarm; answers with the alarm as it is then."""
    item = alarm_of(database, alarm_id, query.source)
    action = Action(body.action, body.text, body.assignee, ms_of(body.until))
    act(database, item["source"], alarm_id, action, caller.identity.name)
    return Json(alarm_of(database, alarm_id, item["source"]), 201)


@router.get("/incidents", response_model=models.IncidentPage)
def get_incidents(database: Store, query: Annotated[IncidentQuery, Query()]) -> Json:
    """Incidents, as they are or as they stood at a moment."""
    return Json(_page(incident_page(database, query)))


@router.get("/incidents/{incident_id}", response_model=models.IncidentDetail)
def get_incident(database: Store, incident_id: Id, query: One) -> Json:
    """One incident, with its alarms as they are now."""
    item = incident_of(database, incident_id, query.source)
    return Json({**item, "alarms_now": members_of(database, item)})


@router.get("/incidents/{incident_id}/events", response_model=models.Events)
def get_incident_events(database: Store, incident_id: Id, query: One) -> Json:
    """All events of an incident, as they came."""
    item = incident_of(database, incident_id, query.source)
    with database.reading() as connection:
        return Json({"items": alarms.events_of(connection, item["source"], incident_id)})


@router.get("/links", response_model=models.LinkPage)
def get_links(database: Store, query: Annotated[LinksQuery, Query()]) -> Json:
    """The links that ever had an alarm."""
    with database.reading() as connection:
        page = links.list_links(
            connection, node_id=query.node_id, limit=query.limit, cursor=query.cursor
        )
    return Json(_page(page))


@router.get("/links/{link_id:path}", response_model=models.LinkHistory)
def get_link(database: Store, link_id: Id, query: Annotated[RangeQuery, Query()]) -> Json:
    """What a link went through: alarms, hours in alarm, flaps."""
    return Json(link_of(database, link_id, query))


def alarm_page(database: Database, query: AlarmQuery) -> Page:
    """Returns the part of the alarms that a query asks for."""
    with database.reading() as connection:
        return alarms.list_alarms(
            connection,
            query.filter(),
            order=query.order,
            limit=query.limit,
            cursor=query.cursor,
        )


def incident_page(database: Database, query: IncidentQuery, *, is_counted: bool = True) -> Page:
    """Returns the part of the incidents that a query asks for."""
    with database.reading() as connection:
        return incidents.list_incidents(
            connection,
            query.filter(),
            descending=query.order.startswith("-"),
            limit=query.limit,
            cursor=query.cursor,
            is_counted=is_counted,
        )


def alarm_of(database: Database, alarm_id: str, source: str | None) -> dict[str, Any]:
    """Returns an alarm.

    Raises:
        HTTPException: there is none.
    """
    with database.reading() as connection:
        item = alarms.alarm(connection, alarm_id, source)
    if item is None:
        raise HTTPException(404, "No such alarm.")
    return item


def incident_of(database: Database, incident_id: str, source: str | None) -> dict[str, Any]:
    """Returns an incident.

    Raises:
        HTTPException: there is none.
    """
    with database.reading() as connection:
        item = incidents.incident(connection, incident_id, source)
    if item is None:
        raise HTTPException(404, "No such incident.")
    return item


def members_of(database: Database, item: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Returns the alarms of an incident as they are now, by alarm_id."""
    alarm_ids = [alarm["alarm_id"] for alarm in item["alarms"]]
    with database.reading() as connection:
        return alarms.alarms_by_id(connection, item["source"], alarm_ids)


def link_of(database: Database, link_id: str, query: RangeQuery) -> dict[str, Any]:
    """Returns what a link went through.

    Raises:
        HTTPException: it never had an alarm.
    """
    with database.reading() as connection:
        history = links.link_history(connection, link_id, *query.range_ms(now_ms()))
    if history is None:
        raise HTTPException(404, "No alarm of such a link is known.")
    return history


def traces_of(database: Database, item: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the windows of an alarm's link around it."""
    ended = item.get("cleared_time")
    to_time_ms = to_ms(ended) if ended else now_ms()
    with database.reading() as connection:
        return links.traces_between(
            connection,
            item["source"],
            item["link"]["link_id"],
            to_ms(item["onset_time"]) - AROUND_MS,
            to_time_ms + AROUND_MS,
        )


def csv_of(database: Database, query: AlarmQuery) -> StreamingResponse:
    """Returns all alarms that a query finds, page by page, as CSV."""

    def items() -> Iterator[dict[str, Any]]:
        part = query.model_copy(update={"limit": _CSV_ROWS, "cursor": None})
        while True:
            page = alarm_page(database, part)
            yield from page.items
            if page.next is None:
                return
            part = part.model_copy(update={"cursor": page.next})

    headers = {"Content-Disposition": 'attachment; filename="alarms.csv"'}
    return StreamingResponse(csv_lines(items()), media_type=MEDIA_TYPE, headers=headers)


def _page(page: Page) -> dict[str, Any]:
    return {"items": page.items, "next": page.next, "total": page.total}
