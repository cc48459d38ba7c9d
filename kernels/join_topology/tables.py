"""The topology as tables that change block by block: links by link_id, link ends by component."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from kernels.join_topology.index import LinkEndIndex
from kernels.join_topology.link_ends import LinkEnd
from schema.blocks import Block, BlockKind, link_key

__all__ = [
    "LinkEndChange",
    "LinkEndTable",
    "LinkTable",
    "link_ends_block",
    "links_block",
    "links_of",
]


class LinkTable(dict[str, bytes]):
    """The links in force, serialized, by link_id; no two of them share a key."""

    def __init__(self) -> None:
        """Starts empty."""
        super().__init__()
        self._id_of: dict[int, str] = {}

    def apply(self, block: Block) -> None:
        """Applies LINKS rows; an empty link is deleted."""
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
    """Returns serialized links as a LINKS block; None = the link is deleted."""
    columns: dict[str, Any] = {
        "link_id": [link_id.encode() for link_id in links],
        "link": [link or b"" for link in links.values()],
    }
    return Block(BlockKind.LINKS, columns)


def links_of(block: Block) -> dict[str, bytes | None]:
    """Returns the links of a LINKS block; None = the link is deleted."""
    ids, links = block.columns["link_id"], block.columns["link"]
    return {i.decode(): link or None for i, link in zip(ids, links, strict=True)}


class LinkEndChange(NamedTuple):
    """A row of a LINK_ENDS block: a link end that holds from now on, or does not any more."""

    end: LinkEnd
    present: bool


class LinkEndTable:
    """The link ends in force, in the index that samples are joined with."""

    def __init__(self, num_shards: int) -> None:
        """Starts empty; `num_shards` is the number of link shards."""
        self.index = LinkEndIndex(num_shards)

    def __len__(self) -> int:
        return self.index.num_ends + len(self.index.nodes)

    def apply(self, block: Block) -> bool:
        """Applies LINK_ENDS rows; returns whether they bring nodes that were not known before."""
        brings_new = False
        for end, present in _changes_of(block):
            brings_new |= self.index.add(end) if present else self.index.discard(end)
        return brings_new

    def to_block(self) -> Block:
        """Returns all link ends; a known node without one has a row that is not present."""
        changes = [LinkEndChange(end, True) for end in self.index.ends()]
        changes += [
            LinkEndChange(LinkEnd(node, b"", b"", 0, 0), False)
            for node, components in self.index.nodes.items()
            if not any(components.values())
        ]
        return link_ends_block(changes)


def link_ends_block(changes: Iterable[LinkEndChange]) -> Block:
    """Returns link ends as a LINK_ENDS block."""
    rows = list(changes)
    ends = [change.end for change in rows]
    columns: dict[str, Any] = {
        name: [getattr(end, name) for end in ends] for name in ("node_id", "component", "link_id")
    }
    columns["end"] = np.array([end.end for end in ends], np.uint8)
    columns["role"] = np.array([end.role for end in ends], np.uint8)
    columns["present"] = np.array([change.present for change in rows], bool)
    return Block(BlockKind.LINK_ENDS, columns)


def _changes_of(block: Block) -> Iterator[LinkEndChange]:
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
        yield LinkEndChange(LinkEnd(node, component, link_id, end, role), present)
