"""Of all that fails while a broker is looked for, the line tells what explains it."""

from __future__ import annotations

import logging
import ssl

import pytest
from kafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    TopicAuthorizationFailedError,
    UnsupportedSaslMechanismError,
)

from pipeline.kafka_failures import in_one_line
from pipeline.options import UsageError


def expired() -> KafkaError:
    below = ssl.SSLCertVerificationError("failed")
    below.verify_message = "certificate has expired"
    error: KafkaError = KafkaConnectionError("Handshake failed")
    error.__context__ = below
    return error


DISCONNECTED = KafkaConnectionError("socket disconnected")
REFUSED = SaslAuthenticationFailedError("refused")
MECHANISM = UnsupportedSaslMechanismError()


@pytest.mark.parametrize(
    ("logged", "message"),
    [
        ([], "no Kafka broker answers at HERE (KafkaTimeoutError: late)"),
        ([DISCONNECTED], "no Kafka broker answers at HERE (KafkaConnectionError: socket disc"),
        ([REFUSED], "Kafka at HERE refuses the login of User:me"),
        ([DISCONNECTED, REFUSED, DISCONNECTED], "Kafka at HERE refuses the login of User:me"),
        ([MECHANISM, DISCONNECTED], "Kafka at HERE does not offer this sasl.mechanism"),
        (
            [expired(), DISCONNECTED],
            "the certificate of Kafka at HERE is not accepted: certificate",
        ),
    ],
)
def test_what_explains_a_failure(logged: list[KafkaError], message: str) -> None:
    with pytest.raises(UsageError) as raised, in_one_line("HERE", "User:me"):
        for error in logged:
            logging.getLogger("kafka.net.manager").error("Connection failed: %s", error)
        raise KafkaTimeoutError("late")
    assert str(raised.value).startswith(message)


def test_a_refusal_after_the_connection() -> None:
    with pytest.raises(UsageError, match=r"^Kafka at HERE refuses: .*pm"), in_one_line("HERE", "me"):
        raise TopicAuthorizationFailedError("pm")
