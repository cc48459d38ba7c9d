"""The pipeline on a cluster of this machine, submitted and left there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runners.local.cluster import LocalCluster
from runners.local.flink_job import FlinkJob
from runners.local.jars import CHECKOUT
from runners.local.kafka import LocalKafka
from runners.local.processes import Process, log_file
from runners.scenarios.live import pipeline_command

_SUBMIT_TIMEOUT_S = 300


def submit_pipeline(
    kafka: LocalKafka,
    cluster: LocalCluster,
    name: str,
    topics: Mapping[str, str],
    options: Sequence[str],
) -> FlinkJob:
    """Submits the pipeline, and returns the job when all of it runs."""
    more = ["--detach", *cluster.options(), *options]
    command = pipeline_command(name, kafka.bootstrap_servers, topics, more)
    with Process("the submitter", command, log_file("submit"), cwd=CHECKOUT) as submitter:
        if submitter.wait(_SUBMIT_TIMEOUT_S):
            submitter.check()
    job = cluster.find_job(name)
    assert job, "the submitter waits until the job runs"
    return job
