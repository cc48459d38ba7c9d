"""The page: what is broken, since when, whom it hurts, what to do, what was done."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from console.store import journal, links
from console.store.actions import BadActionError, act, actions_on
from console.store.alarms import events_of, list_alarms
from console.store.filters import AlarmFilter
from console.store.lists import MAX_TOTAL, BadCursorError
from console.store.operator_states import Action
from console.store.summary import summary
from console.times import now_ms
from console.web.access import Caller, check_csrf, check_origin
from console.web.api import (
    Store,
    alarm_of,
    alarm_page,
    incident_of,
    incident_page,
    link_of,
    members_of,
    traces_of,
)
from console.web.curve import SCHEMES, curve_json
from console.web.headers import CURVE_POLICY
from console.web.problems import Json
from console.web.queries import AlarmQuery, IncidentQuery, Name, RangeQuery
from console.web.rendering import Visitor, render

_HOUR_MS = 3_600_000
#: Alarms of no incident on the front page.
_ALONE = 20
_ALARM_FIELDS = tuple(
    field.alias or name for name, field in AlarmQuery.model_fields.items() if name != "cursor"
)
_INCIDENT_FIELDS = ("severity", "state", "text")
_TIMES = ("from", "to", "at")

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.get("/")
def front(request: Request, database: Store, caller: Visitor) -> Response:
    """Counts, and the incidents that are open, newest first."""
    query = _told(request, _INCIDENT_FIELDS)
    asked = {name: value for name, value in query.items() if value and value != "any"}
    if not query["state"]:
        asked["state"] = "ACTIVE"
    after = _after(database)
    error = ""
    try:
        chosen = IncidentQuery.model_validate({**asked, **_cursor(request)})
    except ValidationError:
        chosen, error = (
            IncidentQuery.model_validate({"state": "ACTIVE"}),
            "The filter cannot be read.",
        )
    found = incident_page(database, chosen, is_counted=False)
    is_quiet = not found.items and not any(query.values()) and not chosen.cursor
    if is_quiet:
        found = incident_page(database, IncidentQuery.model_validate({"state": "CLEARED"}))
        query["state"] = "CLEARED"
    for item in found.items:
        item["customers"] = _customers(item)
    alone = AlarmFilter(state="ACTIVE", in_incident=False)
    with database.reading() as connection:
        numbers = summary(connection)
        others = list_alarms(connection, alone, order="-severity", limit=_ALONE)
    return render(
        request,
        "front.html",
        caller,
        after=after,
        section="/",
        numbers=numbers,
        incidents=found.items,
        is_quiet=is_quiet,
        others=others,
        next=_following(query, found.next),
        query=query,
        error=error,
    )


@router.get("/alarms")
def alarms(request: Request, database: Store, caller: Visitor) -> Response:
    """Alarms by any filter, now or as of a moment."""
    query = _told(request, _ALARM_FIELDS)
    asked = {n: _as_utc(v) if n in _TIMES else v for n, v in query.items() if v}
    after = _after(database)
    items: list[dict[str, Any]] = []
    total, following, error = 0, None, ""
    try:
        page = alarm_page(
            database, AlarmQuery.model_validate({**_listed(asked), **_cursor(request)})
        )
        items, total, following = page.items, page.total, page.next
    except (ValidationError, BadCursorError):
        error = "The filter cannot be read: check the times."
    return render(
        request,
        "alarms.html",
        caller,
        after=after,
        section="/alarms",
        items=items,
        total=total,
        max_total=MAX_TOTAL,
        next=_following(query, following),
        csv=urlencode(asked),
        query=query,
        error=error,
    )


@router.get("/alarms/{alarm_id}")
def alarm(
    request: Request,
    database: Store,
    caller: Visitor,
    alarm_id: Name,
    source: Name | None = None,
    error: Name | None = None,
) -> Response:
    """One alarm: the sentence, what to do, the curve, the impact, the time line."""
    after = _after(database)
    item = alarm_of(database, alarm_id, source)
    with database.reading() as connection:
        events = events_of(connection, item["source"], alarm_id)
    timeline = _timeline(events, actions_on(database, item["source"], alarm_id))
    told = "That cannot be done: " + error if error else ""
    return render(
        request, "alarm.html", caller, after=after, item=item, timeline=timeline, error=told
    )


@router.get("/alarms/{alarm_id}/curve")
def curve(
    request: Request, caller: Visitor, alarm_id: Name, source: Name | None = None
) -> Response:
    """The document in which the curve of an alarm is drawn."""
    asked = f"?{urlencode({'source': source})}" if source else ""
    url = f"/alarms/{quote(alarm_id, safe='')}/curve.json{asked}"
    answer = render(request, "curve.html", caller, url=url)
    answer.headers["Content-Security-Policy"] = CURVE_POLICY
    return answer


@router.get("/alarms/{alarm_id}/curve.json")
def curve_data(
    database: Store,
    caller: Visitor,
    alarm_id: Name,
    source: Name | None = None,
    scheme: Literal["light", "dark"] = "light",
) -> Response:
    """The curve of the span losses around an alarm, as Bokeh's JSON."""
    item = alarm_of(database, alarm_id, source)
    with database.reading() as connection:
        events = events_of(connection, item["source"], alarm_id)
    return Json(curve_json(item, events, traces_of(database, item), SCHEMES[scheme]))


@router.post("/alarms/{alarm_id}/actions")
def take_action(
    request: Request,
    database: Store,
    caller: Visitor,
    alarm_id: Name,
    action: Annotated[str, Form()],
    csrf_token: Annotated[str, Form()] = "",
    text: Annotated[str, Form(max_length=10_000)] = "",
    assignee: Annotated[str, Form(max_length=512)] = "",
    hours: Annotated[int, Form(ge=1, le=10_000)] = 1,
    source: Name | None = None,
) -> Response:
    """Does something with an alarm, and shows it again."""
    check_origin(request)
    check_csrf(caller, csrf_token)
    if not caller.identity.may_act:
        raise HTTPException(403, "Only operators may do that.")
    item = alarm_of(database, alarm_id, source)
    until_ms = now_ms() + hours * _HOUR_MS if action == "SHELVE" else None
    done = Action(action, text or None, assignee if action == "ASSIGN" else None, until_ms)
    again = {"source": item["source"]}
    try:
        act(database, item["source"], alarm_id, done, caller.identity.name)
    except BadActionError as error:
        again["error"] = str(error)
    return RedirectResponse(f"/alarms/{quote(alarm_id, safe='')}?{urlencode(again)}", 303)


@router.get("/incidents/{incident_id}")
def incident(
    request: Request,
    database: Store,
    caller: Visitor,
    incident_id: Name,
    source: Name | None = None,
) -> Response:
    """One incident: its alarms as they are now, the impact, the time line."""
    after = _after(database)
    item = incident_of(database, incident_id, source)
    with database.reading() as connection:
        events = events_of(connection, item["source"], incident_id)
    return render(
        request,
        "incident.html",
        caller,
        after=after,
        item=item,
        alarms_now=members_of(database, item),
        timeline=_timeline(events, []),
    )


@router.get("/links")
def all_links(request: Request, database: Store, caller: Visitor) -> Response:
    """The links that ever had an alarm."""
    return _links(request, database, caller, "Links", None)


@router.get("/nodes/{node_id:path}")
def node(request: Request, database: Store, caller: Visitor, node_id: Name) -> Response:
    """A node: its links, and what is silent."""
    return _links(request, database, caller, f"Node {node_id}", node_id)


@router.get("/links/{link_id:path}")
def link(request: Request, database: Store, caller: Visitor, link_id: Name) -> Response:
    """What a link went through."""
    after = _after(database)
    history = link_of(database, link_id, RangeQuery.model_validate({}))
    asked = {"link_id": link_id, "limit": 100, **_cursor(request)}
    page = alarm_page(database, AlarmQuery.model_validate(asked))
    return render(
        request,
        "link.html",
        caller,
        after=after,
        link=history,
        items=page.items,
        next=_following({}, page.next),
    )


def _customers(item: dict[str, Any]) -> list[str]:
    """Returns who is hit: the customers of services that are not protected."""
    services = item.get("impacted_services") or []
    return sorted({s["customer"] for s in services if s.get("customer") and not s.get("protected")})


def _links(
    request: Request, database: Store, caller: Caller, heading: str, node_id: str | None
) -> Response:
    after = _after(database)
    silent: list[dict[str, Any]] = []
    with database.reading() as connection:
        page = links.list_links(
            connection, node_id=node_id, limit=100, cursor=_cursor(request).get("cursor")
        )
        if node_id is not None:
            missing = AlarmFilter(state="ACTIVE", node_id=node_id, code=("PM_DATA_MISSING",))
            silent = list_alarms(connection, missing).items
    return render(
        request,
        "links.html",
        caller,
        after=after,
        section="/links",
        heading=heading,
        node_id=node_id,
        items=page.items,
        silent=silent,
        next=_following({}, page.next),
    )


def _after(database: Store) -> int:
    """Returns the number of the last change, before anything that is shown is read."""
    with database.reading() as connection:
        return journal.newest(connection)


def _told(request: Request, names: tuple[str, ...]) -> dict[str, str]:
    """Returns what the address says of each field; empty = nothing."""
    return {name: request.query_params.get(name, "").strip() for name in names}


def _as_utc(text: str) -> str:
    """Returns a time of a form in RFC 3339; forms leave out seconds that are 0, and the zone."""
    return f"{text}:00Z" if text.count(":") == 1 else f"{text}Z"


def _listed(asked: dict[str, str]) -> dict[str, Any]:
    many = ("severity", "family", "code")
    return {name: [value] if name in many else value for name, value in asked.items()}


def _cursor(request: Request) -> dict[str, str]:
    cursor = request.query_params.get("cursor")
    return {"cursor": cursor} if cursor else {}


def _following(query: dict[str, str], cursor: str | None) -> str | None:
    if cursor is None:
        return None
    return urlencode({**{n: v for n, v in query.items() if v}, "cursor": cursor})


def _timeline(events: list[dict[str, Any]], actions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns what happened, and what was done, in order of time."""
    happened = [
        {
            "key": event["id"],
            "time": event["time"],
            "what": event["data"]["action"].capitalize(),
            "who": "",
            "text": event["data"].get("text"),
        }
        for event in events
    ]
    done = [
        {
            "key": f"action {action['number']}",
            "time": action["time"],
            "what": action["action"].capitalize(),
            "who": action["operator"],
            "text": " ".join(filter(None, (action["assignee"], action["text"]))),
        }
        for action in actions
    ]
    return sorted([*happened, *done], key=lambda entry: str(entry["time"]))
