"""Oracle: the contract of the event center in slow, obvious Python, link by link.

The parts: `oracle_input` (validation), `oracle_span` (decision table), `oracle_link`
(confirmation, life of an alarm, matches), `oracle_event` (event data); here: topology,
joining, event time, lateness, counters.

Readings: what is taken where the contract leaves it open; (not: the reading left aside).

Input
- A rejected component gives no reasons of its values but with NO_VALUES (not: all reasons).
- Components of a rejected report count as components and as rejected (not: are not counted).
- "Powers" are all types in dBm, TARGET_OUTPUT_POWER too (not: the four of the decisions).
- no_light makes any type read -40 and spares it every check of its reading (not: powers only).
- `type` of UNKNOWN_TYPE is null (not: the number, or PM_TYPE_UNSPECIFIED).
- A sample without a certain valid value still wins as a whole (not: value by value).
- A duplicate has the time, sequence and usability of a sample that the span end has.
Topology
- A bad link is refused before its version is looked at (not: ignored when of a low version).
- A threshold or base that is no finite number is out of order (not: taken as it is).
- A link's identity is its own link_id, not the record key; the key is used to delete only.
- Deleting a link forgets its state, alarms and base, silently (not: CLEAR, or kept for later).
- PLANNED and RETIRED links are joined and counted but not evaluated (not: unmatched); open
  alarms rest, and go on when the link is live again.
- A topology counts from its arrival for all that is joined or evaluated after it; which span
  end a sample serves is settled when it is joined (not: looked up again at evaluation).
- PM waits until the watermark reaches its sample time + 10 s (not: 10 s after its arrival). It
  is judged late or not when it is released, by the watermark of then (not: of its arrival).
- A node that once had a topology and has none now makes no PM wait.
Event time
- span ends (counters) are (direction, T or R); a component that is tx and rx of an end counts
  twice, yet has one line in `late` (not: counters by link end).
- A late sample that does not win still makes a late evaluation; a duplicate makes none.
- A late evaluation of a report walks link by link, then by window.
Learned base
- "First 60": the newest 60 losses slide window by window (not: blocks of 60).
- A window with L < -1 dB has a measured loss; windows without samples are as NO_DATA.
- Late decisions can complete a row; what is learned stays. A configured base goes first, and
  while there is one nothing is learned, though its windows are in a later row.
Confirmation and life
- "Since RAISE" is in order of publication: a late confirmation of a span before the RAISE's
  window still widens the direction, a higher one still lifts it (not: only later windows).
- A confirmation acts once: a late evaluation acts on those it makes new or higher at a window
  (not: again on all that contain its window, which would raise anew what has cleared since).
- After a RAISE or fall in a late walk, confirmations of later windows act again on the alarm
  as it then is (not: only at the next window evaluated on time).
- A rise, a wider direction and a fall of one family in one window are one CHANGE (not: two).
- A growing direction can complete a count: the fall is of the window at which it grew; it
  takes the highest of the newest M hold levels.
- Hold levels are kept with the decision, by thresholds and base of then (not: of now).
- Un-suppressed: the first evaluated window after the alarm's last event that starts outside of
  all maintenance, even when the alarm clears there; a late walk passes it too, as late.
- Families of one window come as FIBER, SIGNAL, OSC, TOPOLOGY.
- Without an open alarm a new late confirmation raises, also inside the life of a closed alarm
  (not: nothing); with its onset it has its alarm_id, and sequence 1 again. Seen only where the
  allowed lateness is longer than a clear takes.
Event data
- threshold_db goes by the code: cut_db for a CUT on darkness too, los_dbm for EQUIPMENT and
  UPSTREAM, 3 for OSC_LOSS, -1 for MISMATCH (not: los_dbm for a CUT on darkness).
- delta_db is null where the loss is a lower bound (not: T + 40 - base), so peak leaves it out.
- rx_dbm is the reading itself where it is dark by los_dbm, -40 only without light.
- base_db is the base in force, also where no loss was measured (not: null there).
- peak_delta_db goes from onset to the event's window (not: to the newest window).
- specific_problem is that of the event's window, on any span of its direction (not: kept from
  the RAISE; a cut held by row 2 has none).
- changed_time is that of the CHANGE published last; null before (not: the latest in time).
- duration_ms is below 0 for a late rise or widening at a window before the onset (not: 0).
- service_affecting goes by the code, in a CLEAR too.
- Severity is looked up at each event in the topology of then; a CLEAR repeats the last one.
- An empty ticket is null; of several maintenances the first listed counts.
- MATCH: state ACTIVE, raised_time = `time`, changed_time null, previous_severity null at first;
  the direction is that of all spans that confirm at any level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from schema.topology_pb2 import FiberLink
from tests.oracle_event import rfc3339, window_time
from tests.oracle_input import SECOND, Sample, bad_topology, bad_topology_line, parse, read_report
from tests.oracle_link import LinkOracle
from tests.oracle_span import link_end, span_ends

TOPOLOGY_WAIT = 10 * SECOND
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
    """All that comes out."""

    events: list[dict[str, Any]] = field(default_factory=list)
    late: list[dict[str, Any]] = field(default_factory=list)
    invalid: list[dict[str, Any]] = field(default_factory=list)
    unmatched: list[dict[str, Any]] = field(default_factory=list)
    counters: dict[str, int] = field(default_factory=lambda: dict.fromkeys(COUNTERS, 0))


class Oracle:
    """Drives event time by hand: topology, reports and watermark in the order given.

    Args:
        emit: "lifecycle" or "matches".
        out_of_orderness_s: B; a window is evaluated when the watermark is B past its end.
        allowed_lateness_s: L; until B + L past its end it is evaluated again.
        source: `source` of the events.
        bounded: Batch: nothing is late, all windows are evaluated by `finish`.
    """

    def __init__(
        self,
        *,
        emit: str = "lifecycle",
        out_of_orderness_s: int = 2,
        allowed_lateness_s: float = 5,
        source: str = "event-center",
        bounded: bool = False,
    ) -> None:
        self._emit = emit
        self._source = source
        self._bounded = bounded
        self._on_time_ns = out_of_orderness_s * SECOND
        self._closed_ns = self._on_time_ns + round(allowed_lateness_s * SECOND)
        self._watermark_ns: float = float("-inf")
        self.links: dict[str, LinkOracle] = {}
        self._known_nodes: set[str] = set()  # nodes that had a topology once
        self._waiting: list[list[Sample]] = []  # per report, in order of arrival
        self._out = Outputs()

    def topology(self, link_id: str, link: FiberLink | None) -> None:
        """A topology record; None deletes the link."""
        if link is None:
            self.links.pop(link_id, None)
            return
        if bad_topology(link):
            self._out.invalid.append(bad_topology_line(link.link_id or link_id))
            return
        known = self.links.get(link.link_id)
        if known is None:
            self.links[link.link_id] = LinkOracle(link, emit=self._emit, source=self._source)
        elif link.version >= known.link.version:
            known.link = link
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
        """One record of PM."""
        read = read_report(payload, record_timestamp_ns)
        self._count("reports", 1)
        self._count("components", read.components)
        self._count("components_rejected", read.rejected)
        self._out.invalid += read.invalid
        self._receive(read.samples)

    def finish(self) -> Outputs:
        """The watermark goes to infinity."""
        self._advance(float("inf"))
        return self._out

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
            self._out.events += self.links[link_id].evaluate(window, late=False)

    def _reached(self, window: int, after_end_ns: int) -> bool:
        return (window + 1) * SECOND + after_end_ns <= self._watermark_ns

    def _receive(self, samples: list[Sample]) -> None:
        """Joins the samples of one report; what must wait for a topology waits."""
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
            self._out.events += self.links[link_id].evaluate(window, late=True)

    def _join(self, sample: Sample) -> set[tuple[str, int]]:
        """Hands the sample to all links it serves; returns what must be evaluated again."""
        again: set[tuple[str, int]] = set()
        matched = False
        for link_id, link in self.links.items():
            ends = span_ends(link.link, sample.node_id, sample.component)
            if not ends:
                continue
            matched = True
            self._count("ends_joined", len(ends))
            if not self._bounded and self._reached(sample.window, self._closed_ns):
                self._count("ends_late", len(ends))
                for end in sorted({link_end(span_end) for span_end in ends}):
                    self._out.late.append(self._late_line(sample, link_id, end))
                continue
            self._count("ends_windowed", len(ends))
            news = [link.join(span_end, sample) for span_end in ends]
            if self._bounded or not self._reached(sample.window, self._on_time_ns):
                link.pending.add(sample.window)
            elif any(news):
                again.add((link_id, sample.window))
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
        return {
            "node_id": sample.node_id,
            "component": sample.component,
            "link_id": link_id,
            "end": end,
            "sample_time_unix_ns": sample.time_ns,
            "window_start": window_time(sample.window),
            "closed_at": rfc3339((sample.window + 1) * SECOND + self._closed_ns),
            "readings": sample.shown_readings(),
        }

    def _count(self, counter: str, by: int) -> None:
        self._out.counters[counter] += by


def replay(
    payloads: Sequence[bytes],
    topology: Sequence[FiberLink],
    *,
    mode: Literal["batch", "stream"],
    emit: str = "lifecycle",
    out_of_orderness_s: int = 2,
    allowed_lateness_s: float = 5,
    source: str = "event-center",
) -> Outputs:
    """Replays a capture file; the whole topology comes first.

    In a stream replay the watermark before each report is the largest collect time among
    the reports before it that could be parsed; rejected ones move it too.
    """
    oracle = Oracle(
        emit=emit,
        out_of_orderness_s=out_of_orderness_s,
        allowed_lateness_s=allowed_lateness_s,
        source=source,
        bounded=mode == "batch",
    )
    for link in topology:
        oracle.topology(link.link_id, link)
    largest: int | None = None
    for payload in payloads:
        if largest is not None:
            oracle.advance(largest)
        oracle.report(payload)
        message = parse(payload)
        if message is not None:
            collected = message.collect_time_unix_ns
            largest = collected if largest is None else max(largest, collected)
    return oracle.finish()
