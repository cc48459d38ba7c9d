"""The windows of a shard that are not closed: their samples, and what a late report changes.

On time a window is measured of all its samples. A late report makes a measurement of its own, of
the links that it has something new of, with all that is known of these by then.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kernels.decode_reports.samples import ranges
from kernels.track_links.powers import concat_ends, new_samples, pick_ends
from schema.blocks import Block
from schema.columns import Columns


class OpenWindows:
    """Samples by window, as ENDS blocks in wire form, in order of arrival."""

    def __init__(self) -> None:
        """Starts with no samples."""
        self._blocks: dict[int, list[bytes]] = {}
        self._known: dict[int, _Known] = {}
        #: What all blocks take [bytes].
        self.num_bytes = 0

    @property
    def newest_s(self) -> int | None:
        """Start of the newest window that has samples [s since the Unix epoch]; None: none has."""
        return max(self._blocks, default=None)

    def blocks(self) -> Iterator[bytes]:
        """Yields all blocks, in order of arrival by window."""
        for blocks in self._blocks.values():
            yield from blocks

    def between(self, after_s: int, up_to_s: int) -> list[int]:
        """Returns the windows with samples that start behind one and up to another, ascending."""
        return sorted(w for w in self._blocks if after_s < w <= up_to_s)

    def add(self, window_s: int, ends: bytes) -> None:
        """Keeps an ENDS block of a window."""
        self._blocks.setdefault(window_s, []).append(ends)
        self._known.pop(window_s, None)
        self.num_bytes += len(ends)

    def rows(self, window_s: int) -> Columns:
        """Returns the ENDS rows of a window that has samples."""
        return concat_ends([Block.from_bytes(data).columns for data in self._blocks[window_s]])

    def add_late(self, window_s: int, ends: bytes, columns: Columns) -> Iterator[Columns]:
        """Keeps an ENDS block of a window that was due before.

        Args:
            window_s: start of the window.
            ends: the block in wire form.
            columns: its columns.

        Yields:
            For each report in it that brings something new, in order of arrival: all ENDS rows of
            the links that are concerned.
        """
        known = self._known.get(window_s) or _Known(self._blocks.get(window_s, ()))
        self.add(window_s, ends)
        self._known[window_s] = known
        for rows in _by_report(columns):
            news = new_samples(rows, known.of(rows["link"]))
            if len(news["link"]):
                known.add(news)
                yield concat_ends(known.of(news["link"]))

    def forget(self, up_to_s: int) -> None:
        """Drops the windows that start up to one."""
        for window_s in [w for w in self._blocks if w <= up_to_s]:
            self.num_bytes -= sum(map(len, self._blocks.pop(window_s)))
            self._known.pop(window_s, None)


class _Known:
    """The samples of one window, found by link: late reports are small, windows are not."""

    def __init__(self, blocks: Sequence[bytes]) -> None:
        self._parts: list[Columns] = []
        if blocks:
            self._parts.append(concat_ends([Block.from_bytes(data).columns for data in blocks]))
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


def _by_report(ends: Columns) -> Iterator[dict[str, Any]]:
    """Yields the ENDS rows of each report, in order of arrival."""
    for report in np.argsort(ends["order"], kind="stable").tolist():
        picked = np.flatnonzero(ends["report"] == report)
        if len(picked):
            rows = pick_ends(ends, picked)
            rows["report"] = np.zeros(len(picked), np.int64)
            for name in ("order", "sequence"):
                rows[name] = ends[name][report : report + 1]
            yield rows
