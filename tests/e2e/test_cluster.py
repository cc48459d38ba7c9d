"""A Flink cluster of several processes: jobs that stay, savepoints, and going on from them."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runners.local.cluster import LocalCluster
from runners.local.flink_job import DROPS
from runners.local.jars import CHECKOUT
from runners.local.kafka import LocalKafka
from tests import builders
from tests.e2e import test_live
from tests.e2e.live_job import Lines, LiveJob, distinct
from tests.oracle import Outputs

pytestmark = pytest.mark.e2e

OPTIONS = ("--parallelism=2", f"--allowed_lateness_s={test_live.ALLOWED_LATENESS_S}")


@pytest.fixture
def job(kafka: LocalKafka, cluster: LocalCluster) -> Iterator[LiveJob]:
    name = f"cluster-{time.time_ns()}"
    with LiveJob(kafka, cluster, name, *OPTIONS, pm_partitions=2) as job:
        for link in test_live.topology():
            job.send_link(link.link_id, link)
        yield job


def test_a_job_stopped_in_mid_fault_goes_on_with_its_alarms(job: LiveJob) -> None:
    """Every output, from before and after, is that of a job that was never stopped.

    What comes after is late, and is read before any watermark has come.
    """
    now = int(time.time()) - builders.T0
    _half(job, now)

    path = job.stop()
    job.send_pm(test_live.late(now))
    job.resume(path)
    got, want = _outputs(job, now)
    test_live.assert_as_told_live(got, want)
    assert got["events"] and got["late"]
    assert not any(job.job.counters().get(name) for name in DROPS)


def test_new_code_goes_on_with_the_alarms_of_the_old(
    job: LiveJob, new_code: Callable[[], None]
) -> None:
    """The savepoint of one version is what the next, which writes other words, goes on from."""
    now = int(time.time()) - builders.T0
    before = {event["id"]: event["data"]["text"] for event in _half(job, now)["events"]}

    path = job.stop()
    new_code()
    job.resume(path)
    job.send_pm(test_live.late(now))
    got, want = _outputs(job, now)
    test_live.assert_as_told_live(got, want)
    all_of_it = {event["id"]: event["data"]["text"] for event in got["events"]}
    after = [text for event_id, text in all_of_it.items() if event_id not in before]
    assert after
    assert all(text.isupper() for text in after)
    assert not any(text.isupper() for text in before.values())


@pytest.fixture
def new_code(
    cluster: LocalCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[], None]]:
    """Yields what puts another version of the code in place, for workers and submitters."""
    for package in ("kernels", "pipeline", "runners", "schema", "transforms"):
        shutil.copytree(CHECKOUT / package, tmp_path / package)
    words = tmp_path / "schema" / "cloud_event.py"
    old = words.read_text()
    new = old.replace("_text(event, of_link),", "_text(event, of_link).upper(),")
    assert new != old
    words.write_text(new)

    def restart_pools() -> None:
        pools = [name for name in cluster.processes if name.startswith("workerpool")]
        restarts = {pool: cluster.restarts.get(pool, 0) for pool in pools}
        for pool in pools:
            cluster.processes[pool].kill()  # what has died is started again, where we are now
        while any(cluster.restarts.get(pool, 0) == restarts[pool] for pool in pools):
            time.sleep(0.1)

    def put_in_place() -> None:
        monkeypatch.chdir(tmp_path)
        restart_pools()

    yield put_in_place
    monkeypatch.undo()
    restart_pools()


def _half(job: LiveJob, now: int) -> Lines:
    """Runs a job until some of its alarms are open; returns what came out."""
    first = test_live.in_time(now, random.Random(2))
    job.send_pm(first)
    job.start()
    assert "fixed delay (PT50S). #5" in job.job.config()["restart-strategy"]
    before = test_live.wait_for(job, test_live.oracle(job.name, now, first))
    assert {e["data"]["alarm_id"] for e in before["events"]} - {
        e["data"]["alarm_id"] for e in before["events"] if e["data"]["action"] == "CLEAR"
    }
    assert {e["subject"] for e in before["incidents"]} - {
        e["subject"] for e in before["incidents"] if e["data"]["action"] == "CLOSE"
    }
    return before


def _outputs(job: LiveJob, now: int) -> tuple[Lines, Outputs]:
    """Waits for the end; returns all that came out, each once, and what the oracle says."""
    first, then = test_live.in_time(now, random.Random(2)), test_live.late(now)
    want = test_live.oracle(job.name, now, first, then)
    return distinct(test_live.wait_for(job, want)), want
