"""A place and a time for a fault, and the parts that a fault there is made of."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

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
from simulator.network import Network, link_id

#: More than any loss budget: a launch or a fiber that changes by this much is dark.
DARK_DB = 80.0


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
        span = 2 * self.link + int(self.rng.integers(2))
        return span, direction_of(span)

    def after(self, seconds: float) -> int:
        """Returns the instant that lies `seconds` after the onset."""
        return self.onset_ns + int(seconds * SECOND_NS)

    def effect(
        self,
        span: int,
        quantity: Quantity,
        amount_db: float,
        shape: Shape = Shape.STEP,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> Effect:
        """Returns an effect that lasts from onset to end, unless said otherwise."""
        start_ns = self.onset_ns if start_ns is None else start_ns
        end_ns = self.end_ns if end_ns is None else end_ns
        return Effect(span, quantity, start_ns, end_ns, amount_db, shape)

    def attenuated(
        self,
        span: int,
        amount_db: float = DARK_DB,
        shape: Shape = Shape.STEP,
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> tuple[Effect, ...]:
        """Returns the effects of more loss in the fiber, on both signal and OSC: dark, or less."""
        return tuple(
            self.effect(span, quantity, amount_db, shape, start_ns=start_ns, end_ns=end_ns)
            for quantity in (Quantity.LOSS, Quantity.OSC_LOSS)
        )

    def cut(self) -> tuple[Effect, ...]:
        """Returns the effects of a cut of both fibers."""
        return tuple(effect for span in self.both for effect in self.attenuated(span))

    def alarm(
        self,
        direction: Direction,
        *codes: str,
        link: int | None = None,
        since_ns: int | None = None,
        suppressed: bool = False,
        clear_reason: str = "NORMAL",
        last: Direction | None = None,
        cause: int = 0,
    ) -> Expected:
        """Returns an alarm that must be raised here, at one of these codes."""
        return Expected(
            link_id(self.link if link is None else link),
            codes,
            direction,
            self.onset_ns if since_ns is None else since_ns,
            suppressed,
            clear_reason,
            last,
            cause,
        )

    def data_missing(
        self, components: Iterable[int], since_ns: int | None = None
    ) -> tuple[Expected, ...]:
        """Returns the alarms of all links that miss a power which these components read."""
        network = self.network
        lost = list(components)
        spans = np.isin(network.tx_component, lost) | np.isin(network.rx_component, lost)
        by_link: defaultdict[int, list[int]] = defaultdict(list)
        for span in np.flatnonzero(spans).tolist():
            by_link[span // 2].append(span)
        return tuple(
            self.alarm(
                direction_of(missing[0]) if len(missing) == 1 else "BOTH",
                "PM_DATA_MISSING",
                link=link,
                since_ns=since_ns,
            )
            for link, missing in by_link.items()
        )

    def defects(
        self,
        kind: DefectKind,
        components: Collection[int],
        word: str = "",
        *,
        start_ns: int | None = None,
        end_ns: int | None = None,
    ) -> tuple[Defect, ...]:
        """Returns a defect of these components, one for each node that they belong to."""
        by_node: defaultdict[int, set[str]] = defaultdict(set)
        for component in components:
            node = int(self.network.component_node[component])
            by_node[node].add(self.network.component_names[component])
        start_ns = self.onset_ns if start_ns is None else start_ns
        end_ns = self.end_ns if end_ns is None else end_ns
        return tuple(
            Defect(kind, node, tuple(sorted(names)), start_ns, end_ns, word)
            for node, names in by_node.items()
        )

    def says(
        self, word: str, components: Collection[int], start_ns: int | None = None
    ) -> tuple[Defect, ...]:
        """Returns the defect of components that use a word of their own for no light."""
        # Reports have whole seconds. Where there is light, the word makes no difference.
        start_ns = self.onset_ns - SECOND_NS if start_ns is None else start_ns
        end_ns = self.end_ns + SECOND_NS
        return self.defects(DefectKind.WORD, components, word, start_ns=start_ns, end_ns=end_ns)

    def fault(
        self,
        direction: Direction,
        effects: Iterable[Effect] = (),
        expected: tuple[Expected, ...] = (),
        *,
        links: Collection[int] = (),
        end_ns: int | None = None,
        defects: tuple[Defect, ...] = (),
        maintenance: tuple[Maintenance, ...] = (),
        in_maintenance: tuple[int, ...] = (),
        invalid_reasons: tuple[str, ...] = (),
    ) -> Fault:
        """Returns a fault here, that touches this link alone unless it names its links."""
        return Fault(
            fault_id="",
            kind="",
            links=tuple(links) or (self.link,),
            direction=direction,
            onset_ns=self.onset_ns,
            end_ns=self.end_ns if end_ns is None else end_ns,
            effects=tuple(effects),
            defects=defects,
            expected=expected,
            maintenance=maintenance,
            in_maintenance=in_maintenance,
            invalid_reasons=invalid_reasons,
        )


def direction_of(span: int) -> Direction:
    """Returns the direction of a span."""
    return "ZA" if span % 2 else "AZ"


def end_components(network: Network, end: int) -> set[int]:
    """Returns the components at one end of a link, which has the number of the span it sends."""
    return {int(network.tx_component[end]), int(network.rx_component[end ^ 1])}


def link_components(network: Network, link: int) -> set[int]:
    """Returns the components at both ends of a link."""
    return end_components(network, 2 * link) | end_components(network, 2 * link + 1)
