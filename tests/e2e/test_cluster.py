"""A Flink cluster of several processes: jobs that stay, savepoints, and going on from them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from runners.local.cluster import LocalCluster
from runners.local.kafka import LocalKafka
from tests import builders
from tests.e2e import test_live
from tests.e2e.live_job import LiveJob, distinct
from tests.stream.test_replay_equals_oracle import assert_equal

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
    """Every output, from before and after, is that of a job that was never stopped."""
    now = int(time.time()) - builders.T0
    first, then = test_live.in_time(now, random.Random(2)), test_live.late(now)
    job.send_pm(first)
    job.start()
    assert "fixed delay (PT50S). #5" in job.job.config()["restart-strategy"]
    before = test_live.wait_for(job, test_live.oracle(job.name, now, first))
    open_alarms = {e["data"]["alarm_id"] for e in before["events"]} - {
        e["data"]["alarm_id"] for e in before["events"] if e["data"]["action"] == "CLEAR"
    }
    assert open_alarms

    job.stop_and_resume()
    job.send_pm(then)
    want = test_live.oracle(job.name, now, first, then)
    got = test_live.wait_for(job, want)
    assert_equal(distinct(got), want)
