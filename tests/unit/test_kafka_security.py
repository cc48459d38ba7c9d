"""What kafka-python is told of the settings of Java clients."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest

from pipeline.kafka.security import principal, security_options
from runners.local.certificates import Authority
from schema.errors import KafkaConfigError

LOGIN = 'a.b.ScramLoginModule required username="me" password="hunter";'
SASL = {
    "security.protocol": "SASL_SSL",
    "sasl.mechanism": "SCRAM-SHA-512",
    "sasl.jaas.config": LOGIN,
}


def test_nothing_said_is_plaintext() -> None:
    assert security_options({"client.id": "x"}) == {"security_protocol": "PLAINTEXT"}
    assert principal({}) == "User:ANONYMOUS"


def test_login_and_stores(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    options = security_options(
        SASL
        | {
            "ssl.truststore.type": "PEM",
            "ssl.truststore.certificates": authority.file.read_text(),
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(authority.issue("me")),
            "ssl.endpoint.identification.algorithm": "",
        }
    )
    context = options.pop("ssl_context")
    assert isinstance(context, ssl.SSLContext)
    assert not context.check_hostname and context.verify_mode == ssl.CERT_REQUIRED
    assert len(context.get_ca_certs()) == 1
    assert options == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "me",
        "sasl_plain_password": "hunter",
    }
    assert principal(SASL) == "User:me"


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
    ],
)
def test_what_cannot_be_told(changed: dict[str, str], message: str) -> None:
    with pytest.raises(KafkaConfigError, match=message) as error:
        security_options(SASL | changed)
    assert "hunter" not in str(error.value) and "\n" not in str(error.value)
