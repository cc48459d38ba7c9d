from collections import Counter

import numpy as np
import pytest
from google.protobuf.message import DecodeError

from schema import pm_report_pb2 as pm
from simulator.corrupt import corrupt
from simulator.encode import ReportEncoder
from simulator.fault_model import SECOND_NS, Defect, DefectKind
from simulator.faults import schedule
from simulator.losses import measure
from simulator.network import build_network
from simulator.reports import generate
from simulator.signals import FLOOR_DBM, Readings, Signals
from simulator.transport import Arrival, Transport

START_NS = 1_767_268_800 * SECOND_NS
IN_ORDER = Transport(disorder_rate=0)


def reports(
    links: int = 20,
    seconds: int = 5,
    seed: int = 1,
    transport: Transport = IN_ORDER,
    spares: int = 0,
) -> list[Arrival]:
    network = build_network(links, seed=1, spares=spares)
    return list(generate(network, [], START_NS, seconds, seed, transport))


def parsed(arrivals: list[Arrival]) -> list[pm.PmReport]:
    return [pm.PmReport.FromString(arrival.payload) for arrival in arrivals]


def test_same_seed_same_reports() -> None:
    disturbed = Transport(late_rate=0.1, duplicate_rate=0.1, missing_rate=0.1)
    assert reports(transport=disturbed) == reports(transport=disturbed)
    assert reports(seed=1) != reports(seed=2)


def test_one_report_per_node_and_second() -> None:
    counted = Counter((r.node_id, r.sequence) for r in parsed(reports(links=20, seconds=5)))
    assert counted == {(f"node-{n:06d}", s): 1 for n in range(5) for s in range(1, 6)}


def test_samples_lie_within_their_second_and_before_the_collection() -> None:
    for report in parsed(reports()):
        second_ns = START_NS + (report.sequence - 1) * SECOND_NS
        for component in report.components:
            assert second_ns < component.sample_time_unix_ns < second_ns + SECOND_NS
            assert component.sample_time_unix_ns <= report.collect_time_unix_ns


def test_values_are_whole_and_consistent() -> None:
    units = {pm.PRE_FEC_BER: pm.RATIO, pm.LASER_BIAS_CURRENT: pm.MA}
    dbm = (pm.INPUT_POWER, pm.OUTPUT_POWER, pm.INPUT_POWER_OSC, pm.OUTPUT_POWER_OSC)
    for report in parsed(reports(spares=1)):
        for component in report.components:
            assert component.component
            assert component.validity == pm.COMPLETE
            assert len({value.type for value in component.values}) == len(component.values) > 0
            for value in component.values:
                assert value.min <= min(value.instant, value.avg)
                assert value.max >= max(value.instant, value.avg)
                assert not value.no_light
                default = pm.DBM if value.type in dbm else pm.DB
                assert value.unit == units.get(value.type, default)


def test_encoded_powers_are_the_rounded_readings_and_dark_ones_are_marked() -> None:
    network = build_network(40, seed=1)
    readings = Signals(network, [], START_NS, 1, seed=1).second(0)
    readings.values[pm.INPUT_POWER][::2] = FLOOR_DBM - 20
    encoded = ReportEncoder(network, seed=1).encode(readings, sequence=1)
    received = _powers(list(encoded), pm.INPUT_POWER)

    places = [
        (f"node-{network.component_node[c]:06d}", network.component_names[c])
        for c in network.rx_component.tolist()
    ]
    dark, lit = [received[place] for place in places[::2]], [received[p] for p in places[1::2]]
    readings_dbm = readings.values[pm.INPUT_POWER][1::2].tolist()
    assert [value.instant for value in lit] == [round(dbm, 2) for dbm in readings_dbm]
    assert all(value.no_light or value.instant <= FLOOR_DBM for value in dark)
    assert len({(value.no_light, value.instant) for value in dark}) == 3


def _powers(payloads: list[bytes], kind: pm.PmType) -> dict[tuple[str, str], pm.PmValue]:
    return {
        (report.node_id, component.component): value
        for report in map(pm.PmReport.FromString, payloads)
        for component in report.components
        for value in component.values
        if value.type == kind
    }


def test_every_power_of_the_topology_is_reported() -> None:
    network = build_network(50, seed=1)
    payloads = [a.payload for a in generate(network, [], START_NS, 1, 1, IN_ORDER)]
    for kind, osc in (
        (pm.INPUT_POWER, False),
        (pm.OUTPUT_POWER, False),
        (pm.INPUT_POWER_OSC, True),
        (pm.OUTPUT_POWER_OSC, True),
    ):
        sends = kind in (pm.OUTPUT_POWER, pm.OUTPUT_POWER_OSC)
        wanted = {
            (end.node_id, end.tx_component if sends else end.rx_component)
            for link in network.links
            for end in (link.a_end, link.z_end)
            if end.has_osc or not osc
        }
        assert set(_powers(payloads, kind)) == wanted


def test_spares_are_in_no_link() -> None:
    network = build_network(20, seed=1, spares=2)
    used = {
        (end.node_id, component)
        for link in network.links
        for end in (link.a_end, link.z_end)
        for component in (end.tx_component, end.rx_component)
    }
    seen = {(r.node_id, c.component) for r in parsed(reports(spares=2)) for c in r.components}
    assert used < seen
    assert len(seen - used) == 2 * network.node_count


def test_a_healthy_link_stays_at_its_base() -> None:
    network = build_network(100, seed=4)
    arrivals = generate(network, [], START_NS, 120, seed=4)
    series = measure((arrival.payload for arrival in arrivals), network.links)
    for link, losses in enumerate(series.values()):
        for reverse, direction in enumerate(("AZ", "ZA")):
            delta_db = losses.loss_db[direction] - network.base_db[2 * link + reverse]
            # Below 0.5 dB a WARN clears; a base is learned within a spread of 0.5 dB.
            assert np.abs(delta_db).max() < 0.45
            assert 0.04 < np.ptp(delta_db) < 0.45


def test_losses_are_measured_beside_a_clock_that_is_years_ahead() -> None:
    network = build_network(20, seed=1)
    (fault,) = schedule(network, START_NS, 60, 1, ["clock_ahead"])
    arrivals = generate(network, [fault], START_NS, 60, seed=1)
    links = [network.links[fault.links[0]]]
    (series,) = measure((arrival.payload for arrival in arrivals), links).values()
    assert 55 < len(series.windows_ns) < 70


def test_noise_has_memory() -> None:
    network = build_network(100, seed=1)
    signals = Signals(network, [], START_NS, 200, seed=1)
    rx_dbm = np.array([signals.second(n).values[pm.INPUT_POWER] for n in range(200)])
    noise = rx_dbm - rx_dbm.mean(axis=0)
    correlation = (noise[1:] * noise[:-1]).mean() / (noise**2).mean()
    assert 0.8 < correlation < 0.95


def test_small_disorder_only_by_default() -> None:
    arrivals = reports(links=100, seconds=20, transport=Transport())
    collected = [r.collect_time_unix_ns for r in parsed(arrivals)]

    assert [a.send_ns for a in arrivals] == sorted(a.send_ns for a in arrivals)
    assert collected != sorted(collected)
    watermark_lag_ns = np.maximum.accumulate(collected) - np.array(collected)
    assert watermark_lag_ns.max() < 2 * SECOND_NS


def test_late_reports_miss_the_first_evaluation() -> None:
    transport = Transport(disorder_rate=0, late_rate=0.1, late_max_s=9)
    arrivals = reports(links=100, seconds=40, transport=transport)
    delays_s = [
        (a.send_ns - r.collect_time_unix_ns) / SECOND_NS
        for a, r in zip(arrivals, parsed(arrivals), strict=True)
    ]
    late = [delay_s for delay_s in delays_s if delay_s > 1]
    assert 0.05 < len(late) / len(arrivals) < 0.15
    assert min(late) >= 4 and max(late) <= 9 and max(late) > 8


def test_missing_and_repeated_reports() -> None:
    whole = {a.payload for a in reports(links=100, seconds=40)}
    few = reports(links=100, seconds=40, transport=Transport(disorder_rate=0, missing_rate=0.2))
    assert 0.7 < len(few) / len(whole) < 0.9
    assert {a.payload for a in few} < whole
    many = reports(links=100, seconds=40, transport=Transport(disorder_rate=0, duplicate_rate=0.2))
    assert 1.1 < len(many) / len(whole) < 1.3
    assert {a.payload for a in many} == whole


@pytest.mark.parametrize("rate", ["late_rate", "disorder_rate", "duplicate_rate", "missing_rate"])
@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_rates_are_shares(rate: str, share: float) -> None:
    with pytest.raises(ValueError, match=rate):
        Transport(**{rate: share})


def test_late_must_be_late() -> None:
    with pytest.raises(ValueError, match="late_max_s"):
        Transport(late_rate=0.1, late_max_s=3)


def _report() -> bytes:
    components = [
        pm.ComponentPm(
            component=name,
            values=[
                pm.PmValue(type=pm.INPUT_POWER, instant=-3.0, avg=-3.0),
                pm.PmValue(type=pm.OUTPUT_POWER, instant=12.0),
            ],
        )
        for name in ("line-1", "line-2")
    ]
    return pm.PmReport(
        node_id="n", collect_time_unix_ns=1, components=components
    ).SerializeToString()


def test_a_truncated_report_is_no_message() -> None:
    defect = Defect(DefectKind.TRUNCATED, 0, (), 0, 1)
    for arrival in reports(spares=1):
        with pytest.raises(DecodeError):
            pm.PmReport.FromString(corrupt(arrival.payload, defect, 0))


def test_a_silent_component_leaves_the_others() -> None:
    damaged = corrupt(_report(), Defect(DefectKind.SILENT, 0, ("line-1",), 0, 1), 0)
    assert [c.component for c in pm.PmReport.FromString(damaged).components] == ["line-2"]


def test_garbage_spoils_the_received_power_alone() -> None:
    whole = pm.PmReport.FromString(_report())
    faults = set()
    for number in range(6):
        defect = Defect(DefectKind.GARBAGE, 0, ("line-2",), 0, 1)
        report = pm.PmReport.FromString(corrupt(_report(), defect, number))
        assert report.components[0] == whole.components[0]
        assert report.components[1].values[1] == whole.components[1].values[1]
        value = report.components[1].values[0]
        faults.add(
            "not finite"
            if value.instant != value.instant
            else "range"
            if value.instant > 35
            else "unit"
            if value.unit == pm.MA
            else "type"
            if value.type != pm.INPUT_POWER
            else "no reading"
            if not value.HasField("instant") and not value.HasField("avg")
            else "suspect"
            if report.components[1].validity == pm.SUSPECT
            else "none"
        )
    assert faults == {"not finite", "range", "unit", "type", "no reading", "suspect"}


def test_readings_of_the_ends_are_taken_at_their_own_times() -> None:
    readings: Readings = Signals(build_network(60, seed=1), [], START_NS, 1, seed=1).second(0)
    phases_s = (readings.sample_ns - START_NS) / SECOND_NS
    assert phases_s.min() < 0.2 and phases_s.max() > 0.8
