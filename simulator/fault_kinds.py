"""Defines the kinds of faults: their effects on powers, and the alarms they must raise."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from simulator.fault_model import (
    SECOND_NS,
    Defect,
    DefectKind,
    Direction,
    Effect,
    Expected,
    Fault,
    Maintenance,
    Quantity,
    Shape,
)
from simulator.network import BoolArray, Network, link_id

# More than any loss budget: a launch or a fiber that changes by this much is dark.
_DARK_DB = 80.0

# Added losses for each code, farther from its thresholds than noise and drift reach.
_LOSSES_DB = {
    "FIBER_DEGRADE_WARN": (1.6, 2.4),
    "FIBER_DEGRADE": (3.7, 5.2),
    "FIBER_DEGRADE_SEVERE": (6.7, 9.0),
}


@dataclass(frozen=True, slots=True)
class Site:
    """Where and when a fault strikes."""

    network: Network
    link: int
    onset_ns: int
    end_ns: int
    rng: np.random.Generator

    @property
    def both(self) -> tuple[int, int]:
        """The two spans of the link."""
        return 2 * self.link, 2 * self.link + 1

    def one(self) -> tuple[int, Direction]:
        """Returns a random span of the link, and its direction."""
        reverse = int(self.rng.integers(2))
        return 2 * self.link + reverse, "ZA" if reverse else "AZ"

    def effect(
        self, span: int, quantity: Quantity, amount_db: float, shape: Shape = Shape.STEP
    ) -> Effect:
        """Returns an effect that lasts from onset to end."""
        return Effect(span, quantity, self.onset_ns, self.end_ns, amount_db, shape)

    def attenuated(
        self, span: int, amount_db: float, shape: Shape = Shape.STEP
    ) -> tuple[Effect, ...]:
        """Returns the effects of more loss in the fiber, on both signal and OSC."""
        return (
            self.effect(span, Quantity.LOSS, amount_db, shape),
            self.effect(span, Quantity.OSC_LOSS, amount_db, shape),
        )

    def fault(
        self,
        direction: Direction,
        effects: Iterable[Effect] = (),
        *,
        alarm: tuple[str, str] | None = None,
        links: tuple[int, ...] | None = None,
        suppressed: bool = False,
        defects: tuple[Defect, ...] = (),
        maintenance: tuple[Maintenance, ...] = (),
        invalid_reasons: tuple[str, ...] = (),
    ) -> Fault:
        """Returns a fault here that must raise `alarm` (family, code) on each of its links."""
        links = (self.link,) if links is None else links
        return Fault(
            fault_id="",
            kind="",
            links=links,
            direction=direction,
            onset_ns=self.onset_ns,
            end_ns=self.end_ns,
            effects=tuple(effects),
            defects=defects,
            expected=tuple(Expected(link_id(link), *alarm, direction, suppressed) for link in links)
            if alarm
            else (),
            maintenance=maintenance,
            invalid_reasons=invalid_reasons,
        )


def _cut(site: Site) -> Fault:
    effects = [e for span in site.both for e in site.attenuated(span, _DARK_DB)]
    return site.fault("BOTH", effects, alarm=("FIBER", "FIBER_CUT"))


def _cut_als(site: Site) -> Fault:
    # Automatic laser shutdown: the transmitters go dark just under a second after the cut, while
    # the OSC stays on. The window of the cut still has a lit transmitter and a dark receiver.
    shutdown_ns = site.onset_ns + int(site.rng.uniform(0.95, 0.98) * SECOND_NS)
    effects = [e for span in site.both for e in site.attenuated(span, _DARK_DB)]
    effects += [
        Effect(span, Quantity.LAUNCH, shutdown_ns, site.end_ns, -_DARK_DB) for span in site.both
    ]
    return site.fault("BOTH", effects, alarm=("FIBER", "FIBER_CUT"))


def _strand_cut(site: Site) -> Fault:
    span, direction = site.one()
    return site.fault(direction, site.attenuated(span, _DARK_DB), alarm=("FIBER", "FIBER_CUT"))


def _cable_cut(site: Site) -> Fault:
    effects = []
    links = site.network.srlg_links(site.link)
    for link in links:
        # The fibers of a cable break one after the other.
        start_ns = site.onset_ns + int(site.rng.uniform(0.0, 0.9) * SECOND_NS)
        for span in (2 * link, 2 * link + 1):
            effects += [
                Effect(span, quantity, start_ns, site.end_ns, _DARK_DB)
                for quantity in (Quantity.LOSS, Quantity.OSC_LOSS)
            ]
    return site.fault("BOTH", effects, alarm=("FIBER", "FIBER_CUT"), links=tuple(links))


def _degrade(site: Site, code: str, shape: Shape = Shape.STEP) -> Fault:
    effects: list[Effect] = []
    for span in site.both:
        effects += site.attenuated(span, site.rng.uniform(*_LOSSES_DB[code]), shape)
    return site.fault("BOTH", effects, alarm=("FIBER", code))


def _dip(site: Site) -> Fault:
    amount_db = site.rng.uniform(3.5, 8.0)
    start_ns, end_ns = site.onset_ns, site.onset_ns + SECOND_NS
    effects = [
        Effect(span, quantity, start_ns, end_ns, amount_db)
        for span in site.both
        for quantity in (Quantity.LOSS, Quantity.OSC_LOSS)
    ]
    return replace(site.fault("BOTH", effects), end_ns=end_ns)


def _contamination(site: Site) -> Fault:
    span, direction = site.one()
    effects = (
        *site.attenuated(span, site.rng.uniform(*_LOSSES_DB["FIBER_DEGRADE"])),
        site.effect(span, Quantity.RETURN_LOSS, -site.rng.uniform(8.0, 20.0)),
    )
    return site.fault(direction, effects, alarm=("FIBER", "FIBER_DEGRADE"))


def _amplifier_failure(site: Site) -> Fault:
    span, direction = site.one()
    effect = site.effect(span, Quantity.LAUNCH, -_DARK_DB)
    return site.fault(direction, (effect,), alarm=("SIGNAL", "UPSTREAM_POWER_LOSS"))


def _upstream_power_loss(site: Site) -> Fault:
    # Light is missing from A to Z on this link and on the next.
    links = tuple(_link_and_fed(site.network, site.link))
    effects = [site.effect(2 * link, Quantity.LAUNCH, -_DARK_DB) for link in links]
    return site.fault("AZ", effects, alarm=("SIGNAL", "UPSTREAM_POWER_LOSS"), links=links)


def _osc_failure(site: Site) -> Fault:
    span, direction = site.one()
    effect = site.effect(span, Quantity.OSC_LOSS, _DARK_DB)
    return site.fault(direction, (effect,), alarm=("OSC", "OSC_LOSS"))


def _signal_loss(site: Site) -> Fault:
    span, direction = site.one()
    effect = site.effect(span, Quantity.LOSS, _DARK_DB)
    return site.fault(direction, (effect,), alarm=("SIGNAL", "SIGNAL_LOSS_EQUIPMENT"))


def _miscabling(site: Site) -> Fault:
    # The receiver sees more light than was launched towards it.
    span, direction = site.one()
    gain_db = float(site.network.base_db[span]) + site.rng.uniform(2.5, 4.0)
    effect = site.effect(span, Quantity.LOSS, -gain_db)
    return site.fault(direction, (effect,), alarm=("TOPOLOGY", "TOPOLOGY_MISMATCH"))


def _channel_change(site: Site) -> Fault:
    # Channels are added or dropped: launched and received power move together.
    span, direction = site.one()
    amount_db = site.rng.uniform(1.0, 3.0) * site.rng.choice((-1.0, 1.0))
    return site.fault(direction, (site.effect(span, Quantity.LAUNCH, amount_db),))


def _flapping(site: Site) -> Fault:
    span, direction = site.one()
    return site.fault(
        direction, site.attenuated(span, 3.0, Shape.FLAP), alarm=("FIBER", "FIBER_DEGRADE")
    )


def _maintenance(site: Site) -> Fault:
    work = Maintenance(
        site.link, site.onset_ns - 5 * SECOND_NS, site.end_ns + _MAINTENANCE_AFTER_S * SECOND_NS
    )
    effects = [e for span in site.both for e in site.attenuated(span, _DARK_DB)]
    return site.fault(
        "BOTH", effects, alarm=("FIBER", "FIBER_CUT"), suppressed=True, maintenance=(work,)
    )


def _defect(site: Site, kind: DefectKind, end: int, components: Iterable[int]) -> Defect:
    network = site.network
    nodes = network.z_node if end % 2 else network.a_node
    names = {network.component_names[component] for component in components}
    return Defect(kind, int(nodes[end // 2]), tuple(sorted(names)), site.onset_ns, site.end_ns)


def _silent_end(site: Site) -> Fault:
    end, direction = site.one()
    defect = _defect(site, DefectKind.SILENT, end, _end_components(site.network, end))
    return site.fault(direction, defects=(defect,))


def _garbage(site: Site) -> Fault:
    end, direction = site.one()
    receiver = int(site.network.rx_component[end ^ 1])
    reasons = ("NOT_FINITE", "OUT_OF_RANGE", "UNIT_MISMATCH", "UNKNOWN_TYPE", "NO_READING")
    defect = _defect(site, DefectKind.GARBAGE, end, (receiver,))
    return site.fault(direction, defects=(defect,), invalid_reasons=reasons)


def _truncated(site: Site) -> Fault:
    defect = _defect(site, DefectKind.TRUNCATED, 2 * site.link, ())
    return site.fault("BOTH", defects=(defect,), invalid_reasons=("MALFORMED_PROTOBUF",))


def _end_components(network: Network, end: int) -> set[int]:
    return {int(network.tx_component[end]), int(network.rx_component[end ^ 1])}


def _only_link(network: Network, link: int) -> list[int]:
    return [link]


def _cable(network: Network, link: int) -> list[int]:
    return network.srlg_links(link)


def _link_and_fed(network: Network, link: int) -> list[int]:
    fed = network.fed_link(link)
    return [link] if fed is None else [link, fed]


def _links_of_end_components(network: Network, link: int) -> list[int]:
    components = _end_components(network, 2 * link) | _end_components(network, 2 * link + 1)
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
    return network.has_osc & network.has_base


def _with_cable(network: Network) -> BoolArray:
    # The first link of each duct that has a second one.
    firsts = min(network.node_count, network.link_count - network.node_count)
    return np.arange(network.link_count) < firsts


def _with_fed(network: Network) -> BoolArray:
    onward = np.arange(network.link_count) // network.node_count * network.node_count
    return onward + network.z_node < network.link_count


_CLEAR_S = 18
_CLEAR_WARN_S = 38
# Long enough for an alarm to clear within the maintenance window.
_MAINTENANCE_AFTER_S = _CLEAR_S


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
    # Whether the fault starts between two windows. Where the powers of both ends change together,
    # the sampling phase would otherwise decide which alarm the first window raises.
    aligned: bool = False


KINDS: dict[str, Kind] = {
    "cable_cut": Kind(_cable_cut, _with_cable, _cable),
    "upstream_power_loss": Kind(_upstream_power_loss, _with_fed, _link_and_fed, aligned=True),
    # A base takes 60 windows to learn.
    "learned_degrade": Kind(lambda s: _degrade(s, "FIBER_DEGRADE"), _without_base, lead_s=72),
    "truncated": Kind(_truncated, touches=_links_of_a_node, hold_s=(3, 5)),
    "silent_end": Kind(_silent_end, touches=_links_of_end_components),
    "garbage": Kind(_garbage, touches=_links_of_end_components),
    "cut": Kind(_cut),
    "cut_als": Kind(_cut_als, aligned=True),
    "strand_cut": Kind(_strand_cut),
    "degrade_warn": Kind(
        lambda s: _degrade(s, "FIBER_DEGRADE_WARN"),
        _with_base,
        hold_s=(22, 32),
        clear_s=_CLEAR_WARN_S,
    ),
    "degrade": Kind(lambda s: _degrade(s, "FIBER_DEGRADE"), _with_base),
    "degrade_severe": Kind(lambda s: _degrade(s, "FIBER_DEGRADE_SEVERE"), _with_base),
    "degrade_ramp": Kind(
        lambda s: _degrade(s, "FIBER_DEGRADE_SEVERE", Shape.RAMP), _with_base, hold_s=(40, 50)
    ),
    "dip": Kind(_dip, _with_base, aligned=True),
    "contamination": Kind(_contamination, _with_base),
    "amplifier_failure": Kind(_amplifier_failure, aligned=True),
    "osc_failure": Kind(_osc_failure, _with_osc),
    "signal_loss": Kind(_signal_loss, _with_osc),
    "miscabling": Kind(_miscabling),
    "channel_change": Kind(_channel_change),
    "flapping": Kind(_flapping, _with_base, hold_s=(24, 40), aligned=True),
    "maintenance": Kind(_maintenance, lead_s=10),
}
"""Every kind by name, the hardest to place first."""
