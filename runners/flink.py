"""The FlinkRunner: live runs and replays, on a given cluster or on one started for the run."""

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from pipeline.kafka.batches import ReadBatches
from pipeline.kafka.client import TopicState, look_at_topics
from pipeline.kafka.read import KafkaSource
from pipeline.kafka.watch import TopicWatch, watching
from pipeline.kafka.write import KafkaSinks
from pipeline.options import Command
from runners.local.flink import LocalFlink
from runners.local.flink_job import ENDED, FlinkJob
from runners.worker import keep_bundles_short
from schema.errors import UsageError

_log = logging.getLogger("eventcenter")

#: Names of the runners that this profile serves.
RUNNERS = ("FlinkRunner", "PortableRunner")
#: Jobs go to a job server, so Beam always uses its portable runner.
RUNNER = "PortableRunner"

#: Defaults of the options of a live job, and why.
LIVE_DEFAULTS: dict[str, str | None] = {
    "--streaming": None,
    # Python steps run in the submitting process; on a cluster, use EXTERNAL or DOCKER.
    "--environment_type": "LOOPBACK",
    "--parallelism": "1",
    # The number of key groups, fixed for the life of the state. A checkpoint writes the state group
    # by group, and `schema.shards` spreads shards over the groups.
    "--max_parallelism": "32",
    "--checkpointing_interval": "1000",
    # When a job fails for good, its newest checkpoint remains, and another job can resume from it.
    "--externalized_checkpoints_enabled": None,
    # After five failures in all the job stays down; an outside cause has 50 s to pass each time.
    "--number_of_execution_retries": "5",
    "--execution_retry_delay": "50000",
    # Otherwise a checkpoint cuts a bundle, and the rest of its output comes after the watermark.
    "--finish_bundle_before_checkpointing": None,
    # Each step holds a bundle, and event time, for this long [ms], and an event waits for several
    # bundles. A job runs at real time and rarely catches up, so bundles are short. Longer ones make
    # larger blocks, with less work for each row: see docs/benchmark.md.
    "--max_bundle_time_mills": "50",
    "--max_bundle_size": "10000",
    "--auto_watermark_interval": "20",
    # No step changes an element, so elements need no copy between two steps in one process.
    "--faster_copy": None,
}
REPLAY_DEFAULTS: dict[str, str | None] = {
    "--environment_type": "LOOPBACK",
    "--parallelism": "1",
}
#: A replayed watermark moves between elements, so a bundle holds one element only.
STREAM_REPLAY_DEFAULTS = REPLAY_DEFAULTS | {"--streaming": None, "--max_bundle_size": "1"}

_RUNNING_TIMEOUT_S = 180


@contextmanager
def cluster(command: Command) -> Iterator[tuple[dict[str, str | None], str]]:
    """Yields the options that say where the job goes, and the Kafka expansion service.

    Without --job_endpoint a job server is started for this run, in front of the cluster that
    --flink_master names, or with a cluster inside.

    Raises:
        UsageError: the options do not go together.
    """
    keep_bundles_short()  # with LOOPBACK, workers are threads of this process
    if command.detach:
        _check_detached(command)
    if command.beam_option("job_endpoint"):
        if command.replay is None and not command.expansion_service:
            raise UsageError("a live run with --job_endpoint needs --kafka_expansion_service too")
        yield {}, command.expansion_service
        return
    with LocalFlink(master=_master(command) or LocalFlink.INSIDE) as flink:
        expansion_service = command.expansion_service or flink.expansion_service
        yield {"--job_endpoint": flink.job_endpoint}, expansion_service


def detached(command: Command) -> Callable[[], None]:
    """Returns a function that waits until the job runs on the cluster, and prints where.

    The function raises FlinkError if the job does not start to run.

    Raises:
        UsageError: a job of this name is already running.
    """
    master, name = _master(command), _job_name(command)
    before = FlinkJob.all(master, name)
    if any(job.state() not in ENDED for job in before):
        raise UsageError(
            f"a job {name} runs on {master} already: stop it first, or give another --job_name"
        )

    def leave() -> None:
        job = FlinkJob.wait_for(master, name, _RUNNING_TIMEOUT_S, but=before)
        print(f"The job runs: http://{master}/#/job/{job.job_id}")

    return leave


def _check_detached(command: Command) -> None:
    if command.replay:
        raise UsageError("--detach is for live runs: a replay ends by itself")
    if not _master(command):
        raise UsageError(
            "--detach needs --flink_master=HOST:PORT of the cluster that keeps the job"
        )
    if command.beam_option("environment_type") in (None, "LOOPBACK"):
        raise UsageError(
            "--detach needs Python workers that stay: give --environment_type=EXTERNAL and "
            "--environment_config=HOST:PORT of the worker pool beside each TaskManager"
        )


def _master(command: Command) -> str:
    """Returns host:port of the cluster's REST interface; empty if none is given."""
    master = command.beam_option("flink_master") or ""
    return "" if master.startswith("[") else master.removeprefix("http://")


def _job_name(command: Command) -> str:
    return command.beam_option("job_name") or command.settings.source_name


def arguments(command: Command, where: dict[str, str | None]) -> list[str]:
    """Returns Beam's arguments: the user's, and defaults for the others."""
    defaults: dict[str | None, dict[str, str | None]] = {
        None: LIVE_DEFAULTS,
        "batch": REPLAY_DEFAULTS,
        "stream": STREAM_REPLAY_DEFAULTS,
    }
    name = {"--job_name": _job_name(command)}
    return command.beam_arguments_with(RUNNER, where | name | defaults[command.replay])


def kafka(
    command: Command, expansion_service: str
) -> tuple[KafkaSource, KafkaSinks, AbstractContextManager[None]]:
    """Returns the live source and sinks, and a context in which the source is watched.

    Raises:
        UsageError: no broker answers, the login is refused, a topic or a permission is missing.
    """
    topics = look_at_topics(
        command.bootstrap_servers,
        command.kafka_config,
        [command.pm_kafka_topic, command.topology_kafka_topic],
        list(command.topics.values()),
    )
    _warn_of_empty_partitions(command.pm_kafka_topic, topics[command.pm_kafka_topic])
    in_batches = ReadBatches.is_offered(expansion_service)
    reader = "ReadBatches, in batches" if in_batches else "ReadFromKafka, record by record"
    print(f"Kafka is read by {reader}.", file=sys.stderr)
    source = KafkaSource(
        bootstrap_servers=command.bootstrap_servers,
        pm_topic=command.pm_kafka_topic,
        topology_topic=command.topology_kafka_topic,
        # A savepoint holds the topology, and the offset from which changes are read.
        topology_held={}
        if command.beam_option("savepoint_path")
        else topics[command.topology_kafka_topic].end_offsets,
        expansion_service=expansion_service,
        in_batches=in_batches,
        config=command.kafka_config,
    )
    sinks = KafkaSinks(
        command.bootstrap_servers, command.topics, expansion_service, command.kafka_config
    )
    return source, sinks, _watching(command, topics[command.pm_kafka_topic])


def _watching(command: Command, known: TopicState) -> AbstractContextManager[None]:
    topic = command.pm_kafka_topic
    return watching(
        TopicWatch(topic, known),
        lambda: look_at_topics(command.bootstrap_servers, command.kafka_config, [topic])[topic],
    )


def _warn_of_empty_partitions(topic: str, state: TopicState) -> None:
    if state.empty_partitions:
        numbers = ", ".join(map(str, state.empty_partitions))
        _log.warning(
            "topic %s: partition %s never had a record; until it has one, no window of any node "
            "is evaluated. Send a heartbeat report to each partition, or have no more partitions "
            "than nodes.",
            topic,
            numbers,
        )
