"""The links of a shard by row: the rows of all arrays that `Tracks` keeps by link.

Links stand in ascending order of their keys. The powers of a window do too, so they fall on
ascending rows, and the same links fall on the same rows window by window.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import moved
from kernels.track_links.history import Rows
from kernels.track_links.limits import SpanLimits, is_decided, limits_of, no_limits, parse_links
from schema.blocks import link_key
from schema.topology_pb2 import FiberLink

__all__ = ["LinkRows", "View"]


@functools.lru_cache(maxsize=65_536)
def _parsed(link: bytes) -> FiberLink:
    return FiberLink.FromString(link)


@dataclass(frozen=True)
class View:
    """Some links as they come in a window: where they stand, and their limits.

    Attributes:
        links: (n,) uint64, the link keys that were asked for.
        taken: which of these are decided, a slice or (k,) positions.
        rows: (k,) int64, rows of these links, ascending.
        limits: their limits.
    """

    links: NDArray[np.uint64]
    taken: Any
    rows: Rows
    limits: SpanLimits


@dataclass
class LinkRows:
    """The topology of a shard, laid out.

    Attributes:
        keys: (n,) uint64, link keys, ascending.
        limits: of all n links. After a restore these and the links themselves are still to come.
    """

    keys: NDArray[np.uint64] = field(default_factory=lambda: np.empty(0, np.uint64))
    limits: SpanLimits = field(default_factory=no_limits)
    _links: NDArray[np.object_] = field(default_factory=lambda: np.empty(0, object))
    _decided: NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, bool))
    _view: View | None = None

    def set_links(self, links: Mapping[str, bytes]) -> Rows | None:
        """Lays out a whole topology; returns what `change_links` does.

        Args:
            links: serialized FiberLinks by link_id.
        """
        by_key = {link_key(link_id): link for link_id, link in links.items()}
        gone = [key for key in self.keys.tolist() if key not in by_key]
        return self._change(by_key, gone)

    def change_links(self, changes: Mapping[str, bytes | None]) -> Rows | None:
        """Applies changes of the topology.

        Args:
            changes: serialized FiberLinks by link_id; None = the link is deleted.

        Returns:
            By new row the old one, -1 for a link that was not there; None where no row moves.
        """
        by_key = {link_key(link_id): link for link_id, link in changes.items()}
        present = {key: link for key, link in by_key.items() if link is not None}
        return self._change(present, [key for key, link in by_key.items() if link is None])

    def link(self, row: int) -> FiberLink:
        """Returns the link of a row."""
        return _parsed(self._links[row])

    def rows_of(self, link_ids: Iterable[str]) -> Rows:
        """Returns the rows of some links, ascending; those that are not there are left out."""
        keys = np.array(sorted(map(link_key, link_ids)), np.uint64)
        at, here = self._find(keys)
        return at[here]

    def undecided(self, rows: Rows) -> Rows:
        """Returns those of some links that no events are decided for."""
        return rows[~self._decided[rows]]

    def view(self, links: NDArray[np.uint64]) -> View:
        """Returns some links by their keys; those that are not decided are left out."""
        view = self._view
        if view is not None and np.array_equal(view.links, links):
            return view
        at, here = self._find(links)
        taken: Any = np.flatnonzero(here & np.append(self._decided, False)[at])
        rows = at[taken]
        limits = self.limits.take(rows)
        if len(taken) == len(links):
            taken = slice(None)
        view = View(links, taken, rows, limits)
        if len(rows) * 2 > len(self.keys):  # what comes in each window, not what came late
            self._view = view
        return view

    def _find(self, keys: NDArray[np.uint64]) -> tuple[Rows, NDArray[np.bool_]]:
        """Returns the rows of some keys, -1 for those that have none, and which have one."""
        at = np.searchsorted(self.keys, keys)
        here = at < len(self.keys)
        here[here] = self.keys[at[here]] == keys[here]
        return np.where(here, at, -1), here

    def _change(self, present: Mapping[int, bytes], gone: Sequence[int]) -> Rows | None:
        changed = np.array(sorted(present), np.uint64)
        keys = np.union1d(np.setdiff1d(self.keys, np.array(gone, np.uint64)), changed)
        source, _ = self._find(keys)
        rows_move = not np.array_equal(keys, self.keys)
        if rows_move or len(self._links) != len(keys):
            known = source if len(self._links) else np.full(len(source), -1)
            self._links = moved(self._links, known, None)
            self._decided = moved(self._decided, known, False)
            self.limits = self.limits.moved(known)
            self.keys = keys
        rows = np.searchsorted(keys, changed)
        links = [present[key] for key in changed.tolist()]
        parsed = parse_links(links)
        self._links[rows] = np.array([*links, None], object)[:-1]
        self._decided[rows] = is_decided(parsed)
        self.limits.put(rows, limits_of(parsed))
        self._view = None
        return source if rows_move else None
