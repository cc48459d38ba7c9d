"""Every screen in a real browser: narrow and wide, light and dark."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from argon2 import PasswordHasher
from playwright.sync_api import Browser, Page, expect

from tests.console.browser import chromium
from tests.console.contrast import worst_contrast
from tests.console.made import alarm_event, incident_event, lines, service, time_at, trace_line
from tests.console.served import get, served

_MARKUP = '<img src=x onerror="document.title=1">'
_SERVICES = [
    service("S1"),
    service("S2", customer="Hospital", capacity_gbps=400.0),
    service("S3", customer="University", protected=True),
]
CUT = alarm_event(
    impacted_services=_SERVICES,
    text="Fiber cut on Route L1 (N1 and N2, both directions) since 20:26:40 UTC, 3 services on it.",
)
ALARMS = [
    CUT,
    alarm_event("L2", text="Fiber cut on Route L2."),
    alarm_event(
        "L3",
        code="FIBER_DEGRADE",
        onset=20,
        at=22,
        service_affecting="NOT_SERVICE_AFFECTING",
        impacted_services=[service("S4", customer=_MARKUP)],
        text=f"Raised loss on {_MARKUP}.",
    ),
    alarm_event("L4", code="OSC_LOSS", onset=21, at=23, impacted_services=[]),
    alarm_event("L4", "CLEAR", sequence=2, code="OSC_LOSS", onset=21, at=60, impacted_services=[]),
]
SCREENS = {
    "front": "/",
    "alarms": "/alarms",
    "alarm": f"/alarms/{CUT['data']['alarm_id']}",
    "incident": f"/incidents/{incident_event([CUT])['subject']}",
    "link": "/links/L1",
    "links": "/links",
    "node": "/nodes/N1",
}


class Center:
    """A console that follows files, to which events can be added."""

    def __init__(self, folder: Path) -> None:
        self.files = {n: folder / f"{n}.jsonl" for n in ("events", "incidents", "traces")}
        self.files["events"].write_bytes(lines(*ALARMS))
        incidents = [
            incident_event(ALARMS[:2], impacted_services=_SERVICES),
            incident_event(
                ALARMS[2:3], kind="FIBER_DEGRADE", severity="minor", text=f"Raised loss {_MARKUP}"
            ),
        ]
        self.files["incidents"].write_bytes(lines(*incidents))
        losses = [(s, 20 + 0.05 * (s % 3) if s < 0 else None) for s in range(-9, 30)]
        self.files["traces"].write_bytes(lines(*(trace_line("L1", s, loss) for s, loss in losses)))
        self.options = [f"--{name}_file={path}" for name, path in self.files.items()]
        self.options.append(f"--database=sqlite:///{folder}/center.db")
        self.url = ""

    def add(self, output: str, *values: dict[str, Any]) -> None:
        with self.files[output].open("ab") as file:
            file.write(lines(*values))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Center]:
    """A console whose events the tests only look at."""
    yield from _center(tmp_path_factory.mktemp("shown"))


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Center]:
    """A console of a test's own."""
    yield from _center(tmp_path)


def _center(folder: Path) -> Iterator[Center]:
    made = Center(folder)
    with served(*made.options) as made.url:
        for _ in range(200):
            if get(f"{made.url}/healthz")["taken_in"] >= 46:
                break
        yield made


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A wide page, in which nothing may go wrong."""
    yield from _page(browser, 1440, "light")


def _page(browser: Browser, width: int, scheme: Any) -> Iterator[Page]:
    context = browser.new_context(
        viewport={"width": width, "height": 900 if width > 400 else 800}, color_scheme=scheme
    )
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("console", lambda said: wrong.append(said.text) if said.type == "error" else None)
    yield opened
    context.close()
    # The browser says so itself when an answer is an error, which tests ask for.
    assert [text for text in wrong if "Failed to load resource" not in text] == []


def opened(page: Page, url: str) -> Page:
    """Opens a page, and waits until it is live."""
    page.goto(url)
    if page.locator("[data-live]").count():
        expect(page.locator("#link-state")).to_have_text("live")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [375, 1440])
@pytest.mark.parametrize("name", SCREENS)
def test_every_screen_fits_can_be_read_and_has_no_error(
    browser: Browser, shown: Center, name: str, width: int, scheme: str
) -> None:
    for page in _page(browser, width, scheme):
        opened(page, shown.url + SCREENS[name])
        if name == "alarm":
            expect(page.frame_locator("iframe").locator(".bk-Figure")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.evaluate("document.querySelectorAll('img').length") == 0
        ratio, where = worst_contrast(page)
        assert ratio >= 4.5, where


def test_an_event_is_shown_without_a_move_under_the_pointer(page: Page, center: Center) -> None:
    opened(page, center.url)
    first = page.locator(".incident").first
    first.hover()
    before = first.bounding_box()
    new = incident_event([alarm_event("L9")], text="A new one", opened_time=time_at(90))
    center.add("incidents", new)
    button = page.locator("#show-new")
    expect(button).to_have_text("Show 1 new")
    assert page.locator(".incident").count() == 2
    assert first.bounding_box() == before
    button.click()
    expect(page.locator(".incident").first).to_contain_text("A new one")
    expect(button).to_be_hidden()


def test_numbers_and_lists_follow_while_nobody_points_at_them(page: Page, center: Center) -> None:
    opened(page, center.url)
    page.mouse.move(5, 5)
    numbers = page.locator(".numbers li").first
    expect(numbers).to_contain_text("2")
    center.add("events", alarm_event("L7"), alarm_event("L8"))
    expect(numbers).to_contain_text("4")
    center.add("incidents", incident_event([alarm_event("L7")], text="Another one"))
    expect(page.locator(".incident")).to_have_count(3)
    expect(page.locator("#show-new")).to_be_hidden()


def test_when_nothing_is_open_the_newest_that_are_over_are_shown(
    page: Page, tmp_path: Path
) -> None:
    made = Center(tmp_path)
    closed = [incident_event(ALARMS[:2]), incident_event(ALARMS[:2], "CLOSE", sequence=2, at=70)]
    made.files["incidents"].write_bytes(lines(*closed))
    with served(*made.options) as url:
        opened(page, url)
        expect(page.locator("[data-live=incidents]")).to_contain_text("No incident is open.")
        expect(page.locator(".incident.cleared")).to_have_count(1)
        made.add("incidents", incident_event([alarm_event("L9")], text="A new one"))
        expect(page.locator(".incident")).to_have_count(1)
        expect(page.locator(".incident")).to_contain_text("A new one")
        expect(page.locator("[data-live=incidents]")).not_to_contain_text("No incident is open.")


def test_what_is_open_stays_open_when_its_incident_changes(page: Page, center: Center) -> None:
    opened(page, center.url)
    page.mouse.move(5, 5)
    incident = page.locator(".incident", has_text="Cable cut")
    incident.locator("summary").click()
    change = incident_event(ALARMS[:2], "CHANGE", sequence=2, at=30, text="Cable cut, and more")
    center.add("incidents", change)
    expect(incident).to_contain_text("and more")
    assert incident.locator("details").get_attribute("open") is not None


def test_a_filter_is_in_the_address(page: Page, shown: Center) -> None:
    opened(page, f"{shown.url}/alarms")
    page.get_by_label("Severity").select_option("critical")
    page.get_by_label("Search").fill("hospital")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    assert "severity=critical" in page.url
    assert "text=hospital" in page.url
    page.reload()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.get_by_label("Search")).to_have_value("hospital")


def test_history_shows_a_moment(page: Page, shown: Center) -> None:
    opened(page, f"{shown.url}/alarms")
    page.get_by_text("Time, order, acknowledged").click()
    page.get_by_label("As of (UTC)").fill(time_at(30)[:19])
    page.get_by_label("State").select_option("ACTIVE")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(4)
    expect(page.locator("h1")).to_contain_text("as of 2026-05-28T20:27:10 UTC")
    page.goto(f"{shown.url}/alarms?state=ACTIVE")
    expect(page.locator("tbody tr")).to_have_count(3)


def test_a_filter_that_cannot_be_read_says_so(page: Page, shown: Center) -> None:
    page.goto(f"{shown.url}/alarms?from=tomorrow")
    expect(page.locator("p.notice[role=alert]").last).to_contain_text("cannot be read")


def test_csv_is_what_is_shown(page: Page, shown: Center) -> None:
    opened(page, f"{shown.url}/alarms?severity=critical")
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    text = Path(download.value.path()).read_text()
    assert len(re.findall(r"FIBER_CUT", text)) == 2
    assert "OSC_LOSS" not in text


def test_an_alarm_is_worked_on(page: Page, center: Center) -> None:
    opened(page, center.url + SCREENS["alarm"])
    page.get_by_label("Comment").fill(f"crew called {_MARKUP}")
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.locator(".facts-list")).to_contain_text("ack")
    expect(page.locator(".timeline")).to_contain_text(f"crew called {_MARKUP}")
    page.get_by_text("More", exact=True).click()
    page.get_by_label("Assign to").fill("Zoë")
    page.get_by_role("button", name="Assign", exact=True).click()
    expect(page.locator(".facts-list")).to_contain_text("Zoë")
    page.get_by_text("More", exact=True).click()
    page.get_by_role("button", name="Shelve", exact=True).click()
    expect(page.locator(".facts-list")).to_contain_text("shelved until")
    page.get_by_role("button", name="Comment", exact=True).click()
    expect(page.locator("p.notice[role=alert]").last).to_contain_text("needs a text")
    names = [a["action"] for a in get(f"{center.url}/api{SCREENS['alarm']}/actions")["items"]]
    assert names == ["ACKNOWLEDGE", "ASSIGN", "SHELVE"]


def test_what_someone_else_does_is_shown(page: Page, browser: Browser, center: Center) -> None:
    opened(page, center.url + SCREENS["alarm"])
    page.get_by_label("Comment").fill("half a sentence")
    for other in _page(browser, 1440, "light"):
        opened(other, center.url + SCREENS["alarm"])
        other.get_by_role("button", name="Acknowledge", exact=True).click()
    expect(page.locator(".timeline")).to_contain_text("Acknowledge by local")
    expect(page.get_by_label("Comment")).to_have_value("half a sentence")


def test_the_curve_shows_values_and_zooms(page: Page, shown: Center) -> None:
    opened(page, shown.url + SCREENS["alarm"])
    curve = page.frame_locator("iframe")
    canvas = curve.locator(".bk-Figure")
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    assert box is not None
    ends = "Object.values(Bokeh.index.roots ? Bokeh.index.roots : Bokeh.index)[0].model.x_range"
    frame = page.frames[-1]
    before = frame.evaluate(f"(() => {{ const r = {ends}; return r.end - r.start; }})()")
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.4 * box["height"])
    expect(curve.locator(".bk-Tooltip").first).to_contain_text("at least 41.00 dB")
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + 0.5 * box["height"], steps=4)
    page.mouse.up()
    frame.wait_for_function(
        f"(() => {{ const r = {ends}; return r.end - r.start < {before} / 2; }})()"
    )


def test_a_session_that_ends_says_so_and_leads_back(page: Page, tmp_path: Path) -> None:
    users = tmp_path / "users.yaml"
    password = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash("right")
    users.write_text(f'users: {{anna: {{role: operator, password: "{password}"}}}}')
    made = Center(tmp_path)
    with served(*made.options, f"--users_file={users}") as url:
        page.goto(f"{url}/alarms?state=ACTIVE")
        page.get_by_label("Name").fill("anna")
        page.get_by_label("Password").fill("wrong")
        page.get_by_role("button", name="Log in").click()
        expect(page.locator("p.notice[role=alert]").last).to_contain_text("do not fit")
        log_in(page)
        expect(page.locator("#link-state")).to_have_text("live")
        assert page.url == f"{url}/alarms?state=ACTIVE"
        page.context.clear_cookies()
        made.add("events", alarm_event("L9"))
        expect(page.locator("#notice")).to_contain_text("The session has ended")
        # What was on the screen stays readable.
        expect(page.locator("tbody tr")).to_have_count(3)
        page.get_by_role("link", name="Log in again").click()
        log_in(page)
        expect(page.locator("tbody tr")).to_have_count(4)
        page.get_by_role("button", name="Log out").click()
        expect(page.locator("h1")).to_have_text("Log in")


def log_in(page: Page) -> None:
    page.get_by_label("Name").fill("anna")
    page.get_by_label("Password").fill("right")
    page.get_by_role("button", name="Log in").click()


def test_everything_can_be_done_with_the_keyboard(page: Page, center: Center) -> None:
    opened(page, center.url)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()
    reach(page, "Cable cut")
    page.keyboard.press("Enter")
    page.wait_for_url("**/incidents/**")
    reach(page, "Fiber cut")
    page.keyboard.press("Enter")
    page.wait_for_url("**/alarms/**")
    reach(page, "Acknowledge")
    page.keyboard.press("Enter")
    expect(page.locator(".timeline")).to_contain_text("Acknowledge by local")


def reach(page: Page, text: str) -> None:
    """Presses Tab until something with a text has the focus, which can be seen."""
    for _ in range(60):
        page.keyboard.press("Tab")
        if text in str(page.evaluate("document.activeElement.textContent")):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            return
    raise AssertionError(f"{text} is not reached by Tab")
