"""Starts the collector and the devices that tests give it."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import text_format
from prometheus_client.parser import text_string_to_metric_families

from runners.local.jars import CHECKOUT
from runners.local.processes import Process, free_ports
from schema import gnmi_pb2
from schema.capture import read_capture
from schema.pm_report_pb2 import PmReport

START_S = 60
_FAKE_DEVICE = Path(__file__).parent / "fake_device"


class RunningCollector:
    """A collector as a process of its own."""

    def __init__(self, process: Process, metrics_port: int, capture: Path) -> None:
        self.process = process
        self.capture = capture
        self._metrics_port = metrics_port

    def metrics(self) -> Counter[str]:
        """Returns the metrics, summed over nodes: name, and name{label} for the last label."""
        found: Counter[str] = Counter()
        for family in text_string_to_metric_families(self._scrape()):
            for sample in family.samples:
                name = sample.name.removeprefix("collector_").removesuffix("_total")
                found[name] += sample.value
                for value in sample.labels.values():
                    found[f"{name}{{{value}}}"] += sample.value
        return found

    def families(self) -> set[str]:
        """Returns the names of all metrics, also of those that have no value yet."""
        families = text_string_to_metric_families(self._scrape())
        return {f"{each.name}_total" if each.type == "counter" else each.name for each in families}

    def _scrape(self) -> str:
        address = f"http://127.0.0.1:{self._metrics_port}/metrics"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return str(answer.read().decode())

    def wait_for(
        self, metric: str, least: float, timeout_s: float = START_S, every_s: float = 0
    ) -> None:
        """Waits until a metric has reached a value; metrics of many nodes cost CPU."""

        def reached() -> bool:
            time.sleep(every_s)
            return self._reached(metric, least)

        self.process.wait_until(reached, timeout_s)

    def _reached(self, metric: str, least: float) -> bool:
        with contextlib.suppress(OSError):
            return self.metrics()[metric] >= least
        return False

    def stop(self) -> str:
        """Stops it as an operator does; returns what it has said."""
        os.kill(self.process.pid, signal.SIGTERM)
        assert self.process.wait(60) == 0, self.process.read_log()
        return self.process.read_log()

    def reports(self) -> list[PmReport]:
        """Returns the reports in the capture."""
        return [PmReport.FromString(payload) for payload in read_capture(self.capture)]


def write_targets(path: Path, nodes: Sequence[Mapping[str, Any]], **defaults: Any) -> Path:
    path.write_text(yaml.safe_dump({"defaults": defaults, "nodes": [dict(n) for n in nodes]}))
    return path


@contextlib.contextmanager
def collecting(
    folder: Path, targets: Path, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[RunningCollector]:
    """Runs a collector; into a capture unless options say otherwise."""
    (port,) = free_ports(1)
    capture = folder / "capture.bin"
    output = [] if any("pm_kafka_topic" in o for o in options) else [f"--pm_file={capture}"]
    command = [
        *(sys.executable, "-m", "collector", f"--targets={targets}", f"--metrics_port={port}"),
        *(*output, *options),
    ]
    with Process("collector", command, folder / "log", env=env, cwd=CHECKOUT) as process:
        yield RunningCollector(process, port, capture)


@pytest.fixture(scope="session")
def fake_device(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Builds the program around OpenConfig's fake device; skips where Go is missing."""
    go = shutil.which("go")
    if go is None:
        pytest.skip("Go is not on the PATH: OpenConfig's fake device cannot be built")
    program = tmp_path_factory.mktemp("go") / "fake_device"
    subprocess.run([go, "build", "-o", program, "."], cwd=_FAKE_DEVICE, check=True)
    return program


def script(
    folder: Path,
    name: str,
    responses: Sequence[gnmi_pb2.SubscribeResponse],
    *,
    stays_open: bool = True,
    sync_last: bool = False,
    paced: bool = False,
) -> Path:
    """Writes a script of the fake device."""
    lines = [
        f"target: '{name}'",
        f"disable_eof: {str(stays_open).lower()}",
        f"disable_sync: {str(not sync_last).lower()}",
        f"enable_delay: {str(paced).lower()}",
        "fixed {",
        *(f"responses {{ {text_format.MessageToString(r, as_one_line=True)} }}" for r in responses),
        "}",
    ]
    path = folder / f"{name}.script"
    path.write_text("\n".join(lines))
    return path


@contextlib.contextmanager
def devices(
    program: Path, folder: Path, scripts: Sequence[Path], *options: str
) -> Iterator[list[str]]:
    """Runs fake devices; yields their addresses."""
    log = folder / f"{scripts[0].stem}.devices.log"
    with Process("fake device", [program, *options, *scripts], log) as process:
        process.wait_for_line("ready", START_S)
        lines = [line for line in process.read_log().splitlines() if line.startswith("localhost:")]
        yield [line.replace("localhost", "127.0.0.1") for line in lines]
