"""Watches the PM topic for changes that a running job cannot handle, and reports them.

A job reads the partitions that were there when it was submitted, from offset to offset. A live run
that is waited for watches by itself. Beside a job that was left to its cluster, run
``python -m pipeline.topic_watch --bootstrap_servers=HOST:PORT --pm_kafka_topic=pm``.
"""

from __future__ import annotations

import argparse
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from pipeline.kafka.client import TopicState, look_at_topics
from pipeline.kafka.config import settings
from schema.errors import EventCenterError, UsageError

_log = logging.getLogger("eventcenter")

_LOOK_EVERY_S = 10.0
#: A partition without a record for this long is reported [s].
IDLE_S = 60.0


@dataclass
class TopicWatch:
    """Compares what a topic holds with what it held before.

    Attributes:
        topic: its name.
        known: what it held when the job was submitted.
    """

    topic: str
    known: TopicState
    _newest_s: dict[int, float] = field(default_factory=dict)
    _idle: set[int] = field(default_factory=set)

    def look(self, now: TopicState, at_s: float) -> list[str]:
        """Returns what has happened since the last look, in one sentence each, never twice.

        Args:
            now: what the topic holds.
            at_s: time of this look, on a clock that does not jump [s].
        """
        found = [*self._created_again(now), *self._added(now), *self._idle_ones(now, at_s)]
        self.known = now
        return found

    def _created_again(self, now: TopicState) -> Iterator[str]:
        before = self.known.end_offsets
        if any(now.end_offsets.get(p, -1) < end for p, end in before.items()):
            self._newest_s.clear()
            yield (
                f"topic {self.topic} was deleted and created again: the job ignores its records up "
                "to the offsets that it has read before. Submit it again, not from a savepoint"
            )

    def _added(self, now: TopicState) -> Iterator[str]:
        added = set(now.end_offsets) - set(self.known.end_offsets)
        if added:
            yield (
                f"topic {self.topic} has new partitions ({_listed(added)}) that the job does not "
                "read. Submit it again, not from a savepoint, which keeps the partitions it knows"
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
                "Its event time follows the clock meanwhile: what is sent to it later, with an "
                "older timestamp, may be late"
            )
        if back := self._idle - idle:
            yield f"topic {self.topic}: records again in partition {_listed(back)}"
        self._idle = idle


def _listed(partitions: set[int]) -> str:
    return ", ".join(map(str, sorted(partitions)))


@contextmanager
def watching(watch: TopicWatch, look: Callable[[], TopicState]) -> Iterator[None]:
    """Watches in the background until the block is left; ignores a broker that is away."""
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


def main(arguments: Sequence[str] | None = None) -> int:
    """Watches until Ctrl-C; returns 2 if it cannot start."""
    options = _parser().parse_args(arguments)
    logging.basicConfig(format="%(asctime)s %(levelname)s: %(message)s", level=logging.ERROR)
    _log.setLevel(logging.INFO)
    topic = options.pm_kafka_topic

    def look() -> TopicState:
        return look_at_topics(options.bootstrap_servers, config, [topic])[topic]

    try:
        config = settings(options.kafka_config, options.kafka_config_file)
        watch = TopicWatch(topic, look())
        with watching(watch, look):
            threading.Event().wait()
    except EventCenterError as error:
        print(f"topic_watch: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("topic_watch", description=__doc__, allow_abbrev=False)
    parser.add_argument("--bootstrap_servers", required=True, help="brokers, host:port with commas")
    parser.add_argument("--pm_kafka_topic", required=True, help="PM reports")
    parser.add_argument("--kafka_config", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--kafka_config_file", default="", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
