"""The API on a store with a few alarms: lists, filters, pages, actions, CSV, TMF642."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.testclient import TestClient

from console.intake.worker import Intake
from console.store.database import Database
from console.store.recorder import Batch, Rejection, record
from console.web.app import create_app
from tests.console.made import alarm_event, alarm_id_of, incident_event, service, time_at
from tests.console.test_recorder import take

CUT = alarm_id_of("L1", "FIBER", 0)


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    cut, degrade = alarm_event(), alarm_event("L2", onset=10, at=12, code="FIBER_DEGRADE")
    take(
        database,
        cut,
        degrade,
        alarm_event("L3", onset=20, at=22, code="OSC_LOSS", impacted_services=[service("S9")]),
        alarm_event("L3", "CLEAR", sequence=2, onset=20, at=50, code="OSC_LOSS"),
        incident_event([cut, degrade]),
    )
    app = create_app(database, Intake(database, []))
    with TestClient(app, base_url="http://127.0.0.1") as opened:
        yield opened


def ids(answer: httpx.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [item["link"]["link_id"] for item in answer.json()["items"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["L3", "L2", "L1"]),
        ("order=raised", ["L1", "L2", "L3"]),
        ("order=-severity", ["L1", "L3", "L2"]),
        ("state=ACTIVE", ["L2", "L1"]),
        ("state=CLEARED", ["L3"]),
        ("severity=critical&severity=minor&state=ACTIVE", ["L2", "L1"]),
        ("family=OSC", ["L3"]),
        ("code=FIBER_CUT", ["L1"]),
        ("link_id=L2", ["L2"]),
        ("node_id=N1", ["L3", "L2", "L1"]),
        ("node_id=N3", []),
        ("srlg_id=duct-1", ["L2", "L1"]),
        ("service_id=S9", []),
        ("service_id=S1", ["L3", "L2", "L1"]),
        ("customer=Bank&service_id=S1&state=ACTIVE", ["L2", "L1"]),
        ("suppressed=true", []),
        ("acknowledged=false", ["L3", "L2", "L1"]),
        ("text=ROUTE%20l2", ["L2"]),
        ("text=%25", []),
        (f"from={time_at(12)}", ["L3", "L2"]),
        (f"to={time_at(12)}", ["L1"]),
        (f"at={time_at(13)}", ["L2", "L1"]),
        (f"at={time_at(30)}&state=ACTIVE", ["L3", "L2", "L1"]),
    ],
)
def test_filters(client: TestClient, query: str, found: list[str]) -> None:
    answer = client.get(f"/api/alarms?{query}")
    assert ids(answer) == found
    assert answer.json()["total"] == len(found)


def test_an_incident_finds_its_alarms(client: TestClient) -> None:
    (incident,) = client.get("/api/incidents?state=ACTIVE").json()["items"]
    answer = client.get(f"/api/alarms?incident_id={incident['incident_id']}")
    assert ids(answer) == ["L2", "L1"]
    assert {item["incident_id"] for item in answer.json()["items"]} == {incident["incident_id"]}
    detail = client.get(f"/api/incidents/{incident['incident_id']}").json()
    assert set(detail["alarms_now"]) == {alarm["alarm_id"] for alarm in incident["alarms"]}


@pytest.mark.parametrize("order", ["raised", "-severity"])
def test_pages_are_the_list(client: TestClient, order: str) -> None:
    whole = ids(client.get(f"/api/alarms?order={order}"))
    parts, cursor = [], ""
    while cursor is not None:
        query = f"order={order}&limit=1" + (f"&cursor={cursor}" if cursor else "")
        page = client.get(f"/api/alarms?{query}").json()
        parts += [item["link"]["link_id"] for item in page["items"]]
        cursor = page["next"]
    assert parts == whole


@pytest.mark.parametrize(
    "query",
    [
        "serverity=major",
        "severity=fatal",
        "at=yesterday",
        "cursor=x",
        "cursor=WzFd",
        "limit=0",
        "link_id=a&link_id=b",
    ],
)
def test_what_cannot_be_asked_is_a_problem(client: TestClient, query: str) -> None:
    answer = client.get(f"/api/alarms?{query}")
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_what_is_not_there_is_a_problem(client: TestClient) -> None:
    for path in ("alarms/x", "alarms/x/events", "incidents/x", "links/x"):
        assert client.get(f"/api/{path}").status_code == 404


def act(client: TestClient, **body: Any) -> httpx.Response:
    return client.post(f"/api/alarms/{CUT}/actions", json=body)


def test_actions_change_the_operator_state_and_leave_a_trail(client: TestClient) -> None:
    steps = [
        ({"action": "ACKNOWLEDGE", "text": "on it"}, ("ack", True, None)),
        ({"action": "ASSIGN", "assignee": "Zoë"}, ("ack", True, "Zoë")),
        ({"action": "COMMENT", "text": "<b>crew</b> sent"}, ("ack", True, "Zoë")),
        ({"action": "SHELVE", "until": "2200-01-01T00:00:00Z"}, ("shelved", True, "Zoë")),
        ({"action": "UNSHELVE"}, ("un-shelved", True, "Zoë")),
        ({"action": "CLOSE"}, ("closed", True, "Zoë")),
        ({"action": "UNACKNOWLEDGE"}, ("none", False, "Zoë")),
        ({"action": "ASSIGN"}, ("none", False, None)),
    ]
    for body, state in steps:
        answer = act(client, **body)
        assert answer.status_code == 201
        item = answer.json()
        assert (item["operator_state"], item["acknowledged"], item["assignee"]) == state
        assert item["state"] == "ACTIVE"
    trail = client.get(f"/api/alarms/{CUT}/actions").json()["items"]
    assert [one["action"] for one in trail] == [body["action"] for body, _ in steps]
    assert {one["operator"] for one in trail} == {"local"}


@pytest.mark.parametrize(
    "body",
    [
        {"action": "DELETE"},
        {"action": "COMMENT"},
        {"action": "SHELVE"},
        {"action": "SHELVE", "until": "2000-01-01T00:00:00Z"},
        {"action": "COMMENT", "text": "a\0b"},
        {"action": "COMMENT", "text": "x", "operator": "someone else"},
    ],
)
def test_actions_that_cannot_be_taken_leave_nothing(
    client: TestClient, body: dict[str, Any]
) -> None:
    assert act(client, **body).status_code == 422
    assert not client.get(f"/api/alarms/{CUT}/actions").json()["items"]


def test_an_event_leaves_what_operators_did(client: TestClient, database: Database) -> None:
    act(client, action="ACKNOWLEDGE")
    take(database, alarm_event(action="CHANGE", sequence=2, at=10))
    item = client.get(f"/api/alarms/{CUT}").json()
    assert (item["sequence"], item["operator_state"]) == (2, "ack")


def test_the_summary_counts_each_service_once(client: TestClient) -> None:
    found = client.get("/api/summary").json()
    assert found["active"] == {"critical": 1, "major": 0, "minor": 1, "warning": 0}
    assert found["by_state"] == {"ACTIVE": 2, "CLEARED": 1}
    assert found["by_code"] == {"FIBER_CUT": 1, "FIBER_DEGRADE": 1}
    assert (found["unacknowledged"], found["incidents_active"]) == (2, 1)
    assert (found["impacted_capacity_gbps"], found["impacted_services"]) == (100.0, 1)
    assert found["lost_customers"] == ["Bank"]


def test_csv_has_a_line_for_each_alarm(client: TestClient, database: Database) -> None:
    take(database, alarm_event("L4", onset=30, at=32, text='=HYPERLINK("x"),\n"y"'))
    for answer in (
        client.get("/api/alarms.csv"),
        client.get("/api/alarms", headers={"Accept": "text/csv"}),
    ):
        assert answer.headers["content-type"] == "text/csv; charset=utf-8"
        lines = list(csv.DictReader(io.StringIO(answer.text)))
        assert [line["link_id"] for line in lines] == ["L4", "L3", "L2", "L1"]
        assert lines[0]["text"] == '\'=HYPERLINK("x"),\n"y"'


def test_a_link_has_its_hours_and_flaps(client: TestClient, database: Database) -> None:
    take(
        database,
        alarm_event("L1", "CLEAR", sequence=2, at=3600),
        alarm_event("L1", onset=3700, at=3702),
        alarm_event("L1", "CLEAR", sequence=2, onset=3700, at=5500),
        alarm_event("L1", onset=9000, at=9002, code="OSC_LOSS"),
        alarm_event("L1", "CLEAR", sequence=2, onset=9000, at=10_800, code="OSC_LOSS"),
    )
    query = f"from={time_at(0)}&to={time_at(20_000)}"
    found = client.get(f"/api/links/L1?{query}").json()
    assert (found["alarms"], found["flaps"], found["active"]) == (3, 1, 0)
    assert found["hours_in_alarm"] == 2.0
    items = client.get("/api/links").json()["items"]
    assert [(i["link_id"], i["alarms"], i["active"]) for i in items] == [
        ("L1", 3, 0),
        ("L2", 1, 1),
        ("L3", 1, 0),
    ]


def test_tmf642_has_the_same_alarms(client: TestClient) -> None:
    path = "/tmf-api/alarmManagement/v4/alarm"
    answer = client.get(f"{path}?state=raised&limit=1&offset=1")
    assert (answer.headers["X-Total-Count"], answer.headers["X-Result-Count"]) == ("2", "1")
    (item,) = answer.json()
    assert (item["externalAlarmId"], item["perceivedSeverity"]) == (CUT, "critical")
    assert (item["state"], item["ackState"]) == ("raised", "unacknowledged")
    assert client.get(f"{path}/{CUT}?fields=state").json() == {
        "id": CUT,
        "href": f"{path}/{CUT}",
        "@type": "Alarm",
        "state": "raised",
    }


def test_health_and_metrics_tell_what_was_rejected(client: TestClient, database: Database) -> None:
    record(database, Batch(rejections=[Rejection("file:x", 3, "no JSON", b"x")]))
    health = client.get("/healthz")
    # The intake of this test was never started.
    assert health.status_code == 503
    assert health.json()["rejected"] == 1
    assert "console_rejected 1.0" in client.get("/metrics").text
