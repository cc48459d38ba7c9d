"""Follows a file of JSON lines as it grows, from the byte that the store has reached."""

from __future__ import annotations

import time
import zlib
from pathlib import Path
from typing import BinaryIO

from console.intake.source import Positions, add
from console.store.recorder import Batch, Progress

#: So much is read at once [bytes]; a longer line is rubbish.
_MAX_READ_BYTES = 20_000_000
#: So many bytes at the start tell a file from one that was written anew.
_FINGERPRINT_BYTES = 256
#: A last line without an end is taken for whole when it has stood for so long [s].
_STANDS_S = 1.0


class FileSource:
    """Lines of a file, which need not be there yet, and may be written anew."""

    def __init__(self, output: str, path: Path) -> None:
        """Names the output of the pipeline and its file."""
        self._output = output
        self._path = path
        self._origin = f"file:{path.absolute()}"
        self._position: int | None = None
        self._fingerprint = 0
        self._tail = (0, 0.0)

    def restart(self, positions: Positions) -> None:
        """Goes on from the position of the store."""
        position, self._fingerprint = positions.get(self._origin, (None, 0))
        self._position = position

    def read(self, batch: Batch, wait_s: float) -> None:
        """Adds the lines that are whole."""
        try:
            with self._path.open("rb") as file:
                self._read(batch, file)
        except FileNotFoundError:
            pass
        if self._origin not in batch.progress:
            time.sleep(wait_s)

    def lag(self) -> int:
        """Returns how many bytes are not read yet."""
        try:
            return max(self._path.stat().st_size - (self._position or 0), 0)
        except OSError:
            return 0

    def close(self) -> None:
        """Has nothing to let go of: the file is opened for each look."""

    def _read(self, batch: Batch, file: BinaryIO) -> None:
        start = self._position or 0
        if start and self._has_changed(file, start):
            start = 0
        file.seek(start)
        read = file.read(_MAX_READ_BYTES)
        taken = self._whole(start, read)
        if not taken:
            return
        at = start
        for line in read[:taken].splitlines(keepends=True):
            if line.strip():
                add(batch, self._output, self._origin, at, line.strip())
            at += len(line)
        fingerprint = _fingerprint(file, at)
        batch.progress[self._origin] = Progress(self._position, at, self._fingerprint, fingerprint)
        self._position, self._fingerprint = at, fingerprint

    def _has_changed(self, file: BinaryIO, position: int) -> bool:
        """Tells whether a file is another one than the store has read up to a position."""
        size = file.seek(0, 2)
        return size < position or _fingerprint(file, position) != self._fingerprint

    def _whole(self, start: int, read: bytes) -> int:
        """Returns how many bytes are whole lines."""
        end = read.rfind(b"\n") + 1
        if end or not read:
            return end
        if len(read) == _MAX_READ_BYTES:
            return len(read)
        # A file that was cut off, or that ends without a line feed.
        now_s, tail = time.monotonic(), start + len(read)
        if self._tail[0] != tail:
            self._tail = (tail, now_s)
        elif now_s - self._tail[1] >= _STANDS_S and read.rstrip().endswith(b"}"):
            return len(read)
        return 0


def _fingerprint(file: BinaryIO, position: int) -> int:
    file.seek(0)
    return zlib.crc32(file.read(min(position, _FINGERPRINT_BYTES)))
