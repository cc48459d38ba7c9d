"""Faults whose alarms belong together, or do not: what incidents are tested by."""

from simulator.fault_model import Effect, Fault, Quantity
from simulator.network import Network
from simulator.site import DARK_DB, Site

# The six links of two ducts break within 4 s, each no later than this after the one before it.
_NEXT_BREAK_S = 0.8
# A cut starves what is downstream almost at once.
_STARVED_AFTER_S = 0.9
_NEIGHBOR_LOSS_DB = (3.7, 5.2)


def bridge_cut(site: Site) -> Fault:
    """The cable on a bridge is torn, and with it both ducts that cross it, link by link.

    No shared risk is common to all links: the two of the bridge tie the ducts together.
    """
    links = links_of_bridge(site.network, site.link)
    effects: list[Effect] = []
    after_s = 0.0
    for link in links:
        for span in (2 * link, 2 * link + 1):
            effects += site.attenuated(span, start_ns=site.after(after_s))
        after_s += site.rng.uniform(0.0, _NEXT_BREAK_S)
    expected = tuple(site.alarm("BOTH", "FIBER_CUT", link=link) for link in links)
    return site.fault("BOTH", effects, expected, links=links)


def starved_chain(site: Site) -> Fault:
    """A cut, and no light from A to Z on the next two links behind it."""
    first, *fed = chain(site.network, site.link)
    effects = list(site.cut())
    for link in fed:
        start_ns = site.after(site.rng.uniform(0.0, _STARVED_AFTER_S))
        effects.append(site.effect(2 * link, Quantity.LAUNCH, -DARK_DB, start_ns=start_ns))
    expected = [site.alarm("BOTH", "FIBER_CUT", link=first)]
    expected += [site.alarm("AZ", "UPSTREAM_POWER_LOSS", link=link) for link in fed]
    return site.fault("BOTH", effects, tuple(expected), links=[first, *fed])


def two_cuts(site: Site) -> Fault:
    """Two links that have nothing in common are cut in the same second."""
    links = far_apart(site.network, site.link)
    effects = [e for link in links for s in (2 * link, 2 * link + 1) for e in site.attenuated(s)]
    expected = tuple(
        site.alarm("BOTH", "FIBER_CUT", link=link, cause=cause) for cause, link in enumerate(links)
    )
    return site.fault("BOTH", effects, expected, links=links)


def cut_beside_degrade(site: Site) -> Fault:
    """A cut, and in the same second a dirty connector on another link of the duct."""
    link, other, *_ = site.network.srlg_links(site.link)
    amount_db = site.rng.uniform(*_NEIGHBOR_LOSS_DB)
    effects: list[Effect] = []
    for span in (2 * link, 2 * link + 1):
        effects += site.attenuated(span)
    for span in (2 * other, 2 * other + 1):
        effects += site.attenuated(span, amount_db)
    expected = (
        site.alarm("BOTH", "FIBER_CUT", link=link),
        site.alarm("BOTH", "FIBER_DEGRADE", link=other, cause=1),
    )
    return site.fault("BOTH", effects, expected, links=[link, other])


def links_of_bridge(network: Network, link: int) -> list[int]:
    """Returns the links of both ducts of a bridge, the two on the bridge in the middle."""
    first, *others = [network.srlg_links(crossing) for crossing in network.bridge_links(link)]
    return [*reversed(first), *(other for duct in others for other in duct)]


def chain(network: Network, link: int) -> list[int]:
    """Returns a link and the next two that carry its light on, as far as there are any."""
    links = [link]
    while len(links) < 3 and (fed := network.fed_link(links[-1])) is not None:
        links.append(fed)
    return links


def far_apart(network: Network, link: int) -> list[int]:
    """Returns a link and one on the other side of the ring, if there is one."""
    a_node = link % network.node_count
    other = link - a_node + (a_node + network.node_count // 2) % network.node_count
    return [link, other] if other < network.link_count else [link]
