"""Scenes from the field: what the devices report of them, read at chosen instants."""

import math
from collections import Counter

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from schema import pm_report_pb2 as pm
from schema.topology_pb2 import MAINTENANCE
from simulator.corrupt import LEFT_OUT, NO_LIGHT, STALE
from simulator.fault_kinds import KINDS, KNOWN_WORDS, UNREADABLE_WORDS
from simulator.fault_model import SECOND_NS, Fault, Quantity, from_rfc3339
from simulator.faults import schedule, topology
from simulator.network import Network, build_network, link_id, node_id
from simulator.reports import generate
from simulator.site import Site
from simulator.transport import Transport
from tests.simulated import (
    SECONDS,
    START_NS,
    between,
    deltas,
    middle,
    place,
    powers_of,
    readings_of,
)


def codes(fault: Fault) -> list[tuple[tuple[str, ...], str]]:
    return [(alarm.codes, alarm.direction) for alarm in fault.expected]


def losses(network: Network, fault: Fault) -> np.ndarray:
    powers = powers_of(network, fault, fault.links[0])
    sent = powers[fault.direction, pm.OUTPUT_POWER]
    return sent - powers[fault.direction, pm.INPUT_POWER]


def bounds(network: Network, fault: Fault) -> tuple[float, float]:
    message = network.link(fault.links[0])
    span = message.az if fault.direction == "AZ" else message.za
    return span.min_span_loss_db, span.max_span_loss_db


def test_a_long_span_is_sound_until_its_card_fails() -> None:
    network, fault = place("long_span")
    powers = powers_of(network, fault, fault.links[0])
    before = slice(0, (fault.onset_ns - START_NS) // SECOND_NS)
    for power, dbm in (
        (pm.OUTPUT_POWER, 20),
        (pm.INPUT_POWER, -23),
        (pm.OUTPUT_POWER_OSC, 6),
        (pm.INPUT_POWER_OSC, -38),
    ):
        for direction in ("AZ", "ZA"):
            assert np.abs(powers[direction, power][before] - dbm).max() < 0.5
    within = middle(fault)
    assert np.isneginf(powers[fault.direction, pm.INPUT_POWER][within]).all()
    assert np.abs(powers[fault.direction, pm.INPUT_POWER_OSC][within] + 38).max() < 0.5
    assert codes(fault) == [(("SIGNAL_LOSS_EQUIPMENT",), fault.direction)]


def test_a_raman_pump_takes_its_gain_from_the_signal_alone() -> None:
    network, fault = place("raman_off")
    link = fault.links[0]
    powers, within = powers_of(network, fault, link), middle(fault)
    delta_db = deltas(network, powers, link, fault.direction)[within]
    assert (delta_db > 10).all() and not np.isneginf(delta_db).any()
    osc_db = powers[fault.direction, pm.OUTPUT_POWER_OSC] - powers[fault.direction, 3]
    base_osc_db = network.base_osc_db[2 * link + (fault.direction == "ZA")]
    assert (np.abs(osc_db[within] - base_osc_db) < 0.5).all()
    assert (losses(network, fault)[within] > bounds(network, fault)[1] + 1).all()
    assert codes(fault)[0] == (("SIGNAL_DEGRADE",), fault.direction)


@pytest.mark.parametrize("kind", ["raman_on", "miscabling", "dark_as_zero"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_far_less_loss_than_the_base_is_a_mismatch(kind: str, seed: int) -> None:
    network, fault = place(kind, seed)
    powers, within = powers_of(network, fault, fault.links[0]), middle(fault)
    delta_db = deltas(network, powers, fault.links[0], fault.direction)[within]
    loss_db = losses(network, fault)[within]
    assert ((delta_db < -6.3) | (loss_db < -1.3)).all() and np.isfinite(loss_db).all()
    assert (loss_db < bounds(network, fault)[0] - 0.6).all()
    assert codes(fault) == [
        (("TOPOLOGY_MISMATCH",), fault.direction),
        (("SPAN_LOSS_OUT_OF_RANGE",), fault.direction),
    ]


def test_zero_dbm_is_what_a_receiver_without_light_says() -> None:
    network, fault = place("dark_as_zero")
    received = powers_of(network, fault, fault.links[0])["AZ", pm.INPUT_POWER]
    assert (received[middle(fault)] == 0).all()


def test_less_loss_than_the_lower_bound_is_out_of_range_and_nothing_else() -> None:
    network, fault = place("better_than_planned")
    powers, within = powers_of(network, fault, fault.links[0]), middle(fault)
    delta_db = deltas(network, powers, fault.links[0], fault.direction)[within]
    assert (delta_db > -5.7).all()
    assert (losses(network, fault)[within] < bounds(network, fault)[0] - 0.4).all()
    assert codes(fault) == [(("SPAN_LOSS_OUT_OF_RANGE",), fault.direction)]


@pytest.mark.parametrize("kind", ["degrade_severe", "degrade_ramp"])
def test_severe_losses_are_also_above_their_bound(kind: str) -> None:
    network, fault = place(kind)
    powers = powers_of(network, fault, fault.links[0])
    last = middle(fault).stop
    for direction in ("AZ", "ZA"):
        delta_db = deltas(network, powers, fault.links[0], direction)
        assert (delta_db[last - 12 : last] > 6.3).all()
    assert codes(fault)[1] == (("SPAN_LOSS_OUT_OF_RANGE",), "BOTH")


class ChosenWord:
    """Stands for a random generator that chooses this word, and the first of anything else."""

    def __init__(self, word: str) -> None:
        self._word = word

    def choice(self, words: tuple[str, ...]) -> str:
        assert self._word in words
        return self._word

    def integers(self, _: int) -> int:
        return 0


@pytest.mark.parametrize("word", [*KNOWN_WORDS, *UNREADABLE_WORDS])
def test_words_for_no_light(word: str) -> None:
    network = build_network(60, seed=1)
    onset_ns = START_NS + 10 * SECOND_NS + 400_000_000
    kind = KINDS["dark_word" if word in KNOWN_WORDS else "dark_unreadable"]
    site = Site(network, 7, onset_ns, onset_ns + 15 * SECOND_NS, ChosenWord(word))  # type: ignore[arg-type]
    fault = kind.make(site)
    within = middle(fault)
    said = {
        second: value
        for second, direction, value, _ in readings_of(network, fault, 7)
        if direction == "AZ" and value.type == pm.INPUT_POWER
    }
    inside = [said.get(second) for second in range(within.start, within.stop)]
    assert len(inside) > 10
    for value in inside:
        if word == LEFT_OUT:
            assert value is None
        elif word in (NO_LIGHT, STALE):
            assert value is not None and value.no_light
            assert value.HasField("instant") == (word == STALE)
        else:
            assert value is not None and not value.no_light
            assert value.instant == float(word) or (word == "nan" and math.isnan(value.instant))
    lit = [said[second].instant for second in (*range(10), *range(27, SECONDS))]
    assert all(-30 < dbm < 20 for dbm in lit)
    code = "FIBER_CUT" if word in KNOWN_WORDS else "PM_DATA_MISSING"
    assert codes(fault) == [((code,), "AZ")]


def test_a_floor_of_30_hides_the_loss_once_the_laser_is_off() -> None:
    network, fault = place("dark_floor")
    powers = powers_of(network, fault, fault.links[0])
    sent = powers[fault.direction, pm.OUTPUT_POWER]
    received = powers[fault.direction, pm.INPUT_POWER]
    (shutdown_ns,) = (e.start_ns for e in fault.effects if e.quantity is Quantity.LAUNCH)
    assert shutdown_ns - fault.onset_ns == 15 * SECOND_NS
    assert (received[middle(fault)] == -30).all()
    delta_db = deltas(network, powers, fault.links[0], fault.direction)
    lit, shut = between(fault.onset_ns, shutdown_ns), between(shutdown_ns, fault.end_ns)
    assert (delta_db[lit] > 10.5).all() and lit.stop - lit.start >= 12
    assert (sent[shut] == -30).all() and (delta_db[shut] < -6.5).all()
    assert [alarm[0] for alarm in codes(fault)] == [
        ("FIBER_CUT",),
        ("SPAN_LOSS_OUT_OF_RANGE",),
        ("TOPOLOGY_MISMATCH",),
    ]
    assert fault.expected[2].since_ns == shutdown_ns


@pytest.mark.parametrize("kind", ["half_repaired", "half_silent"])
def test_one_fiber_is_repaired_before_the_other(kind: str) -> None:
    network, fault = place(kind)
    powers = powers_of(network, fault, fault.links[0])
    other = "ZA" if fault.direction == "AZ" else "AZ"
    repaired_ns = fault.onset_ns + 14 * SECOND_NS
    first, rest = between(fault.onset_ns, repaired_ns), between(repaired_ns, fault.end_ns)
    assert rest.stop - rest.start >= 13
    for direction in ("AZ", "ZA"):
        assert np.isneginf(powers[direction, pm.INPUT_POWER][first]).all()
    assert np.isfinite(powers[other, pm.INPUT_POWER][rest]).all()
    last = powers[fault.direction, pm.INPUT_POWER][rest]
    assert (np.isnan(last) if kind == "half_silent" else np.isneginf(last)).all()
    missing = [(("PM_DATA_MISSING",), fault.direction)] if kind == "half_silent" else []
    assert codes(fault) == [(("FIBER_CUT",), "BOTH"), *missing]
    assert fault.expected[0].last == fault.direction


def test_a_short_outage_lasts_four_seconds() -> None:
    network, fault = place("short_outage")
    powers = powers_of(network, fault, fault.links[0])
    assert fault.end_ns - fault.onset_ns == 4 * SECOND_NS
    for direction in ("AZ", "ZA"):
        assert 3 <= np.isneginf(powers[direction, pm.INPUT_POWER]).sum() <= 5


@pytest.mark.parametrize("seed", range(1, 6))
def test_dips_that_are_never_two_in_a_row(seed: int) -> None:
    network, fault = place("dips", seed)
    powers = powers_of(network, fault, fault.links[0])
    high = deltas(network, powers, fault.links[0], fault.direction) >= 3
    assert not (high[1:] & high[:-1]).any()
    seen = np.flatnonzero(high)
    assert len(seen) >= 3 and seen[-1] - seen[0] < 60
    assert fault.end_ns <= START_NS + (SECONDS - 64) * SECOND_NS
    assert codes(fault) == [(("FIBER_JITTER",), fault.direction)]


@pytest.mark.parametrize(
    ("kind", "state"), [("ports_in_maintenance", pm.MAINT), ("out_of_service", pm.DISABLED)]
)
def test_admin_states_of_all_ports(kind: str, state: int) -> None:
    network, fault = place(kind)
    link = fault.links[0]
    states: dict[int, set[int]] = {}
    places: dict[int, int] = Counter()
    for second, _, value, component in readings_of(network, fault, link):
        states.setdefault(second, set()).add(component.admin_state)
        places[second] += value.type in (pm.INPUT_POWER, pm.OUTPUT_POWER)
    assert set(places.values()) == {4}
    told = [second for second, found in states.items() if found == {state}]
    onset, end = ((t - START_NS) // SECOND_NS for t in (fault.onset_ns, fault.end_ns))
    if kind == "out_of_service":
        assert (min(told), max(told)) == (onset + 15, end) and end - onset >= 30
        assert fault.expected[0].clear_reason == "ADMIN_DOWN"
    else:
        assert (min(told), max(told)) == (onset - 4, end + 40)
        assert fault.expected[0].suppressed
    assert told == list(range(min(told), max(told) + 1))


def test_a_link_in_maintenance_is_so_in_the_topology() -> None:
    network, fault = place("link_in_maintenance")
    states = {link.link_id: link.lifecycle_state for link in topology(network, [fault])}
    assert [name for name, state in states.items() if state == MAINTENANCE] == [
        link_id(fault.links[0])
    ]
    assert fault.expected[0].suppressed


def test_a_silent_node_sends_nothing_and_every_link_of_it_misses_it() -> None:
    network, fault = place("silent_node")
    (node,) = {defect.node for defect in fault.defects}
    heard = {
        (arrival.send_ns - START_NS) // SECOND_NS
        for arrival in generate(network, [fault], START_NS, SECONDS, 1, Transport(disorder_rate=0))
        if arrival.node_id == node_id(node)
    }
    onset, end = ((t - START_NS) // SECOND_NS for t in (fault.onset_ns, fault.end_ns))
    assert heard - {end, end + 1} >= set(range(onset)) | set(range(end + 2, SECONDS))
    assert not heard & set(range(onset + 2, end))
    links = {link_id(n) for n in network.links_of_node(node).tolist()}
    assert {alarm.link_id for alarm in fault.expected} == links
    assert {alarm.direction for alarm in fault.expected} == {"BOTH"}


def test_garbage_and_silent_ends_name_the_spans_that_they_hide() -> None:
    network, fault = place("garbage")
    receiver = network.link(fault.links[0])
    end = receiver.z_end if fault.direction == "AZ" else receiver.a_end
    (defect,) = fault.defects
    assert (node_id(defect.node), defect.components) == (end.node_id, (end.rx_component,))
    assert codes(fault) == [(("PM_DATA_MISSING",), fault.direction)]

    # An in-line amplifier serves two links: each misses one direction of the light it carries on.
    network = build_network(60, seed=1)
    for fault in schedule(network, START_NS, SECONDS, 3, ["silent_end"] * 6):
        (defect,) = fault.defects
        for alarm in fault.expected:
            link = network.link(int(alarm.link_id.removeprefix("link-")))
            hidden = {
                direction
                for direction, near, far in (
                    ("AZ", link.a_end, link.z_end),
                    ("ZA", link.z_end, link.a_end),
                )
                for end, component in ((near, near.tx_component), (far, far.rx_component))
                if end.node_id == node_id(defect.node) and component in defect.components
            }
            assert hidden == ({"AZ", "ZA"} if alarm.direction == "BOTH" else {alarm.direction})


def test_one_report_is_ten_years_ahead() -> None:
    network, fault = place("clock_ahead")
    limit_ns = from_rfc3339("2035-12-01T00:00:00Z")
    reports = [
        pm.PmReport.FromString(arrival.payload)
        for arrival in generate(network, [fault], START_NS, SECONDS, seed=1)
    ]
    (ahead,) = [report for report in reports if report.collect_time_unix_ns > limit_ns]
    assert all(c.sample_time_unix_ns > limit_ns for c in ahead.components)
    assert ahead.sequence == (fault.onset_ns - START_NS) // SECOND_NS - 1
    assert codes(fault) == [(("FIBER_CUT",), "BOTH")]


def test_a_new_type_is_in_every_component_of_both_nodes() -> None:
    network, fault = place("new_type")
    link = network.link(fault.links[0])
    nodes = {link.a_end.node_id, link.z_end.node_id}
    within = middle(fault)
    for arrival in generate(network, [fault], START_NS, SECONDS, seed=1):
        try:
            report = pm.PmReport.FromString(arrival.payload)
        except DecodeError:
            pytest.fail("a report cannot be parsed")
        inside = report.node_id in nodes and within.start < report.sequence < within.stop
        for component in report.components:
            if inside:
                assert 21 in {value.type for value in component.values}
            elif report.node_id not in nodes:
                assert 21 not in {value.type for value in component.values}
