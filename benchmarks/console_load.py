"""How fast the console takes in and answers: ``python -m benchmarks.run --console``.

Fills a store with the lives of alarms (a RAISE, CHANGEs, a CLEAR) on many links, in the order of
their times, and with an incident for every fifth alarm. `--alarms` says how many alarms, ten events
each; the last of them are still active. Their rows are written as a console would have written
them, but quicker (benchmarks/console_fill.py). Then `--timed` more events are taken in as a console
does it while there is a backlog, and timed: of 2,000 alarms that live side by side, over and over.
Then every list and page is asked for over HTTP, each several times; and a browser is shown events,
by a file and by a topic, and says when they are there (Chromium, Java 17).
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence

import httpx
import orjson
from rich.console import Console
from rich.table import Table

from benchmarks.console_events import APART_S, EVENTS_AN_ALARM, START_S, life
from benchmarks.console_fill import fill
from benchmarks.console_page import latencies
from console.lines import cloud_event
from console.store.database import Database
from console.store.recorder import Batch, Progress, positions, record
from runners.local.jars import CHECKOUT
from runners.local.processes import Process, log_file
from schema.errors import EventCenterError
from schema.times import rfc3339
from simulator.cli import Parser

_ORIGIN = "kafka:load:0"
#: Events in a transaction, as the console has them while there is a backlog.
_BATCH = 10_000
_SIDE_BY_SIDE = 2_000
_ASKED = 15
#: What is filled in was so long ago that the console would remove it.
_KEEP = "--retention_days=100000"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 0 when all was measured."""
    options = _parser().parse_args(arguments)
    console = Console()
    with contextlib.ExitStack() as stack:
        url = options.database
        if not url:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="console-"))
            url = f"sqlite:///{folder}/center.db"
        try:
            alarms, timed = options.alarms, options.timed // EVENTS_AN_ALARM
            took_s = fill(url, alarms, alarms + timed)
            console.print(
                f"{alarms * EVENTS_AN_ALARM:,} events of {alarms:,} alarms as rows: {took_s:,.0f} s"
            )
            if timed:
                rate, cpu_rate = _take_in(url, alarms, alarms + timed)
                console.print(
                    f"the next {timed * EVENTS_AN_ALARM:,}: taken in at {rate:,.0f} a second, "
                    f"{cpu_rate:,.0f} a second of CPU of this process"
                )
            console.print(_answers(url, alarms + timed))
            if not options.no_browser:
                console.print(latencies(url, _KEEP))
        except EventCenterError as error:
            print(f"bench: {error}", file=sys.stderr)
            return error.exit_code
    return 0


def _take_in(url: str, first: int, total: int) -> tuple[float, float]:
    """Takes in the other alarms as a console does; returns events a second, and a second of CPU."""
    database = Database(url)
    try:
        # As bytes: millions of objects would be looked through by the garbage collector.
        lives = [[orjson.dumps(event) for event in life(n, total)] for n in range(first, total)]
        return _record(database, _batches(_side_by_side(lives)))
    finally:
        database.close()


def _side_by_side(lives: Sequence[Sequence[bytes]]) -> Iterator[bytes]:
    """Yields the first events of some alarms, their second ones and so on; then of others."""
    for start in range(0, len(lives), _SIDE_BY_SIDE):
        for step in itertools.zip_longest(*lives[start : start + _SIDE_BY_SIDE]):
            yield from filter(None, step)


def _batches(bodies: Iterator[bytes]) -> Iterator[list[bytes]]:
    while batch := list(itertools.islice(bodies, _BATCH)):
        yield batch


def _record(database: Database, batches: Iterable[list[bytes]]) -> tuple[float, float]:
    """Records batches; returns events a second, and a second of CPU."""
    known = positions(database).get(_ORIGIN)
    at = known[0] if known else None
    taken, spent_s, cpu_s = 0, 0.0, 0.0
    for bodies in batches:
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        after = (at or 0) + len(bodies)
        events = [cloud_event(body) for body in bodies]
        record(database, Batch(events=events, progress={_ORIGIN: Progress(at, after)}))
        at = after
        taken += len(bodies)
        spent_s += time.perf_counter() - began_s
        cpu_s += time.process_time() - began_cpu_s
    return taken / max(spent_s, 1e-9), taken / max(cpu_s, 1e-9)


def _answers(url: str, alarms: int) -> Table:
    """Returns how long a console takes to answer, the median of several times."""
    table = Table("question", "median [ms]", "slowest [ms]")
    command = [sys.executable, "-m", "console", "--events_file=nothing.jsonl", _KEEP]
    command += ["--listen=127.0.0.1:0", f"--database={url}"]
    with Process("console", command, log_file("console"), cwd=CHECKOUT) as served:
        served.wait_for_line("Event center: ", 60)
        address = served.read_log().strip().rpartition(" ")[2]
        with httpx.Client(base_url=address, timeout=300) as client:
            for name, path in _questions(alarms).items():
                took_ms = [_ask_ms(client, path) for _ in range(_ASKED)]
                table.add_row(name, f"{statistics.median(took_ms):.0f}", f"{max(took_ms):.0f}")
    return table


def _questions(alarms: int) -> dict[str, str]:
    """Returns what is asked: every page, every list, every filter."""
    middle_s, last_s = START_S + alarms * APART_S // 2, START_S + alarms * APART_S
    middle, last = rfc3339(middle_s), rfc3339(last_s)
    old, new = list(life(alarms // 10 * 5, alarms)), list(life((alarms - 1) // 5 * 5, alarms))
    old_alarm, old_incident = old[0]["data"]["alarm_id"], old[1]["data"]["incident_id"]
    new_alarm, new_incident = new[0]["data"]["alarm_id"], new[1]["data"]["incident_id"]
    return {
        "front page": "/",
        "front page, incidents that are over": "/?state=CLEARED",
        "front page, search": "/?state=any&text=customer+42",
        "alarms page": "/alarms",
        "alarm page, old": f"/alarms/{old_alarm}",
        "alarm page, active": f"/alarms/{new_alarm}",
        "its curve": f"/alarms/{new_alarm}/curve.json",
        "incident page, over": f"/incidents/{old_incident}",
        "incident page, open": f"/incidents/{new_incident}",
        "links page": "/links",
        "link page": "/links/link-00042",
        "node page": "/nodes/node-42",
        "summary": "/api/summary",
        "alarms, newest": "/api/alarms",
        "alarms, oldest": "/api/alarms?order=raised",
        "alarms, most severe": "/api/alarms?order=-severity",
        "alarms, active": "/api/alarms?state=ACTIVE",
        "alarms, active, most severe": "/api/alarms?order=-severity&state=ACTIVE",
        "alarms, cleared": "/api/alarms?state=CLEARED",
        "alarms, critical": "/api/alarms?severity=critical",
        "alarms, cleared, of a code": "/api/alarms?state=CLEARED&code=FIBER_CUT",
        "alarms, of a family": "/api/alarms?family=OSC",
        "alarms, of a family there is not": "/api/alarms?family=NONE",
        "alarms, acknowledged": "/api/alarms?acknowledged=true",
        "alarms, suppressed": "/api/alarms?suppressed=true",
        "alarms, of no incident": "/api/alarms?in_incident=false",
        "alarms, of a link": "/api/alarms?link_id=link-00042",
        "alarms, of a node": "/api/alarms?node_id=node-42",
        "alarms, of a service": "/api/alarms?service_id=service-42",
        "alarms, of a customer": "/api/alarms?customer=Customer%2042",
        "alarms, of an incident": f"/api/alarms?incident_id={old_incident}",
        "alarms, of a shared risk": "/api/alarms?srlg_id=duct-042",
        "alarms, text of a code": "/api/alarms?text=fiber%20cut",
        "alarms, text of many customers": "/api/alarms?text=customer%204",
        "alarms, text of some links": "/api/alarms?text=route%2042",
        "alarms, text of one service": "/api/alarms?text=service-29998",
        "alarms, text of an id": f"/api/alarms?text={old_alarm}",
        "alarms, text of all": "/api/alarms?text=link",
        "alarms, text of none": "/api/alarms?text=nowhere",
        "alarms, text and active": "/api/alarms?text=customer%204&state=ACTIVE",
        "alarms, an hour": f"/api/alarms?from={middle}&to={rfc3339(middle_s + 3600)}",
        "alarms, as of the middle": f"/api/alarms?at={middle}",
        "alarms, active in the middle": f"/api/alarms?state=ACTIVE&at={middle}",
        "alarms, active at the end": f"/api/alarms?state=ACTIVE&at={last}",
        "incidents, open": "/api/incidents?state=ACTIVE",
        "incidents, over": "/api/incidents?state=CLEARED",
        "incidents, critical": "/api/incidents?severity=critical",
        "incidents, of a kind": "/api/incidents?kind=OSC_LOSS",
        "incidents, of a link": "/api/incidents?link_id=link-00040",
        "incidents, of a customer": "/api/incidents?customer=Customer%2042",
        "incidents, text of many": "/api/incidents?text=customer%204",
        "incidents, text of none": "/api/incidents?text=nowhere",
        "incidents, open in the middle": f"/api/incidents?state=ACTIVE&at={middle}",
        "links": "/api/links",
        "links of a node": "/api/links?node_id=node-42",
        "a link": "/api/links/link-00042",
        "TMF642": "/tmf-api/alarmManagement/v4/alarm",
        "metrics": "/metrics",
    }


def _ask_ms(client: httpx.Client, path: str) -> float:
    began_s = time.perf_counter()
    client.get(path).raise_for_status()
    return (time.perf_counter() - began_s) * 1000


def _parser() -> argparse.ArgumentParser:
    parser = Parser("bench --console", __doc__)
    parser.add_argument("--alarms", type=int, default=1_000_000, help="ten events each (1,000,000)")
    parser.add_argument("--timed", type=int, default=200_000, help="events, timed (200,000)")
    parser.add_argument("--database", default="", help="URL, empty (a temporary SQLite file)")
    parser.add_argument("--no_browser", action="store_true", help="do not ask a browser")
    return parser


if __name__ == "__main__":
    sys.exit(main())
