"""Routes: where the samples of a report go, laid out so that a join is a few slices.

A route is a sample's way to one end of one link. A node reports the same components every second,
so the routes of a report are found once, and stand together from then on, shard by shard.
"""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import GrowingArray
from kernels.join_topology.link_ends import LinkEnd
from schema.blocks import link_key
from schema.shards import all_shards, shard_of

__all__ = ["ReportRoutes", "RouteTable"]

_COLUMNS = ("sample", "link", "end", "role")


class ReportRoutes(NamedTuple):
    """The routes of k reports.

    Attributes:
        bounds: (k, shards + 1) int64, the row at which the routes into each shard start, and the
            row after the last.
        ends: for each report, by position of the shard, the link ends that its routes there lead
            to.
        num_matched: (k,) int64, number of components that have a route.
        unrouted: for each report the numbers of its components without a route, int64.
    """

    bounds: NDArray[np.int64]
    ends: list[list[tuple[LinkEnd, ...]]]
    num_matched: NDArray[np.int64]
    unrouted: list[NDArray[np.int64]]


class RouteTable:
    """The routes of all reports that were seen.

    Attributes:
        shards: the shards of links, ascending.
    """

    def __init__(self, num_shards: int) -> None:
        """Starts empty; `num_shards` is the number of link shards."""
        self.shards = all_shards(num_shards)
        self._num_shards = num_shards
        self._columns = {name: GrowingArray() for name in _COLUMNS}
        self._bounds, self._num_matched = GrowingArray(), GrowingArray()
        self._ends: list[list[tuple[LinkEnd, ...]]] = []
        self._unrouted: list[NDArray[np.int64]] = []

    def __len__(self) -> int:
        """Number of reports."""
        return len(self._unrouted)

    def add(self, routes: Sequence[tuple[int, LinkEnd]], unrouted: Sequence[int]) -> int:
        """Lays out the routes of a report.

        Args:
            routes: number of the component and link end, in order of the components.
            unrouted: the numbers of the components without a route.

        Returns:
            The number of the report, for `of_reports`.
        """
        ids = [end.link_id for _, end in routes]
        shard = np.array([shard_of(link_id, self._num_shards) for link_id in ids], np.int64)
        order = np.argsort(shard, kind="stable")
        first = self._columns["sample"].length
        rows: tuple[NDArray[Any], ...] = (
            np.array([number for number, _ in routes], np.int64),
            np.array([link_key(link_id) for link_id in ids], np.uint64),
            np.array([end.end for _, end in routes], np.uint8),
            np.array([end.role for _, end in routes], np.uint8),
        )
        for name, values in zip(_COLUMNS, rows, strict=True):
            self._columns[name].add(values[order])
        bounds = np.empty((1, len(self.shards) + 1), np.int64)
        bounds[0, :-1] = np.searchsorted(shard[order], self.shards)
        bounds[0, -1] = len(ids)
        self._bounds.add(bounds + first)
        ends = tuple(routes[number][1] for number in order.tolist())
        self._ends.append([ends[a:b] for a, b in itertools.pairwise(bounds[0].tolist())])
        self._num_matched.add(np.array([len({number for number, _ in routes})]))
        self._unrouted.append(np.array(unrouted, np.int64))
        return len(self._unrouted) - 1

    def of_reports(self, numbers: NDArray[np.int64]) -> ReportRoutes:
        """Returns the routes of some reports."""
        return ReportRoutes(
            self._bounds.take(numbers),
            [self._ends[number] for number in numbers.tolist()],
            self._num_matched.take(numbers),
            [self._unrouted[number] for number in numbers.tolist()],
        )

    def rows(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Returns some routes.

        Returns:
            Arrays by name: ``sample`` int64, number of the component in its report; ``link``
            uint64, link key; ``end`` and ``role`` uint8.
        """
        return {name: column.take(rows) for name, column in self._columns.items()}
