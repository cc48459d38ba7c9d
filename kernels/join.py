"""Samples and topology: which sample serves which end of which link."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kernels.samples import Samples, pieces, runs
from schema.blocks import ROLE_RX, ROLE_TX, link_key, shard_of
from schema.topology_pb2 import FiberLink

#: What was found for reports is forgotten when the names in it are longer than this [bytes].
MAX_REMEMBERED = 50_000_000


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
class Served:
    """What k of the components of a report serve; m others serve nothing.

    Attributes:
        sample: (k,) int64, which component; one that serves several link ends is there for each.
        link: (k,) uint64, link key.
        shard: (k,) int64, shard of the link.
        end: (k,) uint8.
        role: (k,) uint8.
        component: (k,) name.
        link_id: (k,) name.
        num_matched: number of components in `sample`, each counted once.
        others: (m,) int64, the components that serve nothing.
    """

    sample: NDArray[np.int64]
    link: NDArray[np.uint64]
    shard: NDArray[np.int64]
    end: NDArray[np.uint8]
    role: NDArray[np.uint8]
    component: NDArray[np.bytes_]
    link_id: NDArray[np.bytes_]
    num_matched: int
    others: NDArray[np.int64]


@dataclass(frozen=True)
class JoinResult:
    """What became of some samples.

    Attributes:
        joined: columns of JOINED rows by shard of the link, ascending; a sample that serves
            several link ends has a row for each.
        num_matched: number of samples in `joined`, each counted once.
        unmatched: samples of components in no link, of nodes that the topology knows.
        unknown: samples of nodes that the topology does not know (yet).
    """

    joined: list[tuple[int, dict[str, Any]]]
    num_matched: int
    unmatched: Samples
    unknown: Samples


@dataclass
class LinkEndIndex:
    """The link ends of some nodes, and what they mean for the reports seen so far.

    Attributes:
        num_shards: number of link shards.
        nodes: for each node that is, or once was, in the topology: its rows in force by component.
        num_ends: rows in force.
    """

    num_shards: int
    nodes: dict[bytes, dict[bytes, set[LinkEndRow]]] = field(default_factory=dict)
    num_ends: int = 0
    _served: dict[bytes, dict[tuple[bytes, bytes], Served]] = field(default_factory=dict)
    _remembered: int = 0

    @classmethod
    def of(cls, links: Iterable[FiberLink], num_shards: int) -> Self:
        """Returns the index of a whole topology."""
        index = cls(num_shards)
        for link in links:
            for row in link_ends(link):
                index.add(row)
        return index

    def add(self, row: LinkEndRow) -> bool:
        """Takes a row over; returns whether its node was not known before."""
        node = row.node_id.encode()
        is_new = node not in self.nodes
        ends = self.nodes.setdefault(node, {}).setdefault(row.component.encode(), set())
        self.num_ends += row not in ends
        ends.add(row)
        self._served.pop(node, None)
        return is_new

    def discard(self, row: LinkEndRow) -> bool:
        """Takes a row out; its node stays known. Returns whether it was not known before."""
        node = row.node_id.encode()
        is_new = node not in self.nodes
        ends = self.nodes.setdefault(node, {}).get(row.component.encode(), set())
        self.num_ends -= row in ends
        ends.discard(row)
        self._served.pop(node, None)
        return is_new

    def rows(self) -> Iterator[LinkEndRow]:
        """Yields the rows in force."""
        for components in self.nodes.values():
            for ends in components.values():
                yield from ends

    def join(self, samples: Samples) -> JoinResult:
        """Joins samples with the link ends."""
        found = [
            self._find(node, names, lengths)
            for node, names, lengths in zip(
                samples.node_id, samples.names, _pieces(samples), strict=True
            )
        ]
        starts = np.cumsum(samples.count) - samples.count
        known = [served for served in found if served is not None]
        reports = np.array([r for r, served in enumerate(found) if served is not None], np.int64)
        return JoinResult(
            joined=_joined(samples, known, reports, starts),
            num_matched=sum(served.num_matched for served in known),
            unmatched=_others(samples, known, reports, starts),
            unknown=samples.take_reports(
                np.array([r for r, served in enumerate(found) if served is None], np.int64)
            ),
        )

    def _find(self, node: bytes, names: bytes, lengths: bytes) -> Served | None:
        of_node = self._served.get(node)
        if of_node is not None and (served := of_node.get((names, lengths))) is not None:
            return served
        components = self.nodes.get(node)
        if components is None:
            return None
        served = self._serve(components, names, np.frombuffer(lengths, np.int64))
        self._remembered += len(names)
        if self._remembered > MAX_REMEMBERED:
            self._served.clear()
            self._remembered = 0
        self._served.setdefault(node, {})[names, lengths] = served
        return served

    def _serve(
        self, components: dict[bytes, set[LinkEndRow]], names: bytes, lengths: NDArray[np.int64]
    ) -> Served:
        rows: list[tuple[int, LinkEndRow]] = []
        others = []
        end = 0
        for number, length in enumerate(lengths.tolist()):
            name = names[end : end + length]
            end += length
            ends = components.get(name)
            if ends:
                rows += [(number, row) for row in sorted(ends)]
            else:
                others.append(number)
        ids = [row.link_id for _, row in rows]
        sample = [number for number, _ in rows]
        return Served(
            sample=np.array(sample, np.int64),
            link=np.array([link_key(i) for i in ids], np.uint64),
            shard=np.array([shard_of(i, self.num_shards) for i in ids], np.int64),
            end=np.array([row.end for _, row in rows], np.uint8),
            role=np.array([row.role for _, row in rows], np.uint8),
            component=np.array([row.component.encode() for _, row in rows], np.bytes_),
            link_id=np.array([i.encode() for i in ids], np.bytes_),
            num_matched=len(set(sample)),
            others=np.array(others, np.int64),
        )


def _pieces(samples: Samples) -> list[bytes]:
    """Returns the lengths of the names of each report, as the bytes of their array."""
    data = samples.name_length.tobytes()
    return [data[piece] for piece in pieces(samples.count * samples.name_length.itemsize)]


def _joined(
    samples: Samples, served: list[Served], reports: NDArray[np.int64], starts: NDArray[np.int64]
) -> list[tuple[int, dict[str, Any]]]:
    lengths = np.array([len(one.sample) for one in served], np.int64)
    if not lengths.sum():
        return []

    def all_of(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(one, name) for one in served])

    shard = all_of("shard")
    order = np.argsort(shard.astype(np.uint16), kind="stable")
    row = (all_of("sample") + np.repeat(starts[reports], lengths))[order]
    report = np.repeat(reports, lengths)[order]
    shard = shard[order]
    columns = {
        name: all_of(name)[order] for name in ("link", "end", "role", "component", "link_id")
    }
    columns |= {
        "sample_time_ns": samples.sample_time_ns[row],
        "has_data": samples.has_data[row],
        **{f"pm_{pm_type}": values[row] for pm_type, values in samples.readings.items()},
    }
    found = []
    for part in runs(shard):
        of_part = report[part]
        is_first = np.append(True, of_part[1:] != of_part[:-1])
        named = of_part[is_first]
        found.append(
            (
                int(shard[part.start]),
                {
                    "node_id": [samples.node_id[r] for r in named.tolist()],
                    "order": samples.order[named],
                    "sequence": samples.sequence[named],
                    "report": np.cumsum(is_first) - 1,
                    **{name: values[part] for name, values in columns.items()},
                },
            )
        )
    return found


def _others(
    samples: Samples, served: list[Served], reports: NDArray[np.int64], starts: NDArray[np.int64]
) -> Samples:
    rows = [
        start + one.others
        for one, start in zip(served, starts[reports].tolist(), strict=True)
        if len(one.others)
    ]
    return samples.take_rows(np.concatenate(rows) if rows else np.empty(0, np.int64))
