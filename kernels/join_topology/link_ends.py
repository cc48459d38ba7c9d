"""Link ends: which component of which node serves which end of a link."""

from typing import NamedTuple

from schema.blocks import ROLE_RX, ROLE_TX
from schema.topology_pb2 import FiberLink

__all__ = ["LinkEnd", "link_ends"]


class LinkEnd(NamedTuple):
    """A component that serves an end of a link, as its transmitter, its receiver or both.

    Attributes:
        node_id: in UTF-8, as the names below.
        component: name of the component.
        link_id: the link.
        end: 0 = A, 1 = Z.
        role: bits of `schema.blocks`.
    """

    node_id: bytes
    component: bytes
    link_id: bytes
    end: int
    role: int


def link_ends(link: FiberLink) -> list[LinkEnd]:
    """Returns the components that serve the two ends of a link."""
    found = []
    link_id = link.link_id.encode()
    for number, end in enumerate((link.a_end, link.z_end)):
        node, tx, rx = end.node_id.encode(), end.tx_component.encode(), end.rx_component.encode()
        if tx == rx:
            found.append(LinkEnd(node, tx, link_id, number, ROLE_TX | ROLE_RX))
        else:
            found.append(LinkEnd(node, tx, link_id, number, ROLE_TX))
            found.append(LinkEnd(node, rx, link_id, number, ROLE_RX))
    return found
