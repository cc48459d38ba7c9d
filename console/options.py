"""The command line."""

from __future__ import annotations

import argparse
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from console.intake.source import OUTPUTS
from schema.command_line import UsageParser, librdkafka_settings
from schema.errors import UsageError

_OUT = Path("out")


@dataclass(frozen=True)
class Options:
    """A command line that can be run.

    Attributes:
        files: file by output.
        topics: topic by output.
        kafka_config: of librdkafka; with `bootstrap.servers` where there are topics.
        database: URL.
        host: address that is listened on.
        port: 0 = any that is free.
        users_file: who may come in; None = everybody on this machine.
        tls_cert: certificate, in PEM; None = no TLS.
        tls_key: its key.
        retention_days: cleared alarms and incidents with their events.
        trace_retention_days: traces, and the journal of changes.
        webhooks: URLs that are told of events.
        webhook_severities: of the events that they are told of; empty = all.
        webhook_key_file: key of their signatures.
    """

    files: dict[str, Path] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)
    kafka_config: dict[str, str] = field(default_factory=dict)
    database: str = ""
    host: str = "127.0.0.1"
    port: int = 8400
    users_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    retention_days: int = 400
    trace_retention_days: int = 30
    webhooks: tuple[str, ...] = ()
    webhook_severities: tuple[str, ...] = ()
    webhook_key_file: Path | None = None

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        scheme = "https" if self.tls_cert else "http"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}://{host}:{self.port}"


def parse(arguments: Sequence[str]) -> Options:
    """Returns the options of a command line.

    Raises:
        UsageError: it cannot be run as it is.
    """
    given = _parser().parse_args(arguments)
    files = {n: Path(getattr(given, f"{n}_file")) for n in OUTPUTS if getattr(given, f"{n}_file")}
    topics = {n: t for n in OUTPUTS if (t := getattr(given, f"{n}_kafka_topic"))}
    if topics and not given.bootstrap_servers:
        raise UsageError("topics need --bootstrap_servers")
    if given.bootstrap_servers and not topics:
        raise UsageError("--bootstrap_servers needs a topic, such as --events_kafka_topic")
    database = given.database
    if not files and not topics:
        files = {name: _OUT / f"{name}.jsonl" for name in OUTPUTS}
        database = database or f"sqlite:///{_OUT}/center.db"
        _OUT.mkdir(exist_ok=True)
    host, port = _address(given.listen)
    options = Options(
        files=files,
        topics=topics,
        kafka_config=_kafka_config(given),
        database=database or "sqlite:///center.db",
        host=host,
        port=port,
        users_file=given.users_file,
        tls_cert=given.tls_cert,
        tls_key=given.tls_key,
        retention_days=given.retention_days,
        trace_retention_days=given.trace_retention_days,
        webhooks=tuple(given.webhook),
        webhook_severities=tuple(filter(None, given.webhook_severities.split(","))),
        webhook_key_file=given.webhook_key_file,
    )
    _check(options)
    return options


def option_names() -> list[str]:
    """Returns the names of all options."""
    return [a.option_strings[0] for a in _parser()._actions if a.dest != "help"]


def _check(options: Options) -> None:
    if options.users_file is None and not _is_loopback(options.host):
        raise UsageError(
            f"--listen={options.host}: without --users_file only the loopback is listened on"
        )
    if (options.tls_cert is None) != (options.tls_key is None):
        raise UsageError("--tls_cert and --tls_key go together")
    for path in (options.users_file, options.tls_cert, options.tls_key, options.webhook_key_file):
        if path is not None and not path.is_file():
            raise UsageError(f"{path} is no file")
    if min(options.retention_days, options.trace_retention_days) < 1:
        raise UsageError("retention is a number of days from 1 on")
    if options.webhooks and options.webhook_key_file is None:
        raise UsageError("--webhook needs --webhook_key_file: what is sent is signed")
    for url in options.webhooks:
        if not url.startswith(("http://", "https://")):
            raise UsageError(f"--webhook={url} is no http or https URL")
    wrong = set(options.webhook_severities) - {"critical", "major", "minor", "warning"}
    if wrong:
        raise UsageError(f"--webhook_severities: {', '.join(sorted(wrong))} is no severity")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _address(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"--listen={listen} is not HOST:PORT")
    return host.strip("[]"), int(port)


def _kafka_config(given: argparse.Namespace) -> dict[str, str]:
    config = librdkafka_settings(given.kafka_config_file, given.kafka_config)
    if given.bootstrap_servers:
        config["bootstrap.servers"] = given.bootstrap_servers
    return config


def _parser() -> UsageParser:
    parser = UsageParser(
        prog="console",
        allow_abbrev=False,
        description="The store, API and page of all events. Without options it shows what "
        "`make run` has left in out/.",
    )
    source = parser.add_argument_group("input, from files or topics")
    for name in OUTPUTS:
        source.add_argument(f"--{name}_file", default="", help=f"{name}: JSON lines, followed")
        source.add_argument(f"--{name}_kafka_topic", default="", help=f"{name}: topic")
    source.add_argument("--bootstrap_servers", default="", help="brokers, host:port with commas")
    source.add_argument(
        "--kafka_config",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="setting of librdkafka, not for secrets; may be repeated",
    )
    source.add_argument(
        "--kafka_config_file", default="", metavar="FILE", help="the same, secrets included"
    )
    _add_store(parser)
    _add_access(parser)
    _add_webhooks(parser)
    return parser


def _add_store(parser: argparse.ArgumentParser) -> None:
    store = parser.add_argument_group("store")
    store.add_argument(
        "--database",
        default="",
        metavar="URL",
        help="sqlite:///FILE (default: center.db) or postgresql://USER@HOST/NAME",
    )
    store.add_argument(
        "--retention_days",
        type=int,
        default=400,
        help="cleared alarms and incidents with their events (400)",
    )
    store.add_argument(
        "--trace_retention_days", type=int, default=30, help="traces, journal of changes (30)"
    )


def _add_access(parser: argparse.ArgumentParser) -> None:
    access = parser.add_argument_group("who may")
    access.add_argument("--listen", default="127.0.0.1:8400", metavar="HOST:PORT")
    access.add_argument("--users_file", type=Path, help="users and tokens (YAML)")
    access.add_argument("--tls_cert", type=Path, help="certificate (PEM)")
    access.add_argument("--tls_key", type=Path, help="its key (PEM)")


def _add_webhooks(parser: argparse.ArgumentParser) -> None:
    webhooks = parser.add_argument_group("webhooks")
    webhooks.add_argument(
        "--webhook", action="append", default=[], metavar="URL", help="is told of every event"
    )
    webhooks.add_argument(
        "--webhook_severities", default="", help="only of these, with commas between"
    )
    webhooks.add_argument("--webhook_key_file", type=Path, help="key of the signatures")
