"""Oracle: the contract of the event center in slow, obvious Python, link by link.

Its parts are `oracle_input` (validation), `oracle_span` (decision table), `oracle_link`
(confirmation, life of an alarm, matches), `oracle_event` (event data), `oracle_trace` (traces) and
`oracle_incident` (incidents). This module has the topology, joining, event time, lateness and
counters.

Readings: how the contract is read where it leaves something open. The reading that was not chosen
stands in brackets.

Input
- The values of a rejected component give no reasons, except with NO_VALUES (not: all reasons).
- The components of a rejected report count as components and as rejected (not: not at all).
- "Powers" are all types in dBm, TARGET_OUTPUT_POWER included (not: only the four that decide).
- With no_light a value of any type reads -40, and its reading is not checked (not: powers only).
- `type` is null for UNKNOWN_TYPE (not: the number, or PM_TYPE_UNSPECIFIED).
- A sample wins as a whole, even if it lacks a certain valid value (not: value by value).
- A duplicate has the time, sequence and state of a sample that the span end already has.
Topology
- A bad link is refused before its version is looked at (not: ignored if its version is low).
- A record without a key is bad, as its key is not the link_id (not: the link_id stands in).
- A maintenance window that ends when it starts is none, and not bad.
- A smallest span loss of 0 is bad, as every bound that is not over 0 (not: no bound).
- A link that is deleted is forgotten. One that comes to a state in which no events are decided
  keeps its learned base; its windows are forgotten, so that no alarm comes again with its old id.
- The event of LINK_REMOVED is made with the newest topology: the last one of a deleted link.
- PLANNED and RETIRED links are joined and counted but not evaluated (not: unmatched).
- A topology applies, from its arrival, to everything that is joined or evaluated after it. Which
  span end a sample serves is settled when it is joined (not: looked up again at evaluation).
- PM waits until the watermark reaches its sample time + 10 s (not: 10 s after its arrival).
  Whether it is late is decided when it is released, by the watermark at that moment (not: at its
  arrival).
- PM does not wait if its node once had a topology and has none now.
Event time
- The counters count span ends: (direction, T or R). A component that is both tx and rx of an end
  counts twice, yet has one line in `late` (not: counters by link end).
- Within the allowed lateness, a sample that does not win still causes a late evaluation; a
  duplicate causes none.
- The late evaluations of a report go link by link, then by window.
Learned base
- "First 60" is a row of the newest 60 losses that slides window by window (not: blocks of 60).
- A window without samples is like NO_DATA.
- Late decisions can complete a row. What is learned stays. A configured base takes precedence:
  while there is one nothing is learned, though its windows belong to a later row.
Confirmation and life
- A confirmation acts once: a late evaluation acts on those that it makes new or higher at a window
  (not: again on all that contain its window, which would raise again what has since cleared).
- A rise, a new direction and a fall of one family in one window are one CHANGE (not: two). It is
  one by a fall if no span rises in it.
- Hold levels are kept with the decision, by the thresholds and base at that time (not: now).
- An alarm is un-suppressed at the first evaluated window after its last event that is not under
  work, even if it clears there. A late walk over such a window does so too, as late.
- A CLEAR is suppressed when its window is under work and every event of the alarm was suppressed.
- The families of one window come in the order FIBER, SIGNAL, OSC, TOPOLOGY, DATA, RANGE, JITTER.
- Without an open alarm a new late confirmation raises one, even inside the life of a closed alarm
  (not: nothing). With the onset of that alarm it has its alarm_id, and sequence 1 again. This is
  seen only where the allowed lateness is longer than a clear takes.
- Two spans that come to 0 in one window: the trouble was over with the later one.
- A late evaluation that is the first of its window counts no dip.
- DATA names each part of the link that told no reading, of a span out of service too.
Event data
- threshold_db follows the code: cut_db for a CUT, on darkness too (not: los_dbm there); los_dbm
  for LINK_DARK, EQUIPMENT and UPSTREAM, degrade_db for SIGNAL_DEGRADE, 3 for OSC_LOSS, -1 for
  MISMATCH, the bound for OUT_OF_RANGE, degrade_warn_db for JITTER, none for PM_DATA_MISSING.
- delta_db is null where the loss is a lower bound (not: T + 40 - base), so the peak leaves it out.
- rx_dbm is the reading itself where it is dark by los_dbm; it is -40 only without light.
- base_db is the base in force, even where no loss was measured (not: null there).
- peak_delta_db goes from onset to the event's window (not: to the newest window).
- specific_problem is that of the event's window, on any span of its direction (not: kept from the
  RAISE). A cut held by row 2 has none.
- changed_time is that of the CHANGE published last (not: the latest in time); null before.
- duration_ms is negative for a late rise or widening at a window before the onset (not: 0).
- service_affecting follows the code, in a CLEAR too.
- Severity is looked up at each event, in the topology at that time; a CLEAR repeats the last one.
Traces
- A late evaluation that raises an alarm writes the windows that come into its range by that, and
  no window that was written before (not: all of them again).
- A window that was written stays in the trace, when a CLEAR that is found late shortens it.
- An OSC that is dark by its threshold is dark (not: only without light), and has no flag.
- Losses and darkness are by the topology in force when the line is written, base and code as
  decided.
Matches
- MATCH: state ACTIVE, raised_time = `time`, changed_time null, previous_severity null at first.
  The direction is that of all spans that confirm at any level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from schema.topology_pb2 import FiberLink
from tests.oracle_event import rfc3339, window_time
from tests.oracle_incident import Told, incidents
from tests.oracle_input import (
    SECOND,
    Sample,
    bad_topology,
    bad_topology_line,
    parse,
    read_report,
    report_fault,
)
from tests.oracle_link import LinkOracle
from tests.oracle_span import link_end, span_ends

TOPOLOGY_WAIT = 10 * SECOND
MAX_STEP = 60 * SECOND  # of a watermark that one report moves
COUNTERS = (
    "reports",
    "components",
    "components_rejected",
    "components_unmatched",
    "components_matched",
    "ends_joined",
    "ends_windowed",
    "ends_late",
)


@dataclass
class Outputs:
    """Everything that comes out."""

    events: list[dict[str, Any]] = field(default_factory=list)
    late: list[dict[str, Any]] = field(default_factory=list)
    invalid: list[dict[str, Any]] = field(default_factory=list)
    unmatched: list[dict[str, Any]] = field(default_factory=list)
    incidents: list[dict[str, Any]] = field(default_factory=list)
    traces: list[dict[str, Any]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))


class Oracle:
    """Takes topology, reports and watermarks in the order given.

    Args:
        emit: "lifecycle" or "matches".
        window_s: W, length of a window.
        gap_windows: G, NO_DATA windows that a row may bridge.
        out_of_orderness_s: B; a window is evaluated when the watermark is B past its end.
        allowed_lateness_s: L; until B + L past its end it is evaluated again.
        source: `source` of the events.
        bounded: Batch: nothing is late, all windows are evaluated by `finish`.

    Attributes:
        links: the links in force, by link_id.
    """

    def __init__(
        self,
        *,
        emit: str = "lifecycle",
        window_s: int = 1,
        gap_windows: int = 1,
        out_of_orderness_s: int = 2,
        allowed_lateness_s: float = 5,
        source: str = "event-center",
        bounded: bool = False,
    ) -> None:
        self._emit = emit
        self._window_s = window_s
        self._gap_windows = gap_windows
        self._source = source
        self._bounded = bounded
        self._on_time_ns = out_of_orderness_s * SECOND
        self._closed_ns = self._on_time_ns + round(allowed_lateness_s * SECOND)
        self._watermark_ns: float = float("-inf")
        self.links: dict[str, LinkOracle] = {}
        self._known_nodes: set[str] = set()  # nodes that have ever had a topology
        self._waiting: list[list[Sample]] = []  # per report, in order of arrival
        self._rejected: dict[tuple[str, int], int] = {}
        self._out = Outputs()
        self._told: list[Told] = []

    def topology(self, link_id: str, link: FiberLink | None) -> None:
        """Takes a topology record; None deletes the link."""
        if link is None:
            gone = self.links.pop(link_id, None)
            if gone:
                self._publish(gone, gone.remove(self._newest_due()))
            return
        if bad_topology(link) or link.link_id != link_id:
            self._reject(0, bad_topology_line(link.link_id or link_id))
            return
        known = self.links.get(link.link_id)
        if known is None:
            self.links[link.link_id] = LinkOracle(
                link,
                window_s=self._window_s,
                gap_windows=self._gap_windows,
                emit=self._emit,
                source=self._source,
            )
        elif link.version >= known.link.version:
            was_live, known.link = known.is_live, link
            if was_live and not known.is_live:
                self._publish(known, known.remove(self._newest_due()))
        else:
            return
        self._known_nodes |= {link.a_end.node_id, link.z_end.node_id}
        waiting, self._waiting = self._waiting, []
        for samples in waiting:
            self._receive(samples)

    def advance(self, watermark_ns: int) -> None:
        """Moves the watermark and evaluates what has become due."""
        if not self._bounded:
            self._advance(watermark_ns)

    def report(self, payload: bytes, record_timestamp_ns: int | None = None) -> None:
        """Takes a PM record."""
        read = read_report(payload, record_timestamp_ns)
        self._count("reports", 1)
        self._count("components", read.components)
        self._count("components_rejected", read.rejected)
        for type_number, line in read.invalid:
            self._reject(type_number, line)
        self._receive(read.samples)

    def finish(self) -> Outputs:
        """Moves the watermark to infinity; returns all outputs."""
        self._advance(float("inf"))
        if self._emit == "lifecycle":
            self._out.incidents = incidents(
                self._told, window_s=self._window_s, source=self._source
            )
        return self._out

    def _publish(self, link: LinkOracle, events: list[dict[str, Any]]) -> None:
        """Puts events out, and notes at which tick incidents take each in."""
        self._out.events += events
        for event in events:
            tick_s = int(datetime.fromisoformat(event["time"]).timestamp())
            if event["data"]["detected_late"]:
                tick_s = (self._newest_due() + 2) * self._window_s
            self._told.append(Told(event, link.link, tick_s))

    def _advance(self, watermark_ns: float) -> None:
        self._watermark_ns = max(self._watermark_ns, watermark_ns)
        waiting, self._waiting = self._waiting, []
        for samples in waiting:
            self._receive(samples)
        due = sorted(
            (window, link_id)
            for link_id, link in self.links.items()
            for window in link.pending
            if self._reached(window, self._on_time_ns)
        )
        for window, link_id in due:
            self._evaluate(link_id, window, late=False)

    def _newest_due(self) -> int:
        if self._watermark_ns == float("-inf"):
            return 0  # no alarm is open
        return int(self._watermark_ns - self._on_time_ns) // (self._window_s * SECOND) - 1

    def _reached(self, window: int, after_end_ns: int) -> bool:
        return (window + 1) * self._window_s * SECOND + after_end_ns <= self._watermark_ns

    def _receive(self, samples: list[Sample]) -> None:
        """Joins the samples of one report, or lets them wait for their topology."""
        waiting: list[Sample] = []
        late_windows: set[tuple[str, int]] = set()
        for sample in samples:
            known = sample.node_id in self._known_nodes
            if not known and self._watermark_ns < sample.time_ns + TOPOLOGY_WAIT:
                waiting.append(sample)
            else:
                late_windows |= self._join(sample)
        if waiting:
            self._waiting.append(waiting)
        # One late evaluation for the report; its windows in order of start.
        for link_id, window in sorted(late_windows):
            self._evaluate(link_id, window, late=True)

    def _evaluate(self, link_id: str, window: int, *, late: bool) -> None:
        link = self.links[link_id]
        self._publish(link, link.evaluate(window, late=late))
        self._out.traces += link.traces
        link.traces.clear()

    def _join(self, sample: Sample) -> set[tuple[str, int]]:
        """Joins a sample to all links it serves; returns what must be evaluated again."""
        again: set[tuple[str, int]] = set()
        window = sample.window(self._window_s)
        matched = False
        for link_id, link in self.links.items():
            ends = span_ends(link.link, sample.node_id, sample.component)
            if not ends:
                continue
            matched = True
            self._count("ends_joined", len(ends))
            if not self._bounded and self._reached(window, self._closed_ns):
                self._count("ends_late", len(ends))
                for end in sorted({link_end(span_end) for span_end in ends}):
                    self._out.late.append(self._late_line(sample, link_id, end))
                continue
            self._count("ends_windowed", len(ends))
            is_new = [link.join(span_end, sample) for span_end in ends]
            if self._bounded or not self._reached(window, self._on_time_ns):
                link.pending.add(window)
            elif any(is_new):
                again.add((link_id, window))
        self._count("components_matched" if matched else "components_unmatched", 1)
        if not matched:
            self._out.unmatched.append(
                {
                    "node_id": sample.node_id,
                    "component": sample.component,
                    "sample_time_unix_ns": sample.time_ns,
                    "readings": sample.shown_readings(),
                }
            )
        return again

    def _late_line(self, sample: Sample, link_id: str, end: str) -> dict[str, Any]:
        window = sample.window(self._window_s)
        return {
            "node_id": sample.node_id,
            "component": sample.component,
            "link_id": link_id,
            "end": end,
            "sample_time_unix_ns": sample.time_ns,
            "window_start": window_time(window, self._window_s),
            "closed_at": rfc3339((window + 1) * self._window_s * SECOND + self._closed_ns),
            "readings": sample.shown_readings(),
        }

    def _reject(self, type_number: int, line: dict[str, Any]) -> None:
        """Writes the first 100 lines of each reason and type of the run, then 1 in 1,000."""
        key = line["reason"], type_number
        seen = self._rejected[key] = self._rejected.get(key, 0) + 1
        if seen <= 100 or (seen - 100) % 1000 == 0:
            self._out.invalid.append(line)

    def _count(self, counter: str, by: int) -> None:
        self._out.counters[counter] += by


def replay(
    payloads: Sequence[bytes],
    topology: Sequence[FiberLink],
    *,
    mode: Literal["batch", "stream"],
    emit: str = "lifecycle",
    window_s: int = 1,
    gap_windows: int = 1,
    out_of_orderness_s: int = 2,
    allowed_lateness_s: float = 5,
    source: str = "event-center",
) -> Outputs:
    """Replays a capture file; the whole topology comes first.

    In a stream replay the earlier reports set the watermark before each report.
    """
    oracle = Oracle(
        emit=emit,
        window_s=window_s,
        gap_windows=gap_windows,
        out_of_orderness_s=out_of_orderness_s,
        allowed_lateness_s=allowed_lateness_s,
        source=source,
        bounded=mode == "batch",
    )
    for link in topology:
        oracle.topology(link.link_id, link)
    watermark: int | None = None
    newest: dict[str, int] = {}  # collect time of each node's last report
    for payload in payloads:
        if watermark is not None:
            oracle.advance(watermark)
        oracle.report(payload)
        message = parse(payload)
        if message is not None and report_fault(message) is None:
            newest[message.node_id] = message.collect_time_unix_ns
            watermark = _moved(watermark, message.collect_time_unix_ns, sorted(newest.values()))
    return oracle.finish()


def _moved(watermark: int | None, own: int, newest: list[int]) -> int | None:
    """Returns the watermark after a report.

    Args:
        watermark: the one before it; None = there is none yet.
        own: the collect time of the report.
        newest: those of the last report of each node, ascending.
    """
    if watermark is None:
        return newest[-2] if len(newest) >= 2 else None
    if own <= watermark + MAX_STEP:
        return max(watermark, own)
    far_ahead = [time for time in newest if time > watermark + MAX_STEP]
    return newest[-2] if len(far_ahead) >= 2 else watermark
