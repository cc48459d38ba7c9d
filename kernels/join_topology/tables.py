"""The tables that the topology is kept in: links by link_id, and link ends by component."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from kernels.join_topology.index import LinkEndIndex
from kernels.join_topology.routes import LinkEndRow
from schema.blocks import Block, BlockKind, link_key


class LinkTable(dict[str, bytes]):
    """The links in force, serialized, by link_id; two of them never share a key."""

    def __init__(self) -> None:
        super().__init__()
        self._id_of: dict[int, str] = {}

    def apply(self, block: Block) -> None:
        """Takes over LINKS rows; an empty link is one that is gone."""
        for link_id, link in links_of(block).items():
            if link is None:
                if self.pop(link_id, None) is not None:
                    del self._id_of[link_key(link_id)]
            else:
                self[link_id] = link
                self._id_of[link_key(link_id)] = link_id

    def rival(self, link_id: str) -> str | None:
        """Returns another link with the key of this one, which cannot be in force beside it."""
        known = self._id_of.get(link_key(link_id))
        return None if known == link_id else known

    def to_block(self) -> Block:
        """Returns all links."""
        return links_block(self)


def links_block(links: Mapping[str, bytes | None]) -> Block:
    """Returns links, serialized, as a LINKS block; None = the link is gone."""
    columns: dict[str, Any] = {
        "link_id": [link_id.encode() for link_id in links],
        "link": [link or b"" for link in links.values()],
    }
    return Block(BlockKind.LINKS, columns)


def links_of(block: Block) -> dict[str, bytes | None]:
    """Returns the links of a LINKS block; None = the link is gone."""
    ids, links = block.columns["link_id"], block.columns["link"]
    return {i.decode(): link or None for i, link in zip(ids, links, strict=True)}


class LinkEndChange(NamedTuple):
    """A row of a LINK_ENDS block: a link end that holds, or holds no more."""

    row: LinkEndRow
    present: bool


class LinkEndTable:
    """The link ends in force, in the index that samples are joined with."""

    def __init__(self, num_shards: int) -> None:
        """Starts empty; `num_shards` is the number of link shards."""
        self.index = LinkEndIndex(num_shards)

    def __len__(self) -> int:
        return self.index.num_ends + len(self.index.nodes)

    def apply(self, block: Block) -> bool:
        """Takes over LINK_ENDS rows; returns whether they bring nodes not known before."""
        brings_new = False
        for row, present in _changes_of(block):
            brings_new |= self.index.add(row) if present else self.index.discard(row)
        return brings_new

    def to_block(self) -> Block:
        """Returns all rows; a known node that serves no end now has one that is not present."""
        changes = [LinkEndChange(row, True) for row in self.index.rows()]
        changes += [
            LinkEndChange(LinkEndRow(node, b"", b"", 0, 0), False)
            for node, components in self.index.nodes.items()
            if not any(components.values())
        ]
        return link_ends_block(changes)


def link_ends_block(changes: Iterable[LinkEndChange]) -> Block:
    """Returns link ends as a LINK_ENDS block."""
    rows = list(changes)
    ends = [change.row for change in rows]
    columns: dict[str, Any] = {
        name: [getattr(end, name) for end in ends] for name in ("node_id", "component", "link_id")
    }
    columns["end"] = np.array([end.end for end in ends], np.uint8)
    columns["role"] = np.array([end.role for end in ends], np.uint8)
    columns["present"] = np.array([change.present for change in rows], bool)
    return Block(BlockKind.LINK_ENDS, columns)


def _changes_of(block: Block) -> Iterable[LinkEndChange]:
    columns = block.columns
    for node, component, link_id, end, role, present in zip(
        columns["node_id"],
        columns["component"],
        columns["link_id"],
        columns["end"].tolist(),
        columns["role"].tolist(),
        columns["present"].tolist(),
        strict=True,
    ):
        yield LinkEndChange(LinkEndRow(node, component, link_id, end, role), present)
