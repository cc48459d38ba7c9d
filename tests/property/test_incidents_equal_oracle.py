"""The correlator publishes what the oracle of incidents does, whatever alarms there are.

Events come in any order within a tick, some ahead of it; now and then another worker takes over.
HYPOTHESIS_PROFILE=thorough tries 40 times as many networks.
"""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kernels.window_bounds import WindowBounds
from schema.events import Action, Code, FiberEvent
from schema.records import EventTime
from schema.topology_pb2 import FiberLink
from tests.alarm_events import Life, told
from tests.builders import link, service
from tests.cells import FailingCalls
from tests.incident_replay import IncidentReplay
from tests.oracle_incident import incidents as oracle
from tests.property.test_kernels_equal_oracle import THOROUGH, num_scenes, without_words

pytestmark = pytest.mark.timeout(0 if THOROUGH else 300)

FAMILIES = (
    (
        Code.FIBER_CUT,
        Code.FIBER_CUT,
        Code.FIBER_DEGRADE_SEVERE,
        Code.FIBER_DEGRADE,
        Code.FIBER_DEGRADE_WARN,
    ),
    (Code.LINK_DARK, Code.SIGNAL_LOSS_EQUIPMENT, Code.SIGNAL_DEGRADE, Code.UPSTREAM_POWER_LOSS),
    (Code.LINK_DARK, Code.UPSTREAM_POWER_LOSS),
    (Code.PM_DATA_MISSING,),
    (Code.OSC_LOSS,),
    (Code.TOPOLOGY_MISMATCH,),
    (Code.SPAN_LOSS_OUT_OF_RANGE,),
    (Code.FIBER_JITTER,),
)
MISSING = ("A tx,A rx", "Z tx,Z rx", "A tx,A rx,Z tx,Z rx", "A rx,Z rx", "A tx")
DAY_S = 24 * 3600
_END_US = 2**62


def network(random: Random) -> list[FiberLink]:
    """Draws links that share nodes, risks and services, and feed each other in chains and rings."""
    names = [f"L{number}" for number in range(random.randint(1, 7))]
    return [
        link(
            name,
            *random.sample("PQRST", 2),
            srlg_ids=random.sample(("S1", "S2", "S3"), random.choice((0, 1, 1, 2))),
            upstream_link_ids=random.sample(names, random.choice((0, 0, 1, min(2, len(names))))),
            services=[
                service(name, random.choice((100, 0.1, 0)), protected=random.random() < 0.4)
                for name in random.sample(("C1", "C2", "C3"), random.randint(0, 2))
            ],
            protected=random.random() < 0.2,
        )
        for name in names
    ]


def lives(random: Random, links: list[FiberLink], window_s: int) -> list[FiberEvent]:
    """Draws the events of some alarms."""
    events: list[FiberEvent] = []
    seen = set()
    starts = [random.randint(0, 12) for _ in range(3)]
    if random.random() < 0.2:
        starts.append(DAY_S + random.randint(0, 30))
    for _ in range(random.randint(1, 14)):
        codes = random.choice(FAMILIES)
        onset = window_s * (random.choice(starts) + random.randint(0, 3))
        life = Life(random.choice(links), onset, window_s)
        key = life.link.link_id, codes[0], onset
        if key in seen:
            continue
        seen.add(key)
        if codes[0] == Code.PM_DATA_MISSING:
            life.problem = random.choice(MISSING)
        at = onset + window_s * random.choice((2, 2, 3, 4, 10))
        action = Action.RAISE
        for _ in range(random.randint(1, 4)):
            if life.events and random.random() < 0.1:  # its link has another topology by now
                life.link = changed(random, life.link)
            life.tell(
                action,
                at,
                random.choice(codes) if action != Action.CLEAR else None,
                direction=random.choice((1, 2, 3)),
                suppressed_by=random.choice((None, None, "CHG1")),
                late_by=random.choice((None, None, None, 0, window_s, 5 * window_s)),
            )
            if action == Action.CLEAR:
                break
            at += window_s * random.choice((0, 1, 2, 3, 12))
            action = random.choice((Action.CHANGE, Action.CHANGE, Action.CLEAR))
        events += life.events
    return events


def changed(random: Random, before: FiberLink) -> FiberLink:
    after = FiberLink.FromString(before.SerializeToString())
    after.version += 1
    after.services.append(service("C4", random.choice((1, 10))))
    after.srlg_ids.append("S3")
    return after


def found(
    events: list[FiberEvent],
    random: Random,
    window_s: int,
    event_time: EventTime,
    failing: FailingCalls | None = None,
) -> list[dict[str, Any]]:
    """Returns what the correlator publishes; events come before their tick is over."""
    bounds = WindowBounds(window_s=window_s, allowed_lateness_s=5 * window_s)
    replay = IncidentReplay(bounds, event_time, failing=failing)
    last = max(event.tick for event in events)
    left = sorted(events, key=lambda event: event.tick - random.choice((0, 0, 0, 1, 30)))
    while left:
        if event_time != EventTime.BOUNDED:
            replay.advance(bounds.due_us(min(event.tick for event in left)))
        number = random.randint(1, 3)
        replay.receive(left[:number])
        del left[:number]
    end_us = bounds.due_us(last + -(-3 // window_s) + 1)
    replay.advance(end_us if event_time == EventTime.LIVE else _END_US)
    return replay.incidents


@num_scenes(300)
@given(
    seed=st.integers(0, 2**62),
    window_s=st.sampled_from([1, 1, 1, 2, 5]),
    event_time=st.sampled_from(EventTime),
)
def test_all_incidents(seed: int, window_s: int, event_time: EventTime) -> None:
    random = Random(seed)
    events = lives(random, network(random), window_s)
    got = found(events, random, window_s, event_time)
    assert without_words(got) == without_words(oracle(told(events), window_s=window_s))
    for event in got:
        assert event["data"]["text"].endswith(".")


@num_scenes(5)
@given(seed=st.integers(0, 2**62), event_time=st.sampled_from(EventTime))
def test_whichever_call_of_the_state_fails(seed: int, event_time: EventTime) -> None:
    random = Random(seed)
    events = lives(random, network(random), 1)
    got = found(events, random, 1, event_time, FailingCalls())
    assert without_words(got) == without_words(oracle(told(events)))
