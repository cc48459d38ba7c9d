"""`make cluster`, `make submit`, `make cluster-stop`: a cluster that stays in the background."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runners.local.processes import is_listening
from runners.scenarios import session

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TIMEOUT_S = 300


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runners.scenarios.session", *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )


@pytest.fixture
def started() -> Iterator[session.Session]:
    done = command("start", "--state_backend=rocksdb")
    assert done.returncode == 0, done.stderr
    try:
        yield session.Session.current()
    finally:
        command("stop")


def test_from_start_to_stop(started: session.Session) -> None:
    again = command("start")
    assert again.returncode != 0
    assert again.stderr == f"cluster: one runs already, at http://{started.rest_address}\n"

    submitted = command("submit", "--", "--parallelism=2")
    assert submitted.returncode == 0, submitted.stderr
    assert f"http://{started.rest_address}/#/job/" in submitted.stdout
    twice = command("submit")
    assert twice.returncode == 2
    assert "a job event-center runs on" in twice.stderr

    job = started.job()
    deadline = time.monotonic() + TIMEOUT_S
    while not job.checkpoints()["counts"]["completed"]:
        assert time.monotonic() < deadline, job.checkpoints()
        time.sleep(0.5)
    told = command("status")
    assert told.returncode == 0 and f"{job.job_id} at http://{started.rest_address}: RUNNING" in (
        told.stdout
    )

    written = command("savepoint", "--stop")
    assert written.returncode == 0, written.stderr
    path = Path(written.stdout.strip().removeprefix("file:"))
    assert (path / "_metadata").is_file()

    stopped = command("stop")
    assert stopped.returncode == 0, stopped.stderr
    assert not is_listening(int(started.rest_address.rpartition(":")[2]))
    assert (path / "_metadata").is_file()
    nobody = command("status")
    assert nobody.returncode == 2
    assert nobody.stderr == "cluster: there is no cluster: start one with `make cluster`\n"
