"""What waits for delivery: bounded by bytes; the oldest goes first when there is no room.

The rule of conservation: reports made = delivered + dropped + waiting, at every moment.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from enum import StrEnum


class Dropped(StrEnum):
    """Why a report was not delivered."""

    #: More waited than there was room for, and it was the oldest.
    BUFFER_FULL = "buffer_full"
    #: Kafka does not take it: too large, or the client may not write to the topic.
    REFUSED = "refused"
    #: The collector was stopped, and Kafka did not answer in time.
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Record:
    """A report on its way.

    Attributes:
        number: counts the reports of this process, from 1.
        key: the node_id in UTF-8.
        payload: the serialized `PmReport`.
        time_ms: when it was made.
    """

    number: int
    key: bytes
    payload: bytes
    time_ms: int

    def size(self) -> int:
        """Returns how many bytes it counts."""
        return len(self.key) + len(self.payload)


@dataclass(slots=True)
class Delivery:
    """Counters of the way to Kafka or to the capture.

    Attributes:
        made: reports handed over for delivery.
        delivered: reports that Kafka or the file has taken.
        dropped: the others that are done with, by reason.
    """

    made: int = 0
    delivered: int = 0
    dropped: Counter[Dropped] = field(default_factory=Counter)
    #: Numbers of those that wait, in order.
    _open: dict[int, None] = field(default_factory=dict)

    def begin(self) -> int:
        """Counts a report that was made; returns its number."""
        self.made += 1
        self._open[self.made] = None
        return self.made

    def deliver(self, number: int) -> None:
        """Counts a report as delivered."""
        del self._open[number]
        self.delivered += 1

    def drop(self, number: int, reason: Dropped) -> None:
        """Counts a report as dropped."""
        del self._open[number]
        self.dropped[reason] += 1

    def drop_all(self, reason: Dropped) -> None:
        """Counts all that wait as dropped."""
        self.dropped[reason] += len(self._open)
        self._open.clear()

    @property
    def settled(self) -> int:
        """The reports up to this number are delivered or dropped, each of them."""
        return next(iter(self._open), self.made + 1) - 1

    @property
    def waiting(self) -> int:
        """Reports that are neither delivered nor dropped yet."""
        return self.made - self.delivered - self.dropped.total()

    def line(self) -> str:
        """Returns all counters in one line."""
        return (
            f"reports made {self.made} = delivered {self.delivered} + "
            f"dropped {self.dropped.total()} + waiting {self.waiting}"
        )


class Buffer:
    """A queue of records, in order, with a limit in bytes. The limit holds for all that waits.

    Attributes:
        bytes: of all records in it.
        away_bytes: of those that were taken out, and are neither settled nor put back.
    """

    def __init__(self, limit_bytes: int, delivery: Delivery) -> None:
        self.bytes = 0
        self.away_bytes = 0
        self._limit_bytes = limit_bytes
        self._delivery = delivery
        self._records: deque[Record] = deque()

    def __len__(self) -> int:
        return len(self._records)

    def add(self, record: Record) -> None:
        """Adds the newest record; drops the oldest ones where there is no room."""
        self._records.append(record)
        self.bytes += record.size()
        self._make_room()

    def take(self) -> Record:
        """Takes the oldest record out."""
        record = self._pop()
        self.away_bytes += record.size()
        return record

    def settle(self, record: Record) -> None:
        """Forgets a record that was taken out: it is delivered or dropped."""
        self.away_bytes -= record.size()

    def put_back(self, record: Record) -> None:
        """Puts a record that was taken out back to the front."""
        self.away_bytes -= record.size()
        self._records.appendleft(record)
        self.bytes += record.size()
        self._make_room()

    def _pop(self) -> Record:
        record = self._records.popleft()
        self.bytes -= record.size()
        return record

    def _make_room(self) -> None:
        while self._records and self.bytes + self.away_bytes > self._limit_bytes:
            self._delivery.drop(self._pop().number, Dropped.BUFFER_FULL)
