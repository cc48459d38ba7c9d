import math
from collections import defaultdict

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from schema import pm_report_pb2 as pm
from simulator.fault_kinds import KINDS
from simulator.fault_model import SECOND_NS, Effect, Fault, Quantity, Shape
from simulator.faults import schedule, topology
from simulator.network import Network, build_network, link_id
from simulator.reports import generate
from simulator.score import score
from tests.oracle import replay

START_NS = 1_767_268_800 * SECOND_NS
SECONDS = 150

# By direction and type of power: the reading of each second, -inf where dark, NaN where missing.
Powers = dict[tuple[str, int], np.ndarray]


def place(kind: str, seed: int = 1) -> tuple[Network, Fault]:
    network = build_network(60, seed=seed)
    (fault,) = schedule(network, START_NS, SECONDS, seed, [kind])
    return network, fault


def powers_of(network: Network, fault: Fault, link: int) -> Powers:
    """Reads the powers of a link back from the reports."""
    message = network.link(link)
    a_end, z_end = message.a_end, message.z_end
    powers: Powers = defaultdict(lambda: np.full(SECONDS, math.nan))
    for arrival in generate(network, [fault], START_NS, SECONDS, seed=1):
        try:
            report = pm.PmReport.FromString(arrival.payload)
        except DecodeError:
            continue
        for sample in report.components:
            place = (report.node_id, sample.component)
            second = (sample.sample_time_unix_ns - START_NS) // SECOND_NS
            for value in sample.values:
                sends = value.type in (pm.OUTPUT_POWER, pm.OUTPUT_POWER_OSC)
                dark = value.no_light or value.instant <= -35
                for direction, near, far in (("AZ", a_end, z_end), ("ZA", z_end, a_end)):
                    end = near if sends else far
                    component = end.tx_component if sends else end.rx_component
                    if place == (end.node_id, component):
                        reading = -math.inf if dark else value.instant
                        powers[direction, value.type][second] = reading
    return powers


def middle(fault: Fault) -> slice:
    """The seconds that lie wholly within a fault."""
    first = math.ceil((fault.onset_ns - START_NS) / SECOND_NS) + 1
    return slice(first, (fault.end_ns - START_NS) // SECOND_NS)


def deltas(network: Network, powers: Powers, link: int, direction: str) -> np.ndarray:
    base_db = network.base_db[2 * link + (direction == "ZA")]
    return powers[direction, pm.OUTPUT_POWER] - powers[direction, pm.INPUT_POWER] - base_db


def spans(fault: Fault) -> list[str]:
    return ["AZ", "ZA"] if fault.direction == "BOTH" else [fault.direction]


@pytest.mark.parametrize("kind", ["cut", "strand_cut", "cable_cut", "maintenance"])
def test_cuts_darken_the_receivers_of_signal_and_osc(kind: str) -> None:
    network, fault = place(kind)
    for link in fault.links:
        powers = powers_of(network, fault, link)
        for direction in ("AZ", "ZA"):
            cut = direction in spans(fault)
            assert np.isneginf(powers[direction, pm.INPUT_POWER][middle(fault)]).all() == cut
            assert not np.isneginf(powers[direction, pm.OUTPUT_POWER]).any()
            osc = powers[direction, pm.INPUT_POWER_OSC][middle(fault)]
            assert np.isneginf(osc).all() == (cut and network.has_osc[link])


@pytest.mark.parametrize("seed", range(1, 6))
def test_laser_shutdown_follows_the_cut_in_the_next_window(seed: int) -> None:
    network, fault = place("cut_als", seed)
    powers = powers_of(network, fault, fault.links[0])
    first = (fault.onset_ns - START_NS) // SECOND_NS
    for direction in ("AZ", "ZA"):
        launched = np.isneginf(powers[direction, pm.OUTPUT_POWER])
        received = np.isneginf(powers[direction, pm.INPUT_POWER])
        assert not launched[: first + 1].any() and not received[:first].any()
        assert received[first] and launched[first + 1] and received[first + 1]


@pytest.mark.parametrize(
    ("kind", "low_db", "high_db"),
    [
        ("degrade_warn", 1, 3),
        ("degrade", 3, 6),
        ("learned_degrade", 3, 6),
        ("degrade_severe", 6, 10),
        ("contamination", 3, 6),
    ],
)
def test_degradations_stay_within_their_level(kind: str, low_db: float, high_db: float) -> None:
    network, fault = place(kind)
    powers = powers_of(network, fault, fault.links[0])
    for direction in ("AZ", "ZA"):
        delta_db = deltas(network, powers, fault.links[0], direction)
        within = delta_db[middle(fault)]
        low, high = (low_db, high_db) if direction in spans(fault) else (-0.5, 0.5)
        assert (within > low).all() and (within < high).all()
        assert (np.abs(delta_db[-20:]) < 0.5).all()


def test_a_learned_degradation_leaves_60_windows_to_learn() -> None:
    network, fault = place("learned_degrade")
    assert not network.link(fault.links[0]).az.HasField("span_loss_base_db")
    assert fault.onset_ns - START_NS >= 70 * SECOND_NS


def test_a_ramp_passes_all_levels() -> None:
    network, fault = place("degrade_ramp")
    delta_db = deltas(network, powers_of(network, fault, fault.links[0]), fault.links[0], "AZ")
    within = delta_db[middle(fault)]
    assert within[0] < 1 and 6 < within[-1] < 10
    for low_db, high_db in ((1, 3), (3, 6)):
        assert 2 <= ((within > low_db) & (within < high_db)).sum() < 10


def test_a_dip_takes_exactly_one_window() -> None:
    network, fault = place("dip")
    powers = powers_of(network, fault, fault.links[0])
    for direction in ("AZ", "ZA"):
        assert (deltas(network, powers, fault.links[0], direction) > 3).sum() == 1


def test_flapping_crosses_the_threshold_but_never_the_clear_threshold() -> None:
    network, fault = place("flapping")
    powers = powers_of(network, fault, fault.links[0])
    delta_db = deltas(network, powers, fault.links[0], fault.direction)
    first = (fault.onset_ns - START_NS) // SECOND_NS
    within = delta_db[first : first + 16]
    assert ((within >= 3) == ([True, True, False, False] * 4)).all()
    assert (within > 2).all() and (within < 6).all()


@pytest.mark.parametrize("kind", ["amplifier_failure", "upstream_power_loss"])
def test_without_launch_both_ends_are_dark_in_the_same_windows(kind: str) -> None:
    network, fault = place(kind)
    for link in fault.links:
        powers = powers_of(network, fault, link)
        launched = np.isneginf(powers[fault.direction, pm.OUTPUT_POWER])
        assert (launched == np.isneginf(powers[fault.direction, pm.INPUT_POWER])).all()
        assert launched[middle(fault)].all() and 0 < launched.sum() < SECONDS / 2


def test_upstream_power_loss_goes_on_to_the_fed_link() -> None:
    network, fault = place("upstream_power_loss")
    first, second = fault.links
    assert network.link(second).upstream_link_ids == [link_id(first)]


@pytest.mark.parametrize(
    ("kind", "signal_dark", "osc_dark"),
    [("signal_loss", True, False), ("osc_failure", False, True)],
)
def test_signal_and_osc_fail_apart(kind: str, signal_dark: bool, osc_dark: bool) -> None:
    network, fault = place(kind)
    powers = powers_of(network, fault, fault.links[0])
    within = middle(fault)
    signal = powers[fault.direction, pm.INPUT_POWER][within]
    osc = powers[fault.direction, pm.INPUT_POWER_OSC][within]
    assert np.isneginf(signal).all() == signal_dark
    assert np.isneginf(osc).all() == osc_dark
    assert not np.isneginf(powers[fault.direction, pm.OUTPUT_POWER_OSC]).any()


def test_miscabling_receives_more_than_was_launched() -> None:
    network, fault = place("miscabling")
    powers = powers_of(network, fault, fault.links[0])
    loss_db = powers[fault.direction, pm.OUTPUT_POWER] - powers[fault.direction, pm.INPUT_POWER]
    assert (loss_db[middle(fault)] < -1).all()


def test_a_channel_change_moves_both_ends_and_never_two_windows_of_the_loss() -> None:
    network, fault = place("channel_change")
    powers = powers_of(network, fault, fault.links[0])
    launched = powers[fault.direction, pm.OUTPUT_POWER]
    assert abs(np.median(launched[middle(fault)]) - np.median(launched[:5])) > 0.9
    off = np.abs(deltas(network, powers, fault.links[0], fault.direction)) > 0.5
    assert not (off[1:] & off[:-1]).any()


def test_a_silent_end_is_missing_and_the_other_is_not() -> None:
    network, fault = place("silent_end")
    powers = powers_of(network, fault, fault.links[0])
    for name in ("AZ", "ZA"):
        silent_sends = name == fault.direction
        sent = powers[name, pm.OUTPUT_POWER][middle(fault)]
        received = powers[name, pm.INPUT_POWER][middle(fault)]
        assert np.isnan(sent if silent_sends else received).all()
        assert not np.isnan(received if silent_sends else sent).any()


@pytest.mark.parametrize("kind", ["truncated", "silent_end", "garbage"])
def test_bad_data_touches_no_other_fault(kind: str) -> None:
    network = build_network(60, seed=1)
    faults = schedule(network, START_NS, SECONDS, 1, [kind, *(["cut"] * 10)])
    (bad,) = (fault for fault in faults if fault.kind == kind)
    (defect,) = bad.defects
    others = {link for fault in faults if fault is not bad for link in fault.links}
    # A truncated report names no components: all components of its node are lost.
    lost = [
        component
        for component, name in enumerate(network.component_names)
        if network.component_node[component] == defect.node
        and (not defect.components or name in defect.components)
    ]
    touched = {link for component in lost for link in network.links_of_component(component)}
    assert touched and not others & touched


@pytest.mark.parametrize("seed", [1, 2])
def test_every_kind_once_gives_its_alarms_and_no_others(seed: int) -> None:
    network = build_network(60, seed=seed)
    faults = schedule(network, START_NS, SECONDS, seed, list(KINDS))
    payloads = [a.payload for a in generate(network, faults, START_NS, SECONDS, seed)]
    outputs = replay(payloads, list(topology(network, faults)), mode="stream")

    result = score(outputs.events, [fault.to_json() for fault in faults])
    assert {fault.kind for fault in faults} == set(KINDS)
    assert not result.missed and not result.false_alarms
    assert result.raised_once == result.cleared_once == len(result.findings)
    assert not outputs.late
    reasons = {line["reason"] for line in outputs.invalid}
    assert reasons >= {reason for fault in faults for reason in fault.invalid_reasons}


def test_schedule_repeats_by_seed() -> None:
    network = build_network(200, seed=1)
    assert schedule(network, START_NS, 150, 5, 40) == schedule(network, START_NS, 150, 5, 40)
    assert schedule(network, START_NS, 150, 5, 40) != schedule(network, START_NS, 150, 6, 40)


def test_faults_lie_on_links_of_their_own_within_the_time() -> None:
    network = build_network(300, seed=1)
    faults = schedule(network, START_NS, SECONDS, 1, 60)
    links = [link for fault in faults for link in fault.links]

    assert len(faults) == 60 and len({fault.fault_id for fault in faults}) == 60
    assert len(links) == len(set(links))
    for fault in faults:
        assert fault.onset_ns >= START_NS + 6 * SECOND_NS
        clear_s = 34 if fault.kind == "degrade_warn" else 14
        assert fault.end_ns <= START_NS + (SECONDS - clear_s) * SECOND_NS


def test_short_runs_get_the_kinds_that_fit() -> None:
    faults = schedule(build_network(200, seed=1), START_NS, 60, 1, 20)
    assert "learned_degrade" not in {fault.kind for fault in faults}


@pytest.mark.parametrize(
    ("links", "seconds", "faults", "message"),
    [
        (60, 150, ["gremlins"], "unknown fault kind 'gremlins'"),
        (60, 30, ["cut"], "'cut' needs 43 seconds"),
        (2, 150, ["cut"] * 3, "no free link is left for a fault of kind 'cut'"),
        (4, 150, 100, "100 faults do not fit"),
    ],
)
def test_what_does_not_fit_is_refused(
    links: int, seconds: int, faults: int | list[str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        schedule(build_network(links, seed=1), START_NS, seconds, 1, faults)


def test_topology_names_the_maintenance_around_its_fault() -> None:
    network, fault = place("maintenance")
    windows = {link.link_id: list(link.maintenance) for link in topology(network, [fault])}
    (window,) = windows.pop(link_id(fault.links[0]))

    assert window.start_unix_ns < fault.onset_ns
    assert window.end_unix_ns > fault.end_ns + 12 * SECOND_NS
    assert not any(windows.values())


@pytest.mark.parametrize(
    ("shape", "values_db"),
    [
        (Shape.STEP, [0, 4, 4, 4, 4, 4, 4, 4, 4, 0]),
        (Shape.RAMP, [0, 0, 1, 2, 3, 4, 4, 4, 4, 0]),
        (Shape.FLAP, [0, 4.5, 4.5, 3.5, 3.5, 4.5, 4.5, 3.5, 3.5, 0]),
    ],
)
def test_shapes(shape: Shape, values_db: list[float]) -> None:
    effect = Effect(0, Quantity.LOSS, SECOND_NS, 9 * SECOND_NS, 4.0, shape)
    assert [effect.at(second * SECOND_NS) for second in range(10)] == values_db
