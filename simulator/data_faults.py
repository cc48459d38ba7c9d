"""Faults of the data: it is missing, unreadable, from another time, or of a new kind."""

import numpy as np

from simulator.fault_model import SECOND_NS, Defect, DefectKind, Fault, Quantity
from simulator.site import DARK_DB, Site, end_components, link_components

_CLOCK_BEFORE_NS = 3 * SECOND_NS


def silent_end(site: Site) -> Fault:
    """The components at one end of a link are missing from the reports."""
    end, _ = site.one()
    components = end_components(site.network, end)
    return site.fault(
        "BOTH",
        expected=site.data_missing(components),
        defects=site.defects(DefectKind.SILENT, components),
    )


def silent_node(site: Site) -> Fault:
    """A node sends no reports; sometimes it has no power, and sends no light either."""
    network, node = site.network, int(site.network.a_node[site.link])
    components = np.flatnonzero(network.component_node == node).tolist()
    without_power = bool(site.rng.integers(2))
    sent = np.flatnonzero(np.isin(network.tx_component, components)).tolist()
    return site.fault(
        "BOTH",
        [site.effect(span, Quantity.LAUNCH, -DARK_DB) for span in sent if without_power],
        site.data_missing(components),
        links=network.links_of_node(node).tolist(),
        defects=(_of_node(site, DefectKind.NO_REPORT),),
    )


def truncated(site: Site) -> Fault:
    """The reports of a node are cut off."""
    network, node = site.network, int(site.network.a_node[site.link])
    components = np.flatnonzero(network.component_node == node).tolist()
    return site.fault(
        "BOTH",
        expected=site.data_missing(components),
        links=network.links_of_node(node).tolist(),
        defects=(_of_node(site, DefectKind.TRUNCATED),),
        invalid_reasons=("MALFORMED_PROTOBUF",),
    )


def garbage(site: Site) -> Fault:
    """A received power cannot be used, for another reason each second."""
    span, direction = site.one()
    receiver = int(site.network.rx_component[span])
    return site.fault(
        direction,
        expected=(site.alarm(direction, "PM_DATA_MISSING"),),
        defects=site.defects(DefectKind.GARBAGE, {receiver}),
        invalid_reasons=(
            "NOT_FINITE",
            "OUT_OF_RANGE",
            "UNIT_MISMATCH",
            "UNKNOWN_TYPE",
            "NO_READING",
        ),
    )


def clock_ahead(site: Site) -> Fault:
    """A cut, just after a single report from a clock that is years ahead."""
    start_ns = site.onset_ns - _CLOCK_BEFORE_NS
    node = int(site.network.a_node[site.link])
    ahead = Defect(DefectKind.CLOCK, node, (), start_ns, start_ns + SECOND_NS)
    expected = (site.alarm("BOTH", "FIBER_CUT"),)
    return site.fault("BOTH", site.cut(), expected, defects=(ahead,))


def new_type(site: Site) -> Fault:
    """A cut, while both nodes report a type that nobody knows."""
    return site.fault(
        "BOTH",
        site.cut(),
        (site.alarm("BOTH", "FIBER_CUT"),),
        defects=site.defects(
            DefectKind.NEW_TYPE,
            link_components(site.network, site.link),
            start_ns=site.onset_ns - _CLOCK_BEFORE_NS,
        ),
        invalid_reasons=("UNKNOWN_TYPE",),
    )


def _of_node(site: Site, kind: DefectKind) -> Defect:
    node = int(site.network.a_node[site.link])
    return Defect(kind, node, (), site.onset_ns, site.end_ns)
