"""An exact clock of event time, made of timers: is a window closed, or is it not?

Beam does not tell a step in Python what the watermark is, but its event-time timers do. A timer
that has fired is behind the watermark. One that was set when the watermark was known to stand
before it, and that has not fired, is ahead of it. So a moment is *reached* if a fired one is not
before it, and *ahead* if an unfired one is not after it.

The clock keeps timers densely ahead of the newest moment that was reached, and of the newest data,
which the watermark follows; beyond that, ever farther apart. So the answer is known at once, unless
the watermark has jumped far without data. Then moments in the gap are *asked*: their timers are
set, and those that are behind the watermark fire. That one is ahead is known when two more timers
have fired, one set after the other, both behind the watermark: a runner fires all that is due, so
by the second it would have fired it.

An unfired timer also holds back the watermark of the steps that follow. So what is let through is
not late for them.
"""

from __future__ import annotations

import bisect
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from kernels.timers import Timer
from kernels.window_bounds import WindowBounds
from schema.records import EventTime
from schema.times import FIRST_MOMENT_US, LAST_MOMENT_US, NOTHING_REACHED_US

__all__ = ["EventClock"]

#: So many moments in a row are armed ahead of the newest one reached; again when fewer than half
#: of them are left.
_DENSE = 64
#: Beyond these, the next multiple of each power of two is armed, by number of the moment.
_POWERS = range(_DENSE.bit_length() - 1, 34)


@dataclass
class EventClock:
    """What is known of the watermark.

    Attributes:
        bounds: when windows are due and close.
        event_time: LIVE, or ANNOUNCED: then only announced moments are ever reached.
        reached_us: the newest moment that is known to be reached.
    """

    bounds: WindowBounds
    event_time: EventTime
    reached_us: int = NOTHING_REACHED_US
    #: Moments known to be ahead of the watermark, ascending.
    _ahead: list[int] = field(default_factory=list)
    #: Moments whose timers were set when the watermark may have been past them, ascending.
    _asked: list[int] = field(default_factory=list)
    #: When the newest window closes that data in time has come for, as far as this copy knows.
    _seen_us: int = NOTHING_REACHED_US

    @property
    def has_moved(self) -> bool:
        """Whether the watermark has moved since the start."""
        return self.reached_us > NOTHING_REACHED_US

    def is_reached(self, moment_us: int) -> bool | None:
        """Returns whether the watermark has reached a moment; None = not known yet."""
        if moment_us <= self.reached_us:
            return True
        if self.event_time == EventTime.ANNOUNCED:
            return False
        return False if self._ahead and moment_us >= self._ahead[0] else None

    def announce(self, moment_us: int) -> Iterator[Timer]:
        """Takes the news that a moment is ahead of the watermark."""
        if moment_us <= self.reached_us:
            return
        self._know_ahead(moment_us)
        yield from self._arm_ahead(moment_us)
        if self.event_time == EventTime.LIVE:
            for next_us in self._moments_after(moment_us):
                yield from self._arm_ahead(next_us)

    def see(self, moment_us: int) -> Iterator[Timer]:
        """Takes the news that data has come whose window closes at a moment that is ahead."""
        if moment_us > self._seen_us and self.event_time == EventTime.LIVE:
            self._seen_us = moment_us
            if self._is_sparse(moment_us):
                yield from self.announce(moment_us)

    def _know_ahead(self, moment_us: int) -> None:
        """Notes that a moment is ahead of the watermark, and so is all that was asked behind it."""
        at = bisect.bisect_left(self._asked, moment_us)
        self._ahead = sorted({*self._asked[at:], *self._ahead})
        del self._asked[at:]

    def _arm_ahead(self, moment_us: int) -> Iterator[Timer]:
        """Sets the timer of a moment that is ahead of the watermark, unless it is set."""
        at = bisect.bisect_left(self._ahead, moment_us)
        if self._ahead[at : at + 1] != [moment_us]:
            self._ahead.insert(at, moment_us)
            yield _moment_timer(moment_us)

    def arm(self, moment_us: int) -> Iterator[Timer]:
        """Sets the timer of a moment, unless it is set or the moment is reached.

        In a live job this asks whether the moment is reached, if that is not known.
        """
        is_reached = self.is_reached(moment_us)
        if is_reached is False:
            yield from self._arm_ahead(moment_us)
        elif is_reached is None and moment_us not in self._asked:
            bisect.insort(self._asked, moment_us)
            yield _moment_timer(moment_us)
            if self.has_moved:
                yield self._ask(moment_us)
            else:
                yield from self.arm(FIRST_MOMENT_US)

    def fire(self, tag: str) -> Iterator[Timer]:
        """Takes the news that a timer has fired."""
        if tag == _ARM:
            for next_us in self._moments_after(self.reached_us):
                yield from self.arm(next_us)
        elif tag.startswith(_ASK):
            if (asked_us := int(tag.removeprefix(_ASK))) in self._asked:
                yield Timer(f"{_TELL}{asked_us}", self.reached_us)
        elif tag.startswith(_TELL):
            if (told_us := int(tag.removeprefix(_TELL))) in self._asked:
                self._know_ahead(told_us)
        elif (moment_us := int(tag)) > self.reached_us:
            yield from self._reach(moment_us)

    def _reach(self, moment_us: int) -> Iterator[Timer]:
        """Notes that a moment is reached."""
        had_moved, self.reached_us = self.has_moved, moment_us
        for moments in (self._ahead, self._asked):
            del moments[: bisect.bisect_right(moments, moment_us)]
        if self.event_time == EventTime.LIVE and self._is_sparse(moment_us):
            # Not before all that is due has fired: the watermark may be far ahead.
            yield Timer(_ARM, moment_us)
        if not had_moved:
            yield from map(self._ask, self._asked)

    def _ask(self, moment_us: int) -> Timer:
        """Returns the first of two timers that tell that a moment is ahead."""
        return Timer(f"{_ASK}{moment_us}", self.reached_us)

    def _is_sparse(self, moment_us: int) -> bool:
        """Whether more moments are to be armed behind one of them."""
        if moment_us >= LAST_MOMENT_US:
            return False  # timers set for ever would keep a job alive whose input has ended
        half_way = self.bounds.moment_after(moment_us) + _DENSE // 2
        at = bisect.bisect_left(self._ahead, half_way_us := self.bounds.moment_us(half_way))
        return self._ahead[at : at + 1] != [half_way_us]

    def _moments_after(self, moment_us: int) -> list[int]:
        """Returns the moments to arm ahead of one that is reached."""
        first = self.bounds.moment_after(moment_us)
        numbers = [*range(first, first + _DENSE)]
        numbers += [((first >> power) + 1) << power for power in _POWERS]
        moments = {min(self.bounds.moment_us(number), LAST_MOMENT_US) for number in numbers}
        return sorted({*moments, LAST_MOMENT_US})

    def to_bytes(self) -> bytes:
        """Returns the clock as bytes."""
        head = _HEAD.pack(self.reached_us, len(self._ahead))
        return head + np.array([*self._ahead, *self._asked], np.int64).tobytes()

    @classmethod
    def from_bytes(cls, data: bytes, bounds: WindowBounds, event_time: EventTime) -> EventClock:
        """Reads the clock; its timers are still set."""
        reached_us, num_ahead = _HEAD.unpack_from(data)
        moments = np.frombuffer(data, np.int64, offset=_HEAD.size).tolist()
        return cls(bounds, event_time, reached_us, moments[:num_ahead], moments[num_ahead:])


_HEAD = struct.Struct("<qI")
#: Tags of timers that stand for no moment: arm more moments; ask, then tell, of one.
_ARM, _ASK, _TELL = "arm", "ask ", "tell "


def _moment_timer(moment_us: int) -> Timer:
    return Timer(str(moment_us), moment_us)
