"""Settings of Java clients, translated for librdkafka."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.kafka.security import certificate_fault, principal, security_options, tls_context
from runners.local.certificates import Authority
from runners.local.processes import free_ports
from schema.errors import KafkaConfigError

LOGIN = 'a.b.ScramLoginModule required username="me" password="hunter";'
SASL = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.jaas.config": LOGIN,
}


def test_plaintext_is_the_default() -> None:
    assert security_options({"client.id": "x"}) == {"security.protocol": "PLAINTEXT"}
    assert principal({}) == "User:ANONYMOUS"


def test_login_and_stores(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    own = str(authority.issue("me"))
    config = SASL | {
        "ssl.truststore.type": "PEM",
        "ssl.truststore.certificates": authority.file.read_text(),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": own,
        "ssl.endpoint.identification.algorithm": "",
    }
    assert security_options(config) == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "me",
        "sasl.password": "hunter",
        "ssl.ca.pem": authority.file.read_text(),
        "ssl.key.location": own,
        "ssl.certificate.location": own,
        "ssl.endpoint.identification.algorithm": "none",
    }
    context = tls_context(config)
    assert not context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1
    assert principal(SASL) == "User:me"


def test_host_names_are_checked_unless_told_otherwise() -> None:
    assert security_options(SASL)["ssl.endpoint.identification.algorithm"] == "https"
    assert tls_context(SASL).check_hostname


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"sasl.mechanism": "GSSAPI"}, "GSSAPI cannot be used here"),
        ({"sasl.jaas.config": "a.b.ScramLoginModule required;"}, "has no username"),
        ({"ssl.truststore.location": "a.jks"}, "ssl.truststore.type must be PEM"),
        (
            {"ssl.truststore.type": "PEM", "ssl.truststore.location": "not-there.pem"},
            "ssl.truststore cannot be read: No such file",
        ),
        (
            {"ssl.truststore.type": "PEM", "ssl.truststore.certificates": "hunter"},
            "ssl.truststore cannot be read: it is no valid PEM",
        ),
        ({"ssl.cipher.suites": "any"}, "ssl.cipher.suites cannot be used here"),
        ({"security.protocol": "hunter"}, "security.protocol is one of PLAINTEXT, SSL, "),
    ],
)
def test_settings_without_an_equivalent(changed: dict[str, str], message: str) -> None:
    with pytest.raises(KafkaConfigError, match=message) as error:
        security_options(SASL | changed)
    assert "hunter" not in str(error.value) and "\n" not in str(error.value)


@contextmanager
def tls_server(certificate: Path) -> Iterator[int]:
    """Shows a certificate to one client; yields the port."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(ssl.SSLError):
            context.wrap_socket(connection, server_side=True).close()

    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield listener.getsockname()[1]
        thread.join()


@pytest.mark.parametrize(
    ("host", "days", "is_known", "message"),
    [
        ("127.0.0.1", 1, True, ""),
        ("127.0.0.1", -1, True, "certificate has expired"),
        ("127.0.0.1", 1, False, "certificate signature failure"),
        ("localhost", 1, True, "Hostname mismatch, certificate is not valid for 'localhost'."),
    ],
)
def test_what_is_wrong_with_a_certificate(
    tmp_path: Path, host: str, days: int, is_known: bool, message: str
) -> None:
    authority = Authority(tmp_path)
    certificate = authority.issue("broker", days=days)
    trusted = authority.file if is_known else Authority(tmp_path).file
    config = {"ssl.truststore.type": "PEM", "ssl.truststore.location": str(trusted)}
    with tls_server(certificate) as port:
        assert certificate_fault(f"{host}:{port}", config) == message


def test_without_a_server_there_is_no_certificate() -> None:
    assert certificate_fault(f"127.0.0.1:{free_ports(1)[0]}", {}) == ""
    assert certificate_fault("nothing", {}) == ""
