"""Makes the pictures of docs/console.md: ``python -m tests.console.screenshots``."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.console.browser import chromium
from tests.console.made import alarm_event, incident_event, lines, service, trace_line
from tests.console.served import get, served

_IMAGES = Path(__file__).parents[2] / "docs" / "images"
_SERVICES = [
    service("OCH-0412", customer="City Bank", capacity_gbps=400.0),
    service("OCH-0413", customer="Hospital", capacity_gbps=100.0),
    service("OCH-0420", customer="University", capacity_gbps=100.0, protected=True),
]
_CUT = alarm_event(
    "ROU-MEL-1",
    impacted_services=_SERVICES,
    impacted_capacity_gbps=500.0,
    text="Fiber cut on Route ROU-MEL-1 (N1 and N2, both directions) since 20:26:40 UTC, "
    "3 services on it, 2 of them unprotected (500 Gbit/s).",
)
_ALARMS = [
    _CUT,
    alarm_event("ROU-MEL-2", impacted_services=[]),
    alarm_event("SAL-VIC-1", code="FIBER_DEGRADE", onset=20, at=22, impacted_services=[]),
    alarm_event("ABI-TUL-3", code="OSC_LOSS", onset=25, at=27, impacted_services=[]),
]
_INCIDENTS = [
    incident_event(
        _ALARMS[:2],
        impacted_capacity_gbps=500.0,
        text="Cable cut on 2 links that share duct-1, 2 unprotected services hit (500 Gbit/s).",
    ),
    incident_event(
        _ALARMS[2:3],
        kind="FIBER_DEGRADE",
        severity="minor",
        impacted_capacity_gbps=0.0,
        text="Raised loss on Route SAL-VIC-1.",
    ),
]


def main() -> None:
    """Starts a console on a few events, and photographs it."""
    losses = [(s, 20 + 0.1 * (s % 3) if s < 0 else None) for s in range(-9, 40)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "events.jsonl").write_bytes(lines(*_ALARMS))
        (folder / "incidents.jsonl").write_bytes(lines(*_INCIDENTS))
        traces = [trace_line("ROU-MEL-1", second, loss_db) for second, loss_db in losses]
        (folder / "traces.jsonl").write_bytes(lines(*traces))
        files = [f"--{n}_file={folder}/{n}.jsonl" for n in ("events", "incidents", "traces")]
        with served(*files, f"--database=sqlite:///{folder}/c.db") as url:
            while get(f"{url}/healthz")["taken_in"] < len(_ALARMS) + len(_INCIDENTS) + len(traces):
                time.sleep(0.05)
            _photograph(url)


def _photograph(url: str) -> None:
    alarm = f"/alarms/{_CUT['data']['alarm_id']}"
    shots = [
        ("front", "/", 1440, "light"),
        ("front", "/", 375, "dark"),
        ("alarm", alarm, 1440, "dark"),
        ("alarm", alarm, 375, "light"),
    ]
    with chromium() as browser:
        for name, path, width, scheme in shots:
            page = browser.new_page(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.goto(url + path, wait_until="load")
            page.wait_for_timeout(1000)
            page.screenshot(path=_IMAGES / f"console-{name}-{width}.png")
            page.close()


if __name__ == "__main__":
    main()
