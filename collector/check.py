"""``--check NODE``: what one device sends, how often, by which clock, and what is missing."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from collector.counters import UnknownPaths
from collector.decode import Batch
from collector.merge import SECOND_NS
from collector.node import Node
from collector.paths import STATISTICS, Owner, PmLeaf, State
from collector.process import SLOW_INTERVAL_S
from collector.reports import NodeStates, is_power, type_name
from collector.subscribe import Subscription
from collector.targets import Target
from schema.pm_types import COMPARED_POWERS

_TICK_S = 0.2
_HEAD = ("component", "type", "statistics", "values", "every", "clock", "last")


@dataclass(slots=True)
class _Seen:
    """What came of one leaf: timestamps and times of arrival in ns, and the last number."""

    times_ns: list[int] = field(default_factory=list)
    receive_ns: list[int] = field(default_factory=list)
    last: float = 0.0


class _WatchedNode(Node):
    """A node that remembers what came, and makes no reports."""

    def __init__(self, target: Target) -> None:
        super().__init__(target, 0, UnknownPaths())
        self.seen: dict[PmLeaf, _Seen] = {}

    def take_batch(self, batch: Batch, receive_ns: int) -> None:
        """Remembers what came."""
        for leaf, number in zip(batch.leaves, batch.numbers, strict=True):
            seen = self.seen.setdefault(leaf, _Seen())
            seen.times_ns.append(batch.time_ns)
            seen.receive_ns.append(receive_ns)
            seen.last = number


async def check(target: Target, duration_s: float) -> str:
    """Watches a device for a while; returns the table of what it sends."""
    node = _WatchedNode(target)
    subscription = Subscription(node)
    task = asyncio.create_task(subscription.run())
    deadline_s = time.monotonic() + duration_s
    while time.monotonic() < deadline_s:
        await asyncio.sleep(_TICK_S)
        subscription.break_if_silent(time.monotonic())
    asked = subscription.asked.text()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    rows = _rows(node)
    lines = [f"{target.node_id} ({target.address}), {duration_s:g} s, {asked}"]
    lines += table([_HEAD, *rows])
    lines += _remarks(node, rows)
    return "\n".join(lines)


def table(rows: Iterable[Sequence[str]]) -> list[str]:
    """Returns rows as lines with columns."""
    kept = list(rows)
    widths = [max(map(len, column)) for column in zip(*kept, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in kept
    ]


def _rows(node: _WatchedNode) -> list[tuple[str, ...]]:
    """Returns a row for each type of each component, and for each power that is missing."""
    groups: dict[tuple[str, str], list[PmLeaf]] = {}
    for leaf in node.seen:
        key = (node.merger.states.component(leaf), type_name(leaf.pm_type))
        groups.setdefault(key, []).append(leaf)
    rows: list[tuple[str, ...]] = []
    for (component, name), leaves in sorted(groups.items()):
        leaves.sort(key=lambda leaf: STATISTICS.index(leaf.statistic))
        seen = node.seen[leaves[0]]
        rows.append(
            (
                component,
                name,
                " ".join(leaf.statistic for leaf in leaves),
                str(len(seen.times_ns)),
                _every(seen.times_ns),
                _clock(seen),
                _shown(leaves[0], seen.last, node.target.no_light_dbm),
            )
        )
    present = {name for _, name in groups}
    missing = [type_name(t) for t in COMPARED_POWERS if type_name(t) not in present]
    return rows + [("-", name, "-", "0", "-", "-", "missing") for name in missing]


def _every(times_ns: Sequence[int]) -> str:
    """Returns the median time between different timestamps."""
    times = sorted(set(times_ns))
    if len(times) < 2:
        return "?"
    gaps = [after - before for before, after in pairwise(times)]
    interval_s = median(gaps) / SECOND_NS
    return f"{interval_s:.2f} s" + (" (too slow)" if interval_s > SLOW_INTERVAL_S else "")


def _clock(seen: _Seen) -> str:
    """Returns the device's clock minus ours, delay included; or that it does not move."""
    if len(seen.times_ns) > 1 and len(set(seen.times_ns)) == 1:
        return "stands still"
    pairs = zip(seen.times_ns, seen.receive_ns, strict=True)
    return f"{median(t - r for t, r in pairs) / SECOND_NS:+.3f} s"


def _shown(leaf: PmLeaf, number: float, no_light_dbm: float) -> str:
    if is_power(leaf.pm_type) and number <= no_light_dbm:
        return f"no light ({number:g})"
    return f"{number:g}"


def _remarks(node: _WatchedNode, rows: Sequence[tuple[str, ...]]) -> list[str]:
    remarks = [
        f"admin-state: {leaf.name} {text}"
        for _, leaf, text in node.merger.states.texts.values()
        if leaf.state is State.ADMIN_STATE
    ]
    remarks += [
        f"amplifier {leaf.name}: no {name}-port, its total power is under its own name"
        for leaf, name in _without_port(node.seen, node.merger.states)
    ]
    remarks += [
        f"not in the table: /{path} ({count} values)"
        for path, count in sorted(node.unknown.counts.items())
    ]
    if any(row[5] == "stands still" for row in rows):
        remarks.append("timestamps stand still (last change?): set `time: receive`")
    if not node.counts.received:
        remarks.append("nothing has come")
    return remarks


def _without_port(seen: Iterable[PmLeaf], states: NodeStates) -> Iterable[tuple[PmLeaf, str]]:
    """Yields leaves of total powers whose amplifier has told no port."""
    done = set()
    for leaf in seen:
        name = {Owner.INGRESS: "ingress", Owner.EGRESS: "egress"}.get(leaf.owner)
        if name and (leaf.name, name) not in done and not states.has_port(leaf):
            done.add((leaf.name, name))
            yield leaf, name
