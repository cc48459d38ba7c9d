"""What the components of reports serve, laid out so that joining a report is a few slices."""

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.blocks import link_key
from schema.link_end_names import pack_names
from schema.shards import all_shards, shard_of


class LinkEndRow(NamedTuple):
    """A component that serves an end of a link, as the transmitter, receiver or both.

    Attributes:
        node_id: in UTF-8, as the names that follow.
        component: its name.
        link_id: the link.
        end: 0 = A, 1 = Z.
        role: bits of `schema.blocks`.
    """

    node_id: bytes
    component: bytes
    link_id: bytes
    end: int
    role: int


class Served(NamedTuple):
    """What the components of k reports serve.

    Attributes:
        bounds: (k, shards + 1) int64, where the rows of each shard of links start, and the last
            ends.
        names: for each report, by position of the shard, the names that its rows have there
            (`schema.link_end_names`).
        num_matched: (k,) int64, number of components that serve something.
        others: for each report the components that serve nothing, int64.
    """

    bounds: NDArray[np.int64]
    names: list[list[bytes]]
    num_matched: NDArray[np.int64]
    others: list[NDArray[np.int64]]


class _Growing:
    """An array that is added to; what is used of it comes first."""

    def __init__(self) -> None:
        self.used = 0
        self._values: NDArray[Any] | None = None

    def add(self, values: NDArray[Any]) -> None:
        """Adds rows."""
        known = values[:0] if self._values is None else self._values
        end = self.used + len(values)
        if end > len(known):
            grown = np.empty((max(2 * len(known), end), *values.shape[1:]), values.dtype)
            grown[: self.used] = known[: self.used]
            known = grown
        known[self.used : end] = values
        self._values, self.used = known, end

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Returns some rows of what was added."""
        assert self._values is not None, "nothing was added"
        taken: NDArray[Any] = self._values[rows]
        return taken


class ServedRows:
    """Rows of link ends: those of a report stand together, shard by shard.

    Attributes:
        shards: the shards of links, ascending.
    """

    def __init__(self, num_shards: int) -> None:
        """Starts empty; `num_shards` is the number of link shards."""
        self.shards = all_shards(num_shards)
        self._num_shards = num_shards
        self._columns = {name: _Growing() for name in _COLUMNS}
        self._bounds, self._num_matched = _Growing(), _Growing()
        self._names: list[list[bytes]] = []
        self._others: list[NDArray[np.int64]] = []

    def __len__(self) -> int:
        """Number of reports."""
        return len(self._others)

    def add(self, served: Sequence[tuple[int, LinkEndRow]], others: Sequence[int]) -> int:
        """Lays out what the components of a report serve.

        Args:
            served: component and link end, in order of the components.
            others: the components that serve nothing.

        Returns:
            The number that `take` knows it by.
        """
        ids = [row.link_id for _, row in served]
        shard = np.array([shard_of(link_id, self._num_shards) for link_id in ids], np.int64)
        order = np.argsort(shard, kind="stable")
        first = self._columns["sample"].used
        rows: tuple[NDArray[Any], ...] = (
            np.array([number for number, _ in served], np.int64),
            np.array([link_key(link_id) for link_id in ids], np.uint64),
            np.array([row.end for _, row in served], np.uint8),
            np.array([row.role for _, row in served], np.uint8),
        )
        for name, values in zip(_COLUMNS, rows, strict=True):
            self._columns[name].add(values[order])
        bounds = np.empty((1, len(self.shards) + 1), np.int64)
        bounds[0, :-1] = np.searchsorted(shard[order], self.shards)
        bounds[0, -1] = len(ids)
        self._bounds.add(bounds + first)
        ends = [served[number][1] for number in order.tolist()]
        self._names.append(
            [_packed_names(ends[a:b]) for a, b in itertools.pairwise(bounds[0].tolist())]
        )
        self._num_matched.add(np.array([len({number for number, _ in served})]))
        self._others.append(np.array(others, np.int64))
        return len(self._others) - 1

    def take(self, numbers: NDArray[np.int64]) -> Served:
        """Returns what was laid out under some numbers."""
        return Served(
            self._bounds.take(numbers),
            [self._names[number] for number in numbers.tolist()],
            self._num_matched.take(numbers),
            [self._others[number] for number in numbers.tolist()],
        )

    def rows(self, rows: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Returns some rows.

        Returns:
            Arrays by name: ``sample`` int64, which component of its report; ``link`` uint64, link
            key; ``end`` and ``role`` uint8.
        """
        return {name: column.take(rows) for name, column in self._columns.items()}


_COLUMNS = ("sample", "link", "end", "role")


def _packed_names(rows: Sequence[LinkEndRow]) -> bytes:
    return pack_names([(row.component.decode(), row.link_id.decode()) for row in rows])
