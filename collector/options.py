"""The command line of the collector."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from collector.targets import Part
from schema.command_line import UsageParser, librdkafka_settings
from schema.errors import UsageError

FORMATS = ("proto", "event")
#: The smallest and the largest value of each number.
_BOUNDS = {
    "check_s": (0.1, 86_400),
    "linger_ms": (0, 60_000),
    "buffer_mb": (0.001, 1_000_000),
    "metrics_port": (0, 65_535),
}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Returns the options.

    Raises:
        UsageError: they do not go together.
    """
    options = _parser().parse_args(arguments)
    _check_numbers(options)
    if options.from_kafka_topic and (options.check or options.part.count > 1):
        raise UsageError(
            "--check and --part are for devices; processes with one --group_id share a topic"
        )
    if options.check:
        return options
    if bool(options.pm_file) == bool(options.pm_kafka_topic):
        raise UsageError("give --pm_kafka_topic or --pm_file")
    if (options.pm_kafka_topic or options.from_kafka_topic) and not options.bootstrap_servers:
        raise UsageError("a Kafka topic needs --bootstrap_servers")
    if options.from_kafka_topic and not options.format:
        raise UsageError("--from_kafka_topic needs --format=proto or --format=event")
    return options


def _check_numbers(options: argparse.Namespace) -> None:
    for name, (least, most) in _BOUNDS.items():
        value = getattr(options, name)
        if value is not None and not least <= value <= most:
            raise UsageError(f"--{name} must be from {least:g} to {most:g}")


def kafka_config(options: argparse.Namespace) -> dict[str, str]:
    """Returns the settings of Kafka clients, those of the file first.

    Raises:
        KafkaConfigError: they cannot be read, or a secret is on the command line.
    """
    return librdkafka_settings(options.kafka_config_file, options.kafka_config)


def _part(text: str) -> Part:
    number, slash, count = text.partition("/")
    if not (slash and number.isdigit() and count.isdigit() and 1 <= int(number) <= int(count)):
        raise argparse.ArgumentTypeError(f"{text!r} is not a part such as 1/4")
    return Part(int(number), int(count))


def _parser() -> argparse.ArgumentParser:
    parser = UsageParser(
        "collector",
        description="Subscribes to optical line devices by gNMI; makes one PM report a node and "
        "second, for Kafka or a capture file.",
        allow_abbrev=False,
    )
    parser.add_argument("--targets", required=True, help="file of the devices (YAML); watched")
    parser.add_argument("--part", type=_part, default=Part(), help="share of the targets: 1/4")
    parser.add_argument(
        "--check", metavar="NODE", help="show what one node sends, in one table, and end"
    )
    parser.add_argument("--check_s", type=float, default=10.0, help="how long that looks (10)")
    output = parser.add_argument_group("output")
    output.add_argument("--pm_file", help="capture file; reports are appended")
    output.add_argument("--pm_kafka_topic", help="Kafka topic of PM reports")
    output.add_argument("--bootstrap_servers", help="Kafka brokers, host:port with commas between")
    output.add_argument(
        "--kafka_config",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="setting of librdkafka; not for secrets",
    )
    output.add_argument("--kafka_config_file", help="file of such settings, a line each")
    output.add_argument(
        "--buffer_mb", type=float, default=256, help="reports that wait for Kafka at most (256)"
    )
    output.add_argument(
        "--linger_ms",
        type=float,
        default=300,
        help="a second waits so long once the next one has begun (300)",
    )
    source = parser.add_argument_group("input from gnmic instead of devices")
    source.add_argument("--from_kafka_topic", help="topic that gnmic writes to")
    source.add_argument("--format", choices=FORMATS, help="what gnmic writes")
    source.add_argument("--group_id", default="collector", help="consumer group (collector)")
    metrics = parser.add_argument_group("metrics")
    metrics.add_argument("--metrics_port", type=int, help="port for Prometheus")
    metrics.add_argument("--metrics_host", default="127.0.0.1", help="address of it (127.0.0.1)")
    return parser
