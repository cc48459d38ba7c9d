"""What Beam drops is read: otherwise that it is 0 would say nothing."""

from __future__ import annotations

import time
from collections.abc import Callable

import apache_beam as beam
import pytest
from apache_beam.io.kafka import ReadFromKafka
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.window import FixedWindows
from kafka import KafkaProducer

from runners.flink import LIVE_DEFAULTS
from runners.local.flink import LocalFlink
from runners.local.flink_job import DROPS
from runners.local.kafka import LocalKafka
from tests.e2e.live_job import TIMEOUT_S

NAME = "dropping"
HOUR_MS = 3_600_000


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + TIMEOUT_S
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.e2e
def test_a_record_that_beam_drops_is_counted(kafka: LocalKafka, flink: LocalFlink) -> None:
    kafka.create_topic(NAME)
    options = [f"{name}={value}" if value else name for name, value in LIVE_DEFAULTS.items()]
    options += [f"--job_endpoint={flink.job_endpoint}", f"--job_name={NAME}"]
    pipeline = beam.Pipeline(runner="PortableRunner", options=PipelineOptions(options))
    read = ReadFromKafka(
        {"bootstrap.servers": kafka.bootstrap_servers, "auto.offset.reset": "earliest"},
        [NAME],
        timestamp_policy=ReadFromKafka.create_time_policy,
        expansion_service=flink.expansion_service,
    )
    keyed = (
        pipeline
        | "Read" >> read
        | "Key" >> beam.Map(lambda record: (0, record[1])).with_output_types(tuple[int, bytes])
    )
    _ = keyed | "Window" >> beam.WindowInto(FixedWindows(1)) | "Group" >> beam.GroupByKey()
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)

    def send(age_ms: int) -> None:
        producer.send(NAME, key=b"k", value=b"v", timestamp_ms=int(time.time() * 1000) - age_ms)
        producer.flush()

    pipeline.run()
    until(lambda: (job := flink.find_job(NAME)) is not None and job.is_running())
    job = flink.find_job(NAME)
    assert job is not None
    try:
        assert not any(job.counters().get(name) for name in DROPS)

        def a_late_record_was_counted() -> bool:
            send(0)
            send(HOUR_MS)
            return any(job.counters().get(name) for name in DROPS)

        until(a_late_record_was_counted)
    finally:
        job.cancel()
        producer.close()
