"""The windows of a shard that are not closed: their samples, and what a late report changes.

On time a window is made of all its samples. A late report is evaluated for the links that it says
something new of, with all samples of these links that are known by then. Links do not know of each
other, so reports of different links are evaluated together.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import ranges
from kernels.track_links.ends import by_turn, concat_ends, new_samples, pick_ends, read_ends
from schema.columns import Columns

__all__ = ["OpenWindows"]


class OpenWindows:
    """Samples by window, as WINDOW and ENDS blocks in wire form, in order of arrival."""

    def __init__(self) -> None:
        """Starts with no samples."""
        self._blocks: dict[int, list[bytes]] = {}
        self._by_link: dict[int, _SamplesByLink] = {}
        #: Size of all blocks [bytes].
        self.num_bytes = 0

    def __contains__(self, window: int) -> bool:
        """Whether a window has samples; then it has a timer that closes it."""
        return window in self._blocks

    def blocks(self) -> Iterator[bytes]:
        """Yields all blocks, window by window, in order of arrival."""
        for blocks in self._blocks.values():
            yield from blocks

    def between(self, after: int, up_to: int) -> list[int]:
        """Returns the windows with samples that start after one and up to another, ascending."""
        return sorted(w for w in self._blocks if after < w <= up_to)

    def add(self, window: int, ends: bytes) -> None:
        """Keeps a WINDOW or ENDS block."""
        self._blocks.setdefault(window, []).append(ends)
        self._by_link.pop(window, None)
        self.num_bytes += len(ends)

    def rows(self, window: int) -> Columns:
        """Returns the ENDS rows of a window that has samples."""
        return read_ends(self._blocks[window])

    def add_late(self, window: int, ends: bytes, columns: Columns) -> Iterator[Columns]:
        """Keeps a block of a window that was due before.

        Args:
            window: number of the window.
            ends: the block in wire form.
            columns: its ENDS rows.

        Yields:
            All ENDS rows of the links that it says something new of, with one more report of each;
            so often until it has no more.
        """
        known = self._by_link.get(window) or _SamplesByLink(self._blocks.get(window, ()))
        self.add(window, ends)
        self._by_link[window] = known
        for rows in by_turn(columns):
            new = new_samples(rows, known.of(rows["link"]))
            # A duplicate is kept too, as it is of a window that is evaluated on time.
            known.add(rows)
            if len(new["link"]):
                yield concat_ends(known.of(new["link"]))

    def forget(self, up_to: int) -> None:
        """Drops the windows that start up to one."""
        for window in [w for w in self._blocks if w <= up_to]:
            self.num_bytes -= sum(map(len, self._blocks.pop(window)))
            self._by_link.pop(window, None)


class _SamplesByLink:
    """The samples of one window, found by link: late reports are small, windows are not."""

    def __init__(self, blocks: Sequence[bytes]) -> None:
        self._parts: list[Columns] = []
        if blocks:
            self._parts.append(read_ends(blocks))
            self._order = np.argsort(self._parts[0]["link"], kind="stable")
            self._links = self._parts[0]["link"][self._order]
        self._num_sorted = len(self._parts)

    def of(self, links: NDArray[np.uint64]) -> list[Columns]:
        """Returns the ENDS rows of some links, in order of arrival."""
        links = np.unique(links)
        found: list[Columns] = []
        if self._num_sorted:
            first = np.searchsorted(self._links, links)
            length = np.searchsorted(self._links, links, side="right") - first
            rows = np.sort(self._order[ranges(first, length)])
            found.append(pick_ends(self._parts[0], rows))
        for part in self._parts[self._num_sorted :]:
            found.append(pick_ends(part, np.isin(part["link"], links)))
        return found

    def add(self, rows: Columns) -> None:
        """Adds ENDS rows behind the others."""
        late = self._parts[self._num_sorted :]
        self._parts[self._num_sorted :] = [concat_ends([*late, rows])]
