"""The command line: the event center's own options, and all of Beam's."""

import argparse
import contextlib
import difflib
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import (
    GoogleCloudOptions,
    PipelineOptions,
    StandardOptions,
)

from kernels.window_bounds import WindowBounds
from pipeline.files import exists, is_remote
from pipeline.kafka.config import settings
from pipeline.settings import Settings
from schema.command_line import UsageParser
from schema.errors import UsageError
from schema.outputs import ALL_OUTPUTS, LIFECYCLE_OUTPUTS

#: Runners that hand on options that Python does not know.
_PORTABLE_RUNNERS = ("FlinkRunner", "PortableRunner", "SparkRunner")

_DEFAULTS = Settings()
#: The longest window [s] (spec, section 1).
_MAX_WINDOW_S = 900


@dataclass(frozen=True)
class Command:
    """A command line that can be run.

    Attributes:
        beam_arguments: the options that are not the event center's own.
        runner: name of the runner.
        settings: behavior.
        replay: ``batch`` or ``stream``; None = live.
        pm_file: capture to replay.
        topology_file: topology to replay it with.
        files: file of each output that has one.
        bootstrap_servers: Kafka brokers.
        pm_kafka_topic: topic of the PM reports.
        topology_kafka_topic: topic of the topology.
        topics: topic of each output that has one.
        kafka_config: settings for every Kafka client; secrets are references.
        expansion_service: where Java steps come from; empty = one is started.
        detach: whether the job is left to its cluster once it runs.
    """

    beam_arguments: list[str]
    runner: str
    settings: Settings
    replay: str | None
    pm_file: str = ""
    topology_file: str = ""
    files: dict[str, str] = field(default_factory=dict)
    bootstrap_servers: str = ""
    pm_kafka_topic: str = ""
    topology_kafka_topic: str = ""
    topics: dict[str, str] = field(default_factory=dict)
    kafka_config: dict[str, str] = field(default_factory=dict)
    expansion_service: str = ""
    detach: bool = False

    def beam_option(self, name: str) -> str | None:
        """Returns the value of a Beam option; None if it was not given."""
        for argument in reversed(self.beam_arguments):
            option, _, value = argument.partition("=")
            if option == f"--{name}":
                return value
        return None

    def beam_arguments_with(self, runner: str, defaults: Mapping[str, str | None]) -> list[str]:
        """Returns Beam's arguments for a runner: the user's, and defaults for the others.

        Args:
            runner: Beam's name of the runner.
            defaults: value of each option; None = the option takes no value.
        """
        given = [a for a in self.beam_arguments if not a.startswith("--runner")]
        added = [
            name if value is None else f"{name}={value}"
            for name, value in defaults.items()
            if self.beam_option(name.removeprefix("--")) is None
        ]
        return [f"--runner={runner}", *given, *added]


def _parser() -> UsageParser:
    parser = UsageParser(
        prog="pipeline",
        allow_abbrev=False,
        description="Fiber events out of one-second optical performance monitoring. "
        "Every option of Apache Beam passes through.",
    )
    live = parser.add_argument_group("live, on Kafka")
    live.add_argument("--bootstrap_servers", default="", help="brokers, host:port with commas")
    live.add_argument("--pm_kafka_topic", default="", help="PM reports")
    live.add_argument("--topology_kafka_topic", default="", help="topology, compacted")
    live.add_argument(
        "--kafka_config",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="setting for every Kafka client; may be repeated",
    )
    live.add_argument(
        "--kafka_config_file",
        default="",
        metavar="FILE",
        help="the same settings, secrets included, as Java properties",
    )
    live.add_argument(
        "--kafka_expansion_service",
        default="",
        metavar="HOST:PORT",
        help="where Kafka's Java steps come from (default: one is started)",
    )
    live.add_argument(
        "--detach",
        action="store_true",
        help="leave the job to its cluster (--flink_master) once it runs",
    )
    replay = parser.add_argument_group("replay of a capture file")
    replay.add_argument("--pm_file", default="", help="capture: delimited PM reports")
    replay.add_argument("--topology_file", default="", help="topology: JSON lines")
    replay.add_argument(
        "--replay",
        choices=("batch", "stream"),
        default="batch",
        help="batch (default): nothing is late; stream: in order of arrival",
    )
    outputs = parser.add_argument_group("outputs")
    for output in ALL_OUTPUTS:
        outputs.add_argument(f"--{output}_file", default="", help=f"{output}, in a replay")
        outputs.add_argument(f"--{output}_kafka_topic", default="", help=f"{output}, live")
    behavior = parser.add_argument_group("behavior")
    behavior.add_argument(
        "--window_s",
        type=_window,
        default=_DEFAULTS.bounds.window_s,
        help=f"W, seconds of a window, 1 to {_MAX_WINDOW_S} (%(default)s)",
    )
    behavior.add_argument(
        "--gap_windows",
        type=_whole,
        default=_DEFAULTS.gap_windows,
        help="G, windows without data that a row of windows may bridge (%(default)s)",
    )
    behavior.add_argument(
        "--out_of_orderness_s",
        type=_whole,
        default=_DEFAULTS.bounds.out_of_orderness_s,
        help="B, seconds a window waits (%(default)s)",
    )
    behavior.add_argument(
        "--allowed_lateness_s",
        type=_lateness,
        default=_DEFAULTS.bounds.allowed_lateness_s,
        help="L, seconds in which a window is evaluated again (%(default)g)",
    )
    behavior.add_argument("--emit", choices=("lifecycle", "matches"), default=_DEFAULTS.emit)
    behavior.add_argument(
        "--num_shards",
        type=_positive,
        default=None,
        help=f"two to four for each slot ({_DEFAULTS.num_shards}; 1 on the DirectRunner, which has "
        "one worker)",
    )
    return parser


def option_names() -> set[str]:
    """Returns the names of the event center's own options."""
    return {f"--{name}" for name in vars(_parser().parse_args([]))}


def parse(arguments: Sequence[str]) -> Command:
    """Reads a command line.

    Raises:
        UsageError: it cannot be run as it is.
        NotUsableError: a remote file cannot be looked at.
        SystemExit: help was asked for and given.
    """
    own, unknown = _parser().parse_known_args(list(arguments))
    rest = _joined(unknown)
    beam = _beam_options(rest)
    runner = beam.view_as(StandardOptions).runner or "DirectRunner"
    _check_unknown(rest, beam, runner)
    FileSystems.set_options(beam)
    files, topics = _named(own, "file"), _named(own, "kafka_topic")
    if own.emit == "matches":
        _check_matches(own)
    if own.pm_file and own.pm_kafka_topic:
        raise UsageError("give either --pm_file or --pm_kafka_topic, not both")
    if own.pm_file:
        _check_replay(own, files, topics)
    elif own.pm_kafka_topic:
        _check_live(own, files)
    else:
        raise UsageError(
            "nothing to read: give --pm_file and --topology_file for a replay, "
            "or --pm_kafka_topic and --topology_kafka_topic for a live run"
        )
    return Command(
        beam_arguments=rest,
        runner=runner,
        settings=Settings(
            bounds=WindowBounds(
                window_s=own.window_s,
                out_of_orderness_s=own.out_of_orderness_s,
                allowed_lateness_s=own.allowed_lateness_s,
            ),
            emit=own.emit,
            gap_windows=own.gap_windows,
            num_shards=own.num_shards
            or (_DEFAULTS.num_shards if runner in _PORTABLE_RUNNERS else 1),
            source_name=beam.view_as(GoogleCloudOptions).job_name or _DEFAULTS.source_name,
        ),
        replay=own.replay if own.pm_file else None,
        pm_file=own.pm_file,
        topology_file=own.topology_file,
        files=files,
        bootstrap_servers=own.bootstrap_servers,
        pm_kafka_topic=own.pm_kafka_topic,
        topology_kafka_topic=own.topology_kafka_topic,
        topics=topics,
        kafka_config=settings(own.kafka_config, own.kafka_config_file),
        expansion_service=own.kafka_expansion_service,
        detach=own.detach,
    )


def _named(own: argparse.Namespace, what: str) -> dict[str, str]:
    """Returns the file, or the topic, of each output that has one."""
    given = {output: getattr(own, f"{output}_{what}") for output in ALL_OUTPUTS}
    return {output: name for output, name in given.items() if name}


def _check_matches(own: argparse.Namespace) -> None:
    for what in ("file", "kafka_topic"):
        for output in LIFECYCLE_OUTPUTS:
            if getattr(own, f"{output}_{what}"):
                raise UsageError(f"--{output}_{what} needs --emit=lifecycle: matches have no life")


def _joined(arguments: Sequence[str]) -> list[str]:
    """Returns the arguments with each option and its value joined by an equals sign."""
    joined: list[str] = []
    for argument in arguments:
        if joined and not argument.startswith("--") and "=" not in joined[-1]:
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _check_replay(own: argparse.Namespace, files: dict[str, str], topics: dict[str, str]) -> None:
    if not own.topology_file:
        raise UsageError("a replay needs --topology_file too")
    for name in ("pm_file", "topology_file"):
        if not exists(getattr(own, name)):
            raise UsageError(f"--{name}: there is no file {getattr(own, name)}")
    if topics:
        output = next(iter(topics))
        raise UsageError(f"a replay writes files: give --{output}_file, not --{output}_kafka_topic")
    for output, path in files.items():
        if is_remote(path):
            continue
        folder = Path(path).absolute().parent
        if not folder.is_dir():
            raise UsageError(f"--{output}_file: there is no folder {folder}")
        if Path(path).is_dir():
            raise UsageError(f"--{output}_file: {path} is a folder")


def _check_live(own: argparse.Namespace, files: dict[str, str]) -> None:
    if not own.bootstrap_servers:
        raise UsageError("a live run needs --bootstrap_servers")
    if not own.topology_kafka_topic:
        raise UsageError("a live run needs --topology_kafka_topic too")
    if own.topology_file:
        raise UsageError("a live run reads --topology_kafka_topic, not --topology_file")
    if files:
        output = next(iter(files))
        raise UsageError(f"a live run writes topics: give --{output}_kafka_topic")


def _beam_options(rest: list[str]) -> PipelineOptions:
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options = PipelineOptions(rest)
            options.get_all_options()  # parses now; otherwise the complaint comes later
    except SystemExit:
        lines = complaint.getvalue().strip().splitlines() or ["bad option"]
        raise UsageError(lines[-1].partition("error: ")[2] or lines[-1]) from None
    return options


def _check_unknown(rest: list[str], beam: PipelineOptions, runner: str) -> None:
    """Refuses options that nobody knows; portable runners may know more than Python does."""
    known = {f"--{name}" for name in beam.get_all_options()}
    ours = {*option_names(), "--help"}
    for argument in rest:
        name = argument.partition("=")[0]
        if not name.startswith("--"):
            continue
        if name in known or f"--{name[2:].removeprefix('no_')}" in known:
            continue
        close = difflib.get_close_matches(name, ours, n=1, cutoff=0.8)
        if close or runner not in _PORTABLE_RUNNERS:
            hint = f", did you mean {close[0]}?" if close else ""
            raise UsageError(f"there is no option {name}{hint}")


def _window(text: str) -> int:
    number = _number(text)
    if not 1 <= number <= _MAX_WINDOW_S or number != int(number):
        raise argparse.ArgumentTypeError(
            f"{text} is not a whole number of seconds from 1 to {_MAX_WINDOW_S}"
        )
    return int(number)


def _whole(text: str) -> int:
    number = _number(text)
    if number < 0 or number != int(number):
        raise argparse.ArgumentTypeError(f"{text} is not a whole number of seconds")
    return int(number)


def _lateness(text: str) -> float:
    number = _number(text)
    if number < 0 or round(number * 1000) != number * 1000:
        raise argparse.ArgumentTypeError(f"{text} is not a number of seconds, whole milliseconds")
    return number


def _positive(text: str) -> int:
    number = _number(text)
    if number < 1 or number != int(number):
        raise argparse.ArgumentTypeError(f"{text} is not a positive whole number")
    return int(number)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None
    if not math.isfinite(number):
        raise argparse.ArgumentTypeError(f"{text} is not a finite number")
    return number
