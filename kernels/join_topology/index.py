"""Samples and topology: which sample serves which end of which link."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import groups, ranges
from kernels.decode_reports.samples import Samples, no_samples
from kernels.join_topology.link_ends import LinkEnd, link_ends
from kernels.join_topology.routes import ReportRoutes, RouteTable
from schema.pm_types import COMPARED_POWERS
from schema.topology_pb2 import FiberLink

__all__ = ["MAX_NAMES_BYTES", "MAX_OUTDATED", "JoinResult", "LinkEndIndex"]

#: All routes are forgotten when the names in the reports they belong to are longer than this
#: [bytes].
MAX_NAMES_BYTES = 50_000_000
#: All routes are forgotten when more than so many reports have outdated ones, and more than half.
MAX_OUTDATED = 500


@dataclass(frozen=True)
class JoinResult:
    """What became of some samples.

    Attributes:
        joined: columns of ENDS rows by shard of the link, ascending; a sample that serves
            several link ends has a row for each. With names, also the columns ``node_id``,
            ``component`` and ``link_id``, lists of bytes by row, and the readings of all types.
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
    """The link ends of some nodes, and the routes of the reports seen so far.

    Attributes:
        num_shards: number of link shards.
        nodes: for each node that is or was in the topology its link ends by component, ascending.
        num_ends: number of link ends.
    """

    num_shards: int
    nodes: dict[bytes, dict[bytes, tuple[LinkEnd, ...]]] = field(default_factory=dict)
    num_ends: int = 0

    def __post_init__(self) -> None:
        self._forget_routes()

    def _forget_routes(self) -> None:
        # By node, then by names of the components and lengths of these: number of the report.
        self._numbers: dict[bytes, dict[tuple[bytes, bytes], int]] = {}
        self._routes = RouteTable(self.num_shards)
        self._names_bytes = self._outdated = 0

    @classmethod
    def of(cls, links: Iterable[FiberLink], num_shards: int) -> Self:
        """Returns the index of a whole topology."""
        index = cls(num_shards)
        for link in links:
            for end in link_ends(link):
                index.add(end)
        return index

    def add(self, end: LinkEnd) -> bool:
        """Adds a link end; returns whether its node was not known before."""
        is_new = end.node_id not in self.nodes
        components = self.nodes.setdefault(end.node_id, {})
        known = components.get(end.component, ())
        if end not in known:
            components[end.component] = tuple(sorted((*known, end))) if known else (end,)
            self.num_ends += 1
            self._outdate(end.node_id)
        return is_new

    def discard(self, end: LinkEnd) -> bool:
        """Removes a link end; its node stays known. Returns whether it was not known before."""
        is_new = end.node_id not in self.nodes
        components = self.nodes.setdefault(end.node_id, {})
        known = components.pop(end.component, ())
        if left := tuple(one for one in known if one != end):
            components[end.component] = left
        self.num_ends -= len(known) - len(left)
        self._outdate(end.node_id)
        return is_new

    def _outdate(self, node: bytes) -> None:
        self._outdated += len(self._numbers.pop(node, ()))

    def ends(self) -> Iterator[LinkEnd]:
        """Yields the link ends."""
        for components in self.nodes.values():
            for ends in components.values():
                yield from ends

    def join(self, samples: Samples, *, with_names: bool = False) -> JoinResult:
        """Joins samples with the link ends; names are for the lines of late samples only."""
        too_many = max(MAX_OUTDATED, len(self._routes) // 2)
        if self._names_bytes > MAX_NAMES_BYTES or self._outdated > too_many:
            self._forget_routes()
        numbers = [
            self._number_of(node, names, lengths)
            for node, names, lengths in zip(
                samples.node_id, samples.names, _name_lengths(samples), strict=True
            )
        ]
        number = np.array(numbers, np.int64)
        report = np.flatnonzero(number >= 0)
        if not len(report):
            return JoinResult([], 0, unmatched=no_samples(), unknown=samples)
        routes = self._routes.of_reports(number[report])
        first = (np.cumsum(samples.count) - samples.count)[report]
        return JoinResult(
            joined=[
                (shard, self._joined(samples, report, first, routes, at, with_names))
                for at, shard in enumerate(self._routes.shards)
                if (routes.bounds[:, at] < routes.bounds[:, at + 1]).any()
            ],
            num_matched=int(routes.num_matched.sum()),
            unmatched=_unrouted(samples, routes.unrouted, first),
            unknown=samples.take_reports(np.flatnonzero(number < 0)),
        )

    def _number_of(self, node: bytes, names: bytes, lengths: bytes) -> int:
        """Returns the number of a report in the route table; -1 = an unknown node."""
        of_node = self._numbers.get(node)
        if of_node is not None and (number := of_node.get((names, lengths))) is not None:
            return number
        components = self.nodes.get(node)
        if components is None:
            return -1
        routes: list[tuple[int, LinkEnd]] = []
        unrouted = []
        stop = 0
        for component, length in enumerate(np.frombuffer(lengths, np.int64).tolist()):
            ends = components.get(names[stop : stop + length])
            stop += length
            routes += [(component, end) for end in ends or ()]
            if not ends:
                unrouted.append(component)
        number = self._routes.add(routes, unrouted)
        self._names_bytes += len(names)
        self._numbers.setdefault(node, {})[names, lengths] = number
        return number

    def _joined(
        self,
        samples: Samples,
        report: NDArray[np.int64],
        first: NDArray[np.int64],
        routes: ReportRoutes,
        at: int,
        with_names: bool,
    ) -> dict[str, Any]:
        """Returns the columns of a shard.

        Args:
            samples: all samples.
            report: (k,) int64, the reports of nodes that are known.
            first: (k,) int64, the first sample of each.
            routes: their routes.
            at: position of the shard among all.
            with_names: whether names, and the readings that are not compared, are wanted.
        """
        start, stop = routes.bounds[:, at], routes.bounds[:, at + 1]
        here = np.flatnonzero(stop - start)
        report, length = report[here], (stop - start)[here]
        rows = self._routes.rows(ranges(start[here], length))
        sample = rows.pop("sample") + np.repeat(first[here], length)
        columns = {
            "order": samples.order[report],
            "sequence": samples.sequence[report],
            "report": np.repeat(np.arange(len(report)), length),
            **rows,
            "sample_time_ns": samples.sample_time_ns[sample],
            "state": samples.state[sample],
            **{
                f"pm_{pm_type}": values[sample]
                for pm_type, values in samples.readings.items()
                if with_names or pm_type in COMPARED_POWERS
            },
        }
        if with_names:
            ends = [end for number in here.tolist() for end in routes.ends[number][at]]
            for name in ("node_id", "component", "link_id"):
                columns[name] = [getattr(end, name) for end in ends]
        return columns


def _name_lengths(samples: Samples) -> list[bytes]:
    """Returns for each report the lengths of its names, as the bytes of their array."""
    data = samples.name_length.tobytes()
    return [data[group] for group in groups(samples.count * samples.name_length.itemsize)]


def _unrouted(
    samples: Samples, unrouted: Sequence[NDArray[np.int64]], first: NDArray[np.int64]
) -> Samples:
    """Returns the samples without a route.

    Args:
        samples: all samples.
        unrouted: for each of k reports the numbers of its components without a route.
        first: (k,) the first sample of each of these reports.
    """
    rows = [
        start + of_report
        for start, of_report in zip(first.tolist(), unrouted, strict=True)
        if len(of_report)
    ]
    return samples.take_rows(np.concatenate(rows)) if rows else no_samples()
