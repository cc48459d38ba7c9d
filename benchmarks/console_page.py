"""How long it takes from an event in a file or topic to its number on a page that is open."""

from __future__ import annotations

import contextlib
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
from confluent_kafka import Producer
from playwright.sync_api import Page, sync_playwright
from rich.table import Table

from benchmarks.console_events import life
from runners.local.jars import CHECKOUT
from runners.local.kafka import LocalKafka
from runners.local.processes import Process, log_file
from schema.errors import RunError
from schema.times import rfc3339

_TIMES = 15
_PAUSE_S = 1.5
#: The number of critical alarms, on the front page.
_NUMBER = "document.querySelector('.numbers strong').textContent"


def latencies(url: str, *options: str) -> Table:
    """Returns how long events take to be seen on the front page of a console.

    Raises:
        RunError: there is no browser.
    """
    chromium = shutil.which("chromium")
    if chromium is None:
        raise RunError("Chromium is not installed; --no_browser does without")
    table = Table("from", "to the front page, median [ms]", "slowest [ms]")
    with sync_playwright() as playwright:
        # The sandbox cannot be had as root.
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=chromium, args=sandbox)
        for name, source in (("file", _file), ("topic", _topic)):
            with source() as (given, tell), _served(url, *given, *options) as address:
                page = browser.new_page()
                page.goto(address)
                took_ms = [_seen_ms(page, tell, name, n) for n in range(_TIMES)]
                page.close()
            table.add_row(name, f"{statistics.median(took_ms):.0f}", f"{max(took_ms):.0f}")
        browser.close()
    return table


def _seen_ms(page: Page, tell: Callable[[bytes], None], name: str, number: int) -> float:
    """Tells an alarm, and returns how long it takes until the page counts it."""
    time.sleep(_PAUSE_S)
    event = next(life(0, 1))
    event["id"] = event["data"]["alarm_id"] = f"{name}-{number}-{time.time_ns()}"
    event["data"]["link"]["link_id"] = event["id"]
    event["data"]["raised_time"] = event["time"] = rfc3339(int(time.time()))
    before = page.evaluate(_NUMBER)
    began_s = time.perf_counter()
    tell(orjson.dumps(event))
    page.wait_for_function(f"before => {_NUMBER} !== before", arg=before, polling="raf")
    return (time.perf_counter() - began_s) * 1000


@contextlib.contextmanager
def _served(url: str, *options: str) -> Iterator[str]:
    command = [sys.executable, "-m", "console", "--listen=127.0.0.1:0", f"--database={url}"]
    with Process("console", [*command, *options], log_file("console"), cwd=CHECKOUT) as served:
        served.wait_for_line("Event center: ", 60)
        yield served.read_log().strip().rpartition(" ")[2]


_Source = tuple[list[str], Callable[[bytes], None]]


@contextlib.contextmanager
def _file() -> Iterator[_Source]:
    with tempfile.TemporaryDirectory() as folder, Path(folder, "events").open("wb", 0) as file:

        def tell(body: bytes) -> None:
            file.write(body + b"\n")

        yield [f"--events_file={file.name}"], tell


@contextlib.contextmanager
def _topic() -> Iterator[_Source]:
    with LocalKafka() as kafka:
        kafka.create_topic("events", 1)
        producer = Producer({"bootstrap.servers": kafka.bootstrap_servers, "log_level": 0})

        def tell(body: bytes) -> None:
            producer.produce("events", body)
            producer.flush()

        servers = f"--bootstrap_servers={kafka.bootstrap_servers}"
        yield [servers, "--events_kafka_topic=events"], tell
