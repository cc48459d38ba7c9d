"""Translates TLS and login settings from Java to librdkafka."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pipeline.kafka.config import is_about_security, login_options
from schema.errors import KafkaConfigError

_PROTOCOLS = ("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL")
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_TRANSLATED = (
    "security.protocol",
    "sasl.mechanism",
    "sasl.jaas.config",
    "ssl.endpoint.identification.algorithm",
    "ssl.truststore.type",
    "ssl.truststore.location",
    "ssl.truststore.certificates",
    "ssl.keystore.type",
    "ssl.keystore.location",
    "ssl.key.password",
)
#: Names in Java and in librdkafka. A PEM keystore holds both key and certificate.
_TLS_NAMES = (
    ("ssl.truststore.location", "ssl.ca.location"),
    ("ssl.truststore.certificates", "ssl.ca.pem"),
    ("ssl.keystore.location", "ssl.key.location"),
    ("ssl.keystore.location", "ssl.certificate.location"),
    ("ssl.key.password", "ssl.key.password"),
)
_TIMEOUT_S = 10.0


def security_options(config: Mapping[str, str]) -> dict[str, str]:
    """Returns the settings of librdkafka that do what these tell a Java client.

    Args:
        config: settings without references.

    Raises:
        KafkaConfigError: librdkafka has no equivalent, or a file cannot be read.
    """
    given = [key for key in config if is_about_security(key)]
    if unknown := [key for key in given if key not in _TRANSLATED]:
        raise KafkaConfigError(
            f"{unknown[0]} cannot be used here, since not every client has it; those known are "
            + ", ".join(_TRANSLATED)
        )
    protocol = config.get("security.protocol", "PLAINTEXT").upper()
    if protocol not in _PROTOCOLS:
        raise KafkaConfigError(f"security.protocol is one of {', '.join(_PROTOCOLS)}")
    options = {"security.protocol": protocol}
    if protocol.startswith("SASL"):
        options |= _login(config)
    if protocol.endswith("SSL"):
        tls_context(config)  # reports unreadable files better than librdkafka
        options |= _tls(config)
    return options


def principal(config: Mapping[str, str]) -> str:
    """Returns the name of a client with these settings in an ACL, as far as it is known here."""
    if name := login_options(config.get("sasl.jaas.config", "")).get("username"):
        return f"User:{name}"
    tls = config.get("security.protocol", "PLAINTEXT").upper() == "SSL"
    return "the owner of the certificate" if tls else "User:ANONYMOUS"


def certificate_fault(server: str, config: Mapping[str, str]) -> str:
    """Returns what is wrong with the certificate of a server; empty if it is accepted.

    librdkafka says only that verification failed; Python's ssl says why.

    Args:
        server: host:port.
        config: settings without references.
    """
    host, _, port = server.rpartition(":")
    host = host.strip("[]")
    try:
        with (
            socket.create_connection((host, int(port)), _TIMEOUT_S) as connection,
            tls_context(config).wrap_socket(connection, server_hostname=host),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return error.verify_message
    except (OSError, ValueError):  # not a matter of certificates
        return ""


def tls_context(config: Mapping[str, str]) -> ssl.SSLContext:
    """Returns a TLS context with the trusted authorities and the own certificate.

    Raises:
        KafkaConfigError: a file cannot be read.
    """
    certificates = config.get("ssl.truststore.certificates")
    trusted = config.get("ssl.truststore.location")
    own = config.get("ssl.keystore.location")
    for store, used in (("truststore", trusted or certificates), ("keystore", own)):
        if used and config.get(f"ssl.{store}.type", "JKS") != "PEM":
            raise KafkaConfigError(f"ssl.{store}.type must be PEM, which every client reads")
    with _readable("ssl.truststore"):
        context = ssl.create_default_context(cafile=trusted, cadata=certificates)
    if own:
        with _readable("ssl.keystore.location"):
            context.load_cert_chain(own, password=config.get("ssl.key.password", ""))
    context.check_hostname = config.get("ssl.endpoint.identification.algorithm", "https") != ""
    return context


def _login(config: Mapping[str, str]) -> dict[str, str]:
    mechanism = config.get("sasl.mechanism", "GSSAPI")
    if mechanism not in _MECHANISMS:
        raise KafkaConfigError(
            f"sasl.mechanism {mechanism} cannot be used here: take {', '.join(_MECHANISMS)}"
        )
    login = login_options(config.get("sasl.jaas.config", ""))
    if missing := [name for name in ("username", "password") if not login.get(name)]:
        raise KafkaConfigError(f"sasl.jaas.config has no {missing[0]}")
    return {
        "sasl.mechanism": mechanism,
        "sasl.username": login["username"],
        "sasl.password": login["password"],
    }


def _tls(config: Mapping[str, str]) -> dict[str, str]:
    options = {new: config[old] for old, new in _TLS_NAMES if config.get(old)}
    checks_name = config.get("ssl.endpoint.identification.algorithm", "https") != ""
    options["ssl.endpoint.identification.algorithm"] = "https" if checks_name else "none"
    return options


@contextmanager
def _readable(what: str) -> Iterator[None]:
    try:
        yield
    except (ssl.SSLError, ValueError):
        raise KafkaConfigError(f"{what} cannot be read: it is no valid PEM") from None
    except OSError as error:
        raise KafkaConfigError(f"{what} cannot be read: {error.strerror}") from None
