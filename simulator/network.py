"""A synthetic optical network: its nodes, fiber links and measuring components.

The data of a link is in numpy arrays or follows from its number; FiberLink messages are made on
demand. So hundreds of thousands of links fit into memory.

Numbering: link i has the ends 2i (A) and 2i + 1 (Z). End e launches into span e and receives
from span e ^ 1; hence span 2i runs from A to Z and span 2i + 1 from Z to A.
"""

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from schema.topology_pb2 import DEPLOYED, FiberLink, LinkEnd, OpticalService, Span

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_LINKS_PER_NODE = 4
_DUCT_LINKS = 3
_CUSTOMERS = 40
# A single span of more than 200 km: strong amplifiers, and an OSC received at -38 dBm.
_LONG_KM = 205.0
_LONG_BASE_DB, _LONG_BASE_OSC_DB = 43.0, 44.0
_LONG_LAUNCH_DBM, _LONG_LAUNCH_OSC_DBM = 20.0, 6.0
_CAPACITIES_GBPS = (100.0, 200.0, 400.0)


def link_id(link: int) -> str:
    """Returns the id of a link, by its number."""
    return f"link-{link:06d}"


def node_id(node: int) -> str:
    """Returns the id of a node, by its number."""
    return f"node-{node:06d}"


@dataclass(frozen=True, eq=False)
class Network:
    """Links, nodes and components; build one with `build_network`.

    Arrays are indexed by link, by span or by component, as their comments say.
    """

    node_count: int
    spare_count: int
    # By link.
    a_node: IntArray
    z_node: IntArray
    length_km: FloatArray
    # By span.
    base_db: FloatArray
    base_osc_db: FloatArray
    launch_dbm: FloatArray
    launch_osc_dbm: FloatArray
    tx_component: IntArray
    rx_component: IntArray
    # By component, in order of node.
    component_node: IntArray
    component_names: list[str]

    @property
    def link_count(self) -> int:
        """Number of links."""
        return len(self.a_node)

    @cached_property
    def links(self) -> list[FiberLink]:
        """All links as messages; for large networks, use `iter_links` instead."""
        return list(self.iter_links())

    def iter_links(self) -> Iterator[FiberLink]:
        """Makes the links one by one, in order of their number."""
        return map(self.link, range(self.link_count))

    @cached_property
    def has_osc(self) -> BoolArray:
        """By link: both ends have an optical supervisory channel; two links in three."""
        mask: BoolArray = np.arange(self.link_count) % 3 != 0
        return mask

    @cached_property
    def has_base(self) -> BoolArray:
        """By link: the topology gives the base losses; for one link in 20 they are learned."""
        mask: BoolArray = np.arange(self.link_count) % 20 != 10
        return mask

    def srlg(self, link: int) -> int | None:
        """Returns the shared risk link group: the first links that leave a node share its duct."""
        return int(self.a_node[link]) if link // self.node_count < _DUCT_LINKS else None

    def srlg_links(self, link: int) -> list[int]:
        """Returns the links that share the duct of this link, including itself."""
        if self.srlg(link) is None:
            return [link]
        ducts = range(link % self.node_count, self.link_count, self.node_count)
        return list(ducts[:_DUCT_LINKS])

    def bridge(self, link: int) -> int | None:
        """Returns the bridge that a link crosses: the first link of two nodes each, in pairs.

        So shared risks overlap: a duct and a bridge have one link in common.
        """
        return link // 2 if link < self.node_count - self.node_count % 2 else None

    def bridge_links(self, link: int) -> list[int]:
        """Returns the links that cross the bridge of this link, including itself."""
        bridge = self.bridge(link)
        if bridge is None:
            return [link]
        return [other for other in (2 * bridge, 2 * bridge + 1) if other < self.link_count]

    def fed_link(self, link: int) -> int | None:
        """Returns the link that carries the light on from the Z end of this one, if any."""
        onward = link - link % self.node_count + int(self.z_node[link])
        return onward if onward < self.link_count else None

    def links_of_node(self, node: int) -> IntArray:
        """Returns the links that end at a node."""
        return np.flatnonzero((self.a_node == node) | (self.z_node == node))

    def links_of_component(self, component: int) -> set[int]:
        """Returns the links that a component serves; an in-line amplifier serves two."""
        spans = np.flatnonzero((self.tx_component == component) | (self.rx_component == component))
        return {int(span) // 2 for span in spans}

    def with_long_links(self, links: Collection[int]) -> Self:
        """Returns this network with other links in these places: as long as links can be."""
        if not links:
            return self
        long = np.isin(np.arange(self.link_count), list(links))
        span = np.repeat(long, 2)
        return replace(
            self,
            length_km=np.where(long, _LONG_KM, self.length_km),
            base_db=np.where(span, _LONG_BASE_DB, self.base_db),
            base_osc_db=np.where(span, _LONG_BASE_OSC_DB, self.base_osc_db),
            launch_dbm=np.where(span, _LONG_LAUNCH_DBM, self.launch_dbm),
            launch_osc_dbm=np.where(span, _LONG_LAUNCH_OSC_DBM, self.launch_osc_dbm),
        )

    def link(self, link: int) -> FiberLink:
        """Returns a link as a message."""
        risks = (("srlg", self.srlg(link)), ("bridge", self.bridge(link)))
        feeding = link - link % self.node_count + self._node_before(link)
        return FiberLink(
            link_id=link_id(link),
            name=f"{node_id(int(self.a_node[link]))} - {node_id(int(self.z_node[link]))}",
            a_end=self._end(2 * link),
            z_end=self._end(2 * link + 1),
            az=self._span(2 * link),
            za=self._span(2 * link + 1),
            srlg_ids=[f"{name}-{risk:06d}" for name, risk in risks if risk is not None],
            lifecycle_state=DEPLOYED,
            protected=link % 7 == 3,
            services=[_service(link, number) for number in range(_service_count(link))],
            upstream_link_ids=[link_id(feeding)] if feeding < self.link_count else [],
            version=1,
        )

    def _node_before(self, link: int) -> int:
        hop = int(self.z_node[link] - self.a_node[link])
        return (int(self.a_node[link]) - hop) % self.node_count

    def _end(self, end: int) -> LinkEnd:
        node = self.z_node[end // 2] if end % 2 else self.a_node[end // 2]
        return LinkEnd(
            node_id=node_id(int(node)),
            tx_component=self.component_names[self.tx_component[end]],
            rx_component=self.component_names[self.rx_component[end ^ 1]],
            has_osc=bool(self.has_osc[end // 2]),
        )

    def _span(self, span: int) -> Span:
        link = span // 2
        base_db = float(self.base_db[span])
        message = Span(
            engineered_span_loss_db=round(base_db - 0.5, 2),
            max_span_loss_db=round(base_db + 6.0, 2),
            min_span_loss_db=round(base_db - 3.0, 2),
            length_km=float(self.length_km[link]),
            fiber_type="smf",
        )
        if self.has_base[link]:
            message.span_loss_base_db = base_db
            if self.has_osc[link]:
                message.span_loss_base_osc_db = float(self.base_osc_db[span])
        return message


def build_network(links: int, seed: int, nodes: int | None = None, spares: int = 0) -> Network:
    """Builds a network. The same arguments give the same network.

    Args:
        links: Number of links, at least one.
        seed: Seed of everything random.
        nodes: Number of nodes, at least two; by default one for every four links.
        spares: Components per node that belong to no link, such as transceivers.

    Raises:
        ValueError: An argument is out of range.
    """
    if links < 1:
        raise ValueError("a network needs at least 1 link")
    node_count = nodes if nodes is not None else max(2, math.ceil(links / _LINKS_PER_NODE))
    if node_count < 2:
        raise ValueError("a network needs at least 2 nodes")
    if spares < 0:
        raise ValueError("the number of spare components cannot be negative")
    rng = np.random.default_rng((seed, 1))

    # Chords of a ring: every round of node_count links hops one node further.
    numbers = np.arange(links)
    a_node = numbers % node_count
    z_node = (a_node + 1 + numbers // node_count % (node_count - 1)) % node_count

    length_km = np.round(rng.uniform(17.0, 115.0, links), 1)
    span_km = np.repeat(length_km, 2)
    margin_db = np.repeat(rng.uniform(2.0, 4.5, links), 2) + rng.uniform(-0.3, 0.3, 2 * links)
    components = _place_components(a_node, z_node, node_count, spares)
    return Network(
        node_count=node_count,
        spare_count=spares * node_count,
        a_node=a_node,
        z_node=z_node,
        length_km=length_km,
        base_db=np.round(0.2 * span_km + margin_db, 2),
        # The OSC at 1510 nm is attenuated a little more than the C band.
        base_osc_db=np.round(0.21 * span_km + margin_db + 0.4, 2),
        launch_dbm=rng.uniform(12.0, 19.0, 2 * links),
        launch_osc_dbm=rng.uniform(2.0, 5.0, 2 * links),
        tx_component=components.tx,
        rx_component=components.rx,
        component_node=components.node,
        component_names=components.names,
    )


class _Components(NamedTuple):
    tx: IntArray
    rx: IntArray
    node: IntArray
    names: list[str]


def _place_components(
    a_node: IntArray, z_node: IntArray, node_count: int, spares: int
) -> _Components:
    """Gives every end its components, in one of three styles by node.

    A node has line cards (one component per end, both ways), amplifier pairs (booster and
    preamplifier per end), or in-line amplifiers (each receives from one end and launches into
    the next, so it serves two links).
    """
    ends = np.arange(2 * len(a_node))
    end_node = np.column_stack((a_node, z_node)).ravel()
    by_node = np.argsort(end_node, kind="stable")
    first = np.searchsorted(end_node[by_node], np.arange(node_count))
    rank = np.empty_like(ends)
    rank[by_node] = ends - first[end_node[by_node]]

    style = end_node % 3
    tx_slot = np.choose(style, (2 * rank, 2 * rank, rank ^ 1))
    rx_slot = np.choose(style, (2 * rank, 2 * rank + 1, rank))
    spare_nodes = np.repeat(np.arange(node_count), spares)
    spare_slot = 2 * int(rank.max()) + 2 + np.tile(np.arange(spares), node_count)

    stride = 2 * int(rank.max()) + 2 + spares
    nodes = np.concatenate((end_node, end_node, spare_nodes))
    slots = np.concatenate((tx_slot, rx_slot, spare_slot))
    keys, component = np.unique(nodes * stride + slots, return_inverse=True)
    tx_by_end, rx_by_end = component[: len(ends)], component[len(ends) : 2 * len(ends)]
    names = [
        _component_name(key // stride % 3, key % stride, stride - spares) for key in keys.tolist()
    ]
    return _Components(tx_by_end, rx_by_end[ends ^ 1], keys // stride, names)


def _component_name(style: int, slot: int, spare_from: int) -> str:
    if slot >= spare_from:
        return f"transceiver-{slot - spare_from + 1}"
    number = slot // 2 + 1
    if style == 0:
        return f"line-{number}"
    if style == 1:
        return f"{'preamp' if slot % 2 else 'booster'}-{number}"
    return f"amp-{number}-{'ew' if slot % 2 else 'we'}"


def _service_count(link: int) -> int:
    return 0 if link % 9 == 4 else 1 + link % 4


def _service(link: int, number: int) -> OpticalService:
    return OpticalService(
        service_id=f"service-{link:06d}-{number + 1}",
        och_id=f"och-{link:06d}-{number + 1}",
        customer=f"customer-{(7 * link + 3 * number) % _CUSTOMERS + 1:02d}",
        central_frequency_thz=round(191.35 + 0.1 * number, 2),
        capacity_gbps=_CAPACITIES_GBPS[(link + number) % len(_CAPACITIES_GBPS)],
        protected=(link + number) % 3 == 0,
    )
