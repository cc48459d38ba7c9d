"""Writes readings as PmReport messages, all values of a second at once.

Protobuf's own classes take microseconds per value, and a network has millions of values per
second. So every PmValue is written with all of its fields. That gives it a fixed width, and numpy
fills the values of all nodes as one array of wire-format records. Protobuf writes the rest.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from schema import pm_report_pb2 as pm
from schema.capture import varint
from simulator.network import FloatArray, IntArray, Network, node_id
from simulator.sampling import Readings
from simulator.signals import FLOOR_DBM


@dataclass(frozen=True, slots=True)
class _Meter:
    """How a quantity is reported: unit, decimals, and its spread within a second."""

    unit: pm.Unit
    decimals: int
    spread: float


_POWER = _Meter(pm.DBM, 2, 0.02)
_METERS: dict[pm.PmType, _Meter] = {
    pm.INPUT_POWER: _POWER,
    pm.OUTPUT_POWER: _POWER,
    pm.INPUT_POWER_OSC: _POWER,
    pm.OUTPUT_POWER_OSC: _POWER,
    pm.TARGET_GAIN: _Meter(pm.DB, 2, 0.0),
    pm.ACTUAL_GAIN: _Meter(pm.DB, 2, 0.02),
    pm.ACTUAL_GAIN_TILT: _Meter(pm.DB, 2, 0.01),
    pm.LASER_BIAS_CURRENT: _Meter(pm.MA, 2, 0.1),
    pm.OPTICAL_RETURN_LOSS: _Meter(pm.DB, 2, 0.05),
    pm.Q_VALUE: _Meter(pm.DB, 2, 0.02),
    pm.OSNR: _Meter(pm.DB, 2, 0.05),
    pm.PRE_FEC_BER: _Meter(pm.RATIO, 8, 1e-6),
}
_TX_TYPES = (
    pm.OUTPUT_POWER,
    pm.TARGET_GAIN,
    pm.ACTUAL_GAIN,
    pm.ACTUAL_GAIN_TILT,
    pm.LASER_BIAS_CURRENT,
    pm.OPTICAL_RETURN_LOSS,
)
_SPARE_TYPES = (pm.Q_VALUE, pm.OSNR, pm.PRE_FEC_BER)

# Wire types of protobuf: a field starts with its number and its encoding.
_VARINT, _FIXED64, _DELIMITED = 0, 1, 2


def _tag(field: int, wire_type: int) -> int:
    return field << 3 | wire_type


_STATISTICS = ("instant", "avg", "min", "max")
# A PmValue in a ComponentPm: field 5, its length, and its fields 1 to 7, each behind its tag.
_PM_VALUE = np.dtype(
    [("value_tag", "u1"), ("length", "u1"), ("type_tag", "u1"), ("type", "u1")]
    + [field for name in _STATISTICS for field in ((f"{name}_tag", "u1"), (name, "<f8"))]
    + [("no_light_tag", "u1"), ("no_light", "u1"), ("unit_tag", "u1"), ("unit", "u1")]
)
_TIME_TAG = bytes([_tag(2, _VARINT)])
_TIME_BYTES = 9
# How a node reports darkness: by flag, by minus infinity, or only by its floor.
_BY_FLAG, _BY_INFINITY, _DARK_STYLES = 0, 1, 3


class ReportEncoder:
    """Encodes one report per node and second, in order of node."""

    def __init__(self, network: Network, seed: int) -> None:
        self._rng = np.random.default_rng((seed, 4))
        component, value_type, index = _list_values(network)
        node = network.component_node[component]
        self._values = _blank_values(value_type)
        self._rows = {
            kind: rows for kind in _METERS if len(rows := np.flatnonzero(value_type == kind))
        }
        self._index = {kind: index[rows] for kind, rows in self._rows.items()}
        self._dark_style = {
            kind: node[rows] // 3 % _DARK_STYLES for kind, rows in self._rows.items()
        }
        components = np.arange(len(network.component_node) + 1)
        self._value_offsets = np.searchsorted(component, components) * _PM_VALUE.itemsize
        self._heads = _component_heads(network, self._value_offsets)
        self._first_component = np.searchsorted(
            network.component_node, np.arange(network.node_count + 1)
        ).tolist()

    def encode(self, readings: Readings, sequence: int) -> Iterator[bytes]:
        """Encodes the readings of a second under this sequence number."""
        for kind in self._rows:
            self._fill(kind, readings.values[kind])
        values = self._values.tobytes()
        times = _to_varints(readings.sample_ns).tobytes()
        offsets = self._value_offsets.tolist()
        heads = self._heads
        for node, collect_ns in enumerate(readings.collect_ns.tolist()):
            report = pm.PmReport(
                node_id=node_id(node),
                collect_time_unix_ns=collect_ns,
                sequence=sequence,
                clock_state=pm.SYNCHRONIZED,
            )
            parts = [report.SerializeToString()]
            for c in range(self._first_component[node], self._first_component[node + 1]):
                parts += (
                    heads[c],
                    times[c * _TIME_BYTES : (c + 1) * _TIME_BYTES],
                    values[offsets[c] : offsets[c + 1]],
                )
            yield b"".join(parts)

    def _fill(self, kind: pm.PmType, readings: FloatArray) -> None:
        rows, meter = self._rows[kind], _METERS[kind]
        instant = np.round(readings[self._index[kind]], meter.decimals)
        spread = np.abs(self._rng.standard_normal((3, len(rows)), dtype=np.float32)) * meter.spread
        avg = instant + spread[0]
        low = instant - spread[1]
        high = avg + spread[2]
        if meter is _POWER:
            dark = instant <= FLOOR_DBM
            style = self._dark_style[kind]
            floor = np.where(style == _BY_INFINITY, -np.inf, FLOOR_DBM)
            for series in (instant, avg, low, high):
                series[dark] = floor[dark]
            self._values["no_light"][rows] = dark & (style == _BY_FLAG)
        for name, series in zip(_STATISTICS, (instant, avg, low, high), strict=True):
            self._values[name][rows] = np.round(series, meter.decimals)


def _list_values(network: Network) -> tuple[IntArray, IntArray, IntArray]:
    """Lists all values of a second in the order of their components.

    Returns:
        By value: its component, its type, and the index of its reading.
    """
    spans = np.arange(2 * network.link_count)
    osc_spans = spans[np.repeat(network.has_osc, 2)]
    spares = np.arange(network.spare_count)
    is_line = np.zeros(len(network.component_node), dtype=bool)
    is_line[network.tx_component] = True
    is_line[network.rx_component] = True
    spare_components = np.flatnonzero(~is_line)
    groups: list[tuple[pm.PmType, IntArray, IntArray]] = [
        (kind, network.tx_component, spans) for kind in _TX_TYPES
    ]
    groups += [
        (pm.INPUT_POWER, network.rx_component, spans),
        (pm.OUTPUT_POWER_OSC, network.tx_component[osc_spans], osc_spans),
        (pm.INPUT_POWER_OSC, network.rx_component[osc_spans], osc_spans),
    ]
    groups += [(kind, spare_components, spares) for kind in _SPARE_TYPES]
    component = np.concatenate([group[1] for group in groups])
    value_type = np.concatenate([np.full(len(group[1]), group[0]) for group in groups])
    index = np.concatenate([group[2] for group in groups])
    order = np.lexsort((value_type, component))
    return component[order], value_type[order], index[order]


def _blank_values(value_type: IntArray) -> npt.NDArray[np.void]:
    """Returns the value records with their constant fields filled in."""
    values = np.zeros(len(value_type), dtype=_PM_VALUE)
    values["value_tag"] = _tag(5, _DELIMITED)
    values["length"] = _PM_VALUE.itemsize - 2
    values["type_tag"] = _tag(1, _VARINT)
    values["type"] = value_type
    for field, name in enumerate(_STATISTICS, start=2):
        values[f"{name}_tag"] = _tag(field, _FIXED64)
    values["no_light_tag"] = _tag(6, _VARINT)
    values["unit_tag"] = _tag(7, _VARINT)
    for kind, meter in _METERS.items():
        values["unit"][value_type == kind] = meter.unit
    return values


def _component_heads(network: Network, value_offsets: IntArray) -> list[bytes]:
    """Returns, by component, the bytes before its sample time on the wire."""
    heads = []
    for name, size in zip(network.component_names, np.diff(value_offsets).tolist(), strict=True):
        fixed = pm.ComponentPm(
            component=name, validity=pm.COMPLETE, admin_state=pm.ENABLED
        ).SerializeToString()
        length = len(fixed) + len(_TIME_TAG) + _TIME_BYTES + size
        heads.append(bytes([_tag(5, _DELIMITED)]) + varint(length) + fixed + _TIME_TAG)
    return heads


def _to_varints(times_ns: IntArray) -> npt.NDArray[np.uint8]:
    """Returns instants as varints, which have nine bytes between the years 1972 and 2262."""
    shifts = 7 * np.arange(_TIME_BYTES)
    varints = (times_ns[:, None] >> shifts & 0x7F).astype(np.uint8)
    varints[:, :-1] |= 0x80
    return varints
