"""Decides when nodes sample: their phases, jitter, clocks, and how often readings are refreshed."""

import math
from dataclasses import dataclass

import numpy as np

from schema import pm_report_pb2 as pm
from simulator.fault_model import SECOND_NS
from simulator.network import BoolArray, FloatArray, IntArray, Network

# When in its second a node samples: well inside of it, or around its start.
_INSIDE_S = (0.1, 0.9)
_AROUND_S = (-0.02, 0.02)
# Component samples of a node lie close together.
_COMPONENT_PHASE_S = 0.02
# Standard deviation of the time between samples, by node; nothing strays farther than 3 of it.
_JITTER_S = (0.001, 0.02)
_JITTER_AT_MOST = 3.0
# Time from the middle of the samples of a node until its report is collected.
_COLLECT_S = 0.03
_REFRESH_S = (5, 31)


@dataclass(frozen=True, slots=True)
class Sampling:
    """When nodes sample, and what they make of it.

    Attributes:
        around_second: samples lie around the full second, so that jitter moves them across it;
            otherwise each node has a phase of its own, inside of the second.
        clock_s: the clocks of nodes differ from the truth by at most this.
        refresh_share: share of the nodes that refresh their readings every 5 to 30 s only, and
            repeat them in between; half of these keep the old sample times, the others do not.
    """

    around_second: bool = False
    clock_s: float = 0.005
    refresh_share: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.clock_s < math.inf:
            raise ValueError("clock_s must be 0 or more")
        if not 0.0 <= self.refresh_share <= 1.0:
            raise ValueError("refresh_share must lie between 0 and 1")


@dataclass(frozen=True, slots=True)
class Instants:
    """True times of one second: of the samples by component, of the reports by node."""

    sample_ns: IntArray
    send_ns: IntArray


@dataclass(frozen=True, slots=True)
class Readings:
    """What all components report of one second.

    Values are indexed by span, those of transceivers by spare component. A power at or below
    FLOOR_DBM is dark.
    """

    values: dict[pm.PmType, FloatArray]
    # By component, by the clock of its node.
    sample_ns: IntArray
    # By node: when its report is collected, by its clock, and when it is sent in truth.
    collect_ns: IntArray
    send_ns: IntArray


class Sampler:
    """Says when components sample, and stamps what they have measured."""

    def __init__(self, network: Network, sampling: Sampling, start_ns: int, seed: int) -> None:
        self._rng = rng = np.random.default_rng((seed, 6))
        self._start_ns = start_ns
        self._component_node = network.component_node
        nodes = network.node_count
        self._phase_s = rng.uniform(*(_AROUND_S if sampling.around_second else _INSIDE_S), nodes)
        self._component_phase_s = rng.uniform(
            -_COMPONENT_PHASE_S, _COMPONENT_PHASE_S, len(network.component_node)
        )
        self._jitter_s = rng.uniform(*_JITTER_S, nodes)
        self._clock_ns = _to_ns(rng.uniform(-sampling.clock_s, sampling.clock_s, nodes))
        slow = rng.random(nodes) < sampling.refresh_share
        self._refresh_s = np.where(slow, rng.integers(*_REFRESH_S, nodes), 1)
        self._refresh_phase_s = rng.integers(0, _REFRESH_S[1], nodes)
        self._keeps_time = (rng.random(nodes) < 0.5)[network.component_node]
        self._read_by = {
            pm.OUTPUT_POWER: network.tx_component,
            pm.OUTPUT_POWER_OSC: network.tx_component,
            pm.INPUT_POWER: network.rx_component,
            pm.INPUT_POWER_OSC: network.rx_component,
        }
        self._shown: dict[pm.PmType, FloatArray] = {}
        self._shown_ns: IntArray | None = None

    def instants(self, number: int) -> Instants:
        """Returns when the components sample in second `number`."""
        second_ns = self._start_ns + number * SECOND_NS
        strays = self._rng.standard_normal(len(self._phase_s))
        node_s = self._phase_s + self._jitter_s * np.clip(strays, -_JITTER_AT_MOST, _JITTER_AT_MOST)
        return Instants(
            sample_ns=second_ns + _to_ns(node_s[self._component_node] + self._component_phase_s),
            send_ns=second_ns + _to_ns(node_s + _COLLECT_S),
        )

    def report(
        self, number: int, values: dict[pm.PmType, FloatArray], instants: Instants
    ) -> Readings:
        """Returns what is reported of second `number`, when `values` were measured in it."""
        sample_ns = instants.sample_ns + self._clock_ns[self._component_node]
        refreshed = (number + self._refresh_phase_s) % self._refresh_s == 0
        if self._shown_ns is not None and not refreshed.all():
            values, sample_ns = self._repeat(
                values, sample_ns, refreshed[self._component_node], self._shown_ns
            )
        self._shown, self._shown_ns = values, sample_ns
        return Readings(values, sample_ns, instants.send_ns + self._clock_ns, instants.send_ns)

    def _repeat(
        self,
        values: dict[pm.PmType, FloatArray],
        sample_ns: IntArray,
        refreshed: BoolArray,
        shown_ns: IntArray,
    ) -> tuple[dict[pm.PmType, FloatArray], IntArray]:
        stale = {
            kind: np.where(refreshed[components], values[kind], self._shown[kind])
            for kind, components in self._read_by.items()
        }
        kept_ns = np.where(~refreshed & self._keeps_time, shown_ns, sample_ns)
        return values | stale, kept_ns


def _to_ns(time_s: FloatArray) -> IntArray:
    return (time_s * SECOND_NS).astype(np.int64)
