"""Kafka that serves only known users, over TLS: what works, what is refused, who sees secrets."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from runners.local.flink import LocalFlink
from runners.local.flink_job import FlinkJob
from runners.local.kafka_security import SecureKafka, login
from runners.local.processes import LOGS, Process, log_file
from tests import builders
from tests.e2e.live_job import TIMEOUT_S, where
from tests.e2e.test_refusals import refusal

pytestmark = pytest.mark.e2e

USER = "eventcenter"
PASSWORD = "p-" + secrets.token_hex(16)
READ, WRITTEN = ("pm", "topology"), ("events", "late")
TOPICS = [f"--{topic}_kafka_topic={topic}" for topic in READ + WRITTEN]
LOGIN = (
    "org.apache.kafka.common.security.scram.ScramLoginModule required "
    f'username="{USER}" password="%s";'
)


@pytest.fixture(scope="module")
def secure() -> Iterator[SecureKafka]:
    """A broker with the topics, and all that docs/security.md says a pipeline needs."""
    with SecureKafka() as kafka:
        for topic in READ + WRITTEN:
            kafka.create_topic(topic)
        kafka.set_password(USER, PASSWORD)
        for topic in READ:
            kafka.allow(USER, "READ", topic)
        for topic in WRITTEN:
            kafka.allow(USER, "WRITE", topic)
        yield kafka


@pytest.fixture
def config_file(secure: SecureKafka, tmp_path: Path) -> Path:
    path = tmp_path / "kafka.properties"
    write(path, secure, PASSWORD)
    return path


def write(path: Path, kafka: SecureKafka, password: str) -> None:
    path.touch(mode=0o600)
    path.write_text(
        f"security.protocol=SASL_SSL\n"
        f"sasl.mechanism=SCRAM-SHA-512\n"
        f"sasl.jaas.config={LOGIN % password}\n"
        f"ssl.truststore.type=PEM\n"
        f"ssl.truststore.location={kafka.truststore}\n"
    )


def test_reports_in_events_out_and_nobody_sees_the_secret(
    secure: SecureKafka, flink: LocalFlink, config_file: Path
) -> None:
    send_a_cut(secure)
    arguments = [
        *(sys.executable, "-m", "pipeline", "--runner=FlinkRunner", "--job_name=secure"),
        *(*where(secure, flink), *TOPICS, f"--kafka_config_file={config_file}"),
    ]
    with contextlib.ExitStack() as stack:
        pipeline = stack.enter_context(Process("secure", arguments, log_file("pipeline-secure")))
        pipeline.wait_until(lambda: flink.find_job("secure") is not None, TIMEOUT_S)
        job = flink.find_job("secure")
        assert job
        stack.callback(job.cancel)
        event = next_event(secure, pipeline)
        assert (event["subject"], event["data"]["code"]) == ("L1", "FIBER_CUT")

        files = stage(flink)
        # Checkpoints hold the sources with their settings: with the reference, that is.
        pipeline.wait_until(lambda: str(config_file) in contents(files), TIMEOUT_S)
        seen = {
            "command lines": "\n".join(command_lines()),
            "what Flink tells": what_flink_tells(job),
            "files of the job server": contents(files),
            "logs": "".join(log.read_text(errors="replace") for log in logs()),
        }
    assert str(config_file) in seen["command lines"]
    assert "KafkaIO" in seen["what Flink tells"]
    assert "ConsumerConfig values" in seen["logs"]
    assert not [where for where, text in seen.items() if PASSWORD in text]


def test_the_broker_serves_nobody_else(secure: SecureKafka) -> None:
    known = login(USER, PASSWORD, secure.truststore)
    nobody = [
        {},
        {"security_protocol": "SSL", "ssl_context": known["ssl_context"]},
        known | {"security_protocol": "SASL_PLAINTEXT"},
        known | {"sasl_plain_username": "somebody"},
    ]
    for options in nobody:
        with pytest.raises(KafkaError):
            KafkaAdminClient(
                bootstrap_servers=secure.bootstrap_servers, bootstrap_timeout_ms=1_000, **options
            )
    secure.create_topic("other")
    with contextlib.closing(
        KafkaAdminClient(bootstrap_servers=secure.bootstrap_servers, **known)
    ) as admin:
        assert sorted(admin.list_topics()) == sorted(READ + WRITTEN)


def refused(servers: str, flink: LocalFlink, *options: str) -> str:
    """Returns the one line of a refusal, without its address."""
    at = [f"--bootstrap_servers={servers}", f"--job_endpoint={flink.job_endpoint}"]
    line = refusal(*at, f"--kafka_expansion_service={flink.expansion_service}", *TOPICS, *options)
    assert PASSWORD not in line
    return line.replace(servers, "HERE")


def test_a_wrong_password(secure: SecureKafka, flink: LocalFlink, config_file: Path) -> None:
    write(config_file, secure, f"wrong-{PASSWORD}")
    assert refused(secure.bootstrap_servers, flink, f"--kafka_config_file={config_file}") == (
        "pipeline: Kafka at HERE refuses the login of User:eventcenter: check user and password"
    )


def test_an_expired_certificate(secure: SecureKafka, flink: LocalFlink, config_file: Path) -> None:
    assert refused(secure.expired_servers, flink, f"--kafka_config_file={config_file}") == (
        "pipeline: the certificate of Kafka at HERE is not accepted: certificate has expired"
    )


def test_missing_acls(secure: SecureKafka, flink: LocalFlink, config_file: Path) -> None:
    lacking = [("READ", "topology"), ("WRITE", "events")]
    with contextlib.ExitStack() as stack:
        for operation, topic in lacking:
            stack.callback(secure.allow, USER, operation, topic)
            secure.forbid(USER, operation, topic)
        options = (f"--kafka_config_file={config_file}", "--kafka_config=group.id=mine")
        assert refused(secure.bootstrap_servers, flink, *options) == (
            "pipeline: User:eventcenter lacks READ on topic topology, WRITE on topic events, "
            "READ on group mine at HERE: give it these ACLs, see docs/security.md"
        )


def test_a_secret_on_the_command_line(secure: SecureKafka, flink: LocalFlink) -> None:
    option = f"--kafka_config=sasl.jaas.config={LOGIN % PASSWORD}"
    line = refused(secure.bootstrap_servers, flink, option)
    assert line.startswith("pipeline: --kafka_config: sasl.jaas.config holds a secret")


def send_a_cut(kafka: SecureKafka) -> None:
    """Sends a link and its reports, with a cut in them."""
    first = int(time.time()) - 60 - builders.T0
    with contextlib.closing(
        KafkaProducer(bootstrap_servers=kafka.bootstrap_servers, **kafka.client_options)
    ) as producer:
        link = builders.link("L1", "A", "Z")
        producer.send("topology", key=b"L1", value=link.SerializeToString())
        for at, word in enumerate(builders.words("0*5 x*5 0*10"), start=first):
            for payload in builders.second(at, word, a="A", z="Z", sequence=1):
                sent_ms = builders.ns(at) // 1_000_000
                producer.send("pm", key=b"A", value=payload, timestamp_ms=sent_ms)
        producer.flush()


def next_event(kafka: SecureKafka, pipeline: Process) -> dict:
    with contextlib.closing(
        KafkaConsumer(
            "events",
            bootstrap_servers=kafka.bootstrap_servers,
            auto_offset_reset="earliest",
            **kafka.client_options,
        )
    ) as consumer:
        deadline = time.monotonic() + TIMEOUT_S
        while time.monotonic() < deadline:
            pipeline.check()
            for records in consumer.poll(timeout_ms=500).values():
                return json.loads(records[0].value)
    raise AssertionError(f"there is no event\n{pipeline.tail()}")


def command_lines() -> list[str]:
    """What every user of this machine sees of every process."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_text(errors="replace").replace("\0", " "))
    return lines


def stage(flink: LocalFlink) -> Path:
    """Where the job server keeps what comes with a job, and its cluster the checkpoints."""
    port = flink.job_endpoint.rpartition(":")[2]
    (server,) = [line for line in command_lines() if f"--job-port={port}" in line]
    found = re.search(r"-Djava\.io\.tmpdir=(\S+)", server)
    assert found
    return Path(found[1])


def contents(directory: Path) -> str:
    texts = []
    for path in directory.rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file():
                texts.append(path.read_text(errors="replace"))
    return "".join(texts)


def what_flink_tells(job: FlinkJob) -> str:
    texts = []
    paths = [f"jobs/{job.job_id}{which}" for which in ("", "/plan", "/config", "/exceptions")]
    for path in [*paths, "jobmanager/config", "jobmanager/environment"]:
        with urllib.request.urlopen(f"http://{job.address}/{path}", timeout=TIMEOUT_S) as answer:
            texts.append(answer.read().decode())
    return "".join(texts)


def logs() -> list[Path]:
    """All logs of what this test run has started."""
    found = list(LOGS.glob(f"*-{os.getpid()}-*.log"))
    assert {"flink", "expansion"} <= {path.stem.split("-")[3] for path in found}
    return found
