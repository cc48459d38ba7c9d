"""A live job that cannot run says why in one line, and nothing is submitted."""

from __future__ import annotations

import subprocess
import sys

import pytest

from runners.local.flink import LocalFlink
from runners.local.kafka import LocalKafka
from runners.local.processes import free_ports
from tests.e2e.live_job import where

pytestmark = pytest.mark.e2e

TIMEOUT_S = 120


def refusal(*options: str) -> str:
    """Runs the pipeline; it must end with code 2 and one line, which is returned."""
    command = [sys.executable, "-m", "pipeline", "--runner=FlinkRunner", *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert ended.returncode == 2, ended.stderr
    lines = ended.stderr.splitlines()
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_a_missing_topic(kafka: LocalKafka, flink: LocalFlink) -> None:
    kafka.create_topic("there")
    topics = ("--pm_kafka_topic=there", "--topology_kafka_topic=nowhere")
    line = refusal(*where(kafka, flink), *topics, "--late_kafka_topic=nor-this")
    assert line.startswith("pipeline: there is no topic nowhere, nor-this at ")


def test_no_broker(kafka: LocalKafka, flink: LocalFlink) -> None:
    topics = ("--pm_kafka_topic=pm", "--topology_kafka_topic=topology")
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    line = refusal(*where(kafka, flink), f"--bootstrap_servers={nobody}", *topics)
    assert line.startswith(f"pipeline: no Kafka broker answers at {nobody}")
