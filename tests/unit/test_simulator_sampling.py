"""When nodes sample: phases, jitter, clocks, and slow refreshes."""

import numpy as np
import pytest

from schema import pm_report_pb2 as pm
from simulator.fault_model import SECOND_NS
from simulator.network import build_network
from simulator.sampling import Readings, Sampling
from simulator.signals import Signals

START_NS = 1_767_268_800 * SECOND_NS
SECONDS = 80
NETWORK = build_network(200, seed=1)


def seconds(sampling: Sampling) -> list[Readings]:
    signals = Signals(NETWORK, [], START_NS, SECONDS, 1, sampling)
    return [signals.second(number) for number in range(SECONDS)]


def sample_s(readings: list[Readings]) -> np.ndarray:
    """Returns sample times by second and component, from the start of that second."""
    sample_ns = np.array([r.sample_ns - START_NS for r in readings])
    return sample_ns / SECOND_NS - np.arange(len(readings))[:, None]


def test_each_node_has_a_phase_and_a_jitter_of_its_own() -> None:
    times_s = sample_s(seconds(Sampling()))
    assert times_s.min() > 0 and times_s.max() < 1
    assert times_s.mean(axis=0).min() < 0.2 and times_s.mean(axis=0).max() > 0.8
    jitter_s = times_s.std(axis=0)
    assert 0.0005 < jitter_s.min() < 0.004 and 0.015 < jitter_s.max() < 0.025


def test_samples_around_the_second_miss_some_windows_and_hit_others_twice() -> None:
    readings = seconds(Sampling(around_second=True))
    times_s = sample_s(readings)
    assert np.abs(times_s).max() < 0.15
    windows = np.array([r.sample_ns // SECOND_NS for r in readings])
    assert {0, 1, 2} <= set(np.unique(np.diff(windows, axis=0)).tolist())


def test_clocks_differ_from_the_truth() -> None:
    good, bad = seconds(Sampling(clock_s=0)), seconds(Sampling(clock_s=3))
    for right, wrong in zip(good, bad, strict=True):
        assert (wrong.send_ns == right.send_ns).all()
        for name in ("sample_ns", "collect_ns"):
            off_s = (getattr(wrong, name) - getattr(right, name)) / SECOND_NS
            assert -3 <= off_s.min() < -2 and 2 < off_s.max() <= 3
        at_node_s = (wrong.collect_ns - right.collect_ns)[NETWORK.component_node]
        assert (wrong.sample_ns - right.sample_ns == at_node_s).all()


def test_some_nodes_refresh_their_readings_now_and_then() -> None:
    readings = seconds(Sampling(refresh_share=0.5))
    received = np.array([r.values[pm.INPUT_POWER] for r in readings])
    times_ns = np.array([r.sample_ns for r in readings])
    fresh = np.diff(received, axis=0) != 0
    slow = fresh.mean(axis=0) < 0.5
    assert 0.25 < slow.mean() < 0.75 and fresh[:, ~slow].all()
    gaps_s = [np.diff(np.flatnonzero(column)) for column in fresh.T[slow]]
    assert all(len(set(gap.tolist())) <= 1 for gap in gaps_s)
    gaps = {int(gap[0]) for gap in gaps_s if len(gap)}
    assert min(gaps) >= 5 and max(gaps) <= 30 and len(gaps) > 3
    # Half of these nodes repeat the old time with the old reading.
    at_rx_ns = times_ns[:, NETWORK.rx_component]
    moves = np.diff(at_rx_ns, axis=0) != 0
    keeps = slow & ~moves.all(axis=0)
    assert (moves[:, keeps] == fresh[:, keeps]).all()
    assert 0.2 < keeps.sum() / slow.sum() < 0.8


@pytest.mark.parametrize(
    "wrong", [{"clock_s": -1}, {"clock_s": float("nan")}, {"refresh_share": 1.5}]
)
def test_options_out_of_range_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Sampling(**wrong)
