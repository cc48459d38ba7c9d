"""Watches the PM topic for what a running job cannot handle by itself.

A job reads the partitions that existed when it was submitted, each in order of offset.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.kafka.client import TopicState
from schema.errors import UsageError

_log = logging.getLogger("eventcenter")

_LOOK_EVERY_S = 10.0
#: How long a partition may go without a record before it is reported [s].
IDLE_S = 60.0


@dataclass
class TopicWatch:
    """Compares what a topic holds with what it held at the last look.

    Attributes:
        topic: its name.
        known: what it held at the last look; at first, when the job was submitted.
    """

    topic: str
    known: TopicState
    _newest_s: dict[int, float] = field(default_factory=dict)
    _idle: set[int] = field(default_factory=set)

    def look(self, now: TopicState, at_s: float) -> list[str]:
        """Returns what has happened since the last look, one sentence each, nothing twice.

        Args:
            now: what the topic holds.
            at_s: time of the look, on a monotonic clock [s].
        """
        found = [*self._created_again(now), *self._added(now), *self._idle_ones(now, at_s)]
        self.known = now
        return found

    def _created_again(self, now: TopicState) -> Iterator[str]:
        before = self.known.end_offsets
        if any(now.end_offsets.get(p, -1) < end for p, end in before.items()):
            self._newest_s.clear()
            yield (
                f"topic {self.topic} was deleted and created again: the job ignores its records "
                "up to the offsets it has read before. Submit the job again, without a savepoint"
            )

    def _added(self, now: TopicState) -> Iterator[str]:
        added = set(now.end_offsets) - set(self.known.end_offsets)
        if added:
            yield (
                f"topic {self.topic} has new partitions ({_listed(added)}) that the job does not "
                "read. Submit the job again, without a savepoint, which keeps the known partitions"
            )

    def _idle_ones(self, now: TopicState, at_s: float) -> Iterator[str]:
        for partition, end in now.end_offsets.items():
            if end != self.known.end_offsets.get(partition) or partition not in self._newest_s:
                self._newest_s[partition] = at_s
        idle = {p for p, since_s in self._newest_s.items() if at_s - since_s >= IDLE_S}
        idle &= set(now.end_offsets)
        if new := idle - self._idle:
            yield (
                f"topic {self.topic}: no record for {IDLE_S:.0f} s in partition {_listed(new)}. "
                "Its event time follows the clock meanwhile: records sent to it later, with "
                "older timestamps, may be late"
            )
        if back := self._idle - idle:
            yield f"topic {self.topic}: records again in partition {_listed(back)}"
        self._idle = idle


def _listed(partitions: set[int]) -> str:
    return ", ".join(map(str, sorted(partitions)))


@contextmanager
def watching(watch: TopicWatch, look: Callable[[], TopicState]) -> Iterator[None]:
    """Watches in the background until the block ends; an absent broker is not worth a warning."""
    done = threading.Event()

    def run() -> None:
        while not done.wait(_LOOK_EVERY_S):
            try:
                now = look()
            except UsageError as error:
                _log.info("%s", error)
                continue
            for sentence in watch.look(now, time.monotonic()):
                _log.warning("%s", sentence)

    threading.Thread(target=run, name="topic-watch", daemon=True).start()
    try:
        yield
    finally:
        done.set()
