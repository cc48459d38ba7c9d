"""Samples and topology: which sample serves which end of which link."""

from dataclasses import dataclass, field
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from schema.blocks import ROLE_RX, ROLE_TX, SCHEMAS, BlockKind, shard_of
from schema.topology_pb2 import FiberLink

_SEPARATOR = "\x1f"  # in no sound name; keeps ("a", "bc") apart from ("ab", "c")


@dataclass(frozen=True, order=True)
class LinkEndRow:
    """A component that serves an end of a link, as the transmitter, receiver or both."""

    node_id: str
    component: str
    link_id: str
    end: int
    role: int


def link_ends(link: FiberLink) -> list[LinkEndRow]:
    """Returns the components that serve the two ends of a link."""
    rows = []
    for number, end in enumerate((link.a_end, link.z_end)):
        if end.tx_component == end.rx_component:
            roles = [(end.tx_component, ROLE_TX | ROLE_RX)]
        else:
            roles = [(end.tx_component, ROLE_TX), (end.rx_component, ROLE_RX)]
        rows += [LinkEndRow(end.node_id, name, link.link_id, number, role) for name, role in roles]
    return rows


@dataclass(frozen=True)
class JoinResult:
    """What became of the samples of a block.

    Attributes:
        joined: JOINED rows; a sample that serves several link ends has a row for each.
        shard: (rows of joined,) int64, shard of the link.
        num_matched: number of samples in `joined`, each counted once.
        unmatched: PM rows of components in no link, of nodes that the topology knows.
        unknown: PM rows of nodes that the topology does not know (yet).
    """

    joined: pa.RecordBatch
    shard: NDArray[np.int64]
    num_matched: int
    unmatched: pa.RecordBatch
    unknown: pa.RecordBatch


@dataclass
class LinkEndIndex:
    """The link ends of some nodes, laid out for joining whole blocks.

    Attributes:
        num_shards: number of link shards.
        nodes: nodes that are, or once were, in the topology.
        ends: the rows now in force.
    """

    num_shards: int
    nodes: set[str] = field(default_factory=set)
    ends: set[LinkEndRow] = field(default_factory=set)

    @classmethod
    def of(cls, links: list[FiberLink], num_shards: int) -> Self:
        """Returns the index of a whole topology."""
        index = cls(num_shards)
        for link in links:
            index.ends.update(link_ends(link))
        index.nodes.update(row.node_id for row in index.ends)
        index.lay_out()
        return index

    def lay_out(self) -> None:
        """Takes over what was changed in `nodes` and `ends`; to be called before `join`."""
        rows = sorted(self.ends)
        keys = [row.node_id + _SEPARATOR + row.component for row in rows]
        first = [i for i, key in enumerate(keys) if i == 0 or key != keys[i - 1]]
        self._keys = pa.array([keys[i] for i in first], pa.string())
        self._start = np.array([*first, len(rows)], dtype=np.int64)
        self._link_id = pa.array([row.link_id for row in rows], pa.string())
        self._end = np.array([row.end for row in rows], dtype=np.int8)
        self._role = np.array([row.role for row in rows], dtype=np.int8)
        self._shard = np.array([shard_of(r.link_id, self.num_shards) for r in rows], dtype=np.int64)
        self._nodes = pa.array(sorted(self.nodes), pa.string())

    def join(self, samples: pa.RecordBatch) -> JoinResult:
        """Joins PM rows with the link ends."""
        node_id = samples.column("node_id")
        key = pc.binary_join_element_wise(node_id, samples.column("component"), _SEPARATOR)
        found = pc.index_in(key, self._keys)
        matched = pc.is_valid(found).to_numpy(zero_copy_only=False)
        known = pc.is_in(node_id, self._nodes).to_numpy(zero_copy_only=False)
        sample_row = np.flatnonzero(matched)
        slot = found.drop_null().to_numpy()
        fan_out = np.diff(self._start)[slot]
        end_row = _ranges(self._start[slot], fan_out)
        wide = samples.take(pa.array(np.repeat(sample_row, fan_out)))
        joined = pa.RecordBatch.from_arrays(
            [
                self._link_id.take(pa.array(end_row)),
                pa.array(self._end[end_row]),
                pa.array(self._role[end_row]),
                *wide.columns,
            ],
            schema=SCHEMAS[BlockKind.JOINED],
        )
        return JoinResult(
            joined=joined,
            shard=self._shard[end_row],
            num_matched=len(sample_row),
            unmatched=samples.filter(pa.array(~matched & known)),
            unknown=samples.filter(pa.array(~matched & ~known)),
        )


def _ranges(start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns start[0], start[0]+1, … (length[0] numbers), start[1], … as one array."""
    first = np.cumsum(length) - length
    ranges: NDArray[np.int64] = np.arange(int(length.sum())) + np.repeat(start - first, length)
    return ranges
