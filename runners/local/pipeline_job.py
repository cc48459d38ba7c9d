"""The pipeline as a job on this machine: its topics, its command line and its submission."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence

from kafka import KafkaProducer

from runners.local.cluster import LocalCluster
from runners.local.flink_job import FlinkJob
from runners.local.jars import CHECKOUT
from runners.local.kafka import LocalKafka
from runners.local.processes import Process, log_file
from schema.outputs import ALL_OUTPUTS, LIFECYCLE_OUTPUTS
from schema.pm_report_pb2 import PmReport

JOB = "event-center"
PM_PARTITIONS = 4
#: The topic of each input and output has its name.
TOPICS = {which: which for which in ("pm", "topology", *ALL_OUTPUTS)}

_SUBMIT_TIMEOUT_S = 300


def create_topics(kafka: LocalKafka, topics: Mapping[str, str], pm_partitions: int) -> None:
    """Creates the topics of a job.

    Args:
        kafka: the broker.
        topics: topic of each input and output.
        pm_partitions: number of partitions of the PM topic; the others have one.
    """
    for which, topic in topics.items():
        compacted = {"cleanup.policy": "compact"} if which == "topology" else None
        kafka.create_topic(topic, pm_partitions if which == "pm" else 1, compacted)


def send_heartbeats(kafka: LocalKafka, topic: str, partitions: int) -> None:
    """Sends a report without components to each partition of a PM topic.

    A partition that never had a record holds event time back for good.
    """
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    heartbeat = PmReport(node_id="heartbeat", collect_time_unix_ns=time.time_ns())
    for partition in range(partitions):
        producer.send(topic, heartbeat.SerializeToString(), b"heartbeat", partition=partition)
    producer.close()


def pipeline_command(
    name: str,
    bootstrap_servers: str,
    topics: Mapping[str, str],
    options: Iterable[str],
    *,
    module: str = "pipeline",
) -> list[str]:
    """Returns the command line of a live run.

    Args:
        name: of the job.
        bootstrap_servers: the broker.
        topics: topic of each input and output.
        options: all other options, such as where the job runs.
        module: what Python runs; takes the options of the pipeline.
    """
    options = list(options)
    if "--emit=matches" in options:
        topics = {which: topic for which, topic in topics.items() if which not in LIFECYCLE_OUTPUTS}
    return [
        *(sys.executable, "-m", module, "--runner=FlinkRunner", f"--job_name={name}"),
        f"--bootstrap_servers={bootstrap_servers}",
        *(f"--{which}_kafka_topic={topic}" for which, topic in topics.items()),
        *options,
    ]


def submit_pipeline(
    kafka: LocalKafka,
    cluster: LocalCluster,
    name: str,
    topics: Mapping[str, str],
    options: Sequence[str],
    *,
    module: str = "pipeline",
    timeout_s: float = _SUBMIT_TIMEOUT_S,
) -> FlinkJob:
    """Submits the pipeline to a cluster and leaves it there; returns the job when all of it runs.

    Args:
        kafka: the broker.
        cluster: where the job runs.
        name: of the job.
        topics: topic of each input and output.
        options: all other options.
        module: what Python runs; takes the options of the pipeline.
        timeout_s: how long it may take.

    Raises:
        ProcessError: the submission failed.
        subprocess.TimeoutExpired: it took too long.
    """
    more = ["--detach", *cluster.options(), *options]
    command = pipeline_command(name, kafka.bootstrap_servers, topics, more, module=module)
    with Process("the submitter", command, log_file("submit"), cwd=CHECKOUT) as submitter:
        if submitter.wait(timeout_s):
            submitter.check()
    job = cluster.find_job(name)
    assert job, "the submitter waits until the job runs"
    return job
