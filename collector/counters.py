"""What the collector counts, for each node; nothing is lost without a number that says so.

Each value that a device sends has one fate, so that: values received = the sum over all fates +
those that wait in a second that is not sent yet.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum

#: So many different unknown paths are counted by name; the rest together.
MAX_UNKNOWN_PATHS = 200
#: The name of what is counted together.
OTHER = "(other)"


class Fate(StrEnum):
    """What became of a value."""

    #: In a report.
    REPORTED = "reported"
    #: A newer value of the same leaf was in the same second.
    SUPERSEDED = "superseded"
    #: The device told the same value, with the same timestamp, again.
    REPEATED = "repeated"
    #: What the device remembered from before the stream, older than 10 s.
    REMEMBERED = "remembered"
    #: Not a number: NaN, infinity, a boolean, a text.
    NO_NUMBER = "no_number"
    #: Its timestamp is before the year 2000.
    NO_TIME = "no_time"
    #: The table of paths does not have it.
    UNKNOWN_PATH = "unknown_path"
    #: An admin state, or the port of an amplifier: kept until it changes.
    STATE = "state"
    #: More values or paths than a node can have.
    FLOOD = "flood"


@dataclass(slots=True)
class NodeCounts:
    """The counters and measurements of one node.

    Attributes:
        up: the stream is there and has brought something.
        messages: SubscribeResponses.
        malformed: SubscribeResponses that are not protobuf.
        deletes: paths that the device deleted.
        received: values that came.
        fates: values by what became of them.
        by_type: values in reports, by number of their PM type.
        reports: reports made.
        late_reports: reports of a second of which one was sent before.
        reconnects: streams that were begun after the first.
        interval_s: measured sample interval; 0 while it is not known.
        clock_difference_s: the device's clock minus that of this machine, delay included.
    """

    up: bool = False
    messages: int = 0
    malformed: int = 0
    deletes: int = 0
    received: int = 0
    fates: Counter[Fate] = field(default_factory=Counter)
    by_type: Counter[int] = field(default_factory=Counter)
    reports: int = 0
    late_reports: int = 0
    reconnects: int = 0
    interval_s: float = 0.0
    clock_difference_s: float = 0.0


class UnknownPaths:
    """Counts values by the paths that the table does not have, keys left out."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, path: str) -> None:
        """Counts one value."""
        known = path in self.counts or len(self.counts) < MAX_UNKNOWN_PATHS
        self.counts[path if known else OTHER] += 1
