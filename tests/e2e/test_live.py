"""Kafka → Flink → Kafka: with disorder, late and broken records, every output is the oracle's.

What is late must not hang on how fast this machine is. So the allowed lateness is 10 minutes, and
the reports tell of three times: the *old* windows closed for good when the *recent* ones came,
and the recent ones stay open for as long as any test runs. First comes what is in time, in order
of sending, all there when the job starts; when it has become events, the watermark stands behind
it, and what comes then about these times is late.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence

import pytest

from runners.local.flink import LocalFlink
from runners.local.kafka import LocalKafka
from schema import pm_report_pb2 as pm
from schema.outputs import ALL_OUTPUTS, INCIDENTS
from schema.topology_pb2 import FiberLink
from tests import builders
from tests.e2e.live_job import LiveJob, Sent, nothing_lost
from tests.oracle import Oracle, Outputs
from tests.stream.harness import comparable
from tests.stream.test_replay_equals_oracle import assert_equal

pytestmark = pytest.mark.e2e

ALLOWED_LATENESS_S = 600
OLD_S, RECENT_S = -1300, -120  # first windows, from now
WINDOWS = 40

# What the spans A to Z of the links go through, one word a window.
TRACES = [
    "0*10 x*2 0*28",
    "0*10 .*2 0*28",
    "0*28 4*12",
    "0*10 4 0*29",
    "0*19 . . 0*19",
    "3*15 0*25",
    "0*5 7*3 0*3 7*3 0*26",
    "0*4 12*5 b*5 0*26",
    "0*10 x s x*2 0*26",
    "1.5*12 0*28",
    "0*3 -12*4 0*33",
    "0*40",
]
# At the end each link raises an alarm of another family: then all before it has been evaluated.
LAST = " u*2"


def name(link: int) -> str:
    return f"L{link:02}"


def topology() -> list[FiberLink]:
    links = [
        builders.link(name(i), f"A{i}", f"Z{i}", has_osc=i % 2 == 1) for i in range(len(TRACES))
    ]
    bad = builders.link("BAD", "A0", "A0", az=builders.span(min_span_loss_db=9, max_span_loss_db=1))
    return [*links, bad]


def second(link: int, at: int, word: str, *, sent_s: Sequence[float]) -> list[Sent]:
    """Both ends report; each is sent so many seconds after its time."""
    nodes = (f"A{link}", f"Z{link}")
    payloads = builders.second(at, word, a=nodes[0], z=nodes[1], sequence=1)
    by_node = {pm.PmReport.FromString(payload).node_id: payload for payload in payloads}
    return [
        Sent(node, by_node[node], builders.ns(at + after_s))
        for node, after_s in zip(nodes, sent_s, strict=True)
        if node in by_node
    ]


def in_time(now: int, rng: random.Random) -> list[Sent]:
    """All links, the old windows and the recent ones, up to 1.9 s out of order."""
    records = []
    for link, trace in enumerate(TRACES):
        for first in (now + OLD_S, now + RECENT_S):
            for at, word in enumerate(builders.words(trace + LAST), start=first):
                records += second(link, at, word, sent_s=(rng.uniform(0, 1.9), rng.uniform(0, 1.9)))
    first = now + RECENT_S
    stranger = builders.payload("NOBODY", first, builders.tx("tx", 1.0))
    odd = [
        builders.payload("A0", first, builders.tx("spare", 1.0)),
        builders.payload("A0", first, builders.component("tx", builders.value(99, 1.0))),
        builders.payload("", first, builders.tx("tx", 1.0)),
        b"no report",
        b"",
    ]
    records.append(Sent("NOBODY", stranger, builders.ns(first)))
    records += [Sent("A0", payload, builders.ns(first + at)) for at, payload in enumerate(odd)]
    records.sort(key=lambda record: record.sent_ns)
    return records


def late(now: int) -> list[Sent]:
    """Late for the recent windows, too late for the old ones; broken records between them."""
    old, recent = now + OLD_S, now + RECENT_S
    records = [
        # A cut that nobody saw in time; it has long since cleared.
        *second(1, recent + 10, "x", sent_s=(9, 9)),
        *second(1, recent + 11, "x", sent_s=(9, 9)),
        # Three of the windows of a link are too late.
        *second(1, old + 10, "x", sent_s=(9, 9)),
        *second(1, old + 11, "x", sent_s=(9, 9)),
        *second(11, old + 20, "x", sent_s=(500, 500)),
        # The second window that one confirms with.
        *second(4, recent + 19, "7", sent_s=(9, 9)),
        Sent("A4", b"\xff\xff", builders.ns(recent)),
        *second(4, recent + 20, "7", sent_s=(9, 9)),
        # Nothing new.
        *second(0, recent + 10, "x", sent_s=(9, 9)),
    ]
    newer = [
        (2, recent + 32, "8"),  # higher than what was decided in time
        (2, recent + 33, "8"),
        (3, recent + 11, "4"),  # the neighbor of a lone window
    ]
    for link, at, word in newer:
        for payload in builders.second(at, word, a=f"A{link}", z=f"Z{link}", sequence=2):
            node = pm.PmReport.FromString(payload).node_id
            records.append(Sent(node, payload, builders.ns(at + 9)))
    out_of_bounds = builders.payload("A5", recent, builders.tx("tx", 1.0))
    unknown = builders.payload("A5", recent, builders.tx("spare", 1.0))
    records += [
        Sent("A5", out_of_bounds, builders.ns(recent - 61)),
        Sent("A5", out_of_bounds, builders.ns(recent + 601)),
        Sent("A5", unknown, builders.ns(recent + 9)),
    ]
    return records


@pytest.fixture(params=[1, 2], ids=lambda n: f"parallelism {n}")
def job(request: pytest.FixtureRequest, kafka: LocalKafka, flink: LocalFlink) -> Iterator[LiveJob]:
    parallelism = request.param
    options = (f"--parallelism={parallelism}", f"--allowed_lateness_s={ALLOWED_LATENESS_S}")
    with LiveJob(kafka, flink, f"oracle{parallelism}", *options, pm_partitions=parallelism) as job:
        yield job


@pytest.mark.e2e
def test_every_output_is_the_oracles(job: LiveJob) -> None:
    check_all_outputs(job)
    assert "Kafka is read by ReadBatches, in batches." in job.log()


@pytest.mark.e2e
def test_so_it_is_with_nothing_but_beams_own_jars(kafka: LocalKafka) -> None:
    options = ("--parallelism=1", f"--allowed_lateness_s={ALLOWED_LATENESS_S}")
    with (
        LocalFlink(stock=True) as flink,
        LiveJob(kafka, flink, "stock", *options, pm_partitions=1) as job,
    ):
        check_all_outputs(job)
        assert "Kafka is read by ReadFromKafka, record by record." in job.log()


def check_all_outputs(job: LiveJob) -> None:
    now = int(time.time()) - builders.T0
    first, then = in_time(now, random.Random(1)), late(now)
    for link in topology():
        job.send_link(link.link_id, link)
    job.send_pm(first)
    job.start()
    wait_for(job, oracle(job.name, now, first))

    job.send_pm(then)
    want = oracle(job.name, now, first, then)
    got = wait_for(job, want)
    job.wait_for_counters("all are counted", lambda c: c.get("reports") == len(first + then))
    counters = job.wait_for_counters("nothing is on its way", nothing_lost)
    assert {name: counters.get(name, 0) for name in want.counters} == want.counters
    assert_as_told_live(got, want)


def assert_as_told_live(got: dict[str, list[dict]], want: Outputs) -> None:
    """Checks all that does not depend on when late reports come, and in which order."""
    assert_equal(got | {"traces": want.traces}, want)
    assert_timely_incidents(got, want)
    # Which alarms are known when a line is written depends on that order.
    assert last_measurements(got["traces"]) == last_measurements(want.traces)


def last_measurements(traces: list[dict]) -> dict[tuple[str, str], dict]:
    return {(line["link_id"], line["window_start"]): line["measurement"] for line in traces}


def oracle(source: str, now: int, *sendings: Sequence[Sent]) -> Outputs:
    """What must come out; after each sending the watermark reaches `now`."""
    oracle = Oracle(allowed_lateness_s=ALLOWED_LATENESS_S, source=source)
    for link in topology():
        oracle.topology(link.link_id, link)
    for records in sendings:
        for record in records:
            oracle.report(record.payload, record.sent_ns // 1_000_000 * 1_000_000)
        oracle.advance(builders.ns(now))
    return oracle.finish()


def wait_for(job: LiveJob, want: Outputs) -> dict[str, list[dict]]:
    """Waits until there is as much of every output as the oracle says."""
    numbers = {o: len(getattr(want, o)) for o in ALL_OUTPUTS if o != INCIDENTS}
    incidents = len(timely(want.incidents))
    return job.wait_for(
        f"{numbers}, {incidents} incidents",
        lambda got: (
            all(len(got[o]) >= number for o, number in numbers.items())
            and len(timely(got[INCIDENTS])) >= incidents
        ),
    )


def timely(incidents: list[dict]) -> list[dict]:
    """Returns the incidents of links of which nothing is told late.

    At which tick a late event is taken in, hangs on how fast this machine is.
    """
    late_links = {name(link) for link in (1, 2, 3, 4)}
    return [event for event in incidents if not late_links & set(event["data"]["links"])]


def assert_timely_incidents(got: dict[str, list[dict]], want: Outputs) -> None:
    found, wanted = timely(got[INCIDENTS]), timely(want.incidents)
    assert [comparable(event) for event in found] == [comparable(event) for event in wanted]
    assert wanted


def test_the_scene_has_everything() -> None:
    now = int(time.time()) - builders.T0
    first, then = in_time(now, random.Random(1)), late(now)
    in_time_only, want = oracle("", now, first), oracle("", now, first, then)
    late_actions = {e["data"]["action"] for e in want.events if e["data"]["detected_late"]}
    assert late_actions == {"RAISE", "CHANGE", "CLEAR"}
    assert not in_time_only.late and len(want.late) > 10
    assert len(want.invalid) == 9 and len(want.unmatched) == 3
    for seed in range(5):  # reports that come at about the same time come in any order
        shuffled = random.Random(seed).sample(then, len(then))
        again = oracle("", now, first, shuffled)
        assert sorted(e["id"] for e in again.events) == sorted(e["id"] for e in want.events)
