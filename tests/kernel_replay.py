"""A replay of a capture through the kernels, with joiner, trackers and state of the pipeline.

It does what a runner does: it holds the state cells, gathers windows, and fires a timer when the
watermark reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from kernels.decode_reports.decode import decode
from kernels.decode_reports.fast_path import FastPath
from kernels.decode_reports.samples import Samples, split_samples
from kernels.join_topology.joiner import Joined, Joiner
from kernels.join_topology.link_ends import link_ends
from kernels.join_topology.tables import LinkEndChange, link_ends_block, links_block
from kernels.replay_watermark import watermarks_ns
from kernels.track_links.tracker import Tracked, Tracker
from kernels.window_bounds import WindowBounds
from schema.blocks import Block, BlockKind, num_span_ends
from schema.cloud_event import CloudEvents
from schema.records import EventTime
from schema.shards import all_shards, shard_of
from schema.side_lines import bad_topology_line, late_lines, readings_by_name, unmatched_line
from schema.times import FIRST_MOMENT_US
from schema.topology import BadTopologyError, check_link
from schema.topology_pb2 import FiberLink
from tests.cells import Cells, FailingCalls, joiner_cells, tracker_cells
from tests.incident_replay import IncidentReplay
from tests.oracle import COUNTERS, Outputs
from tests.stage import Stage
from transforms.gather_windows import gathered
from transforms.joiner_state import JoinerCodec
from transforms.sample_lines import written
from transforms.tracker_state import TrackerCodec

_END_US = 2**62
_NODE_SHARD = 0


class KernelReplay:
    """Drives the kernels in the way that `Oracle` is driven."""

    def __init__(
        self,
        topology: Sequence[FiberLink],
        *,
        bounded: bool,
        emit: str,
        out_of_orderness_s: int,
        allowed_lateness_s: float,
        num_shards: int,
        source: str,
        window_s: int = 1,
        gap_windows: int = 1,
        traces: bool = False,
        failing: bool = False,
        live: bool = False,
    ) -> None:
        self._bounds = WindowBounds(
            window_s=window_s,
            out_of_orderness_s=out_of_orderness_s,
            allowed_lateness_s=allowed_lateness_s,
        )
        event_time = EventTime.LIVE if live else EventTime.ANNOUNCED
        self._event_time = EventTime.BOUNDED if bounded else event_time
        self._cloud_events = CloudEvents(source)
        self.out = Outputs(counters=dict.fromkeys(COUNTERS, 0))
        self._fast_path = FastPath()
        self.failing = FailingCalls() if failing else None
        self._watermark_us = self._announced_us = -_END_US
        self._num_shards = num_shards
        # By shard and window.
        self._windows: dict[tuple[int, int], list[bytes]] = {}

        def cells(make: Any) -> Cells:
            return make(self.failing) if self.failing else make()

        # Bounded input is in time, whatever comes when.
        joins = EventTime.ANNOUNCED if bounded else event_time
        self._join: Stage[Joined] = Stage(
            JoinerCodec(self._bounds, joins, num_shards, file=None),
            {_NODE_SHARD: cells(joiner_cells)},
            self.failing,
        )
        self._track: Stage[Tracked] = Stage(
            TrackerCodec(
                self._bounds,
                emit == "lifecycle",
                gap_windows,
                self._event_time,
                num_shards,
                file=None,
                has_traces=traces,
            ),
            {shard: cells(tracker_cells) for shard in all_shards(num_shards)},
            self.failing,
        )
        self._correlate: IncidentReplay | None = None
        if emit == "lifecycle":
            # Live, nothing ends: alarms would be dropped a day after the last event.
            correlates = EventTime.BOUNDED if bounded else EventTime.ANNOUNCED
            self._correlate = IncidentReplay(
                self._bounds, correlates, source=source, failing=self.failing
            )
            self.out.incidents = self._correlate.incidents
        links = self._sound_links(topology)
        self.change_links({link_id: link.SerializeToString() for link_id, link in links.items()})
        ends = [LinkEndChange(end, True) for link in links.values() for end in link_ends(link)]
        self._to_joiner(lambda joiner: joiner.change_link_ends(link_ends_block(ends)))
        # The topology is complete.
        self._to_joiner(lambda joiner: joiner.announce(FIRST_MOMENT_US))
        self.advance(1000)

    @property
    def cells(self) -> Mapping[int, Any]:
        """The state cells of the trackers."""
        return self._track.cells

    def change_links(self, links: Mapping[str, bytes | None]) -> None:
        """Changes the topology of the trackers only; the join keeps its own."""
        for shard in self._track.cells:
            block = links_block(
                {i: data for i, data in links.items() if shard_of(i, self._num_shards) == shard}
            )
            self._to_tracker(shard, lambda tracker, block=block: tracker.change_links(block))

    def _sound_links(self, topology: Sequence[FiberLink]) -> dict[str, FiberLink]:
        links: dict[str, FiberLink] = {}
        for link in topology:
            try:
                check_link(link)
            except BadTopologyError as error:
                self.out.invalid.append(bad_topology_line(error))
                continue
            if link.link_id not in links or link.version >= links[link.link_id].version:
                links[link.link_id] = link
        return links

    def advance(self, watermark_ns: float) -> None:
        """Moves the watermark, and fires what is due."""
        is_end = watermark_ns == float("inf")
        watermark_us = _END_US if is_end else int(watermark_ns) // 1000
        self._watermark_us = max(self._watermark_us, watermark_us)
        moment_us = self._bounds.last_moment_us(watermark_us)
        if (
            self._event_time == EventTime.ANNOUNCED
            and moment_us > self._announced_us
            and not is_end
        ):
            self._announced_us = moment_us
            self._to_joiner(lambda joiner: joiner.announce(moment_us))
        self._fire()

    def _fire(self) -> None:
        for _, tag in self._join.due(self._watermark_us):
            self._to_joiner(lambda joiner, tag=tag: joiner.fire(tag))
        due = self._bounds.newest_due(self._watermark_us)
        for shard, window in sorted(key for key in self._windows if key[1] <= due):
            self._gather(shard, window)
        for shard, tag in self._track.due(self._watermark_us):
            self._to_tracker(shard, lambda tracker, tag=tag: tracker.fire(tag))
        if self._correlate:
            self._correlate.advance(self._watermark_us)

    def _gather(self, shard: int, window: int) -> None:
        """Lets a window fire."""
        for ends in gathered(self._windows.pop((shard, window))):
            self._to_tracker(shard, lambda tracker, ends=ends: tracker.receive(ends))

    def take(self, payloads: Sequence[bytes]) -> dict[int, list[bytes]]:
        """Decodes all records; returns the PM blocks of each, by its place in `payloads`.

        Event time plays no role in this, so all records can go at once.
        """
        order = np.arange(len(payloads), dtype=np.int64)
        decoded = decode(payloads, order, None, self._fast_path)
        self._count("reports", decoded.num_reports)
        self._count("components", decoded.num_components)
        self._count("components_rejected", decoded.num_components - decoded.samples.num_samples)
        self.out.invalid += [
            one.lines[at % len(one.lines)]
            for one in decoded.invalid
            for at in written(0, one.number)
        ]
        parts: dict[int, list[bytes]] = {}
        for window, _, samples in split_samples(
            decoded.samples, lambda _: 0, self._bounds.window_s
        ):
            for report, record in enumerate(samples.order.tolist()):
                of_report = samples.take_reports(np.array([report]))
                block = Block(BlockKind.PM, of_report.columns(), window).to_bytes()
                parts.setdefault(record, []).append(block)
        return parts

    def receive(self, block: bytes) -> None:
        """Hands a part of a record to the joiner."""
        # Nodes that no topology will bring do not wait: their samples come from long ago.
        self._to_joiner(lambda joiner: joiner.receive(block, -_END_US))

    def _to_joiner(self, action: Callable[[Joiner], Iterable[Joined]]) -> None:
        for step in self._join.bundle(_NODE_SHARD, lambda state: action(state.joiner)):
            self._count("components_matched", step.num_matched)
            if step.unmatched:
                self._count("components_unmatched", step.unmatched.num_samples)
                self.out.unmatched += _lines(step.unmatched)
            for late in step.late:
                self._count_ends(late.columns, "ends_joined", "ends_late")
                start_s = self._bounds.start_s(late.window)
                closed_at_s = self._bounds.closed_at_s(late.window)
                self.out.late += late_lines(late.columns, start_s, closed_at_s)
            for ends in step.in_time:
                self._count_ends(ends.columns, "ends_joined")
                block = Block(BlockKind.ENDS, ends.columns, ends.window, ends.due).to_bytes()
                window = ends.shard, ends.window
                self._windows.setdefault(window, []).append(block)
                if ends.window <= self._bounds.newest_due(self._watermark_us):
                    self._gather(*window)
            if step.timer:
                self._join.timers.at_us[_NODE_SHARD, step.timer.tag] = step.timer.at_us

    def _to_tracker(self, shard: int, action: Callable[[Tracker], Iterable[Tracked]]) -> None:
        for step in self._track.bundle(shard, lambda state: action(state.tracker)):
            self._count("ends_windowed", step.num_windowed)
            self.out.events += [self._cloud_events.of(event) for event in step.events]
            self.out.traces += step.traces
            if self._correlate:
                self._correlate.receive(step.events)
            if step.timer:
                self._track.timers.at_us[shard, step.timer.tag] = step.timer.at_us

    def _count_ends(self, columns: Any, *counters: str) -> None:
        for counter in counters:
            self._count(counter, num_span_ends(columns["role"]))

    def _count(self, counter: str, by: int) -> None:
        self.out.counters[counter] += by


def _lines(samples: Samples) -> list[dict[str, Any]]:
    rows = np.arange(samples.num_samples)
    return [
        unmatched_line(samples.node_id[report].decode(), component.decode(), time_ns, readings)
        for report, component, time_ns, readings in zip(
            samples.reports_of(rows).tolist(),
            samples.component(rows),
            samples.sample_time_ns.tolist(),
            readings_by_name(samples.readings, rows),
            strict=True,
        )
    ]


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
    num_shards: int = 1,
    source: str = "event-center",
    traces: bool = False,
    failing: bool = False,
    live: bool = False,
) -> Outputs:
    """Replays a capture as `tests.oracle.replay` does."""
    run = KernelReplay(
        topology,
        bounded=mode == "batch",
        emit=emit,
        window_s=window_s,
        gap_windows=gap_windows,
        out_of_orderness_s=out_of_orderness_s,
        allowed_lateness_s=allowed_lateness_s,
        num_shards=num_shards,
        source=source,
        traces=traces,
        failing=failing,
        live=live,
    )
    parts = run.take(payloads)
    for number, watermark in enumerate(watermarks_ns(payloads)):
        if mode == "stream" and watermark is not None:
            run.advance(watermark)
        for part in parts.get(number, ()):
            run.receive(part)
    run.advance(float("inf"))
    return run.out
