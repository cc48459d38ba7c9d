"""One run of one rival: how fast it reads a full topic, or how soon it reports a paced feed."""

from __future__ import annotations

import itertools
import math
import statistics
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace

from benchmarks.feed import Feed
from benchmarks.matches import Comparison, EventTopic, compare
from benchmarks.rivals.rival import OUT_OF_ORDERNESS_S, Checkpoints, Engine, Rival, Task
from benchmarks.sampler import Moment, Sampler, at
from benchmarks.workloads import Workload
from runners.local.kafka import LocalKafka
from schema.errors import FlinkError, ProcessError, RunError

_POLL_S = 0.5
#: After an event of the last window, others follow within this time or not at all [s].
_SETTLE_S = 15
#: The first seconds of a paced run do not count, as Java still compiles its classes [s].
WARM_UP_S = 15
#: Time from the start of the job to a paced feed, and from its last counted window to its end [s].
_LEAD_S, _TAIL_S = 10, 10
#: How often progress is shown: in a paced run [s], in other runs [polls].
_TOLD_EVERY_S, _TOLD_EVERY = 10, 30

Say = Callable[[str], None]


@dataclass(frozen=True)
class Bench:
    """What all runs have in common.

    Attributes:
        kafka: the broker.
        broker: its processes.
        slots: workers of each rival.
        heap_mb: of a Beam job's TaskManager.
        patience_s: a rival without a new event for this long is stuck.
        say: shows a line of progress.
        numbers: make the names of jobs and topics unique.
    """

    kafka: LocalKafka
    broker: tuple[int, ...]
    slots: int
    heap_mb: int
    patience_s: float
    say: Say
    numbers: itertools.count[int] = field(default_factory=itertools.count)

    def output_topics(self, rival: Rival) -> tuple[str, dict[str, str]]:
        """Creates topics for the outputs of a rival; returns a name for its job, and the topics."""
        job = f"{rival.name}-{next(self.numbers)}"
        more = () if rival.emits == "matches" else ("incidents",)
        topics = {which: f"{job}-{which}" for which in ("events", "late", *more)}
        for topic in topics.values():
            # The broker's clock says when an event arrived, whatever timestamp the rival writes.
            self.kafka.create_topic(topic, config={"message.timestamp.type": "LogAppendTime"})
        return job, topics


@dataclass(frozen=True)
class Filled:
    """Topics that hold a whole feed.

    Attributes:
        load: the feed.
        topics: pm and topology.
    """

    load: Workload
    topics: Mapping[str, str]

    @property
    def end_s(self) -> int:
        """End of the last window for which events are expected."""
        return self.load.start_s + self.load.seconds


@dataclass(frozen=True)
class CatchUp:
    """How a rival did on a full topic.

    The clock runs from the moment when all of the job runs, which has not read its topology yet, to
    the moment when the broker has the last expected event. CPU and memory are those of the engine.

    Attributes:
        rival: its name.
        ports: of the load.
        seconds_of_load: length of the feed.
        slots: workers.
        ports_per_s: samples of ports.
        values_per_s: PM values.
        took_s: duration by that clock.
        wall_s: duration with the start of cluster and job.
        cpu_s_per_million: CPU time for a million PM values.
        broker_cpu_s_per_million: CPU time of the broker for a million PM values.
        peak_memory_mb: sum of resident memory.
        checkpoints: as Flink reports them; None without Flink.
        events: expected and found ones.
        late: number of lines that it wrote for samples that came too late.
        restarts: failures after which it went on.
        failed: why it failed; None if it did not.
    """

    rival: str
    ports: int
    seconds_of_load: int
    slots: int
    ports_per_s: float = math.nan
    values_per_s: float = math.nan
    took_s: float = math.nan
    wall_s: float = math.nan
    cpu_s_per_million: float = math.nan
    broker_cpu_s_per_million: float = math.nan
    peak_memory_mb: float = math.nan
    checkpoints: Checkpoints | None = None
    events: Comparison | None = None
    late: int = 0
    restarts: int = 0
    failed: str | None = None


@dataclass(frozen=True)
class Paced:
    """How soon a rival reported the events of a feed at real-time speed.

    Attributes:
        rival: its name.
        ports: each has a sample every second.
        pace: how the rate was chosen.
        seconds: number of windows that count.
        median_s: latency of an event, from the end of its window to the broker.
        p99_s: likewise.
        max_s: likewise.
        cores: CPU time of the engine per second.
        feed_lag_s: how late the feed was at most.
        events: expected and found ones.
        failed: why it failed; None if it did not.
    """

    rival: str
    ports: int
    pace: str
    seconds: int
    median_s: float = math.nan
    p99_s: float = math.nan
    max_s: float = math.nan
    cores: float = math.nan
    feed_lag_s: float = math.nan
    events: Comparison | None = None
    failed: str | None = None

    @property
    def median_over_bound_s(self) -> float:
        """The median, less the time that every window waits."""
        return self.median_s - OUT_OF_ORDERNESS_S


def fill(bench: Bench, load: Workload, name: str) -> Filled:
    """Creates topics and fills them with a whole feed.

    Args:
        bench: what all runs share.
        load: the feed; all of it must lie in the past.
        name: prefix of the topics.
    """
    started = time.monotonic()
    topics = _input_topics(bench, load, name)
    records = Feed(bench.kafka.bootstrap_servers).fill(topics["pm"], load)
    bench.say(
        f"filled {topics['pm']}: {load.ports:,} ports, {load.seconds} s, {records:,} records, "
        f"in {time.monotonic() - started:.0f} s"
    )
    return Filled(load, topics)


def _input_topics(bench: Bench, load: Workload, name: str) -> dict[str, str]:
    topics = {"pm": f"{name}-pm", "topology": f"{name}-topology"}
    bench.kafka.create_topic(topics["pm"], load.partitions)
    bench.kafka.create_topic(topics["topology"], config={"cleanup.policy": "compact"})
    Feed(bench.kafka.bootstrap_servers).links(topics["topology"], load.links())
    return topics


def catch_up(bench: Bench, rival: Rival, filled: Filled) -> CatchUp:
    """Runs a rival over full topics, from their beginning to the last expected event."""
    load = filled.load
    blank = CatchUp(rival.name, load.ports, load.seconds, bench.slots)
    began_s = time.time()
    job, outputs = bench.output_topics(rival)
    topics = {**filled.topics, **outputs}
    expected = load.expected_events(rival.emits)
    task = Task(bench.kafka, topics, job, bench.slots, bench.heap_mb, catches_up=True)
    try:
        with (
            rival.deployed(task) as engine,
            Sampler(engine.processes, bench.broker) as sampler,
        ):
            started_s = engine.start()
            with closing(EventTopic(bench.kafka.bootstrap_servers, topics["events"])) as found:
                _await_events(bench, engine, found, expected, filled.end_s)
            with closing(EventTopic(bench.kafka.bootstrap_servers, topics["late"])) as late:
                num_late = late.length()
            checkpoints, restarts = engine.checkpoints(), engine.restarts()
    except (RunError, ProcessError, FlinkError) as error:
        return replace(blank, failed=str(error))
    both = expected.keys() & found.events.keys()
    if not both:
        return replace(blank, failed="none of the expected events came")
    done_s = max(found.events[event].appended_s for event in both)
    took_s = done_s - started_s
    start, end = at(sampler.moments, started_s), at(sampler.moments, done_s)
    millions = load.num_values / 1e6
    events = compare(expected, found.events, found.records)
    # With late reports in the feed, the exact events are not known beforehand.
    is_wrong = not events.is_right and not load.late_share
    return replace(
        blank,
        ports_per_s=load.ports * load.seconds / took_s,
        values_per_s=load.num_values / took_s,
        took_s=took_s,
        wall_s=done_s - began_s,
        cpu_s_per_million=(end.cpu_s - start.cpu_s) / millions,
        broker_cpu_s_per_million=(end.broker_cpu_s - start.broker_cpu_s) / millions,
        peak_memory_mb=_peak_mb(sampler.moments, done_s),
        checkpoints=checkpoints,
        events=events,
        late=num_late,
        restarts=restarts,
        failed=f"{_what_is_wrong(events)}; {num_late:,} late" if is_wrong else None,
    )


def _await_events(
    bench: Bench, engine: Engine, found: EventTopic, expected: Mapping[str, str], end_s: int
) -> None:
    """Waits until all expected events are there, or no more come.

    Raises:
        RunError: the rival has ended, or is stuck.
    """
    length, newest = -1, time.monotonic()
    for number in itertools.count(1):
        time.sleep(_POLL_S)
        if number % _TOLD_EVERY == 0:
            bench.say(f"{length:,} of {len(expected):,} events")
        if why := engine.failure():
            raise RunError(why)
        before, length = length, found.length()
        if length != before:
            newest = time.monotonic()
        quiet_s = time.monotonic() - newest
        # Reading takes CPU time from the rival, so it waits until there may be enough.
        if length >= len(expected) or quiet_s > _SETTLE_S:
            found.read()
            if expected.keys() <= found.events.keys():
                return
            last_s = max((event.window_end_s for event in found.events.values()), default=0)
            if quiet_s > _SETTLE_S and last_s >= end_s:
                return
        if quiet_s > bench.patience_s:
            raise RunError(
                f"stuck: no new event for {bench.patience_s:g} s, "
                f"{len(found.events):,} of {len(expected):,} found"
            )


def _what_is_wrong(events: Comparison) -> str:
    return (
        f"of {events.expected:,} events {events.missing:,} are missing and "
        f"{events.different:,} say another code; {events.unexpected:,} are unexpected"
    )


def _peak_mb(moments: list[Moment], until_s: float) -> float:
    return max(moment.memory_mb for moment in moments if moment.time_s <= until_s + _POLL_S)


def paced(bench: Bench, rival: Rival, load: Workload, pace: str) -> Paced:
    """Runs a rival on a feed at real-time speed.

    Args:
        bench: what all runs share.
        rival: who is measured.
        load: the feed; its start is set here.
        pace: how the rate was chosen.
    """
    blank = Paced(rival.name, load.ports, pace, load.seconds - WARM_UP_S)
    job, outputs = bench.output_topics(rival)
    topics = {**_input_topics(bench, load, job), **outputs}
    task = Task(bench.kafka, topics, job, bench.slots, bench.heap_mb, catches_up=False)
    try:
        with (
            rival.deployed(task) as engine,
            Sampler(engine.processes, bench.broker) as sampler,
        ):
            engine.start()
            load = replace(load, start_s=int(time.time()) + _LEAD_S)
            feed_lag_s = _feed(bench, engine, topics["pm"], load)
            with closing(EventTopic(bench.kafka.bootstrap_servers, topics["events"])) as found:
                _await_quiet(found)
            if why := engine.failure():
                raise RunError(why)
    except (RunError, ProcessError, FlinkError) as error:
        return replace(blank, failed=str(error))
    first_s, end_s = load.start_s + WARM_UP_S, load.start_s + load.seconds
    counted = {e: one for e, one in found.events.items() if first_s < one.window_end_s <= end_s}
    warm_up = replace(load, seconds=WARM_UP_S).expected_events(rival.emits).keys()
    all_of_them = load.expected_events(rival.emits)
    expected = {e: code for e, code in all_of_them.items() if e not in warm_up}
    events = compare(expected, counted, len(counted))
    latencies_s = sorted(event.latency_s for event in counted.values())
    if not latencies_s:
        return replace(blank, feed_lag_s=feed_lag_s, events=events, failed="no event came")
    start, end = at(sampler.moments, first_s), at(sampler.moments, end_s)
    return replace(
        blank,
        median_s=statistics.median(latencies_s),
        p99_s=latencies_s[math.ceil(0.99 * len(latencies_s)) - 1],
        max_s=latencies_s[-1],
        cores=(end.cpu_s - start.cpu_s) / (end_s - first_s),
        feed_lag_s=feed_lag_s,
        events=events,
        failed=None if events.is_right else _what_is_wrong(events),
    )


def _feed(bench: Bench, engine: Engine, topic: str, load: Workload) -> float:
    """Feeds in real time; returns how late the feed was at most [s]."""
    stopped = threading.Event()
    lag_s = 0.0
    longer = replace(load, seconds=load.seconds + _TAIL_S)
    for second in Feed(bench.kafka.bootstrap_servers).pace(topic, longer, stopped):
        if why := engine.failure():
            raise RunError(why)
        if second < load.seconds:
            lag_s = max(lag_s, time.time() - (load.start_s + second + 1))
        if second % _TOLD_EVERY_S == 0:
            bench.say(f"fed {second} of {longer.seconds} s")
    return lag_s


def _await_quiet(found: EventTopic) -> None:
    """Waits until no more events come, or for a minute, and reads what is there."""
    deadline, length = time.monotonic() + 60, -1
    while length != found.length() and time.monotonic() < deadline:
        length = found.length()
        time.sleep(OUT_OF_ORDERNESS_S + 3)
    found.read()
