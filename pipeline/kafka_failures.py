"""Why Kafka cannot be used, in one line."""

import logging
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Self

from kafka.errors import (
    KafkaConnectionError,
    KafkaError,
    KafkaTimeoutError,
    SaslAuthenticationFailedError,
    UnsupportedSaslMechanismError,
)

from pipeline.options import UsageError

_NETWORK = logging.getLogger("kafka.net")


class _Cause(logging.Handler):
    """Keeps the failure of a connection that explains most.

    While it looks for a broker, kafka-python tells only its log what fails, and tries again; so
    after a login is refused there may be plain disconnections.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.error: KafkaError | None = None

    def __enter__(self) -> Self:
        # The log itself stays silent: what goes wrong is said once, and in fewer words.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        _NETWORK.setLevel(logging.WARNING)
        _NETWORK.propagate = False
        _NETWORK.addHandler(self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        _NETWORK.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        for part in record.args if isinstance(record.args, tuple) else ():
            if not isinstance(part, KafkaError) or isinstance(part, KafkaTimeoutError):
                continue
            if self.error is None or _explains(part):
                self.error = part


@contextmanager
def in_one_line(bootstrap_servers: str, principal: str) -> Iterator[None]:
    """Turns what goes wrong with Kafka into a usage error.

    Args:
        bootstrap_servers: brokers that are asked.
        principal: who asks them.
    """
    with _Cause() as cause:
        try:
            yield
        except KafkaError as error:
            message = _message(cause.error or error, bootstrap_servers, principal)
            raise UsageError(message) from None


def _explains(error: KafkaError) -> bool:
    """Returns whether an error says more than that there is no connection."""
    return not isinstance(error, KafkaConnectionError) or _tls_error(error) is not None


def _tls_error(error: KafkaError) -> ssl.SSLError | None:
    below = error.__cause__ or error.__context__
    return below if isinstance(below, ssl.SSLError) else None


def _message(error: KafkaError, servers: str, principal: str) -> str:
    if isinstance(error, SaslAuthenticationFailedError):
        return f"Kafka at {servers} refuses the login of {principal}: check user and password"
    if isinstance(error, UnsupportedSaslMechanismError):
        return f"Kafka at {servers} does not offer this sasl.mechanism: take another one"
    below = _tls_error(error)
    if isinstance(below, ssl.SSLCertVerificationError):
        return f"the certificate of Kafka at {servers} is not accepted: {below.verify_message}"
    if below:
        return f"no TLS with Kafka at {servers} ({below.reason}): check security.protocol"
    reason = str(error) or type(error).__name__
    if not isinstance(error, KafkaConnectionError | KafkaTimeoutError):
        return f"Kafka at {servers} refuses: {reason}"
    return (
        f"no Kafka broker answers at {servers} ({reason}): "
        "check --bootstrap_servers, that the broker runs, security.protocol and sasl.mechanism"
    )
