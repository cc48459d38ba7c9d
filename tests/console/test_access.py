"""Who gets in, and who tries to get in where they should not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from argon2 import PasswordHasher
from starlette.testclient import TestClient

from console import users as users_module
from console.intake.worker import Intake
from console.store import sessions
from console.store.database import Database
from console.times import now_ms
from console.users import Identity, Users, hash_of, read_users
from console.web.access import COOKIE
from console.web.app import create_app
from schema.errors import UsageError
from tests.console.made import alarm_event, alarm_id_of
from tests.console.test_recorder import take

_CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
USERS = Users(
    passwords={
        "anna": (_CHEAP.hash("right"), "operator"),
        "vera": (_CHEAP.hash("right"), "viewer"),
    },
    tokens={
        hash_of("robot-token"): Identity("robot", "operator"),
        hash_of("reader-token"): Identity("reader", "viewer"),
    },
)
ALARM = f"/api/alarms/{alarm_id_of('L1', 'FIBER', 0)}"
FORM = ALARM.removeprefix("/api") + "/actions"
ACK = {"action": "ACKNOWLEDGE"}
BASE = "http://center.example"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(f"sqlite:///{tmp_path}/center.db")
    take(opened, alarm_event())
    yield opened
    opened.close()


@pytest.fixture
def client(database: Database) -> Iterator[TestClient]:
    app = create_app(database, Intake(database, []), USERS)
    with TestClient(app, base_url=BASE, follow_redirects=False) as opened:
        yield opened


def log_in(client: TestClient, name: str = "anna", **fields: Any) -> httpx.Response:
    data = {"name": name, "password": "right", **fields}
    return client.post("/login", data=data)


def csrf(client: TestClient) -> str:
    page = client.get(ALARM.removeprefix("/api")).text
    return page.partition('name="csrf_token" value="')[2].partition('"')[0]


def done(client: TestClient) -> list[tuple[str, str]]:
    headers = {"Authorization": "Bearer reader-token"}
    items = client.get(f"{ALARM}/actions", headers=headers).json()["items"]
    return [(item["operator"], item["action"]) for item in items]


@pytest.mark.parametrize(
    "path", ["/api/alarms", "/api/stream", "/api/summary", "/tmf-api/alarmManagement/v4/alarm"]
)
def test_nobody_unknown_reads_the_api(client: TestClient, path: str) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Cookie": f"{COOKIE}=wrong"}):
        answer = client.get(path, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/", "/alarms?state=ACTIVE", FORM.removesuffix("/actions")])
def test_a_page_leads_to_the_login_and_back(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 303
    form = client.get(answer.headers["location"])
    assert form.status_code == 200
    back = httpx.QueryParams(answer.headers["location"].partition("?")[2])["next"]
    assert log_in(client, next=back).headers["location"] == path
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["//evil.example", "/\\evil.example", "https://evil.example", "x"])
def test_the_login_leads_to_no_other_site(client: TestClient, path: str) -> None:
    assert log_in(client, next=path).headers["location"] == "/"


def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(client: TestClient) -> None:
    cookie = log_in(client).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie


def test_with_tls_the_cookie_goes_over_tls_only(database: Database) -> None:
    app = create_app(database, Intake(database, []), USERS, is_tls=True)
    with TestClient(app, base_url="https://center.example", follow_redirects=False) as client:
        answer = log_in(client)
    assert "secure" in answer.headers["set-cookie"].lower()
    assert answer.headers["strict-transport-security"]


def test_a_session_ends_by_itself_and_by_logging_out(
    client: TestClient, database: Database
) -> None:
    old = sessions.begin(database, "anna", now_ms() - 1)
    assert client.get("/api/summary", headers={"Cookie": f"{COOKIE}={old}"}).status_code == 401
    log_in(client)
    cookie = client.cookies[COOKIE]
    assert client.post("/logout", data={"csrf_token": "wrong"}).status_code == 403
    assert client.post("/logout", data={"csrf_token": csrf(client)}).status_code == 303
    assert client.get("/api/summary", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 401


def test_a_session_of_a_user_who_is_gone_ends(client: TestClient, database: Database) -> None:
    cookie = sessions.begin(database, "gone", now_ms() + 60_000)
    assert client.get("/api/summary", headers={"Cookie": f"{COOKIE}={cookie}"}).status_code == 401


def test_the_store_does_not_know_the_cookie(client: TestClient, tmp_path: Path) -> None:
    log_in(client)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("center.db*"))
    assert client.cookies[COOKIE].encode() not in kept


@pytest.mark.parametrize("name", ["anna", "nobody"])
def test_failed_logins_come_to_an_end(client: TestClient, name: str) -> None:
    statuses = [log_in(client, name, password="wrong").status_code for _ in range(11)]
    assert statuses == [401] * 10 + [429]
    assert log_in(client, name).status_code == 429


def test_a_viewer_sees_and_does_nothing(client: TestClient) -> None:
    headers = {"Authorization": "Bearer reader-token"}
    assert client.get(ALARM, headers=headers).status_code == 200
    assert client.post(f"{ALARM}/actions", json=ACK, headers=headers).status_code == 403
    log_in(client, "vera")
    page = client.get(ALARM.removeprefix("/api")).text
    assert "Acknowledge" not in page
    token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
    assert client.post(FORM, data={**ACK, "csrf_token": token}).status_code == 403
    assert done(client) == []


def test_a_program_acts_under_its_name(client: TestClient) -> None:
    headers = {"Authorization": "Bearer robot-token"}
    assert client.post(f"{ALARM}/actions", json=ACK, headers=headers).status_code == 201
    assert done(client) == [("robot", "ACKNOWLEDGE")]


def test_an_operator_acts_by_form_and_by_api(client: TestClient) -> None:
    log_in(client)
    token = csrf(client)
    assert client.post(FORM, data={**ACK, "csrf_token": token}).status_code == 303
    headers = {"X-CSRF-Token": token}
    comment = {"action": "COMMENT", "text": "seen"}
    assert client.post(f"{ALARM}/actions", json=comment, headers=headers).status_code == 201
    assert done(client) == [("anna", "ACKNOWLEDGE"), ("anna", "COMMENT")]


def test_what_a_page_of_another_site_sends_is_refused(client: TestClient) -> None:
    log_in(client)
    token = csrf(client)
    form = {**ACK, "csrf_token": token}
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert client.post(FORM, data=form, headers=headers).status_code == 403
        headers = {**headers, "X-CSRF-Token": token}
        assert client.post(f"{ALARM}/actions", json=ACK, headers=headers).status_code == 403
    for form in (ACK, {**ACK, "csrf_token": "wrong"}, {**ACK, "csrf_token": "wröng"}):
        assert client.post(FORM, data=form).status_code == 403
    assert client.post(f"{ALARM}/actions", json=ACK).status_code == 403
    simple = {"Content-Type": "text/plain", "X-CSRF-Token": token}
    answer = client.post(f"{ALARM}/actions", content='{"action": "CLOSE"}', headers=simple)
    assert answer.status_code in (415, 422)
    assert done(client) == []


def test_no_answer_may_be_framed_or_kept_or_run_foreign_scripts(client: TestClient) -> None:
    log_in(client)
    for path in ("/", "/api/alarms", "/login", "/nothing", "/static/live.js"):
        headers = client.get(path).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert path.startswith("/static/") or headers["cache-control"] == "no-store"


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8400", "10.0.0.1"])
def test_on_the_loopback_other_names_are_refused(database: Database, host: str) -> None:
    app = create_app(database, Intake(database, []))
    with TestClient(app, base_url="http://127.0.0.1:8400") as client:
        assert client.get("/api/summary").status_code == 200
        assert client.get("/api/summary", headers={"Host": host}).status_code == 403
        assert client.get("/", headers={"Host": host}).status_code == 403


def test_files_outside_of_static_are_not_served(client: TestClient) -> None:
    for path in ("/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py"):
        assert client.get(path).status_code == 404


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("users: [", "no YAML"),
        ("", "names nobody"),
        ("users: {anna: {role: king, password: x}}", "no argon2 hash"),
        ("tokens: {nms: {role: king, sha256: x}}", "sha256"),
        (f"tokens: {{nms: {{role: king, sha256: {'a' * 64}}}}}", "the role of nms"),
        ("users: [anna]", "entries such as"),
    ],
)
def test_a_users_file_that_is_wrong_says_where(tmp_path: Path, content: str, said: str) -> None:
    path = tmp_path / "users.yaml"
    path.write_text(content)
    with pytest.raises(UsageError, match=said):
        read_users(path)


def test_the_lines_that_are_printed_make_a_users_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", (tmp_path / "password").open("w+"))
    monkeypatch.setattr("getpass.getpass", lambda: "")
    assert users_module.main(["anna", "operator"]) == 0
    anna = capsys.readouterr().out
    assert users_module.main(["--token", "nms", "viewer"]) == 0
    printed = capsys.readouterr()
    path = tmp_path / "users.yaml"
    path.write_text(f"users:\n{anna}tokens:\n{printed.out}")
    users = read_users(path)
    assert users.by_password("anna", "") == Identity("anna", "operator")
    assert users.by_token(printed.err.split()[-1]) == Identity("nms", "viewer")
