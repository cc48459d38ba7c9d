"""Faults of equipment: amplifiers, pumps, cards and cables, while the fiber is sound."""

from dataclasses import replace

from simulator.fault_model import Direction, Effect, Fault, Quantity
from simulator.network import Network
from simulator.site import DARK_DB, Site

# What a Raman pump adds to the signal, and not to the OSC.
_RAMAN_DB = (11.0, 14.0)
# Farther below the base than the lower bound, 3 dB, and not as far as a mismatch.
_BETTER_DB = (3.7, 5.0)


def amplifier_failure(site: Site) -> Fault:
    """An amplifier sends nothing; the other direction is lit."""
    span, direction = site.one()
    effect = site.effect(span, Quantity.LAUNCH, -DARK_DB)
    return site.fault(direction, (effect,), (site.alarm(direction, "UPSTREAM_POWER_LOSS"),))


def upstream_power_loss(site: Site) -> Fault:
    """Light is missing from A to Z on this link and on the next."""
    links = link_and_fed(site.network, site.link)
    effects = [site.effect(2 * link, Quantity.LAUNCH, -DARK_DB) for link in links]
    expected = tuple(site.alarm("AZ", "UPSTREAM_POWER_LOSS", link=link) for link in links)
    return site.fault("AZ", effects, expected, links=links)


def osc_failure(site: Site) -> Fault:
    """The OSC is not received, the signal is."""
    span, direction = site.one()
    effect = site.effect(span, Quantity.OSC_LOSS, DARK_DB)
    return site.fault(direction, (effect,), (site.alarm(direction, "OSC_LOSS"),))


def signal_loss(site: Site) -> Fault:
    """A card receives nothing, while the OSC shows that the fiber is sound."""
    span, direction = site.one()
    effect = site.effect(span, Quantity.LOSS, DARK_DB)
    return site.fault(direction, (effect,), (site.alarm(direction, "SIGNAL_LOSS_EQUIPMENT"),))


def signal_loss_after_a_long_span(site: Site) -> Fault:
    """A card receives nothing, on a link whose OSC is always received at -38 dBm."""
    return replace(signal_loss(site), long_links=(site.link,))


def raman_off(site: Site) -> Fault:
    """A Raman pump fails: the signal loses what the fiber does not."""
    span, direction = site.one()
    effect = site.effect(span, Quantity.LOSS, site.rng.uniform(*_RAMAN_DB))
    expected = tuple(
        site.alarm(direction, code) for code in ("SIGNAL_DEGRADE", "SPAN_LOSS_OUT_OF_RANGE")
    )
    return site.fault(direction, (effect,), expected)


def raman_on(site: Site) -> Fault:
    """A Raman pump is switched on, and the base was taken without it."""
    span, direction = site.one()
    effect = site.effect(span, Quantity.LOSS, -site.rng.uniform(*_RAMAN_DB))
    return _less_loss(site, direction, effect)


def miscabling(site: Site) -> Fault:
    """The receiver sees more light than was launched towards it."""
    span, direction = site.one()
    gain_db = float(site.network.base_db[span]) + site.rng.uniform(2.5, 4.0)
    return _less_loss(site, direction, site.effect(span, Quantity.LOSS, -gain_db))


def better_than_planned(site: Site) -> Fault:
    """A span loses less than its lower bound: a part of the route is not the planned one."""
    span, direction = site.one()
    effects = site.attenuated(span, -site.rng.uniform(*_BETTER_DB))
    return site.fault(direction, effects, (site.alarm(direction, "SPAN_LOSS_OUT_OF_RANGE"),))


def channel_change(site: Site) -> Fault:
    """Channels are added or dropped: launched and received power move together."""
    span, direction = site.one()
    amount_db = site.rng.uniform(1.0, 6.0) * site.rng.choice((-1.0, 1.0))
    return site.fault(direction, (site.effect(span, Quantity.LAUNCH, amount_db),))


def link_and_fed(network: Network, link: int) -> list[int]:
    """Returns a link, and the one that carries its light on."""
    fed = network.fed_link(link)
    return [link] if fed is None else [link, fed]


def _less_loss(site: Site, direction: Direction, effect: Effect) -> Fault:
    codes = ("TOPOLOGY_MISMATCH", "SPAN_LOSS_OUT_OF_RANGE")
    return site.fault(direction, (effect,), tuple(site.alarm(direction, code) for code in codes))
