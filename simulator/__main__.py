"""Simulates an optical network: PM reports with known faults, to files or live to Kafka."""

import argparse
import math
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from schema.capture import write_capture
from schema.errors import SendError
from schema.topology_file import write_topology
from schema.topology_pb2 import FiberLink
from simulator import faults as fault_module
from simulator.cli import Parser, progress
from simulator.fault_kinds import KINDS
from simulator.fault_model import SECOND_NS, Fault, from_rfc3339
from simulator.live import LiveSender, paced
from simulator.network import Network, build_network
from simulator.reports import generate
from simulator.sampling import Sampling
from simulator.transport import Arrival, Transport

_FILE_START = "2026-01-01T12:00:00Z"
_EARLIEST_NS = from_rfc3339("1980-01-01T00:00:00Z")
_LATEST_NS = from_rfc3339("2200-01-01T00:00:00Z")


def main(argv: list[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = _parser()
    options = parser.parse_args(argv)
    _check(parser, options)
    try:
        start_ns = _start_ns(options)
        network = build_network(options.links, options.seed, options.nodes, options.spares)
        faults = fault_module.schedule(
            network, start_ns, options.seconds, options.seed, _fault_request(options.faults)
        )
        transport = Transport(
            late_rate=options.late_rate,
            disorder_rate=options.disorder_rate,
            duplicate_rate=options.duplicate_rate,
            missing_rate=options.missing_rate,
            late_max_s=options.late_max_s,
        )
        sampling = Sampling(
            around_second=options.phases == "second",
            clock_s=options.clock_s,
            refresh_share=options.refresh_share,
        )
        reports = generate(
            network, faults, start_ns, options.seconds, options.seed, transport, sampling
        )
        _run(options, network, faults, reports, start_ns)
    except (ValueError, OSError, SendError) as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        print("simulator: stopped", file=sys.stderr)
        return 130
    return 0


def _run(
    options: argparse.Namespace,
    network: Network,
    faults: list[Fault],
    reports: Iterator[Arrival],
    start_ns: int,
) -> None:
    if options.topology_file:
        write_topology(options.topology_file, fault_module.topology(network, faults))
    if options.truth_file:
        fault_module.write_truth(options.truth_file, faults)
    if options.capture_file:
        shown = _shown(reports, start_ns, options.seconds)
        write_capture(options.capture_file, (report.payload for report in shown))
    if options.bootstrap_servers:
        _send(options, fault_module.topology(network, faults), reports, start_ns)


def _send(
    options: argparse.Namespace,
    links: Iterable[FiberLink],
    reports: Iterator[Arrival],
    start_ns: int,
) -> None:
    with LiveSender(options.bootstrap_servers, dict(options.kafka_config)) as sender:
        if options.topology_kafka_topic:
            sender.send_links(options.topology_kafka_topic, links)
        sent = sender.send_reports(options.pm_kafka_topic, paced(reports, start_ns, options.rate))
        for _ in _shown(sent, start_ns, options.seconds):
            pass
        sender.flush()


def _shown(reports: Iterable[Arrival], start_ns: int, seconds: int) -> Iterator[Arrival]:
    count = 0
    with progress(seconds) as show:
        for count, report in enumerate(reports, start=1):
            yield report
            show(min((report.send_ns - start_ns) // SECOND_NS, seconds - 1), count)
        show(seconds, count)


def _start_ns(options: argparse.Namespace) -> int:
    if options.start:
        start_ns = from_rfc3339(options.start)
        if not _EARLIEST_NS <= start_ns < _LATEST_NS:
            raise ValueError("--start must lie between the years 1980 and 2200")
        return start_ns - start_ns % SECOND_NS
    if options.bootstrap_servers:
        return math.ceil(time.time()) * SECOND_NS
    return from_rfc3339(_FILE_START)


def _fault_request(text: str) -> int | list[str]:
    if text == "none":
        return 0
    if text == "all":
        return list(KINDS)
    if text.isdigit():
        return int(text)
    return [kind.strip() for kind in text.split(",")]


def _check(parser: Parser, options: argparse.Namespace) -> None:
    if options.seconds < 1:
        parser.error("--seconds must be at least 1")
    if not options.rate >= 0:
        parser.error("--rate must be 0 or more")
    if options.bootstrap_servers and options.capture_file:
        parser.error("--capture_file and --bootstrap_servers exclude each other")
    if options.bootstrap_servers and not options.pm_kafka_topic:
        parser.error("--bootstrap_servers needs --pm_kafka_topic")
    outputs = (options.capture_file, options.topology_file, options.truth_file)
    if not options.bootstrap_servers and not any(outputs):
        parser.error("no output: give --capture_file, or --bootstrap_servers and --pm_kafka_topic")


def _kafka_option(text: str) -> tuple[str, str]:
    key, equals, setting = text.partition("=")
    if not (key and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form key=value")
    return key, setting


def _parser() -> Parser:
    parser = Parser("simulator", __doc__, f"Kinds of faults: {', '.join(KINDS)}.")
    network = parser.add_argument_group("network")
    network.add_argument("--links", type=int, default=100, help="number of links (100)")
    network.add_argument("--nodes", type=int, help="number of nodes (one for every 4 links)")
    network.add_argument(
        "--spares", type=int, default=0, help="components per node that belong to no link (0)"
    )
    scenario = parser.add_argument_group("scenario")
    scenario.add_argument("--seconds", type=int, default=150, help="duration in event time (150)")
    scenario.add_argument("--seed", type=int, default=1, help="the same seed, the same run (1)")
    scenario.add_argument(
        "--faults",
        default="all",
        help="a number, kinds separated by commas, 'all' (the default) or 'none'",
    )
    scenario.add_argument(
        "--start", help=f"first second, RFC 3339 ({_FILE_START} for files, now for Kafka)"
    )
    sampling = parser.add_argument_group("sampling")
    sampling.add_argument(
        "--phases",
        choices=("own", "second"),
        default="own",
        help="nodes sample at phases of their own (default), or all around the full second",
    )
    sampling.add_argument(
        "--clock_s", type=float, default=0.005, help="clocks are off by at most this (0.005)"
    )
    sampling.add_argument(
        "--refresh_share",
        type=float,
        default=0.0,
        help="share of the nodes that refresh their readings every 5 to 30 s only (0)",
    )
    transport = parser.add_argument_group("transport: shares of the reports, 0 to 1")
    transport.add_argument("--late_rate", type=float, default=0.0, help="too late (0)")
    transport.add_argument(
        "--late_max_s", type=float, default=12.0, help="how late at most, in seconds (12)"
    )
    transport.add_argument(
        "--disorder_rate", type=float, default=0.05, help="up to 1.5 s out of order (0.05)"
    )
    transport.add_argument("--duplicate_rate", type=float, default=0.0, help="sent twice (0)")
    transport.add_argument("--missing_rate", type=float, default=0.0, help="never sent (0)")
    files = parser.add_argument_group("files")
    files.add_argument("--capture_file", type=Path, help="reports in order of arrival")
    files.add_argument("--topology_file", type=Path, help="links, one JSON object a line")
    files.add_argument("--truth_file", type=Path, help="faults, one JSON object a line")
    live = parser.add_argument_group("Kafka")
    live.add_argument("--bootstrap_servers", help="brokers, host:port separated by commas")
    live.add_argument("--pm_kafka_topic", help="topic of the reports")
    live.add_argument("--topology_kafka_topic", help="topic of the links, sent first")
    live.add_argument(
        "--rate", type=float, default=1.0, help="1 = real time (default), 0 = as fast as possible"
    )
    live.add_argument(
        "--kafka_config",
        type=_kafka_option,
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="an option of the Kafka producer; may be repeated",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
