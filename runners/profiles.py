"""From a command line to a run: the profile, source and sinks of each runner."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from pipeline.files import local_copy
from pipeline.graph import Sinks, Source
from pipeline.options import Command
from pipeline.settings import Settings
from pipeline.sinks import FileSinks
from pipeline.sources import BatchReplay, StreamReplay
from runners import direct, flink, spark
from schema.capture import check_capture
from schema.errors import UsageError
from schema.records import EventTime
from schema.topology_file import TopologyFile


@dataclass(frozen=True)
class Prepared:
    """What is needed to build and run the graph.

    Attributes:
        runner: Beam's name of the runner.
        options: Beam's options.
        source: where PM and topology come from.
        sinks: where the outputs go.
        settings: behavior.
        counters: takes the result of a run; returns what the steps have counted.
        leave: returns when the job can be left to its cluster; None = wait for its end.
        watching: context in which the source is watched, to wait in.
    """

    runner: str
    options: PipelineOptions
    source: Source
    sinks: Sinks
    settings: Settings
    counters: Callable[[PipelineResult], dict[str, int]]
    leave: Callable[[], None] | None = None
    watching: AbstractContextManager[None] = field(default_factory=nullcontext)


@contextmanager
def prepare(command: Command) -> Iterator[Prepared]:
    """Checks what a run needs, starts the processes that it needs, and stops them at the end.

    Raises:
        UsageError: the command line cannot be run as it is.
        NotUsableError: a file is not what it should be.
        MissingPartError: Java, Maven or the jars are missing.
        ProcessError: a process that the run needs does not come up.
    """
    if command.runner in direct.RUNNERS:
        runner, options = direct.profile(command)
        yield _replay(command, runner, options, direct.counters)
    elif command.runner in spark.RUNNERS:
        with spark.job_server(command) as where:
            options = PipelineOptions(spark.arguments(command, where))
            yield _replay(command, spark.RUNNER, options, spark.counters(command))
    elif command.runner in flink.RUNNERS:
        with flink.cluster(command) as (where, expansion_service):
            options = PipelineOptions(flink.arguments(command, where))
            if command.replay:
                yield _replay(command, flink.RUNNER, options, direct.reported_counters)
            else:
                source, sinks, watching = flink.kafka(command, expansion_service)
                yield Prepared(
                    flink.RUNNER,
                    options,
                    source,
                    sinks,
                    command.settings,
                    direct.reported_counters,
                    leave=flink.detached(command) if command.detach else None,
                    watching=watching,
                )
    else:
        raise UsageError(
            f"--runner={command.runner} is not known here: "
            "take DirectRunner, FlinkRunner or SparkRunner"
        )


def _replay(
    command: Command,
    runner: str,
    options: PipelineOptions,
    counters: Callable[[PipelineResult], dict[str, int]],
) -> Prepared:
    files = command.pm_file, command.topology_file
    check_capture(local_copy(command.pm_file), command.pm_file)
    TopologyFile(command.topology_file, local_copy).read()
    source: Source
    if command.replay == "stream":
        source = StreamReplay(*files, command.settings.bounds)
    else:
        source = BatchReplay(*files)
    sinks = FileSinks(command.files, bounded=source.event_time == EventTime.BOUNDED)
    sinks.prepare()
    return Prepared(runner, options, source, sinks, command.settings, counters)
