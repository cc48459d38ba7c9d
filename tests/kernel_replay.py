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
import pyarrow as pa

from kernels.decode import decode
from kernels.evaluate import Tracks
from kernels.join import LinkEndIndex
from kernels.samples import (
    compared_powers,
    num_span_ends,
    readings_by_name,
    rows_of_links,
    split_rows,
    window_start_s,
)
from kernels.span_loss import measure_spans, new_samples
from kernels.tracks_state import pack_tracks, unpack_tracks
from schema.blocks import END_NAMES, SCHEMAS, Block, BlockKind
from schema.cloud_event import cloud_event
from schema.times import rfc3339
from schema.topology import BadTopologyError, check_link
from schema.topology_file import bad_topology_line
from schema.topology_pb2 import FiberLink
from tests.oracle import COUNTERS, Outputs
from tests.oracle_input import parse

NS = 1_000_000_000
REPACKED_EVERY = 7  # evaluations


@dataclass
class Shard:
    """What the pipeline keeps of one shard of links."""

    tracks: Tracks
    links: dict[str, FiberLink]
    joined: dict[int, list[pa.RecordBatch]] = field(default_factory=dict)  # ENDS, by window
    due: set[int] = field(default_factory=set)  # windows that wait for their first evaluation
    evaluations: int = 0

    def evaluate(self, window_s: int, rows: pa.RecordBatch, *, late: bool) -> list[Any]:
        block = Block(BlockKind.SPANS, measure_spans(rows), window_s)
        spans = Block.from_bytes(block.to_bytes()).batch
        events = self.tracks.evaluate(window_s, spans, late=late)
        self.evaluations += 1
        if self.evaluations % REPACKED_EVERY == 0:
            self.tracks = unpack_tracks(pack_tracks(self.tracks))
            self.tracks.set_links(self.links)
        return events


@dataclass(frozen=True)
class Part:
    """What one record says of one window and one shard of links."""

    window_s: int
    shard: int
    joined: pa.RecordBatch
    ends: pa.RecordBatch


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
        self.shards: dict[int, Shard] = {}
        for shard in range(num_shards):
            tracks = Tracks.empty(
                lifecycle=emit == "lifecycle", allowed_lateness_s=allowed_lateness_s
            )
            tracks.set_links(links)
            self.shards[shard] = Shard(tracks, links)

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
                rows = _concat(shard.joined[window_s])
                self._count("ends_windowed", num_span_ends(rows))
                self._publish(shard.evaluate(window_s, rows, late=False))

    def take(self, payloads: Sequence[bytes]) -> dict[int, list[Part]]:
        """Decodes and joins all records, which no time has a part in; returns theirs of each."""
        decoded = decode(payloads, np.arange(len(payloads), dtype=np.int64), None)
        self._count("reports", decoded.num_reports)
        self._count("components", decoded.num_components)
        self._count("components_rejected", decoded.num_components - decoded.samples.num_rows)
        self.out.invalid += decoded.invalid
        result = self._index.join(decoded.samples)
        self._count("components_matched", result.num_matched)
        self._count("ends_joined", num_span_ends(result.joined))
        for rows in (result.unmatched, result.unknown):  # nothing more will be known
            self._count("components_unmatched", rows.num_rows)
            self.out.unmatched += [_line(row) for row in rows.to_pylist()]
        parts: dict[int, list[Part]] = {}
        report = result.joined.column("report").to_numpy()
        second = window_start_s(result.joined.column("sample_time_ns").to_numpy())
        for (record, window_s, shard), rows in split_rows(
            result.joined, report, second, result.shard
        ):
            parts.setdefault(record, []).append(Part(window_s, shard, rows, compared_powers(rows)))
        return parts

    def receive(self, part: Part) -> None:
        """Takes what one record says of one window and shard."""
        shard, window_s = self.shards[part.shard], part.window_s
        if not self._bounded and self._reached(window_s, self._closed_ns):
            self._count("ends_late", num_span_ends(part.joined))
            closed_at = rfc3339(window_s + 1 + self._closed_ns / NS)
            self.out.late += [
                {
                    **_line(row),
                    "link_id": row["link_id"],
                    "end": END_NAMES[row["end"]],
                    "window_start": rfc3339(window_s),
                    "closed_at": closed_at,
                }
                for row in part.joined.to_pylist()
            ]
            return
        known = shard.joined.setdefault(window_s, [])
        if self._bounded or not self._reached(window_s, self._on_time_ns):
            known.append(part.ends)
            shard.due.add(window_s)
            return
        self._count("ends_windowed", num_span_ends(part.ends))
        news = new_samples(part.ends, known)
        if news.num_rows:
            known.append(news)
            concerned = rows_of_links(_concat(known), news.column("link_id"))
            self._publish(shard.evaluate(window_s, concerned, late=True))

    def _publish(self, events: list[Any]) -> None:
        self.out.events += [cloud_event(event, self._source) for event in events]

    def _reached(self, window_s: int, after_end_ns: int) -> bool:
        return (window_s + 1) * NS + after_end_ns <= self._watermark_ns

    def _count(self, counter: str, by: int) -> None:
        self.out.counters[counter] += by


def _line(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "node_id": row["node_id"],
        "component": row["component"],
        "sample_time_unix_ns": row["sample_time_ns"],
        "readings": readings_by_name(row["readings"]),
    }


def _concat(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    table = pa.Table.from_batches(batches, schema=SCHEMAS[BlockKind.ENDS])
    return table.combine_chunks().to_batches()[0]


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
