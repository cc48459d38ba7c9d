"""SparkRunner: bounded replay, for backfill."""

from apache_beam.options.pipeline_options import PipelineOptions

from pipeline.options import Command, UsageError

#: Names of the runners that this profile serves.
RUNNERS = ("SparkRunner",)


def profile(command: Command) -> tuple[str, PipelineOptions]:
    """Returns the runner's own name and its options.

    Raises:
        UsageError: the input is a stream: Spark's portable runner mixes up the state of keys
            there without a word, or there is no job server.
    """
    if command.replay != "batch":
        raise UsageError(
            "Spark replays captures in batch only: its portable streaming mixes the state of "
            "keys; give --pm_file and --replay=batch, or --runner=FlinkRunner for a stream"
        )
    if not any(argument.startswith("--job_endpoint") for argument in command.beam_arguments):
        raise UsageError("--runner=SparkRunner needs --job_endpoint of a Spark job server")
    return "PortableRunner", PipelineOptions(command.beam_arguments)
