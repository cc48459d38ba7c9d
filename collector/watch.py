"""The targets file while the collector runs: a change takes effect, a mistake does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from collector.targets import Part, Target, parse_targets, read_targets
from schema.errors import TargetsError

#: How often the file is looked at; a change takes effect within 10 s [s].
_EVERY_S = 2.0

_log = logging.getLogger("collector")


@dataclass
class TargetsFile:
    """The file, and which of its nodes are of this process.

    Attributes:
        path: of the file.
        part: which share of the nodes is of this process.
        with_address: each node must have an address.
    """

    path: str
    part: Part
    with_address: bool = True
    _text: str | None = None

    def read(self) -> list[Target]:
        """Returns the targets of this process.

        Raises:
            TargetsError: the file cannot be used.
        """
        self._text = _text_of(self.path)
        return self._ours(read_targets(self.path, with_address=self.with_address))

    async def watch(self, changed: Callable[[list[Target]], Awaitable[None]]) -> None:
        """Tells of each change, until the task is cancelled; says what is wrong with one."""
        while True:
            await asyncio.sleep(_EVERY_S)
            text = _text_of(self.path)
            if text == self._text:
                continue
            self._text = text
            if text is None:
                _log.warning("%s cannot be read; the targets stay as they were", self.path)
                continue
            try:
                targets = parse_targets(text, self.path, with_address=self.with_address)
            except TargetsError as error:
                for line in str(error).splitlines():
                    _log.warning("%s", line)
                _log.warning("%s has mistakes; the targets stay as they were", self.path)
                continue
            await changed(self._ours(targets))

    def _ours(self, targets: list[Target]) -> list[Target]:
        return [target for target in targets if self.part.has(target.node_id)]


def _text_of(path: str) -> str | None:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None
