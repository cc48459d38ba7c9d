"""Faults that incidents are tested by, through the oracle; and how incidents are scored."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from simulator.fault_model import SECOND_NS, Fault
from simulator.faults import schedule, topology
from simulator.network import build_network, link_id
from simulator.reports import generate
from simulator.score import Alarm, Finding, Score, score
from simulator.score_incidents import score_incidents
from tests.oracle import Outputs, replay
from tests.simulated import SECONDS, START_NS


def outcome(kind: str, seed: int = 1) -> tuple[Fault, Outputs, Score]:
    network = build_network(60, seed=seed)
    (fault,) = schedule(network, START_NS, SECONDS, seed, [kind])
    payloads = [a.payload for a in generate(network, [fault], START_NS, SECONDS, seed)]
    outputs = replay(payloads, list(topology(network, [fault])), mode="batch")
    return fault, outputs, score(outputs.events, [fault.to_json()])


@pytest.mark.parametrize(
    ("kind", "kinds"),
    [
        ("bridge_cut", ["CABLE_CUT"]),
        ("cable_cut", ["CABLE_CUT"]),
        ("starved_chain", ["FIBER_CUT"]),
        ("upstream_power_loss", ["UPSTREAM_POWER_LOSS"]),
        ("silent_node", ["NODE_SILENT"]),
        ("two_cuts", ["FIBER_CUT", "FIBER_CUT"]),
        ("cut_beside_degrade", ["FIBER_CUT", "FIBER_DEGRADE"]),
    ],
)
def test_what_belongs_together_is_one_incident(kind: str, kinds: list[str]) -> None:
    fault, outputs, alarms = outcome(kind)
    assert not alarms.missed and not alarms.false_alarms
    last = {event["subject"]: event["data"] for event in outputs.incidents}
    assert sorted(data["kind"] for data in last.values()) == kinds
    assert {link for data in last.values() for link in data["links"]} >= {
        alarm.link_id for alarm in fault.expected
    }
    result = score_incidents(alarms, outputs.incidents)
    assert result.is_perfect and sum(result.expected.values()) == len(kinds)


def test_a_bridge_is_torn_within_four_seconds_and_ties_two_ducts() -> None:
    network = build_network(60, seed=1)
    (fault,) = schedule(network, START_NS, SECONDS, 1, ["bridge_cut"])
    risks = [set(network.link(link).srlg_ids) for link in fault.links]
    assert len(risks) == 6 and not set.intersection(*risks)
    assert all(one & other for one, other in pairwise(risks))
    starts = [effect.start_ns for effect in fault.effects]
    assert 0 < max(starts) - min(starts) <= 4 * SECOND_NS


def found(alarm_id: str, fault_id: str, cause: int = 0) -> Finding:
    alarm = Alarm(alarm_id, "", "FIBER_CUT", "AZ", "AZ", False, 0, 0, None, None, 1, 0)
    return Finding(fault_id, "cut", "", ("FIBER_CUT",), alarm, None, None, cause)


def incidents(**alarms: list[str]) -> list[dict[str, Any]]:
    return [
        {"subject": name, "data": {"alarms": [{"alarm_id": alarm_id} for alarm_id in alarm_ids]}}
        for name, alarm_ids in alarms.items()
    ]


@pytest.mark.parametrize(
    ("of_incidents", "numbers"),
    [
        ({"i": ["a", "b"], "j": ["c"]}, [2, 2, 0, 0]),
        ({"i": ["a", "b", "c"]}, [2, 0, 2, 0]),
        ({"i": ["a"], "j": ["b"], "k": ["c"]}, [2, 1, 0, 1]),
        ({"i": ["a"], "j": ["b", "c"]}, [2, 0, 2, 1]),
        ({"i": ["a", "b"]}, [1, 1, 0, 0]),  # c was in none
    ],
)
def test_the_score(of_incidents: dict[str, list[str]], numbers: list[int]) -> None:
    alarms = Score((found("a", "1"), found("b", "1"), found("c", "2")), ())
    result = score_incidents(alarms, incidents(**of_incidents))
    columns = (result.expected, result.found, result.merged, result.parted)
    assert [sum(column.values()) for column in columns] == numbers
    assert result.is_perfect == (numbers[0] == numbers[1])


def test_causes_of_one_fault_are_told_apart() -> None:
    alarms = Score((found("a", "1", 0), found("b", "1", 1)), ())
    assert score_incidents(alarms, incidents(i=["a"], j=["b"])).is_perfect
    assert not score_incidents(alarms, incidents(i=["a", "b"])).is_perfect


def test_links_are_far_apart() -> None:
    network = build_network(60, seed=1)
    (fault,) = schedule(network, START_NS, SECONDS, 1, ["two_cuts"])
    one, other = (network.link(link) for link in fault.links)
    assert not set(one.srlg_ids) & set(other.srlg_ids)
    assert link_id(fault.links[0]) not in other.upstream_link_ids
