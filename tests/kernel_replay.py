"""A replay of a capture through the kernels alone, in the order in which the pipeline runs them.

What the runner does is done here by hand: windows wait until the watermark makes them due, late
samples are evaluated report by report, what comes after the closing goes to `late`. Every few
evaluations the tracks are packed and read back, so that whatever is missing in the packed state
shows as a difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from kernels.decode_reports.decode import decode
from kernels.decode_reports.fast_path import Layouts
from kernels.decode_reports.samples import Samples, split_samples
from kernels.join_topology.index import LinkEndIndex
from kernels.track_links.open_windows import OpenWindows
from kernels.track_links.powers import measure_spans, pick_ends
from kernels.track_links.state_codec import (
    measured_block,
    measured_blocks,
    pack_tracks,
    unpack_tracks,
)
from kernels.track_links.tracks import Tracks
from schema.blocks import END_NAMES, Block, BlockKind, num_span_ends, readings_of, with_ends_only
from schema.cloud_event import cloud_event
from schema.columns import Columns
from schema.link_end_names import unpack_names
from schema.shards import all_shards, shard_of
from schema.side_lines import bad_topology_line, readings_by_name
from schema.times import rfc3339
from schema.topology import BadTopologyError, check_link
from schema.topology_pb2 import FiberLink
from tests.oracle import COUNTERS, Outputs
from tests.oracle_input import parse

NS = 1_000_000_000
REPACKED_EVERY = 7  # evaluations


@dataclass
class Shard:
    """What the pipeline keeps of one shard of links."""

    tracks: Tracks
    links: dict[str, bytes]
    windows: OpenWindows = field(default_factory=OpenWindows)
    due: set[int] = field(default_factory=set)  # windows that wait for their first evaluation
    evaluations: int = 0
    log: list[bytes] = field(default_factory=list)

    def evaluate(self, window_s: int, rows: Columns, *, late: bool) -> list[Any]:
        links = np.unique(rows["link"]) if late else self.tracks.links.keys
        spans = measure_spans(rows, links)
        events = self.tracks.evaluate(window_s, spans, late=late)
        self.log += [measured_block(*one) for one in self.tracks.unsaved]
        self.tracks.unsaved.clear()
        self.evaluations += 1
        if self.evaluations % REPACKED_EVERY == 0:
            if self.evaluations % 2:
                self.log = list(measured_blocks(self.tracks))
            self.tracks = unpack_tracks(pack_tracks(self.tracks), self.log)
            self.tracks.set_links(self.links)
        return events


@dataclass(frozen=True)
class Part:
    """What one record says of one window and one shard of links."""

    window_s: int
    shard: int
    joined: dict[str, Any]
    ends: bytes
    num_ends: int


class KernelReplay:
    """Drives the kernels as `Oracle` is driven."""

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
    ) -> None:
        self._bounded = bounded
        self._on_time_ns = out_of_orderness_s * NS
        self._closed_ns = self._on_time_ns + round(allowed_lateness_s * NS)
        self._source = source
        self._watermark_ns: float = float("-inf")
        self.out = Outputs(counters=dict.fromkeys(COUNTERS, 0))
        links = self._sound_links(topology)
        self._index = LinkEndIndex.of(list(links.values()), num_shards)
        self._layouts = Layouts()
        self.shards: dict[int, Shard] = {}
        for shard in all_shards(num_shards):
            tracks = Tracks.empty(
                lifecycle=emit == "lifecycle", allowed_lateness_s=allowed_lateness_s
            )
            of_shard = {
                link_id: link.SerializeToString()
                for link_id, link in links.items()
                if shard_of(link_id, num_shards) == shard
            }
            tracks.set_links(of_shard)
            self.shards[shard] = Shard(tracks, of_shard)

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
        self._watermark_ns = max(self._watermark_ns, watermark_ns)
        for shard in self.shards.values():
            for window_s in sorted(w for w in shard.due if self._reached(w, self._on_time_ns)):
                shard.due.remove(window_s)
                rows = shard.windows.rows(window_s)
                self._count("ends_windowed", num_span_ends(rows["role"]))
                self._publish(shard.evaluate(window_s, rows, late=False))

    def take(self, payloads: Sequence[bytes]) -> dict[int, list[Part]]:
        """Decodes and joins all records, which no time has a part in; returns theirs of each."""
        order = np.arange(len(payloads), dtype=np.int64)
        decoded = decode(payloads, order, None, self._layouts)
        self._count("reports", decoded.num_reports)
        self._count("components", decoded.num_components)
        self._count("components_rejected", decoded.num_components - decoded.samples.num_samples)
        self.out.invalid += decoded.invalid
        parts: dict[int, list[Part]] = {}
        for window_s, _, samples in split_samples(decoded.samples, lambda _: 0):
            result = self._index.join(samples)
            self._count("components_matched", result.num_matched)
            for rest in (result.unmatched, result.unknown):  # nothing more will be known
                self._count("components_unmatched", rest.num_samples)
                self.out.unmatched += _lines(rest)
            for shard, columns in result.joined:
                self._count("ends_joined", num_span_ends(columns["role"]))
                ends = with_ends_only(Block(BlockKind.JOINED, columns, window_s).to_bytes())
                order_of_row = columns["order"][columns["report"]]
                for record in np.unique(order_of_row).tolist():
                    picked = order_of_row == record
                    rows = pick_ends(Block.from_bytes(ends).columns, picked)
                    part = Part(
                        window_s,
                        shard,
                        {**columns, "picked": picked},
                        Block(BlockKind.ENDS, rows, window_s).to_bytes(),
                        num_span_ends(rows["role"]),
                    )
                    parts.setdefault(record, []).append(part)
        return parts

    def receive(self, part: Part) -> None:
        """Takes what one record says of one window and shard."""
        shard, window_s = self.shards[part.shard], part.window_s
        if not self._bounded and self._reached(window_s, self._closed_ns):
            self._count("ends_late", part.num_ends)
            self.out.late += _late_lines(part, rfc3339(window_s + 1 + self._closed_ns / NS))
            return
        if self._bounded or not self._reached(window_s, self._on_time_ns):
            shard.windows.add(window_s, part.ends)
            shard.due.add(window_s)
            return
        self._count("ends_windowed", part.num_ends)
        for rows in shard.windows.add_late(
            window_s, part.ends, Block.from_bytes(part.ends).columns
        ):
            self._publish(shard.evaluate(window_s, rows, late=True))

    def _publish(self, events: list[Any]) -> None:
        self.out.events += [cloud_event(event, self._source) for event in events]

    def _reached(self, window_s: int, after_end_ns: int) -> bool:
        return (window_s + 1) * NS + after_end_ns <= self._watermark_ns

    def _count(self, counter: str, by: int) -> None:
        self.out.counters[counter] += by


def _lines(samples: Samples) -> list[dict[str, Any]]:
    rows = np.arange(samples.num_samples)
    return [
        {
            "node_id": samples.node_id[report].decode(),
            "component": component.decode(),
            "sample_time_unix_ns": time_ns,
            "readings": readings,
        }
        for report, component, time_ns, readings in zip(
            samples.reports_of(rows).tolist(),
            samples.component(rows),
            samples.sample_time_ns.tolist(),
            readings_by_name(samples.readings, rows),
            strict=True,
        )
    ]


def _late_lines(part: Part, closed_at: str) -> list[dict[str, Any]]:
    columns = part.joined
    rows = np.flatnonzero(columns["picked"])
    names = unpack_names(columns)
    return [
        {
            "node_id": columns["node_id"][columns["report"][row]].decode(),
            "component": names[row][0],
            "sample_time_unix_ns": int(columns["sample_time_ns"][row]),
            "readings": readings,
            "link_id": names[row][1],
            "end": END_NAMES[columns["end"][row]],
            "window_start": rfc3339(part.window_s),
            "closed_at": closed_at,
        }
        for row, readings in zip(
            rows.tolist(), readings_by_name(readings_of(columns), rows), strict=True
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
