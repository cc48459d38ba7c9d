"""Reads back what the simulator reports of a fault, second by second."""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from google.protobuf.message import DecodeError

from schema import pm_report_pb2 as pm
from simulator.fault_model import SECOND_NS, Fault
from simulator.faults import schedule
from simulator.network import Network, build_network
from simulator.reports import generate
from simulator.signals import FLOOR_DBM

START_NS = 1_767_268_800 * SECOND_NS
SECONDS = 150

# By direction and type of power: the reading of each second, -inf where dark, NaN where missing.
Powers = dict[tuple[str, int], np.ndarray]


class Reading(NamedTuple):
    """One power of a span, as it is reported."""

    second: int
    direction: str
    value: pm.PmValue
    component: pm.ComponentPm


def place(kind: str, seed: int = 1) -> tuple[Network, Fault]:
    """Places one fault of a kind on a network of its own."""
    network = build_network(60, seed=seed)
    (fault,) = schedule(network, START_NS, SECONDS, seed, [kind])
    return network, fault


def readings_of(network: Network, fault: Fault, link: int) -> Iterator[Reading]:
    """Yields what is reported of a link under a fault."""
    message = network.link(link)
    a_end, z_end = message.a_end, message.z_end
    for arrival in generate(network, [fault], START_NS, SECONDS, seed=1):
        if arrival.node_id not in (a_end.node_id, z_end.node_id):
            continue
        try:
            report = pm.PmReport.FromString(arrival.payload)
        except DecodeError:
            continue
        for sample in report.components:
            place = (report.node_id, sample.component)
            second = (sample.sample_time_unix_ns - START_NS) // SECOND_NS
            for value in sample.values:
                sends = value.type in (pm.OUTPUT_POWER, pm.OUTPUT_POWER_OSC)
                for direction, near, far in (("AZ", a_end, z_end), ("ZA", z_end, a_end)):
                    end = near if sends else far
                    component = end.tx_component if sends else end.rx_component
                    if place == (end.node_id, component):
                        yield Reading(second, direction, value, sample)


def powers_of(network: Network, fault: Fault, link: int) -> Powers:
    """Returns the powers of a link under a fault."""
    powers: Powers = defaultdict(lambda: np.full(SECONDS, math.nan))
    for second, direction, value, _ in readings_of(network, fault, link):
        dark = value.no_light or value.instant <= FLOOR_DBM
        if 0 <= second < SECONDS:
            powers[direction, value.type][second] = -math.inf if dark else value.instant
    return powers


def middle(fault: Fault) -> slice:
    """Returns the seconds that lie wholly within a fault."""
    return between(fault.onset_ns, fault.end_ns)


def between(start_ns: int, end_ns: int) -> slice:
    """Returns the seconds that lie wholly between two instants."""
    first = math.ceil((start_ns - START_NS) / SECOND_NS) + 1
    return slice(first, (end_ns - START_NS) // SECOND_NS)


def deltas(network: Network, powers: Powers, link: int, direction: str) -> np.ndarray:
    """Returns how far the losses of a span are above its base."""
    base_db = network.base_db[2 * link + (direction == "ZA")]
    return powers[direction, pm.OUTPUT_POWER] - powers[direction, pm.INPUT_POWER] - base_db


def spans_of(fault: Fault) -> tuple[int, int]:
    """Returns the spans of the first link of a fault."""
    return 2 * fault.links[0], 2 * fault.links[0] + 1


def spans(fault: Fault) -> list[str]:
    """Returns the directions that a fault strikes."""
    return ["AZ", "ZA"] if fault.direction == "BOTH" else [fault.direction]
