"""The topology changes while the job runs, in real time; and PM that comes before its topology."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from runners.local.flink import LocalFlink
from runners.local.kafka import LocalKafka
from schema import pm_report_pb2 as pm
from schema.topology_pb2 import FiberLink
from simulator.fault_model import from_rfc3339
from tests import builders
from tests.e2e.live_job import Lines, LiveJob, Sent, nothing_lost

pytestmark = pytest.mark.e2e

LINKS = ("STAYS", "REBASED", "OLDER", "DELETED", "BROKEN")
# So far ahead of the clock is the PM of a link that is added; its topology has to come before
# event time is there.
AHEAD_S = 25


def link(name: str, *, base_db: float = builders.BASE_DB, version: int = 5) -> FiberLink:
    return builders.link(name, f"{name}-A", f"{name}-Z", base_db=base_db, version=version)


def second(name: str, at: int, word: str) -> list[Sent]:
    """Both ends of a link report a second."""
    payloads = builders.second(at, word, a=f"{name}-A", z=f"{name}-Z", sequence=1)
    nodes = [pm.PmReport.FromString(payload).node_id for payload in payloads]
    return [
        Sent(node, payload, builders.ns(at)) for node, payload in zip(nodes, payloads, strict=True)
    ]


class Feed(threading.Thread):
    """Sends every second what the links of `words` go through, to the first partition."""

    def __init__(self, job: LiveJob) -> None:
        super().__init__(daemon=True)
        self.words = dict.fromkeys(LINKS, "0")
        self._job = job
        self._done = threading.Event()

    def run(self) -> None:
        while not self._done.wait(1 - time.time() % 1):
            at = int(time.time()) - builders.T0
            for name, word in self.words.items():
                self._job.send_pm(second(name, at, word), partition=0)

    def stop(self) -> None:
        self._done.set()
        self.join()


@pytest.fixture
def job(kafka: LocalKafka, flink: LocalFlink) -> Iterator[LiveJob]:
    with LiveJob(kafka, flink, "topology", pm_partitions=2) as job:
        yield job


def test_a_topology_that_changes(job: LiveJob) -> None:
    job.start()  # without any topology, and with partitions that hold nothing
    assert "topic topology-pm" in job.log() and "partition 0, 1" in job.log()
    for name in LINKS:
        job.send_link(name, link(name))
    feed = Feed(job)
    feed.start()

    # PM of a link that is not known yet, on the other partition; then nothing comes there.
    first = int(time.time()) + AHEAD_S - builders.T0
    ahead = [*second("ADDED", first, "x"), *second("ADDED", first + 1, "x")]
    job.send_pm([*ahead, Sent("x", b"no report", builders.ns(first))], partition=1)
    job.wait_for("the record behind that PM was read", lambda got: len(got["invalid"]) == 1)
    job.send_link("ADDED", link("ADDED"))

    job.send_link("OLDER", link("OLDER", base_db=2.0, version=4))
    broken = link("BROKEN", base_db=2.0, version=6)
    broken.az.thresholds.cut_db = 0.5
    job.send_link("BROKEN", broken)
    job.send_link("DELETED", None)
    job.send_link("REBASED", link("REBASED", base_db=5.5, version=6))
    got = job.wait_for("the new base counts", has_event("REBASED", "RAISE", "FIBER_DEGRADE"))
    assert [line["reason"] for line in got["invalid"]] == ["MALFORMED_PROTOBUF", "BAD_TOPOLOGY"]
    assert got["invalid"][1]["link_id"] == "BROKEN"
    job.wait_for(
        "PM of the deleted link is in no link",
        lambda got: {"DELETED-A", "DELETED-Z"} <= {line["node_id"] for line in got["unmatched"]},
    )

    # The last good version holds, and the links that nobody touched are as they were.
    feed.words["BROKEN"] = feed.words["STAYS"] = feed.words["OLDER"] = "x"
    for name in ("BROKEN", "STAYS", "OLDER"):
        job.wait_for(f"{name} is cut", has_event(name, "RAISE", "FIBER_CUT"))
    job.wait_for("the link that was added is cut", has_event("ADDED", "RAISE", "FIBER_CUT"))
    feed.stop()
    counters = job.wait_for_counters("nothing is on its way", nothing_lost)

    by_link: dict[str, list[dict]] = {}
    for event in got["events"]:
        by_link.setdefault(event["subject"], []).append(event)
    assert {name: len(events) for name, events in by_link.items()} == dict.fromkeys(
        ("ADDED", "REBASED", "BROKEN", "STAYS", "OLDER"), 1
    )
    assert all(e["data"]["topology_version"] == 5 for e in by_link["BROKEN"] + by_link["OLDER"])
    assert from_rfc3339(by_link["ADDED"][0]["data"]["onset_time"]) == builders.ns(first)
    assert {line["node_id"] for line in got["unmatched"]} == {"DELETED-A", "DELETED-Z"}
    assert counters["components_matched"] > counters["components_unmatched"] > 0


def has_event(name: str, action: str, code: str) -> Callable[[Lines], bool]:
    def has(got: Lines) -> bool:
        return any(
            (event["subject"], event["data"]["action"], event["data"]["code"])
            == (name, action, code)
            for event in got["events"]
        )

    return has
