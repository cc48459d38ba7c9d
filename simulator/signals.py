"""Simulates what components measure: powers with noise, drift and the effects of faults."""

import math
from collections import defaultdict
from collections.abc import Iterable

import numpy as np

from schema import pm_report_pb2 as pm
from simulator.fault_model import SECOND_NS, Effect, Fault, Quantity
from simulator.network import FloatArray, Network
from simulator.sampling import Readings, Sampler, Sampling

# Below this, a receiver or a launch monitor sees no light.
FLOOR_DBM = -40.0

# First-order autoregressive noise: x' = _PHI * x + white noise, of the given standard deviation.
_PHI = 0.9
_LOSS_NOISE_DB = (0.02, 0.045)
_LAUNCH_NOISE_DB = 0.03

# How far a healthy link strays from its base: since turn-up, and over the day.
_AGEING_DB = 0.05
_DIURNAL_DB = 0.1
_DAY_NS = 86_400 * SECOND_NS

_GAIN_DB = 20.0
_BIAS_MA = 180.0
_RETURN_LOSS_DB = 42.0


class Signals:
    """The light on all spans, second by second, under the given faults."""

    def __init__(
        self,
        network: Network,
        faults: Iterable[Fault],
        start_ns: int,
        seconds: int,
        seed: int,
        sampling: Sampling | None = None,
    ) -> None:
        self._network = network
        self._start_ns = start_ns
        self._rng = rng = np.random.default_rng((seed, 3))
        spans = 2 * network.link_count
        self._sampler = Sampler(network, sampling or Sampling(), start_ns, seed)
        self._ageing_db = rng.uniform(-_AGEING_DB, _AGEING_DB, spans)
        self._diurnal_phase = np.repeat(rng.uniform(0.0, 2 * math.pi, network.link_count), 2)
        self._loss_sigma_db = rng.uniform(*_LOSS_NOISE_DB, spans)
        self._loss_noise_db = self._loss_sigma_db * rng.standard_normal(spans)
        self._launch_noise_db = _LAUNCH_NOISE_DB * rng.standard_normal(spans)
        self._spare_noise = rng.standard_normal(network.spare_count)
        self._effects = _by_second(faults, start_ns, seconds)

    def second(self, number: int) -> Readings:
        """Measures one second. Call in order from 0: noise depends on the previous second."""
        network, rng = self._network, self._rng
        second_ns = self._start_ns + number * SECOND_NS
        instants = self._sampler.instants(number)
        sample_ns = instants.sample_ns
        _step(self._loss_noise_db, self._loss_sigma_db, rng)
        _step(self._launch_noise_db, _LAUNCH_NOISE_DB, rng)
        _step(self._spare_noise, 1.0, rng)

        drift_db = self._ageing_db + _DIURNAL_DB * np.sin(
            2 * math.pi * (second_ns % _DAY_NS) / _DAY_NS + self._diurnal_phase
        )
        launched_dbm = network.launch_dbm + self._launch_noise_db
        tx_dbm = launched_dbm.copy()
        rx_dbm = launched_dbm - network.base_db - drift_db - self._loss_noise_db
        # The OSC shares the fiber, and so most of the noise, with the signal.
        osc_noise_db = self._loss_noise_db + 0.01 * rng.standard_normal(len(tx_dbm))
        rx_osc_dbm = network.launch_osc_dbm - network.base_osc_db - drift_db - osc_noise_db
        return_loss_db = _RETURN_LOSS_DB + rng.uniform(-0.1, 0.1, len(tx_dbm))

        for effect in self._effects[number]:
            span = effect.span
            at_tx = effect.at(int(sample_ns[network.tx_component[span]]))
            at_rx = effect.at(int(sample_ns[network.rx_component[span]]))
            if effect.quantity is Quantity.LAUNCH:
                tx_dbm[span] += at_tx
                rx_dbm[span] += at_rx
            elif effect.quantity is Quantity.LOSS:
                rx_dbm[span] -= at_rx
            elif effect.quantity is Quantity.OSC_LOSS:
                rx_osc_dbm[span] -= at_rx
            else:
                return_loss_db[span] += at_tx

        lit = tx_dbm > FLOOR_DBM
        values = {
            pm.OUTPUT_POWER: tx_dbm,
            pm.INPUT_POWER: rx_dbm,
            pm.OUTPUT_POWER_OSC: network.launch_osc_dbm,
            pm.INPUT_POWER_OSC: rx_osc_dbm,
            pm.TARGET_GAIN: np.full(len(tx_dbm), _GAIN_DB),
            pm.ACTUAL_GAIN: np.where(lit, _GAIN_DB + self._launch_noise_db, 0.0),
            pm.ACTUAL_GAIN_TILT: -0.5 + self._launch_noise_db,
            pm.LASER_BIAS_CURRENT: np.where(lit, _BIAS_MA + 10 * self._launch_noise_db, 0.0),
            pm.OPTICAL_RETURN_LOSS: return_loss_db,
            pm.Q_VALUE: 9.0 + 0.1 * self._spare_noise,
            pm.OSNR: 22.0 + 0.2 * self._spare_noise,
            pm.PRE_FEC_BER: 10.0 ** (-3.0 - 0.05 * self._spare_noise),
        }
        return self._sampler.report(number, values, instants)


def _by_second(faults: Iterable[Fault], start_ns: int, seconds: int) -> list[list[Effect]]:
    by_second: defaultdict[int, list[Effect]] = defaultdict(list)
    for fault in faults:
        for effect in fault.effects:
            first = max((effect.start_ns - start_ns) // SECOND_NS, 0)
            last = min((effect.end_ns - start_ns) // SECOND_NS, seconds)
            # A node that samples around the full second takes the next sample just before it.
            for number in range(first, last + 2):
                by_second[number].append(effect)
    return [by_second[number] for number in range(seconds)]


def _step(noise: FloatArray, sigma: FloatArray | float, rng: np.random.Generator) -> None:
    noise *= _PHI
    noise += math.sqrt(1 - _PHI**2) * sigma * rng.standard_normal(len(noise))
