"""The metrics of a running job: what rules and dashboard ask for is told, under their names."""

from __future__ import annotations

import random
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import pytest

from runners.local.cluster import LocalCluster
from runners.local.kafka import LocalKafka
from tests import builders, scrape
from tests.e2e import test_live
from tests.e2e.live_job import TIMEOUT_S, LiveJob

pytestmark = pytest.mark.e2e

OPTIONS = ("--parallelism=2", f"--allowed_lateness_s={test_live.ALLOWED_LATENESS_S}")
ACTIONS = ("open", "change", "close")
Kept = list[tuple[scrape.Series, float]]


@pytest.fixture
def job(kafka: LocalKafka, cluster: LocalCluster) -> Iterator[LiveJob]:
    with LiveJob(kafka, cluster, f"metrics-{time.time_ns()}", *OPTIONS, pm_partitions=2) as job:
        for link in test_live.topology():
            job.send_link(link.link_id, link)
        yield job


def test_what_rules_and_dashboard_ask_for_is_told(job: LiveJob, cluster: LocalCluster) -> None:
    now = int(time.time()) - builders.T0
    first, then = test_live.in_time(now, random.Random(3)), test_live.late(now)
    job.send_pm(first)
    job.start()
    test_live.wait_for(job, test_live.oracle(job.name, now, first))
    job.send_pm(then)
    want = test_live.oracle(job.name, now, first, then)
    got = test_live.wait_for(job, want)

    asked_for = scrape.metrics_asked_for()
    wanted = asked_for - scrape.ONLY_IN_FAILURE
    kept = wait_for_scrape(cluster, lambda kept: wanted <= names(kept) and settled(kept, job.name))
    assert not names(kept) & scrape.ONLY_IN_FAILURE
    assert len({tuple(sorted(series.items())) for series, _ in kept}) == len(kept)

    numbers = summed(kept, job.name)
    reasons = Counter((line["reason"].lower(),) for line in got["invalid"])
    assert numbers["eventcenter_invalid"] == reasons
    events = [event["data"] for event in got["events"]]
    said = Counter((e["action"].lower(), e["severity"].lower()) for e in events)
    assert numbers["eventcenter_events"] == said
    newest = {e["alarm_id"]: e for e in sorted(events, key=lambda e: e["sequence"])}
    is_open = Counter((e["severity"].lower(),) for e in newest.values() if e["action"] != "CLEAR")
    assert +numbers["eventcenter_open_alarms"] == is_open
    # More of them come for as long as late alarms are placed.
    incidents = numbers["eventcenter_incidents"]
    by_action = {a: sum(incidents[key] for key in incidents if key[0] == a) for a in ACTIONS}
    assert by_action["open"] >= sum(i["data"]["action"] == "OPEN" for i in got["incidents"]) > 0
    is_open = sum(numbers["eventcenter_open_incidents"].values())
    assert is_open == by_action["open"] - by_action["close"]
    in_time = [event for event in events if not event["detected_late"]]
    assert numbers["eventcenter_event_latency_seconds_bucket"]["+Inf",] == len(in_time)


def wait_for_scrape(cluster: LocalCluster, fits: Callable[[Kept], bool]) -> Kept:
    """Scrapes all processes, each a target of its own, until what is kept is such."""
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        kept: Kept = []
        for target in cluster.metrics_addresses:
            with urllib.request.urlopen(f"http://{target}/metrics", timeout=30) as answer:
                told = scrape.kept(answer.read().decode())
            kept += [(series | {"instance": target}, value) for series, value in told]
        if fits(kept):
            return kept
        missing = scrape.metrics_asked_for() - names(kept)
        assert time.monotonic() < deadline, f"it is not told as it should be; missing: {missing}"
        time.sleep(1)


def settled(kept: Kept, job_name: str) -> bool:
    """Whether all that went into the job has come out of it."""
    numbers = summed(kept, job_name)
    total = {name: sum(by_label.values()) for name, by_label in numbers.items()}
    ends = total["eventcenter_ends_windowed"] + total["eventcenter_ends_late"]
    return total["eventcenter_ends_joined"] == ends


def summed(kept: Kept, job_name: str) -> dict[str, Counter[tuple[str, ...]]]:
    """Returns the sums of the event center's metrics, by name and then by what they tell apart."""
    numbers: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
    for series, value in kept:
        name = series["__name__"]
        if name.startswith("eventcenter_") and series["job_name"] == job_name.replace("-", "_"):
            key = tuple(series[x] for x in ("reason", "action", "severity", "le") if x in series)
            numbers[name][key] += int(value)
    return numbers


def names(kept: Kept) -> set[str]:
    return {series["__name__"] for series, _ in kept}
