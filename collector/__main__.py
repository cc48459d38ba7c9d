"""``python -m collector``: the command line, signals and logging."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import logging
import resource
import signal
import sys
from collections.abc import Sequence

import uvloop

from collector.check import check
from collector.deliver import CaptureSink, KafkaSink, Sink
from collector.gnmic import GnmicSource
from collector.metrics import serve_metrics
from collector.options import kafka_config, parse
from collector.process import Collector
from collector.targets import Part, Target
from collector.watch import TargetsFile
from schema.errors import EventCenterError, UsageError

_BYTES_PER_MB = 1_000_000
_NS_PER_MS = 1_000_000
_GC_THRESHOLD = 50_000

_log = logging.getLogger("collector")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the collector until SIGTERM or Ctrl-C; returns the exit code."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING, stream=sys.stderr
    )
    _log.setLevel(logging.INFO)
    _raise_file_limit()
    # What comes holds no cycles, and waits for a second: looking for some at each turn finds none.
    gc.set_threshold(_GC_THRESHOLD)
    try:
        options = parse(arguments)
        file = TargetsFile(options.targets, options.part, not options.from_kafka_topic)
        if options.check:
            target = _target(TargetsFile(options.targets, Part()), options.check)
            print(uvloop.run(check(target, options.check_s)))
        else:
            uvloop.run(_run(options, file))
    except EventCenterError as error:
        for line in str(error).splitlines():
            print(f"collector: {line}", file=sys.stderr)
        return error.exit_code
    return 0


def _target(file: TargetsFile, node_id: str) -> Target:
    for target in file.read():
        if target.node_id == node_id:
            return target
    raise UsageError(f"--check: {node_id} is not in {file.path}")


async def _run(options: argparse.Namespace, file: TargetsFile) -> None:
    targets = file.read()
    collector = Collector(
        _sink(options),
        int(options.linger_ms * _NS_PER_MS),
        with_streams=not options.from_kafka_topic,
    )
    if options.metrics_port is not None:
        serve_metrics(collector, options.metrics_port, options.metrics_host)
    await collector.set_targets(targets)
    tasks = [
        asyncio.create_task(collector.run()),
        asyncio.create_task(file.watch(collector.set_targets)),
        asyncio.create_task(_stopped()),
    ]
    if options.from_kafka_topic:
        tasks.append(asyncio.create_task(_gnmic(options, collector).run()))
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await collector.stop()
    for task in done:
        task.result()


def _gnmic(options: argparse.Namespace, collector: Collector) -> GnmicSource:
    config = kafka_config(options) | {
        "bootstrap.servers": options.bootstrap_servers,
        "group.id": options.group_id,
    }
    is_event = options.format == "event"
    return GnmicSource(collector, config, options.from_kafka_topic, is_event)


async def _stopped() -> None:
    """Returns at SIGTERM or Ctrl-C."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()


def _sink(options: argparse.Namespace) -> Sink:
    if options.pm_file:
        return CaptureSink(options.pm_file)
    return KafkaSink(
        options.bootstrap_servers,
        options.pm_kafka_topic,
        kafka_config(options),
        int(options.buffer_mb * _BYTES_PER_MB),
    )


def _raise_file_limit() -> None:
    """Lets the process have as many connections as the system allows it."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


if __name__ == "__main__":
    sys.exit(main())
