"""How fast the console takes in and answers: ``python -m benchmarks.run --console``.

Fills a store with the lives of alarms (a RAISE, CHANGEs, a CLEAR) on many links, as records in the
order of their times, and then asks every list and page over HTTP, each several times. `--alarms`
says how many alarms, ten events each; the last of them are still active.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from typing import Any

import httpx
import orjson
from rich.console import Console
from rich.table import Table

from console.lines import cloud_event
from console.store.database import Database
from console.store.recorder import Batch, Progress, record
from runners.local.jars import CHECKOUT
from runners.local.processes import Process, log_file
from schema.errors import EventCenterError
from schema.times import rfc3339
from simulator.cli import Parser

_START_S = 1_750_000_000
_EVENTS_AN_ALARM = 10
_ACTIVE = 2_000
_LINKS = 10_000
_BATCH = 2_000
_ASKED = 15
_CODES = (
    ("FIBER_CUT", "FIBER", "critical"),
    ("FIBER_DEGRADE", "FIBER", "minor"),
    ("OSC_LOSS", "OSC", "minor"),
    ("SIGNAL_LOSS_EQUIPMENT", "SIGNAL", "major"),
    ("PM_DATA_MISSING", "DATA", "warning"),
)


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
            database = Database(url)
            stack.callback(database.close)
            rate, cpu_rate = fill(database, options.alarms)
            console.print(
                f"{options.alarms * _EVENTS_AN_ALARM:,} events of {options.alarms:,} alarms: "
                f"taken in at {rate:,.0f} a second, {cpu_rate:,.0f} a second of CPU of this process"
            )
            console.print(_answers(url, options.alarms))
        except EventCenterError as error:
            print(f"bench: {error}", file=sys.stderr)
            return error.exit_code
    return 0


def fill(database: Database, alarms: int) -> tuple[float, float]:
    """Takes in the events of so many alarms; returns events a second, and a second of CPU."""
    taken, spent_s, cpu_s = 0, 0.0, 0.0
    for batch in _batches(alarms):
        bodies = [orjson.dumps(event) for event in batch]
        began_s, began_cpu_s = time.perf_counter(), time.process_time()
        events = [cloud_event(body) for body in bodies]
        before = taken or None
        taken += len(batch)
        record(database, Batch(events=events, progress={"kafka:load:0": Progress(before, taken)}))
        spent_s += time.perf_counter() - began_s
        cpu_s += time.process_time() - began_cpu_s
    return taken / spent_s, taken / cpu_s


def _batches(alarms: int) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for number in range(alarms):
        steps = _EVENTS_AN_ALARM
        is_active = number >= alarms - min(_ACTIVE, alarms // 2)
        for step in range(steps):
            batch.append(_event(number, step, is_last=step == steps - 1 and not is_active))
        if len(batch) >= _BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _event(number: int, step: int, *, is_last: bool) -> dict[str, Any]:
    code, family, severity = _CODES[number % len(_CODES)]
    link_id = f"link-{number % _LINKS:05d}"
    onset_s = _START_S + number * 60
    time_s = onset_s + 2 + step * 5
    onset, at = rfc3339(onset_s), rfc3339(time_s)
    alarm_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{link_id}|{family}|{onset}"))
    action = "RAISE" if step == 0 else "CLEAR" if is_last else "CHANGE"
    span = {
        **{"tx_dbm": 1.0, "rx_dbm": -22.5, "span_loss_db": 23.5, "span_loss_osc_db": 23.1},
        **{"base_db": 20.0, "delta_db": 3.5, "peak_delta_db": 3.5, "threshold_db": 3.0},
        "loss_is_lower_bound": False,
    }
    services = [
        {
            **{"service_id": f"service-{(number * 3 + n) % 30_000}", "och_id": f"och-{n}"},
            **{"customer": f"Customer {(number + n) % 500}", "central_frequency_thz": 193.1},
            **{"capacity_gbps": 100.0, "protected": n == 2},
        }
        for n in range(3)
    ]
    return {
        "specversion": "1.0",
        "id": f"{alarm_id}:{step + 1}",
        "source": "load",
        "type": f"eventcenter.fiber.{code.lower()}.{action.lower()}",
        "subject": link_id,
        "time": at,
        "datacontenttype": "application/json",
        "data": {
            **{"alarm_id": alarm_id, "sequence": step + 1, "action": action},
            **{"state": "CLEARED" if is_last else "ACTIVE", "code": code, "family": family},
            "clear_reason": "NORMAL" if is_last else None,
            **{"severity": severity, "previous_severity": None, "probable_cause": "lossOfSignal"},
            **{"specific_problem": None, "direction": "BOTH", "onset_time": onset},
            **{"raised_time": rfc3339(onset_s + 2), "changed_time": at},
            **{"cleared_time": at if is_last else None, "ended_time": None},
            **{"detected_late": False, "duration_ms": (time_s - onset_s) * 1000},
            "link": {
                **{"link_id": link_id, "name": f"Route {number % _LINKS}"},
                **{"a_end": f"node-{number % 997}", "z_end": f"node-{(number * 7) % 997}"},
            },
            "measurement": {"AZ": span, "ZA": span},
            **{"service_affecting": "NOT_SERVICE_AFFECTING", "impacted_services": services},
            **{"impacted_capacity_gbps": 200.0, "suppressed": False, "suppressed_by": None},
            **{"protected": False, "topology_version": 1, "proposed_repair": "Look at it."},
            "text": f"Raised loss on Route {number % _LINKS}, 3.5 dB above base AZ.",
        },
    }


def _answers(url: str, alarms: int) -> Table:
    """Returns how long a console takes to answer, the median of several times."""
    middle = rfc3339(_START_S + alarms * 30)
    last = rfc3339(_START_S + alarms * 60)
    asked = {
        "front page": "/",
        "alarms page": "/alarms",
        "summary": "/api/summary",
        "active alarms": "/api/alarms?state=ACTIVE",
        "newest alarms": "/api/alarms",
        "most severe first": "/api/alarms?order=-severity&state=ACTIVE",
        "cleared, one code": "/api/alarms?state=CLEARED&code=FIBER_CUT",
        "of a link": "/api/alarms?link_id=link-00042",
        "of a node": "/api/alarms?node_id=node-42",
        "of a service": "/api/alarms?service_id=service-42",
        "of a customer": "/api/alarms?customer=Customer%2042",
        "text that is frequent": "/api/alarms?text=route%2042",
        "text that is rare": "/api/alarms?text=nowhere",
        "as of the middle": f"/api/alarms?state=ACTIVE&at={middle}",
        "as of the end": f"/api/alarms?state=ACTIVE&at={last}",
        "an hour": f"/api/alarms?from={middle}&to={rfc3339(_START_S + alarms * 30 + 3600)}",
        "links": "/api/links",
        "link page": "/links/link-00042",
        "node page": "/nodes/node-42",
    }
    table = Table("question", "median [ms]", "slowest [ms]")
    command = [sys.executable, "-m", "console", "--events_file=nothing.jsonl"]
    command += ["--listen=127.0.0.1:0", f"--database={url}"]
    with Process("console", command, log_file("console"), cwd=CHECKOUT) as served:
        served.wait_for_line("Event center: ", 60)
        address = served.read_log().strip().rpartition(" ")[2]
        with httpx.Client(base_url=address, timeout=120) as client:
            for name, path in asked.items():
                took_ms = [_ask_ms(client, path) for _ in range(_ASKED)]
                table.add_row(name, f"{statistics.median(took_ms):.0f}", f"{max(took_ms):.0f}")
    return table


def _ask_ms(client: httpx.Client, path: str) -> float:
    began_s = time.perf_counter()
    client.get(path).raise_for_status()
    return (time.perf_counter() - began_s) * 1000


def _parser() -> argparse.ArgumentParser:
    parser = Parser("bench --console", __doc__)
    parser.add_argument("--alarms", type=int, default=1_000_000, help="ten events each (1,000,000)")
    parser.add_argument("--database", default="", help="URL (a temporary SQLite file)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
