import numpy as np
import pytest

from schema import pm_report_pb2 as pm
from simulator.fault_kinds import KINDS
from simulator.fault_model import SECOND_NS, Effect, Quantity, Shape
from simulator.faults import schedule, topology
from simulator.network import build_network, link_id
from simulator.reports import generate
from simulator.score import score
from simulator.score_incidents import score_incidents
from simulator.site import link_components
from tests.oracle import replay
from tests.simulated import (
    SECONDS,
    START_NS,
    deltas,
    middle,
    place,
    powers_of,
    spans,
    spans_of,
)


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


@pytest.mark.parametrize("kind", ["cut_als", "cut_als_no_osc"])
@pytest.mark.parametrize("seed", range(1, 6))
def test_laser_shutdown_follows_the_cut_within_a_second(kind: str, seed: int) -> None:
    network, fault = place(kind, seed)
    cut = [e for e in fault.effects if e.quantity is Quantity.LOSS]
    shutdown = [e for e in fault.effects if e.quantity is Quantity.LAUNCH]
    assert {e.span for e in cut} == {e.span for e in shutdown} == {*spans_of(fault)}
    for effect in shutdown:
        assert 0.1 <= (effect.start_ns - fault.onset_ns) / SECOND_NS <= 0.9

    powers = powers_of(network, fault, fault.links[0])
    for direction in ("AZ", "ZA"):
        for power in (pm.OUTPUT_POWER, pm.INPUT_POWER):
            assert np.isneginf(powers[direction, power][middle(fault)]).all()
        assert not np.isneginf(powers[direction, pm.OUTPUT_POWER_OSC]).any()
    (alarm,) = fault.expected
    assert network.has_osc[fault.links[0]] == (alarm.codes == ("FIBER_CUT",))


def test_faults_start_anywhere_in_a_second() -> None:
    network = build_network(200, seed=1)
    for kind in ("amplifier_failure", "cut_als", "dip", "flapping", "upstream_power_loss"):
        faults = schedule(network, START_NS, SECONDS, 1, [kind] * 20)
        phases_s = [fault.onset_ns % SECOND_NS / SECOND_NS for fault in faults]
        assert min(phases_s) < 0.3 and max(phases_s) > 0.7


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


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_dip_takes_at_most_one_window(seed: int) -> None:
    network, fault = place("dip", seed)
    powers = powers_of(network, fault, fault.links[0])
    for direction in ("AZ", "ZA"):
        assert (deltas(network, powers, fault.links[0], direction) > 3).sum() <= 1


def test_flapping_crosses_the_threshold_but_never_the_clear_threshold() -> None:
    network, fault = place("flapping")
    powers = powers_of(network, fault, fault.links[0])
    delta_db = deltas(network, powers, fault.links[0], fault.direction)
    within = delta_db[middle(fault)]
    assert (within > 2).all() and (within < 6).all()
    high = within >= 3
    assert (high[1:] & high[:-1]).any() and (~high[1:] & ~high[:-1]).any()


@pytest.mark.parametrize("kind", ["amplifier_failure", "upstream_power_loss"])
def test_without_launch_both_ends_are_dark_and_the_other_direction_is_lit(kind: str) -> None:
    network, fault = place(kind)
    for link in fault.links:
        powers = powers_of(network, fault, link)
        other = "ZA" if fault.direction == "AZ" else "AZ"
        for power in (pm.OUTPUT_POWER, pm.INPUT_POWER):
            dark = np.isneginf(powers[fault.direction, power])
            assert dark[middle(fault)].all() and dark.sum() < SECONDS / 2
            assert not np.isneginf(powers[other, power]).any()


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
    silent = {
        end: np.isnan(np.array([powers[sent, pm.OUTPUT_POWER], powers[received, pm.INPUT_POWER]]))[
            :, middle(fault)
        ]
        for end, sent, received in (("A", "AZ", "ZA"), ("Z", "ZA", "AZ"))
    }
    assert silent["A"].all() != silent["Z"].all()
    assert silent["A"].any() != silent["Z"].any()


@pytest.mark.parametrize("kind", ["truncated", "silent_node", "silent_end", "garbage"])
def test_bad_data_touches_no_other_fault(kind: str) -> None:
    network = build_network(60, seed=1)
    faults = schedule(network, START_NS, SECONDS, 1, [kind, *(["cut"] * 10)])
    (bad,) = (fault for fault in faults if fault.kind == kind)
    (defect,) = bad.defects
    others = {link for fault in faults if fault is not bad for link in fault.links}
    # A report that is cut off or missing names no components: all of its node are lost.
    lost = [
        component
        for component, name in enumerate(network.component_names)
        if network.component_node[component] == defect.node
        and (not defect.components or name in defect.components)
    ]
    touched = {link for component in lost for link in network.links_of_component(component)}
    assert touched and not others & touched


@pytest.mark.parametrize("kind", ["half_silent", "dark_word", "dark_unreadable", "dark_floor"])
def test_what_a_component_says_otherwise_touches_no_other_fault(kind: str) -> None:
    any_shared = False
    for seed in range(1, 9):
        network = build_network(60, seed=seed)
        faults = schedule(network, START_NS, SECONDS, seed, [kind, *(["cut"] * 10)])
        (odd,) = (fault for fault in faults if fault.kind == kind)
        others = {link for fault in faults if fault is not odd for link in fault.links}
        shared = {
            link
            for component in link_components(network, odd.links[0])
            for link in network.links_of_component(component)
        }
        any_shared |= len(shared) > 1
        assert not others & shared
    assert any_shared


@pytest.mark.parametrize("seed", [1, 3])
def test_every_kind_once_gives_its_alarms_and_no_others(seed: int) -> None:
    network = build_network(100, seed=seed)
    faults = schedule(network, START_NS, SECONDS, seed, KINDS)
    payloads = [a.payload for a in generate(network, faults, START_NS, SECONDS, seed)]
    outputs = replay(payloads, list(topology(network, faults)), mode="stream")

    result = score(outputs.events, [fault.to_json() for fault in faults])
    assert {fault.kind for fault in faults} == set(KINDS)
    assert not result.missed and not result.false_alarms
    incidents = score_incidents(result, outputs.incidents)
    assert not sum(incidents.parted.values()) and not sum(incidents.merged.values())
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
        clear_s = KINDS[fault.kind].clear_s
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
