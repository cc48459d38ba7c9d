"""Batches of one node → one report for each second of their timestamps.

A device tells the powers of one component in several messages; of several samples of a component
in one second the pipeline takes the latest as a whole. So all values of a second go into one
report. It is made when the next second has begun and `linger_ns` have passed, or `PATIENCE_NS`
after the end of the second, whichever is first. What comes later makes a report of its own, which
repeats what was sent of the components that it names, so that nothing is hidden by it.

The result does not depend on the order in which batches come: the last report of a second has the
newest value of each leaf. Nothing here reads a clock or knows gRPC; times are ns of the Unix epoch.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from statistics import median

from collector.counters import Fate, NodeCounts
from collector.decode import Batch
from collector.paths import PmLeaf
from collector.reports import NO_LIGHT_DBM, NodeStates, build_report, is_power
from schema.pm_report_pb2 import PmReport

SECOND_NS = 1_000_000_000
#: A second is over this long after its end, by the device's clock [ns].
PATIENCE_NS = 1_300_000_000
#: Before sync_response, what is older is what the device remembers [ns].
REMEMBERED_NS = 10 * SECOND_NS
#: 2000-01-01: what is before has no time (spec, section 2).
EARLIEST_NS = 946_684_800 * SECOND_NS
#: What was sent of a second is kept this long, for values that come later [ns].
_KEEP_NS = 10 * SECOND_NS
#: Of so many seconds what was sent is kept; more are rubbish of a device's clock.
_MAX_SENT = 64
#: Values that may wait in one node; more are a flood.
MAX_WAITING = 50_000
#: Seconds that may wait in one node.
_MAX_SECONDS = 32
#: Of so many newest reports the interval is measured.
_INTERVALS = 5
_LEAST_INTERVALS = 3
_MAX_GAPS = 1_000

NEVER_NS = 2**63 - 1

_PM_TYPE = attrgetter("pm_type")


@dataclass(frozen=True)
class MergeSettings:
    """How the reports of a node are made.

    Attributes:
        node_id: name of the node in reports.
        linger_ns: how long a second waits once the next one has begun.
        no_light_dbm: a power at or below is dark [dBm].
        receive_time: values have the time at which they came, not the device's.
    """

    node_id: str
    linger_ns: int = 300_000_000
    no_light_dbm: float = NO_LIGHT_DBM
    receive_time: bool = False


@dataclass(slots=True)
class _Second:
    """A second with values that wait, or of which a report was made a moment ago.

    Attributes:
        due_ns: when the report of what waits is due.
        batches: what waits.
        sent: the newest value of each leaf that is in a report.
        taken_ns: when what waited was taken last.
    """

    due_ns: int
    batches: list[Batch] = field(default_factory=list)
    sent: dict[PmLeaf, tuple[int, float]] = field(default_factory=dict)
    taken_ns: int = 0


class _Intervals:
    """Measures how far the timestamps of a leaf are apart, whatever seconds they fall into."""

    def __init__(self) -> None:
        self._last_ns: dict[PmLeaf, int] = {}
        self._gaps_ns: list[int] = []
        self._medians_s: list[float] = []

    def add(self, leaf: PmLeaf, time_ns: int) -> None:
        """Takes in a timestamp of the leaf that a message begins with."""
        before_ns = self._last_ns.get(leaf, time_ns)
        if time_ns > before_ns and len(self._gaps_ns) < _MAX_GAPS:
            self._gaps_ns.append(time_ns - before_ns)
        self._last_ns[leaf] = time_ns

    def measured_s(self) -> float:
        """Returns the median over leaves and the newest reports; 0 while there are too few."""
        if self._gaps_ns:
            self._medians_s.append(median(self._gaps_ns) / SECOND_NS)
            self._gaps_ns.clear()
            del self._medians_s[:-_INTERVALS]
        return median(self._medians_s) if len(self._medians_s) >= _LEAST_INTERVALS else 0.0


class SequenceNumbers:
    """Numbers the reports of a process; they grow, also where the clock goes back.

    Args:
        last: the greatest number of earlier runs; 0 if it is not known.
    """

    def __init__(self, last: int = 0) -> None:
        self._last = last

    def next(self, now_ns: int) -> int:
        """Returns the number of a report that is made now."""
        # Microseconds pass faster than reports are made, so a later run goes on behind this one.
        self._last = max(self._last + 1, now_ns // 1000)
        return self._last


class Merger:
    """Takes the batches of one node; gives its reports.

    Attributes:
        due_ns: when the next report is due; `NEVER_NS` if none is.
        waiting: values that are in no report yet.
        states: admin states and ports that the node has told.
    """

    def __init__(
        self,
        settings: MergeSettings,
        counts: NodeCounts,
        states: NodeStates,
        sequence: SequenceNumbers,
    ) -> None:
        self.due_ns = NEVER_NS
        self.waiting = 0
        self.states = states
        self._settings = settings
        self._counts = counts
        self._open: dict[int, _Second] = {}
        #: In the order in which they were taken.
        self._sent: dict[int, _Second] = {}
        self._last_ns: dict[PmLeaf, int] = {}
        self._sequence = sequence
        self._intervals = _Intervals()

    def add(self, batch: Batch, receive_ns: int, *, synced: bool = True) -> None:
        """Takes in what a message says of one instant.

        Args:
            batch: its values.
            receive_ns: when they came.
            synced: sync_response has come in this stream.
        """
        time_ns = batch.time_ns
        if self._settings.receive_time:
            batch = Batch(receive_ns, batch.leaves, batch.numbers)
            time_ns = receive_ns
        elif time_ns < EARLIEST_NS:
            self._counts.fates[Fate.NO_TIME] += len(batch.leaves)
            return
        elif not synced and receive_ns - time_ns > REMEMBERED_NS:
            self._counts.fates[Fate.REMEMBERED] += len(batch.leaves)
            return
        self._intervals.add(batch.leaves[0], time_ns)
        self._counts.clock_difference_s = (time_ns - receive_ns) / SECOND_NS
        number = time_ns // SECOND_NS
        if self.waiting + len(batch.leaves) > MAX_WAITING:
            self._counts.fates[Fate.FLOOD] += len(batch.leaves)
            return
        second = self._open.get(number)
        if second is None:
            second = self._begin(number, time_ns, receive_ns)
        second.batches.append(batch)
        self.waiting += len(batch.leaves)

    def take_due(self, now_ns: int) -> list[PmReport]:
        """Returns the reports that are due, in order of their seconds, and forgets old ones."""
        if now_ns < self.due_ns:
            return []
        due = [number for number, second in self._open.items() if second.due_ns <= now_ns]
        return self._take(sorted(due), now_ns)

    def take_all(self, now_ns: int) -> list[PmReport]:
        """Returns the reports of all seconds that wait, whether they are due or not."""
        return self._take(sorted(self._open), now_ns)

    def _begin(self, number: int, time_ns: int, receive_ns: int) -> _Second:
        """Opens a second, or one of which a report was made; returns it."""
        soon_ns = receive_ns + self._settings.linger_ns
        second = self._sent.pop(number, None)
        if second:
            second.due_ns = soon_ns
        else:
            end_ns = receive_ns + (number + 1) * SECOND_NS - time_ns
            has_next = any(n > number for n in (*self._open, *self._sent))
            second = _Second(soon_ns if has_next else end_ns + PATIENCE_NS)
            for other, before in self._open.items():
                if other < number:
                    before.due_ns = min(before.due_ns, soon_ns)
        self._open[number] = second
        if len(self._open) > _MAX_SECONDS:
            for other in sorted(self._open)[:-_MAX_SECONDS]:
                self._open[other].due_ns = 0
        self.due_ns = min(each.due_ns for each in self._open.values())
        return second

    def _take(self, numbers: Iterable[int], now_ns: int) -> list[PmReport]:
        reports = []
        for number in numbers:
            second = self._sent[number] = self._open.pop(number)
            report = self._report(second, now_ns)
            if report is not None:
                reports.append(report)
        for number, second in list(self._sent.items()):
            if len(self._sent) <= _MAX_SENT and now_ns - second.taken_ns <= _KEEP_NS:
                break
            del self._sent[number]
        self.due_ns = min((each.due_ns for each in self._open.values()), default=NEVER_NS)
        return reports

    def _report(self, second: _Second, now_ns: int) -> PmReport | None:
        """Makes the report of what is new in a second; None where nothing is."""
        fresh = self._newest(second)
        is_late = bool(second.sent)
        second.sent.update(fresh)
        second.batches.clear()
        second.taken_ns = now_ns
        if not fresh:
            return None
        newest = self._all_of(second, fresh) if is_late else fresh
        settings = self._settings
        report = build_report(settings.node_id, newest, self.states, settings.no_light_dbm)
        report.collect_time_unix_ns = now_ns
        report.sequence = self._sequence.next(now_ns)
        self._counts.reports += 1
        self._counts.late_reports += is_late
        self._counts.by_type.update(map(_PM_TYPE, fresh))
        if not is_late:
            self._counts.interval_s = self._intervals.measured_s()
        return report

    def _newest(self, second: _Second) -> dict[PmLeaf, tuple[int, float]]:
        """Returns the newest of the values that are not in a report yet; counts all others."""
        sent = second.sent
        fresh: dict[PmLeaf, tuple[int, float]] = {}
        fates = self._counts.fates
        last_ns = self._last_ns
        count = superseded = repeated = no_number = 0
        for batch in second.batches:
            time_ns = batch.time_ns
            count += len(batch.leaves)
            for leaf, number in zip(batch.leaves, batch.numbers, strict=True):
                # Infinity and NaN are no number; -inf of a power is no light.
                if number - number != 0.0 and not (number < 0 and is_power(leaf.pm_type)):
                    no_number += 1
                    continue
                known = fresh.get(leaf) or sent.get(leaf)
                known_ns = known[0] if known else last_ns.get(leaf, 0)
                if time_ns == known_ns:
                    repeated += 1
                elif known and time_ns < known_ns:
                    superseded += 1
                else:
                    if leaf in fresh:
                        superseded += 1
                    fresh[leaf] = (time_ns, number)
        self.waiting -= count
        for leaf, (time_ns, _) in fresh.items():
            if time_ns > last_ns.get(leaf, 0):
                last_ns[leaf] = time_ns
        fates[Fate.REPORTED] += len(fresh)
        fates[Fate.SUPERSEDED] += superseded
        fates[Fate.REPEATED] += repeated
        fates[Fate.NO_NUMBER] += no_number
        return fresh

    def _all_of(
        self, second: _Second, fresh: dict[PmLeaf, tuple[int, float]]
    ) -> dict[PmLeaf, tuple[int, float]]:
        """Returns all that was sent of the components of the fresh values, and these."""
        named = {self.states.component(leaf) for leaf in fresh}
        return {leaf: v for leaf, v in second.sent.items() if self.states.component(leaf) in named}
