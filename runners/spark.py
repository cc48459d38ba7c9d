"""The SparkRunner: bounded replays, for backfill, by a given job server or by one started here."""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from apache_beam.options.pipeline_options import (
    PipelineOptions,
    PortableOptions,
    SparkRunnerOptions,
)
from apache_beam.runners.runner import PipelineResult

from pipeline.files import local_copy
from pipeline.options import Command
from runners import direct
from runners.local.spark import LocalSpark, is_here
from schema.capture import read_capture
from schema.errors import UsageError
from schema.outputs import ENDS_JOINED, ENDS_WINDOWED, REPORTS

_log = logging.getLogger("eventcenter")

#: Names of the runners that this profile serves.
RUNNERS = ("SparkRunner",)
#: Jobs go to a job server, so Beam always uses its portable runner.
RUNNER = "PortableRunner"

#: Defaults of the options of a replay, and why.
DEFAULTS = {
    # Python steps run in the submitting process; for other machines, use EXTERNAL or DOCKER.
    "--environment_type": "LOOPBACK",
    # Otherwise the Python workers end with each of Spark's stages, and new ones start [ms].
    "--environment_cache_millis": "60000",
}

# How Beam names the threads that listen to the runner.
_WORKER_THREADS = ("run_worker", "read_state", "read_grpc_client_inputs")
_WORKERS_END_TIMEOUT_S = 2


@contextmanager
def job_server(command: Command) -> Iterator[dict[str, str]]:
    """Yields the options that say where the job goes.

    Raises:
        UsageError: the input is a stream, in which Spark's portable runner silently mixes up the
            state of keys; or the options do not go together.
        MissingPartError: Java, Maven or the jars are missing.
    """
    if command.replay != "batch":
        raise UsageError(
            "Spark replays captures in batch only: its portable streaming mixes the state of "
            "keys; give --pm_file and --replay=batch, or --runner=FlinkRunner for a stream"
        )
    options = PipelineOptions(command.beam_arguments)
    if options.view_as(PortableOptions).job_endpoint:
        if command.beam_option("spark_master_url") is not None:
            raise UsageError(
                "give --spark_master_url to the job server when you start it, or leave out "
                "--job_endpoint to have one started here"
            )
        yield {}
        return
    master_url = options.view_as(SparkRunnerOptions).spark_master_url
    if not is_here(master_url) and not options.view_as(PortableOptions).environment_type:
        raise UsageError(
            f"the executors of {master_url} need Python workers that they can reach: give "
            "--environment_type=EXTERNAL and --environment_config=HOST:PORT of the worker pool "
            "beside each of them"
        )
    with ExitStack() as stack:
        server = stack.enter_context(LocalSpark(master_url))
        try:
            yield server.options()
        finally:
            with _workers_end_quietly():
                stack.close()


def arguments(command: Command, where: dict[str, str]) -> list[str]:
    """Returns Beam's arguments: the user's, and defaults for the others."""
    return command.beam_arguments_with(RUNNER, DEFAULTS | where)


def counters(command: Command) -> Callable[[PipelineResult], dict[str, int]]:
    """Returns a function that takes a result and returns what the steps have counted.

    Spark recomputes what it has lost and counts it again; the function warns of that.
    """

    def counted(result: PipelineResult) -> dict[str, int]:
        found = direct.reported_counters(result)
        reports = found.get(REPORTS, 0)
        held = sum(1 for _ in read_capture(local_copy(command.pm_file)))
        windowed, joined = found.get(ENDS_WINDOWED, 0), found.get(ENDS_JOINED, 0)
        if reports < held:
            _log.warning(
                "Spark told of %d reports, but the capture holds %d: the summary is incomplete",
                reports,
                held,
            )
        elif reports > held or windowed > joined:
            _log.warning(
                "Spark computed some steps again, and the summary counts them again; the outputs "
                "are not affected"
            )
        return found

    return counted


@contextmanager
def _workers_end_quietly() -> Iterator[None]:
    """Mutes the Python workers of this process while their runner goes away."""
    hook, level = threading.excepthook, logging.root.manager.disable
    threading.excepthook = lambda _: None
    logging.disable(logging.CRITICAL)
    try:
        yield
        for thread in threading.enumerate():
            if thread.name.startswith(_WORKER_THREADS):
                thread.join(_WORKERS_END_TIMEOUT_S)
    finally:
        threading.excepthook = hook
        logging.disable(level)
