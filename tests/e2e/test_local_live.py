"""`python -m runners.scenarios.live`: events appear, and nothing is left when it is stopped."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from runners.local.processes import Process, is_listening

pytestmark = pytest.mark.e2e

TIMEOUT_S = 200


@pytest.mark.parametrize("options", [[], ["--gnmi"]], ids=["kafka", "gnmi"])
def test_it_runs_until_it_is_stopped(tmp_path: Path, options: list[str]) -> None:
    command = [sys.executable, "-m", "runners.scenarios.live", "--links=8", "--seconds=60"]
    with Process("live", [*command, "--faults=cut", *options], tmp_path / "log") as live:
        live.wait_for_line("RAISE", TIMEOUT_S)
        os.kill(live.pid, signal.SIGTERM)
        assert live.wait(60) == 0
        said = live.read_log()
    for stage in ("Java parts", "Kafka", "Flink", "The job"):
        assert re.search(rf"^{stage} +ready, \d+\.\d s$", said, re.MULTILINE), said
    assert re.search(r"^[\d:]{8}  critical  RAISE   Fiber cut on ", said, re.MULTILINE), said
    assert re.search(r"^\d+ events; .* s \(median\), .* s \(p99\)$", said, re.MULTILINE), said
    assert "Traceback" not in said
    broker = re.search(r"Kafka at 127\.0\.0\.1:(\d+)", said)
    assert broker and not is_listening(int(broker[1]))


def test_what_the_simulator_refuses_is_refused_at_once(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "runners.scenarios.live", "--faults=flood"]
    with Process("live", command, tmp_path / "log") as live:
        assert live.wait(60) == 2
        assert live.read_log().startswith("live: unknown fault kind 'flood', known are: ")
