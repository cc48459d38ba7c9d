"""What numpy lacks for rows in groups: ranges, runs, membership, rows that move, growing arrays."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["GrowingArray", "groups", "is_among", "moved", "new_places", "ranges", "runs", "spaced"]


def ranges(start: NDArray[np.int64], length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns start[0], start[0]+1, … (length[0] numbers), start[1], … as one array."""
    first = np.cumsum(length) - length
    found: NDArray[np.int64] = np.arange(int(length.sum())) + np.repeat(start - first, length)
    return found


def runs(*keys: NDArray[Any]) -> Iterator[slice]:
    """Yields the stretches of rows in which no key changes.

    Args:
        keys: (n,) arrays, at least one.
    """
    if not len(keys[0]):
        return
    changes = np.zeros(len(keys[0]) - 1, bool)
    for key in keys:
        changes |= key[1:] != key[:-1]
    bounds = [0, *(np.flatnonzero(changes) + 1).tolist(), len(keys[0])]
    for start, stop in itertools.pairwise(bounds):
        yield slice(start, stop)


def groups(count: NDArray[np.int64]) -> Iterator[slice]:
    """Yields the rows of each group; groups follow one another and have so many rows each."""
    ends = np.cumsum(count).tolist()
    yield from map(slice, [0, *ends], ends)


def is_among(values: NDArray[Any], ascending: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns (n,) which values are among others.

    Args:
        values: (n,) what to look for.
        ascending: (m,) the others, in ascending order.
    """
    if not len(ascending):
        return np.zeros(len(values), bool)
    at = np.minimum(np.searchsorted(ascending, values), len(ascending) - 1)
    among: NDArray[np.bool_] = ascending[at] == values
    return among


def moved(values: NDArray[Any], source: NDArray[np.int64], fill: Any) -> NDArray[Any]:
    """Returns rows in new places.

    Args:
        values: (n, …) the rows.
        source: (m,) by new row the old one, -1 = a row that was not there.
        fill: what a row that was not there holds.
    """
    spare = np.full((1, *values.shape[1:]), fill, values.dtype)
    in_place: NDArray[Any] = np.concatenate((values, spare))[source]
    return in_place


def new_places(source: NDArray[np.int64], num_old: int) -> NDArray[np.int64]:
    """Returns (num_old,) by old row the new one, -1 = the row is gone; the inverse of `source`.

    Args:
        source: by new row the old one, -1 = a row that was not there.
        num_old: number of old rows.
    """
    places = np.full(num_old, -1)
    kept = np.flatnonzero(source >= 0)
    places[source[kept]] = kept
    return places


def spaced(values: NDArray[Any], places: NDArray[np.int64], fill: Any) -> NDArray[Any]:
    """Returns a copy with one more row before each of some rows; those are to be few.

    Args:
        values: (n, …) the rows.
        places: before which rows, ascending; n = behind the last.
        fill: what the new rows hold.
    """
    new = np.full((1, *values.shape[1:]), fill, values.dtype)
    bounds = itertools.pairwise([0, *places.tolist(), len(values)])
    parts = itertools.chain.from_iterable((new, values[start:stop]) for start, stop in bounds)
    return np.concatenate(list(parts)[1:])


class GrowingArray:
    """An array that rows are added to, in amortized constant time.

    Attributes:
        length: number of rows.
    """

    def __init__(self) -> None:
        """Starts without rows; the first that are added fix the dtype."""
        self.length = 0
        self._room: NDArray[Any] | None = None

    def add(self, values: NDArray[Any]) -> None:
        """Adds rows behind the others."""
        room = values[:0] if self._room is None else self._room
        end = self.length + len(values)
        if end > len(room):
            grown = np.empty((max(2 * len(room), end), *values.shape[1:]), values.dtype)
            grown[: self.length] = room[: self.length]
            room = grown
        room[self.length : end] = values
        self._room, self.length = room, end

    def take(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Returns some rows.

        Raises:
            IndexError: nothing was added yet.
        """
        if self._room is None:
            raise IndexError("no row was added")
        taken: NDArray[Any] = self._room[rows]
        return taken
