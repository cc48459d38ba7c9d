"""Rivals side by side over one load whose events are known beforehand.

``python -m benchmarks.run`` starts a Kafka broker and fills a topic with a feed: two PM values per
port and second, and faults on some links. Then the rivals, one after the other, read that topic
from its beginning to the last expected event. There are several rounds, in alternating order, and
every event is compared with the expected ones by id and code. Slow rivals get less: quix fewer
seconds, record-at-a-time also fewer ports, as the table says. After that each rival is fed in real
time, at half of its own maximum and at one rate for all, and the latency of its events is measured.

``--growth`` is another measurement: the same number of values from networks of different size,
with one thing changed at a time: workers, faults, late reports, ports of a node. Networks of more
than some 100,000 links get 8 kB of heap for each link.

``--collector`` measures the collector instead, beside pygnmi (`benchmarks.collector`; needs Go).
``--console`` measures the console instead, with options of its own (``--console --help``).

All rivals have the same topics and slots, checkpoints every second, B = 2 s, L = 5 s, and the same
rule (--emit=matches). Two more forms of the event center are measured if they are named: what the
life of alarms costs (event-center-alarms), and incidents too (event-center-incidents). A Beam job
has --heap_mb in its TaskManager and four Python workers per slot; instead of these a native Flink
job gets 1 GB more heap per slot. CPU and memory are those of JobManager, TaskManager and Python
workers, or of Quix's processes, without those of the broker. Memory is the resident memory of all
processes: what forked workers share counts for each of them.
The whole measurement takes an hour or more. Tables, numbers and pictures go to --out. The exit code
is 1 if a rival has failed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks import charts, collector, console_load, tables
from benchmarks.growth import SIZES, Point, past
from benchmarks.growth import measure as measure_growth
from benchmarks.machine import Machine
from benchmarks.measure import WARM_UP_S, Bench, Paced, catch_up, fill, paced
from benchmarks.rivals.registry import RIVALS, STANDARD
from benchmarks.rivals.rival import OUT_OF_ORDERNESS_S, Part, Rival
from benchmarks.summary import Round, summarize
from benchmarks.workloads import Workload
from runners.local.jars import CHECKOUT
from runners.local.kafka import LocalKafka
from runners.local.processes import children_of
from schema.errors import EventCenterError
from simulator.cli import Parser

_OURS = "event-center"
#: Measures the console instead (benchmarks/console_load.py), which has options of its own.
_CONSOLE = "--console"
#: Exit code when nothing could be measured; 1 is for a rival that failed.
_NOT_MEASURED = 2
#: Share of its maximum that a rival is fed paced.
_SHARE = 0.5
_LEAST_PORTS = 200
_LOG_WIDTH = 170
_WHOLE_NUMBERS = (
    ("ports", 100_000, "ports of the network"),
    ("seconds", 120, "length of the feed"),
    ("slow_seconds", 10, "length for slow rivals, the slowest with a tenth of the ports"),
    ("partitions", 4, "partitions of the PM topic"),
    ("rounds", 3, "how often each rival runs"),
    ("slots", 2, "workers of each rival"),
    ("heap_mb", 1024, "heap of a Beam job's TaskManager"),
    ("patience_s", 600, "seconds without a new event after which a rival is stuck"),
    ("paced_seconds", 75, "length of each paced feed, 0 = none"),
    ("targets", 1_000, "gNMI targets of --collector"),
    ("collector_seconds", 60, "length of each run of --collector"),
    ("values", 24_000_000, "PM values of each run of --growth"),
)
_QUICK = {"ports": 2_000, "seconds": 20, "slow_seconds": 20, "rounds": 1, "paced_seconds": 0}


def compare(bench: Bench, rivals: Sequence[Rival], options: argparse.Namespace) -> list[Round]:
    """Runs all rivals over full topics, round by round."""
    small = max(_LEAST_PORTS, options.ports // 20 * 2)
    sizes = {
        Part.ALL: (options.ports, options.seconds),
        Part.SHORT: (options.ports, options.slow_seconds),
        Part.SMALL: (small, options.slow_seconds),
    }
    topics = {}
    for part in dict.fromkeys(rival.takes for rival in rivals):
        load = past(Workload(*sizes[part], partitions=options.partitions))
        topics[part] = fill(bench, load, part.name.lower())
    rounds: list[Round] = []
    for number in range(options.rounds):
        rounds.append({})
        # Alternation spreads over all rivals what changes on the machine during a round.
        for rival in rivals if number % 2 == 0 else rivals[::-1]:
            bench.say(f"round {number + 1} of {options.rounds}: {rival.name}")
            run = catch_up(bench, rival, topics[rival.takes])
            rounds[-1][rival.name] = run
            bench.say(run.failed or f"{rival.name}: {run.values_per_s:,.0f} values/s")
    return rounds


def pace(
    bench: Bench, rivals: Sequence[Rival], rounds: Sequence[Round], options: argparse.Namespace
) -> Iterator[Paced]:
    """Yields the latency of each rival, at half its own maximum and at half the slowest one's."""
    found = (summarize(rounds, rival.name) for rival in rivals)
    maximum = {one.rival: one.ports_per_s.median for one in found if one}
    for rival in rivals:
        if rival.name not in maximum:
            continue
        rates = {
            f"{_SHARE:.0%} of its maximum": maximum[rival.name],
            f"{_SHARE:.0%} of the slowest": min(maximum.values()),
        }
        for name, ports_per_s in rates.items():
            ports = max(_LEAST_PORTS, round(ports_per_s * _SHARE / 2) * 2)
            load = Workload(ports, options.paced_seconds, partitions=options.partitions)
            bench.say(f"paced: {rival.name}, {ports:,} ports a second")
            yield paced(bench, rival, load, name)


@contextlib.contextmanager
def started(options: argparse.Namespace, console: Console) -> Iterator[Bench]:
    """Yields what all runs share, a broker among it."""
    before = set(children_of(os.getpid()))
    with LocalKafka(heap_mb=512) as kafka:
        broker = tuple(set(children_of(os.getpid())) - before)
        yield Bench(
            kafka,
            broker,
            options.slots,
            options.heap_mb,
            options.patience_s,
            lambda line: console.print(line, style="dim", markup=False),
        )


def _run(options: argparse.Namespace, console: Console) -> int:
    rivals = [RIVALS[name] for name in options.rivals]
    for rival in rivals:
        rival.prepare()
    machine = Machine.here()
    found: dict[str, Any] = {"machine": asdict(machine), "options": _told(options)}
    options.out.mkdir(parents=True, exist_ok=True)
    with started(options, console) as bench:
        if options.growth:
            shown, failed = _growth(bench, rivals, options, found)
        else:
            shown, failed = _comparison(bench, rivals, options, found)
    for table in shown:
        table.show(console)
    console.print(machine.line())
    name = "growth" if options.growth else "rivals"
    text = "\n".join([*(table.markdown() for table in shown), f"{machine.line()}\n"])
    (options.out / f"{name}.md").write_text(text)
    (options.out / f"{name}.json").write_text(json.dumps(_without_nan(found), indent=2) + "\n")
    console.print(f"Tables, numbers and picture: {options.out}/{name}.md, .json, .png")
    return int(failed)


def _collector(options: argparse.Namespace, console: Console) -> int:
    """Measures the collector; the tables go where those of the rivals go."""
    machine = Machine.here()
    options.out.mkdir(parents=True, exist_ok=True)
    seconds = options.collector_seconds
    found = collector.compare(options.targets, seconds, partial(console.print, style="dim"))
    shown = collector.table(found)
    shown.show(console)
    console.print(machine.line())
    (options.out / "collector.md").write_text(f"{shown.markdown()}\n{machine.line()}\n")
    return 0


def _comparison(
    bench: Bench, rivals: Sequence[Rival], options: argparse.Namespace, found: dict[str, Any]
) -> tuple[list[tables.Table], bool]:
    names = [rival.name for rival in rivals]
    rounds = compare(bench, rivals, options)
    found["rounds"] = [{name: asdict(run) for name, run in one.items()} for one in rounds]
    shown = [tables.throughput(rounds, names), tables.ratios(rounds, _OURS, names)]
    summaries = [one for one in (summarize(rounds, name) for name in names) if one]
    charts.draw_rivals(summaries, options.out / "rivals.png")
    runs = list(pace(bench, rivals, rounds, options)) if options.paced_seconds else []
    if runs:
        found["paced"] = [asdict(run) for run in runs]
        shown.append(tables.latency(runs))
    return shown, any(run.failed for one in rounds for run in one.values())


def _growth(
    bench: Bench, rivals: Sequence[Rival], options: argparse.Namespace, found: dict[str, Any]
) -> tuple[list[tables.Table], bool]:
    points: list[Point] = []
    for point in measure_growth(bench, rivals, options.sizes, options.values):
        points.append(point)
        charts.draw_growth(points, options.out / "growth.png")
    found["points"] = [asdict(point) for point in points]
    return [tables.growth(points)], any(point.run.failed for point in points)


def _told(options: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if name != "out"}


def _without_nan(value: Any) -> Any:
    """Returns a value for JSON, which has no NaN: what was not measured is null."""
    if isinstance(value, dict):
        return {name: _without_nan(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns 1 if a rival has failed."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if _CONSOLE in given:
        return console_load.main([argument for argument in given if argument != _CONSOLE])
    parser = _parser()
    options = parser.parse_args(given)
    if options.quick:
        for name, value in _QUICK.items():
            setattr(options, name, value)
    options.rivals = options.rivals or ([_OURS] if options.growth else list(STANDARD))
    if min(options.ports, 2 * min(options.sizes)) < _LEAST_PORTS:
        parser.error(f"--ports: at least {_LEAST_PORTS}; with fewer no link has a fault")
    if options.paced_seconds and options.paced_seconds <= WARM_UP_S + OUT_OF_ORDERNESS_S:
        parser.error(f"--paced_seconds: the first {WARM_UP_S} do not count, so give more, or 0")
    try:
        # A log has no width of its own.
        width = None if sys.stdout.isatty() else _LOG_WIDTH
        console = Console(soft_wrap=True, highlight=False, width=width)
        return _collector(options, console) if options.collector else _run(options, console)
    except EventCenterError as error:
        print(f"bench: {error}", file=sys.stderr)
        return _NOT_MEASURED
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = Parser("bench", __doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add = parser.add_argument
    for name, default, what in _WHOLE_NUMBERS:
        add(f"--{name}", type=int, metavar="N", default=default, help=f"{what} ({default})")
    add(
        "--rivals",
        nargs="+",
        choices=list(RIVALS),
        metavar="RIVAL",
        help=f"{', '.join(RIVALS)} (the first {len(STANDARD)}; for --growth {_OURS})",
    )
    add(
        "--quick",
        action="store_true",
        help="2,000 ports, 20 s, one round, nothing paced: does it work?",
    )
    add("--collector", action="store_true", help="measure the collector instead")
    add("--growth", action="store_true", help="measure growth instead")
    add(
        "--sizes",
        nargs="+",
        type=int,
        default=list(SIZES),
        metavar="LINKS",
        help="for --growth (1000 10000 100000 1000000)",
    )
    add("--out", type=Path, default=CHECKOUT / "out" / "bench", help="folder (out/bench)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
