"""The DirectRunner: everything in this process, for a first look, tests and small captures."""

from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult

from pipeline.options import Command
from schema.errors import UsageError
from schema.outputs import NAMESPACE
from transforms.outputs import counted_here

#: Names of the runners that this profile serves.
RUNNERS = ("DirectRunner", "FnApiRunner", "BundleBasedDirectRunner")


def profile(command: Command) -> tuple[str, PipelineOptions]:
    """Returns Beam's name of the runner, and its options.

    Raises:
        UsageError: Python's DirectRunner cannot read Kafka.
    """
    if command.replay is None:
        raise UsageError(
            "the DirectRunner cannot read Kafka: give --runner=FlinkRunner, "
            "or replay a capture with --pm_file"
        )
    # The plain DirectRunner first looks for the binary of another runner. The two below need none;
    # only the second one knows streams.
    if command.replay == "batch":
        return "FnApiRunner", PipelineOptions(command.beam_arguments)
    return "BundleBasedDirectRunner", PipelineOptions([*command.beam_arguments, "--streaming"])


def counters(_: PipelineResult) -> dict[str, int]:
    """Returns what the steps have counted."""
    return dict(counted_here)


def reported_counters(result: PipelineResult) -> dict[str, int]:
    """Returns what the steps have counted, as reported by the runner."""
    found = result.metrics().query()["counters"]
    return {c.key.metric.name: c.result for c in found if c.key.metric.namespace == NAMESPACE}
