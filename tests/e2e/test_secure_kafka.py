"""A Kafka that serves only known users, over TLS: what works, what is refused, who sees secrets."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import socket
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError

from pipeline.kafka.client import look_at_topics, read_until
from runners.local.certificates import Authority
from runners.local.flink import LocalFlink
from runners.local.flink_job import FlinkJob
from runners.local.kafka import LocalKafka
from runners.local.kafka_security import SecureKafka, login
from runners.local.processes import LOGS, Process, free_ports, log_file
from schema.errors import UsageError
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
    """A broker with the topics, and just the permissions that docs/security.md names."""
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
    settings = java_settings(kafka, password)
    path.write_text("".join(f"{key}={value}\n" for key, value in settings.items()))


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
        # Checkpoints hold the settings of the sources, and so the reference.
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
    """Returns the one line of a refusal, with the address masked."""
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


def java_settings(kafka: SecureKafka, password: str = PASSWORD) -> dict[str, str]:
    return {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.jaas.config": LOGIN % password,
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(kafka.truststore),
    }


def said(servers: str, config: dict[str, str]) -> str:
    """Returns the one line that says why topics cannot be looked at, with the address masked."""
    with pytest.raises(UsageError) as error:
        look_at_topics(servers, config, READ)
    line = str(error.value)
    assert "\n" not in line and PASSWORD not in line
    return line.replace(servers, "HERE")


@pytest.mark.parametrize(
    ("changed", "line"),
    [
        (
            {"sasl.jaas.config": LOGIN.replace(USER, "nobody") % PASSWORD},
            "Kafka at HERE refuses the login of User:nobody: check user and password",
        ),
        (
            {"sasl.mechanism": "PLAIN"},
            "Kafka at HERE does not offer sasl.mechanism PLAIN: take another one",
        ),
        ({"fetch.min.byte": "1"}, "Kafka's settings: there is no fetch.min.byte"),
        (
            {"sasl.jaas.config": "${env:NOT_THERE}"},
            "Kafka's settings: sasl.jaas.config: there is no NOT_THERE in the environment",
        ),
    ],
)
def test_settings_that_are_refused(secure: SecureKafka, changed: dict[str, str], line: str) -> None:
    assert said(secure.bootstrap_servers, java_settings(secure) | changed) == line


@pytest.mark.parametrize("protocol", ["PLAINTEXT", "SASL_PLAINTEXT", "SSL"])
def test_a_protocol_that_the_broker_does_not_speak(secure: SecureKafka, protocol: str) -> None:
    config = java_settings(secure) | {"security.protocol": protocol}
    line = said(secure.bootstrap_servers, config)
    assert line.startswith("no Kafka broker answers at HERE (")
    assert line.endswith("check --bootstrap_servers, that the broker runs, and security.protocol")


def test_a_broker_that_speaks_no_tls_or_asks_for_no_login(
    secure: SecureKafka, kafka: LocalKafka
) -> None:
    config = java_settings(secure)
    assert said(kafka.bootstrap_servers, config).startswith("no TLS with Kafka at HERE (")
    config["security.protocol"] = "SASL_PLAINTEXT"
    assert said(kafka.bootstrap_servers, config) == (
        "Kafka at HERE does not ask for a login: check security.protocol"
    )


def test_a_certificate_of_another_authority_or_host(secure: SecureKafka, tmp_path: Path) -> None:
    config = java_settings(secure)
    here = secure.bootstrap_servers
    another = config | {"ssl.truststore.location": str(Authority(tmp_path).file)}
    assert said(here, another) == (
        "the certificate of Kafka at HERE is not accepted: certificate signature failure"
    )
    by_name = here.replace("127.0.0.1", "localhost")
    assert said(by_name, config) == (
        "the certificate of Kafka at HERE is not accepted: "
        "Hostname mismatch, certificate is not valid for 'localhost'."
    )
    look_at_topics(by_name, config | {"ssl.endpoint.identification.algorithm": ""}, READ)


def test_a_server_that_says_nothing(secure: SecureKafka) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        servers = f"127.0.0.1:{listener.getsockname()[1]}"
        line = said(servers, java_settings(secure))
    assert line.startswith("no Kafka broker answers at HERE (no answer within ")


def test_one_broker_that_answers_is_enough(secure: SecureKafka) -> None:
    servers = f"127.0.0.1:{free_ports(1)[0]},{secure.bootstrap_servers}"
    assert set(look_at_topics(servers, java_settings(secure), READ, WRITTEN)) == {*READ, *WRITTEN}


def test_a_topic_is_read_with_no_permission_but_for_itself(secure: SecureKafka) -> None:
    secure.create_topic("held")
    secure.allow(USER, "READ", "held")
    with contextlib.closing(
        KafkaProducer(bootstrap_servers=secure.bootstrap_servers, **secure.client_options)
    ) as producer:
        producer.send("held", key=b"a", value=b"1")
    config = java_settings(secure)
    held = look_at_topics(secure.bootstrap_servers, config, ["held"])["held"].end_offsets
    assert list(read_until(secure.bootstrap_servers, config, "held", held)) == [(b"a", b"1")]
    secure.forbid(USER, "READ", "held")
    with pytest.raises(UsageError, match="User:eventcenter lacks READ on topic held at"):
        next(read_until(secure.bootstrap_servers, config, "held", held))


def send_a_cut(kafka: SecureKafka) -> None:
    """Sends a link and reports that show a cut."""
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
    """Returns what every user of this machine sees of every process."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            lines.append(path.read_text(errors="replace").replace("\0", " "))
    return lines


def stage(flink: LocalFlink) -> Path:
    """Returns the directory of staged artifacts and of checkpoints."""
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
    """Returns the logs of all processes that this test run has started."""
    found = list(LOGS.glob(f"*-{os.getpid()}-*.log"))
    assert {"flink", "expansion"} <= {path.stem.split("-")[3] for path in found}
    return found
