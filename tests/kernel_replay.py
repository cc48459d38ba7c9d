"""A replay of a capture through the kernels, with the trackers and the state of the pipeline.

It does what a runner does: it holds the state cells, and fires a timer when the watermark reaches
it. Now and then another worker takes over, so that anything missing from the saved state shows as
a difference. With `failing`, each call of the state and each step of a tracker fails once, and the
bundle is rolled back and tried again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from kernels.decode_reports.decode import decode
from kernels.decode_reports.fast_path import FastPath
from kernels.decode_reports.samples import Samples, split_samples
from kernels.join_topology.index import LinkEndIndex
from kernels.join_topology.tables import links_block
from kernels.track_links.tracker import Tracked, Tracker
from kernels.track_links.window_bounds import WindowBounds
from schema.blocks import SCHEMAS, Block, BlockKind, num_span_ends
from schema.cloud_event import CloudEvents
from schema.columns import Columns
from schema.records import EventTime
from schema.shards import all_shards, shard_of
from schema.side_lines import bad_topology_line, late_lines, readings_by_name, unmatched_line
from schema.topology import BadTopologyError, check_link
from schema.topology_pb2 import FiberLink
from tests.cells import FailingCalls, roll_back, saved, tracker_cells
from tests.oracle import COUNTERS, Outputs
from tests.oracle_input import parse
from transforms.state import HeldStates
from transforms.tracker_state import SavedTracker, TrackerCells, TrackerCodec

#: Another worker takes over each time that a state has been opened so often.
TAKEN_OVER_EVERY = 7
_END_US = 2**63

#: The samples of one record, window and link shard: the shard, and a JOINED block.
Part = tuple[int, bytes]


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
        failing: bool = False,
    ) -> None:
        self._bounds = WindowBounds(out_of_orderness_s, allowed_lateness_s)
        event_time = EventTime.BOUNDED if bounded else EventTime.ANNOUNCED
        self._codec = TrackerCodec(
            self._bounds, emit == "lifecycle", event_time, num_shards, file=None
        )
        self._bounded = bounded
        self._cloud_events = CloudEvents(source)
        self.out = Outputs(counters=dict.fromkeys(COUNTERS, 0))
        links = self._sound_links(topology)
        self._index = LinkEndIndex.of(list(links.values()), num_shards)
        self._fast_path = FastPath()
        self.failing = FailingCalls() if failing else None
        self._opened = 0
        self._announced_us = -_END_US
        self._worker: HeldStates[SavedTracker, TrackerCells] = HeldStates(self._codec)
        shards = all_shards(num_shards)
        self.cells = {
            shard: tracker_cells(self.failing) if self.failing else tracker_cells()
            for shard in shards
        }
        # By shard and moment: when the timer fires [us].
        self._timers: dict[int, dict[int, int]] = {shard: {} for shard in shards}
        self._num_shards = num_shards
        self.change_links({link_id: link.SerializeToString() for link_id, link in links.items()})

    def change_links(self, links: Mapping[str, bytes | None]) -> None:
        """Changes the topology of the trackers only; the join keeps its own."""
        for shard in self.cells:
            block = links_block(
                {i: data for i, data in links.items() if shard_of(i, self._num_shards) == shard}
            )
            self._bundle(shard, lambda tracker, block=block: tracker.change_links(block) or ())

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
        """Announces the newest moment that the watermark reaches, and fires the timers."""
        watermark_us = _END_US if watermark_ns == float("inf") else int(watermark_ns) // 1000
        moment_us = self._bounds.last_moment_us(watermark_us)
        is_new = moment_us > self._announced_us and watermark_us != _END_US
        self._announced_us = max(moment_us, self._announced_us)
        for shard, timers in self._timers.items():
            if is_new and not self._bounded:
                self._bundle(shard, lambda tracker: tracker.announce(moment_us))
            while due := [(at, moment) for moment, at in timers.items() if at <= watermark_us]:
                _, moment = min(due)
                del timers[moment]
                self._bundle(shard, lambda tracker, moment=moment: tracker.watermark(moment))

    def take(self, payloads: Sequence[bytes]) -> dict[int, list[Part]]:
        """Decodes and joins all records; returns the parts of each, by its place in `payloads`.

        Event time plays no role in this, so all records can go at once.
        """
        order = np.arange(len(payloads), dtype=np.int64)
        decoded = decode(payloads, order, None, self._fast_path)
        self._count("reports", decoded.num_reports)
        self._count("components", decoded.num_components)
        self._count("components_rejected", decoded.num_components - decoded.samples.num_samples)
        self.out.invalid += decoded.invalid
        parts: dict[int, list[Part]] = {}
        for window_s, _, samples in split_samples(decoded.samples, lambda _: 0):
            result = self._index.join(samples)
            self._count("components_matched", result.num_matched)
            for rest in (result.unmatched, result.unknown):  # no more topology will come
                self._count("components_unmatched", rest.num_samples)
                self.out.unmatched += _lines(rest)
            for shard, columns in result.joined:
                self._count("ends_joined", num_span_ends(columns["role"]))
                for report, record in enumerate(columns["order"].tolist()):
                    rows = _of_report(columns, report)
                    block = Block(BlockKind.JOINED, rows, window_s).to_bytes()
                    parts.setdefault(record, []).append((shard, block))
        return parts

    def receive(self, part: Part) -> None:
        """Hands a part of a record to the tracker of its shard."""
        shard, block = part
        self._bundle(shard, lambda tracker: tracker.receive(block))

    def _bundle(self, shard: int, action: Callable[[Tracker], Iterable[Tracked]]) -> None:
        """Lets the tracker of a shard act, in its own bundle."""
        self._opened += 1
        if self._opened % TAKEN_OVER_EVERY == 0:
            self._worker = HeldStates(self._codec)
        steps: list[Tracked] = []

        def attempt() -> None:
            steps.clear()
            with self._worker.open(shard, self.cells[shard]) as state:
                for step in action(state.tracker):
                    if self.failing:
                        self.failing()
                    steps.append(step)

        if self.failing:
            before = saved(self.cells[shard])
            self.failing.attempts(attempt, lambda: roll_back(self.cells[shard], before))
        else:
            attempt()
        for step in steps:
            self._put_out(shard, step)

    def _put_out(self, shard: int, step: Tracked) -> None:
        self._count("ends_windowed", step.num_windowed)
        self.out.events += [self._cloud_events.of(event) for event in step.events]
        if step.late:
            self._count("ends_late", num_span_ends(step.late.columns["role"]))
            closed_at_s = self._bounds.closed_at_s(step.late.window_start_s)
            self.out.late += late_lines(step.late, closed_at_s)
        if step.timer:
            self._timers[shard][step.timer.moment_us] = step.timer.at_us

    def _count(self, counter: str, by: int) -> None:
        self.out.counters[counter] += by


def _of_report(columns: Columns, report: int) -> dict[str, Any]:
    """Returns the JOINED rows of one report."""
    picked = columns["report"] == report
    schema = SCHEMAS[BlockKind.JOINED]
    rows = {
        name: values[report : report + 1] if schema[name].per_report else values[picked]
        for name, values in columns.items()
    }
    return rows | {"report": np.zeros(np.count_nonzero(picked), np.int64)}


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
    out_of_orderness_s: int = 2,
    allowed_lateness_s: float = 5,
    num_shards: int = 1,
    source: str = "event-center",
    failing: bool = False,
) -> Outputs:
    """Replays a capture as `tests.oracle.replay` does."""
    run = KernelReplay(
        topology,
        bounded=mode == "batch",
        emit=emit,
        out_of_orderness_s=out_of_orderness_s,
        allowed_lateness_s=allowed_lateness_s,
        num_shards=num_shards,
        source=source,
        failing=failing,
    )
    parts = run.take(payloads)
    largest: int | None = None
    for number, payload in enumerate(payloads):
        if mode == "stream" and largest is not None:
            run.advance(largest)
        for part in parts.get(number, ()):
            run.receive(part)
        message = parse(payload)
        if message is not None:
            collected = message.collect_time_unix_ns
            largest = collected if largest is None else max(largest, collected)
    run.advance(float("inf"))
    return run.out
