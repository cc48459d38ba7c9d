"""``python -m benchmarks.incidents``: what incidents cost, without Beam.

So many alarms are open; then come a minute of steady alarms and a storm in one second. Each event
is an element of its own, and after each element and each tick the state is saved, as on a runner.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

from kernels.correlate_alarms.alarms import states_block
from kernels.window_bounds import WindowBounds
from schema.events import Code, Severity
from schema.incidents import AlarmState
from schema.records import EventTime
from schema.topology_pb2 import FiberLink, LinkEnd, OpticalService
from transforms.correlator_state import CorrelatorCells, CorrelatorCodec
from transforms.state import HeldStates

_FIRST = 1_800_000_000
#: So many links share a risk.
_LINKS_OF_A_RISK = 40


@dataclass
class _Value:
    value: bytes | None = None

    def read(self) -> bytes | None:
        return self.value

    def write(self, value: bytes) -> None:
        self.value = value


@dataclass
class _Bag:
    blocks: list[bytes] = field(default_factory=list)
    written: int = 0

    def read(self) -> list[bytes]:
        return self.blocks

    def add(self, block: bytes) -> None:
        self.blocks.append(block)
        self.written += len(block)

    def clear(self) -> None:
        self.blocks.clear()

    @property
    def size(self) -> int:
        return sum(map(len, self.blocks))


def _link(number: int) -> FiberLink:
    """Returns a link with two services, in a shared risk and fed by the link before it."""
    services = [
        OpticalService(
            service_id=f"service-{number:06d}-{i}",
            och_id=f"och-{number:06d}-{i}",
            customer=f"customer {number % 500}",
            central_frequency_thz=193.1,
            capacity_gbps=400,
        )
        for i in range(2)
    ]
    return FiberLink(
        link_id=f"link-{number:06d}",
        name=f"node-{number:06d} to node-{number + 1:06d}",
        a_end=LinkEnd(node_id=f"node-{number:06d}"),
        z_end=LinkEnd(node_id=f"node-{number + 1:06d}"),
        srlg_ids=[f"srlg-{number // _LINKS_OF_A_RISK:06d}"],
        services=services,
        upstream_link_ids=[f"link-{number - 1:06d}"],
    )


def _alarm(number: int, tick: int, code: Code) -> bytes:
    """Returns the RAISE of an alarm as the step takes it."""
    severity = Severity.CRITICAL if code == Code.FIBER_CUT else Severity.MINOR
    state = AlarmState(
        alarm_id=f"{number:036d}",
        sequence=1,
        is_active=True,
        code=code,
        direction=1,
        severity=severity,
        onset=tick - 1,
        raised=tick,
        window=tick,
        tick=tick,
        is_suppressed=False,
        is_affecting=True,
        silent_ends=0,
        link=_link(number),
    )
    return states_block([state]).to_bytes()


class _Run:
    """Drives the step and notes how long each part takes."""

    def __init__(self) -> None:
        self._bounds = WindowBounds()
        codec = CorrelatorCodec(self._bounds, EventTime.LIVE)
        self._codec = codec
        self.cells = CorrelatorCells(_Value(), _Bag(), _Bag(), _Bag())
        self._held: HeldStates[Any, Any] = HeldStates(codec)
        self.num_incidents = 0

    def receive(self, events: Sequence[bytes]) -> float:
        """Takes events one by one; returns how long it took [s]."""
        start_s = time.perf_counter()
        for data in events:
            with self._held.open(0, self.cells) as saved:
                saved.correlator.receive(data)
        return time.perf_counter() - start_s

    def tick(self, tick: int) -> float:
        """Lets a tick come; returns how long it took [s]."""
        start_s = time.perf_counter()
        with self._held.open(0, self.cells) as saved:
            for step in saved.correlator.fire(str(tick)):
                self.num_incidents += len(step.incidents)
        return time.perf_counter() - start_s

    def restore(self) -> float:
        """Reads the state as another worker does; returns how long it took [s]."""
        start_s = time.perf_counter()
        other: HeldStates[Any, Any] = HeldStates(self._codec)
        with other.open(0, self.cells):
            pass
        return time.perf_counter() - start_s

    @property
    def state_bytes(self) -> int:
        """Size of the state."""
        return sum(
            bag.size for bag in (self.cells.waiting, self.cells.alarms, self.cells.incidents)
        )

    @property
    def written_bytes(self) -> int:
        """How much was written to the state so far."""
        bags = (self.cells.waiting, self.cells.alarms, self.cells.incidents)
        return sum(bag.written for bag in bags)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line."""
    options = _parser().parse_args(arguments)
    table = Table("part", "time", "state", "written", "incident events", "memory")
    run = _Run()
    for row in _parts(run, options):
        table.add_row(*row)
    Console(width=120).print(table)
    return 0


def _parts(run: _Run, options: argparse.Namespace) -> Iterator[tuple[str, ...]]:
    tick = _FIRST
    # Unrelated alarms: of one link in each shared risk, and all at different times.
    run.receive([_alarm(i, tick, Code.FIBER_DEGRADE) for i in range(options.open)])
    took_s = sum(run.tick(tick + i) for i in range(5))
    yield _row(f"{options.open} alarms are placed", took_s, run, 0)
    per_s = options.per_minute // 60
    worst_s = taken_s = 0.0
    written, first = run.written_bytes, options.open
    tick += 10
    for second in range(60):
        numbers = range(first + second * per_s, first + (second + 1) * per_s)
        taken_s += run.receive([_alarm(i, tick + second, Code.FIBER_DEGRADE) for i in numbers])
        worst_s = max(worst_s, run.tick(tick + second))
    yield _row(f"{per_s} alarms a second: taken, a second", taken_s / 60, run, written)
    yield _row("the longest tick of it", worst_s, run, written)
    written = run.written_bytes
    tick += 100
    run.tick(tick - 1)
    storm = range(
        options.open + options.per_minute, options.open + options.per_minute + options.storm
    )
    yield _row(
        f"a storm of {options.storm} cuts: taken",
        run.receive([_alarm(i, tick, Code.FIBER_CUT) for i in storm]),
        run,
        written,
    )
    yield _row("its tick", run.tick(tick), run, written)
    yield _row("the tick that places it", run.tick(tick + 1) + run.tick(tick + 3), run, written)
    yield _row("another worker reads the state", run.restore(), run, run.written_bytes)


def _row(name: str, took_s: float, run: _Run, written_before: int) -> tuple[str, ...]:
    memory_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        name,
        f"{took_s * 1000:,.1f} ms",
        f"{run.state_bytes / 1e6:.1f} MB",
        f"{(run.written_bytes - written_before) / 1e6:.1f} MB",
        f"{run.num_incidents}",
        f"{memory_kib / 1024:.0f} MiB",
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.incidents", description=__doc__)
    parser.add_argument("--open", type=int, default=100_000, help="alarms that are open (100000)")
    parser.add_argument("--per_minute", type=int, default=10_000, help="alarms in a minute (10000)")
    parser.add_argument("--storm", type=int, default=5_000, help="alarms in one second (5000)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
