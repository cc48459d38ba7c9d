"""Lists the kinds of faults: who makes them, where they may strike, how long they last."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from simulator import data_faults, equipment_faults, fiber_faults, incident_faults
from simulator.corrupt import LEFT_OUT, NO_LIGHT, STALE
from simulator.equipment_faults import link_and_fed
from simulator.fault_model import Fault, Shape
from simulator.incident_faults import chain, far_apart, links_of_bridge
from simulator.network import BoolArray, Network
from simulator.site import Site, link_components

#: How devices say that there is no light: words that are read as such, and words that are not.
KNOWN_WORDS = (NO_LIGHT, STALE, "-inf", "-40", "-60", "-70", "-99", "-255")
UNREADABLE_WORDS = (LEFT_OUT, "nan", "655.35", "2147483647")

_CLEAR_S = 18
_CLEAR_WARN_S = 38
_CLEAR_JITTER_S = 70
# The work ends after the alarm has cleared.
_CLEAR_WORK_S = 42
# Losses from which the launched power, or its floor, is far enough.
_LOSS_OF_A_ZERO_DB = 7.0
_LOSS_OF_A_FLOOR_DB = 8.0
# Two ducts of three links.
_BRIDGED_LINKS = 6


def _only_link(network: Network, link: int) -> list[int]:
    return [link]


def _cable(network: Network, link: int) -> list[int]:
    return network.srlg_links(link)


def _links_of_components(network: Network, link: int) -> list[int]:
    components = link_components(network, link)
    return sorted({other for c in components for other in network.links_of_component(c)})


def _links_of_a_node(network: Network, link: int) -> list[int]:
    return [int(other) for other in network.links_of_node(int(network.a_node[link]))]


def _any(network: Network) -> BoolArray:
    return np.ones(network.link_count, dtype=bool)


def _with_base(network: Network) -> BoolArray:
    return network.has_base


def _without_base(network: Network) -> BoolArray:
    return ~network.has_base


def _with_osc(network: Network) -> BoolArray:
    return network.has_osc & _with_base(network)


def _without_osc(network: Network) -> BoolArray:
    return ~network.has_osc


def _with_cable(network: Network) -> BoolArray:
    # The first link of each duct that has a second one.
    firsts = min(network.node_count, network.link_count - network.node_count)
    return np.arange(network.link_count) < firsts


def _with_bridge(network: Network) -> BoolArray:
    cut = [links_of_bridge(network, link) for link in range(network.link_count)]
    return np.array([len(links) == _BRIDGED_LINKS for links in cut])


def _with_duct_base(network: Network) -> BoolArray:
    ducts = [network.srlg_links(link) for link in range(network.link_count)]
    return np.array([len(duct) > 1 and bool(network.has_base[duct[1]]) for duct in ducts])


def _with_chain(network: Network) -> BoolArray:
    return np.array([len(chain(network, link)) == 3 for link in range(network.link_count)])


def _with_far(network: Network) -> BoolArray:
    return np.array([len(far_apart(network, link)) == 2 for link in range(network.link_count)])


def _with_fed(network: Network) -> BoolArray:
    onward = np.arange(network.link_count) // network.node_count * network.node_count
    return onward + network.z_node < network.link_count


def _far_from_zero(network: Network) -> BoolArray:
    too_much_db = network.base_db[::2] - network.launch_dbm[::2]
    return (too_much_db > _LOSS_OF_A_ZERO_DB) & _with_base(network)


def _far_from_floor(network: Network) -> BoolArray:
    least_db = np.minimum(network.base_db[::2], network.base_db[1::2])
    return (least_db > _LOSS_OF_A_FLOOR_DB) & _with_base(network)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault, and what the scheduler must know about it."""

    make: Callable[[Site], Fault]
    # By link: may the fault strike here?
    suits: Callable[[Network], BoolArray] = _any
    # The links that a fault at a link touches.
    touches: Callable[[Network, int], list[int]] = _only_link
    # Shortest and longest duration.
    hold_s: tuple[int, int] = (15, 30)
    # Time from its end until its alarm has cleared.
    clear_s: int = _CLEAR_S
    # Time from the start of the reports to the earliest onset.
    lead_s: int = 6


KINDS: dict[str, Kind] = {
    # A base takes 60 windows to learn.
    "learned_degrade": Kind(
        lambda s: fiber_faults.degrade(s, "FIBER_DEGRADE"), _without_base, lead_s=72
    ),
    "bridge_cut": Kind(incident_faults.bridge_cut, _with_bridge, links_of_bridge),
    "starved_chain": Kind(incident_faults.starved_chain, _with_chain, chain),
    "two_cuts": Kind(incident_faults.two_cuts, _with_far, far_apart),
    "cut_beside_degrade": Kind(incident_faults.cut_beside_degrade, _with_duct_base, _cable),
    "silent_node": Kind(data_faults.silent_node, touches=_links_of_a_node),
    "truncated": Kind(data_faults.truncated, touches=_links_of_a_node, hold_s=(5, 8)),
    # How a device says that there is no light holds for all links of its component.
    "dark_as_zero": Kind(fiber_faults.said_as_zero, _far_from_zero, _links_of_components),
    "cable_cut": Kind(fiber_faults.cable_cut, _with_cable, _cable),
    "upstream_power_loss": Kind(equipment_faults.upstream_power_loss, _with_fed, link_and_fed),
    "silent_end": Kind(data_faults.silent_end, touches=_links_of_components),
    "garbage": Kind(data_faults.garbage, touches=_links_of_components),
    "ports_in_maintenance": Kind(
        fiber_faults.ports_in_maintenance,
        touches=_links_of_components,
        clear_s=_CLEAR_WORK_S,
        lead_s=12,
    ),
    "out_of_service": Kind(
        fiber_faults.taken_out_of_service, touches=_links_of_components, hold_s=(30, 40)
    ),
    "cut": Kind(fiber_faults.cut),
    "cut_als": Kind(fiber_faults.cut_with_shutdown, _with_osc),
    "cut_als_no_osc": Kind(fiber_faults.cut_with_shutdown, _without_osc),
    "strand_cut": Kind(fiber_faults.strand_cut),
    "short_outage": Kind(fiber_faults.short_outage, hold_s=(4, 4)),
    "half_repaired": Kind(fiber_faults.half_repaired, hold_s=(30, 45)),
    "half_silent": Kind(fiber_faults.half_silent, touches=_links_of_components, hold_s=(30, 45)),
    "dark_word": Kind(lambda s: fiber_faults.said_as(s, KNOWN_WORDS), touches=_links_of_components),
    "dark_unreadable": Kind(
        lambda s: fiber_faults.said_unreadably(s, UNREADABLE_WORDS), touches=_links_of_components
    ),
    "dark_floor": Kind(
        fiber_faults.floor_of_30, _far_from_floor, _links_of_components, hold_s=(32, 45)
    ),
    "degrade_warn": Kind(
        lambda s: fiber_faults.degrade(s, "FIBER_DEGRADE_WARN"),
        _with_base,
        hold_s=(22, 32),
        clear_s=_CLEAR_WARN_S,
    ),
    "degrade": Kind(lambda s: fiber_faults.degrade(s, "FIBER_DEGRADE"), _with_base),
    "degrade_severe": Kind(lambda s: fiber_faults.degrade(s, "FIBER_DEGRADE_SEVERE"), _with_base),
    "degrade_ramp": Kind(
        lambda s: fiber_faults.degrade(s, "FIBER_DEGRADE_SEVERE", Shape.RAMP),
        _with_base,
        hold_s=(40, 50),
    ),
    "dip": Kind(fiber_faults.dip, _with_base),
    "dips": Kind(fiber_faults.dips, _with_base, hold_s=(60, 60), clear_s=_CLEAR_JITTER_S),
    "contamination": Kind(fiber_faults.contamination, _with_base),
    "flapping": Kind(fiber_faults.flapping, _with_base, hold_s=(24, 40)),
    "better_than_planned": Kind(equipment_faults.better_than_planned, _with_base),
    "amplifier_failure": Kind(equipment_faults.amplifier_failure),
    "osc_failure": Kind(equipment_faults.osc_failure, _with_osc),
    "signal_loss": Kind(equipment_faults.signal_loss, _with_osc),
    "long_span": Kind(equipment_faults.signal_loss_after_a_long_span, _with_osc),
    "raman_off": Kind(equipment_faults.raman_off, _with_osc),
    "raman_on": Kind(equipment_faults.raman_on, _with_base),
    "miscabling": Kind(equipment_faults.miscabling),
    "channel_change": Kind(equipment_faults.channel_change),
    "maintenance": Kind(fiber_faults.planned_work, clear_s=_CLEAR_WORK_S, lead_s=10),
    "link_in_maintenance": Kind(fiber_faults.link_in_maintenance),
    "clock_ahead": Kind(data_faults.clock_ahead, lead_s=10),
    "new_type": Kind(data_faults.new_type, lead_s=10),
}
"""Every kind by name, the hardest to place first."""
