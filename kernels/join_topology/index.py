"""Samples and topology: which sample serves which end of which link."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kernels.decode_reports.samples import Samples, no_samples, pieces, ranges
from kernels.join_topology.routes import LinkEndRow, Served, ServedRows
from schema.blocks import ROLE_RX, ROLE_TX
from schema.topology_pb2 import FiberLink

#: What was found for reports is forgotten when the names in it are longer than this [bytes].
MAX_REMEMBERED = 50_000_000
#: And when of more reports than of others it does not hold any more, and of more than so many.
MAX_OUTDATED = 500


def link_ends(link: FiberLink) -> list[LinkEndRow]:
    """Returns the components that serve the two ends of a link."""
    rows = []
    link_id = link.link_id.encode()
    for number, end in enumerate((link.a_end, link.z_end)):
        node, tx, rx = end.node_id.encode(), end.tx_component.encode(), end.rx_component.encode()
        if tx == rx:
            rows.append(LinkEndRow(node, tx, link_id, number, ROLE_TX | ROLE_RX))
        else:
            rows.append(LinkEndRow(node, tx, link_id, number, ROLE_TX))
            rows.append(LinkEndRow(node, rx, link_id, number, ROLE_RX))
    return rows


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
        nodes: for each node that is, or once was, in the topology: its rows in force by component,
            ascending.
        num_ends: rows in force.
    """

    num_shards: int
    nodes: dict[bytes, dict[bytes, tuple[LinkEndRow, ...]]] = field(default_factory=dict)
    num_ends: int = 0

    def __post_init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        # By node, and names and lengths of the names of a report: its number in what is laid out.
        self._numbers: dict[bytes, dict[tuple[bytes, bytes], int]] = {}
        self._laid = ServedRows(self.num_shards)
        self._remembered = self._outdated = 0

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
        is_new = row.node_id not in self.nodes
        components = self.nodes.setdefault(row.node_id, {})
        known = components.get(row.component, ())
        if row not in known:
            components[row.component] = tuple(sorted((*known, row))) if known else (row,)
            self.num_ends += 1
            self._has_changed(row.node_id)
        return is_new

    def discard(self, row: LinkEndRow) -> bool:
        """Takes a row out; its node stays known. Returns whether it was not known before."""
        is_new = row.node_id not in self.nodes
        components = self.nodes.setdefault(row.node_id, {})
        known = components.pop(row.component, ())
        if left := tuple(one for one in known if one != row):
            components[row.component] = left
        self.num_ends -= len(known) - len(left)
        self._has_changed(row.node_id)
        return is_new

    def _has_changed(self, node: bytes) -> None:
        self._outdated += len(self._numbers.pop(node, ()))

    @property
    def num_laid_out(self) -> int:
        """Number of reports whose components are looked up already, outdated ones among them."""
        return len(self._laid)

    def rows(self) -> Iterator[LinkEndRow]:
        """Yields the rows in force."""
        for components in self.nodes.values():
            for ends in components.values():
                yield from ends

    def join(self, samples: Samples) -> JoinResult:
        """Joins samples with the link ends."""
        too_many = max(MAX_OUTDATED, len(self._laid) // 2)
        if self._remembered > MAX_REMEMBERED or self._outdated > too_many:
            self._forget()
        numbers = [
            self._find(node, names, lengths)
            for node, names, lengths in zip(
                samples.node_id, samples.names, _pieces(samples), strict=True
            )
        ]
        number = np.array(numbers, np.int64)
        report = np.flatnonzero(number >= 0)
        if not len(report):
            return JoinResult([], 0, unmatched=no_samples(), unknown=samples)
        served = self._laid.take(number[report])
        first = (np.cumsum(samples.count) - samples.count)[report]
        return JoinResult(
            joined=[
                (shard, _joined(samples, self._laid, report, first, served, at))
                for at, shard in enumerate(self._laid.shards)
                if (served.bounds[:, at] < served.bounds[:, at + 1]).any()
            ],
            num_matched=int(served.num_matched.sum()),
            unmatched=_others(samples, served.others, first),
            unknown=samples.take_reports(np.flatnonzero(number < 0)),
        )

    def _find(self, node: bytes, names: bytes, lengths: bytes) -> int:
        """Returns the number of what the components of a report serve; -1: an unknown node."""
        of_node = self._numbers.get(node)
        if of_node is not None and (number := of_node.get((names, lengths))) is not None:
            return number
        components = self.nodes.get(node)
        if components is None:
            return -1
        served: list[tuple[int, LinkEndRow]] = []
        others = []
        end = 0
        for number, length in enumerate(np.frombuffer(lengths, np.int64).tolist()):
            ends = components.get(names[end : end + length])
            end += length
            served += [(number, row) for row in ends or ()]
            if not ends:
                others.append(number)
        number = self._laid.add(served, others)
        self._remembered += len(names)
        self._numbers.setdefault(node, {})[names, lengths] = number
        return number


def _pieces(samples: Samples) -> list[bytes]:
    """Returns the lengths of the names of each report, as the bytes of their array."""
    data = samples.name_length.tobytes()
    return [data[piece] for piece in pieces(samples.count * samples.name_length.itemsize)]


def _joined(
    samples: Samples,
    laid: ServedRows,
    report: NDArray[np.int64],
    first: NDArray[np.int64],
    served: Served,
    at: int,
) -> dict[str, Any]:
    """Returns the JOINED columns of a shard.

    Args:
        samples: all samples.
        laid: what they serve.
        report: (k,) int64, the reports of nodes that are known.
        first: (k,) int64, the first sample of each.
        served: where in `laid` they are.
        at: position of the shard among all.
    """
    start, stop = served.bounds[:, at], served.bounds[:, at + 1]
    here = np.flatnonzero(stop - start)
    report, length = report[here], (stop - start)[here]
    rows = laid.rows(ranges(start[here], length))
    sample = rows.pop("sample") + np.repeat(first[here], length)
    return {
        "node_id": [samples.node_id[r] for r in report.tolist()],
        "order": samples.order[report],
        "sequence": samples.sequence[report],
        "names": [served.names[number][at] for number in here.tolist()],
        "report": np.repeat(np.arange(len(report)), length),
        **rows,
        "sample_time_ns": samples.sample_time_ns[sample],
        "has_data": samples.has_data[sample],
        **{f"pm_{pm_type}": values[sample] for pm_type, values in samples.readings.items()},
    }


def _others(
    samples: Samples, others: Sequence[NDArray[np.int64]], first: NDArray[np.int64]
) -> Samples:
    """Returns the samples that serve nothing, by the first sample of each report and its others."""
    rows = [
        start + of_report
        for start, of_report in zip(first.tolist(), others, strict=True)
        if len(of_report)
    ]
    return samples.take_rows(np.concatenate(rows)) if rows else no_samples()
