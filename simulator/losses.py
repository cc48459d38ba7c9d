"""Computes the span losses of a few links, second by second, from a capture."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError

from schema import pm_report_pb2 as pm
from schema.topology_pb2 import FiberLink
from simulator.fault_model import SECOND_NS
from simulator.network import BoolArray, FloatArray

DIRECTIONS = ("AZ", "ZA")
_DARK_DBM = -35.0
# Farther from the median of all times there is nothing to see [s].
_LONGEST_S = 86_400
_VALID_DBM = (-70.0, 35.0)

# Link, direction and type of a power; then sample time and reading of each power, by second.
_Role = tuple[str, str, pm.PmType]
_Powers = defaultdict[_Role, dict[int, tuple[int, float]]]


@dataclass(frozen=True, slots=True)
class LossSeries:
    """The losses of a link, second by second, by direction; NaN where there is none."""

    windows_ns: npt.NDArray[np.int64]
    loss_db: dict[str, FloatArray]
    dark: dict[str, BoolArray]


def measure(payloads: Iterable[bytes], links: Sequence[FiberLink]) -> dict[str, LossSeries]:
    """Computes the losses of links, by link id, from serialized reports.

    Raises:
        ValueError: There is no report of these links.
    """
    roles = _roles(links)
    nodes = {node for node, _ in roles}
    powers: _Powers = defaultdict(dict)
    for payload in payloads:
        try:
            report = pm.PmReport.FromString(payload)
        except DecodeError:
            continue
        if report.node_id in nodes:
            _collect(report, roles, powers)
    if not powers:
        raise ValueError("the capture has no report of these links")
    seconds = np.array([second for series in powers.values() for second in series])
    # A clock may be years ahead.
    near = seconds[np.abs(seconds - np.median(seconds)) <= _LONGEST_S]
    windows = np.arange(near.min(), near.max() + 1)
    return {link.link_id: _series(link.link_id, windows, powers) for link in links}


def _roles(links: Iterable[FiberLink]) -> dict[tuple[str, str], list[_Role]]:
    """Returns, by node and component, the powers that it measures and of which link."""
    roles: defaultdict[tuple[str, str], list[_Role]] = defaultdict(list)
    for link in links:
        for direction, near, far in (
            ("AZ", link.a_end, link.z_end),
            ("ZA", link.z_end, link.a_end),
        ):
            launch: _Role = (link.link_id, direction, pm.OUTPUT_POWER)
            receive: _Role = (link.link_id, direction, pm.INPUT_POWER)
            roles[near.node_id, near.tx_component].append(launch)
            roles[far.node_id, far.rx_component].append(receive)
    return roles


def _collect(
    report: pm.PmReport, roles: dict[tuple[str, str], list[_Role]], powers: _Powers
) -> None:
    for component in report.components:
        of_component = roles.get((report.node_id, component.component), ())
        if component.validity == pm.SUSPECT or component.admin_state == pm.DISABLED:
            continue
        sample_ns = component.sample_time_unix_ns or report.collect_time_unix_ns
        for role in of_component:
            for value in component.values:
                reading_dbm = _reading_dbm(value)
                if value.type == role[2] and reading_dbm is not None:
                    seconds = powers[role]
                    second = sample_ns // SECOND_NS
                    seconds[second] = max(seconds.get(second, (0, 0.0)), (sample_ns, reading_dbm))


def _reading_dbm(value: pm.PmValue) -> float | None:
    """Returns the reading of a power: minus infinity if dark, None if not valid."""
    reading = value.instant if value.HasField("instant") else value.avg
    if value.no_light or reading == -math.inf:
        return -math.inf
    if value.unit not in (pm.UNIT_UNSPECIFIED, pm.DBM):
        return None
    if not (value.HasField("instant") or value.HasField("avg")):
        return None
    low, high = _VALID_DBM
    if not low <= reading <= high:
        return None
    return -math.inf if reading <= _DARK_DBM else reading


def _series(link_id: str, windows: npt.NDArray[np.int64], powers: _Powers) -> LossSeries:
    loss_db, dark = {}, {}
    for direction in DIRECTIONS:
        launched, received = (
            np.array([powers[link_id, direction, kind].get(w, (0, math.nan))[1] for w in windows])
            for kind in (pm.OUTPUT_POWER, pm.INPUT_POWER)
        )
        dark[direction] = np.isneginf(launched) | np.isneginf(received)
        launched[dark[direction]] = math.nan
        loss_db[direction] = launched - received
    return LossSeries(windows * SECOND_NS, loss_db, dark)
