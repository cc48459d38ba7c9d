"""TLS and login of Java clients, told to kafka-python; and who a client is to the broker."""

import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pipeline.kafka.config import login_options
from schema.errors import KafkaConfigError

_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_PREFIXES = ("security.", "sasl.", "ssl.")
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


def is_about_security(key: str) -> bool:
    """Returns whether a setting is one for `security_options`."""
    return key.startswith(_PREFIXES)


def security_options(config: Mapping[str, str]) -> dict[str, object]:
    """Returns options of kafka-python that do what the settings tell a Java client.

    Args:
        config: settings without references.

    Raises:
        KafkaConfigError: kafka-python has nothing that does the same.
    """
    given = [key for key in config if is_about_security(key)]
    if unknown := [key for key in given if key not in _TRANSLATED]:
        raise KafkaConfigError(
            f"{unknown[0]} cannot be used here, since not every client has it; those known are "
            + ", ".join(_TRANSLATED)
        )
    protocol = config.get("security.protocol", "PLAINTEXT").upper()
    options: dict[str, object] = {"security_protocol": protocol}
    if protocol in ("SASL_SSL", "SASL_PLAINTEXT"):
        options |= _login(config)
    if protocol in ("SASL_SSL", "SSL"):
        options["ssl_context"] = _context(config)
    return options


def principal(config: Mapping[str, str]) -> str:
    """Returns who a client with these settings is in an ACL, as far as that can be told."""
    if name := login_options(config.get("sasl.jaas.config", "")).get("username"):
        return f"User:{name}"
    tls = config.get("security.protocol", "PLAINTEXT").upper() == "SSL"
    return "the owner of the certificate" if tls else "User:ANONYMOUS"


def _login(config: Mapping[str, str]) -> dict[str, object]:
    mechanism = config.get("sasl.mechanism", "GSSAPI")
    if mechanism not in _MECHANISMS:
        raise KafkaConfigError(
            f"sasl.mechanism {mechanism} cannot be used here: take {', '.join(_MECHANISMS)}"
        )
    login = login_options(config.get("sasl.jaas.config", ""))
    if missing := [name for name in ("username", "password") if not login.get(name)]:
        raise KafkaConfigError(f"sasl.jaas.config has no {missing[0]}")
    return {
        "sasl_mechanism": mechanism,
        "sasl_plain_username": login["username"],
        "sasl_plain_password": login["password"],
    }


def _context(config: Mapping[str, str]) -> ssl.SSLContext:
    """Returns what TLS is to trust and to show."""
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


@contextmanager
def _readable(what: str) -> Iterator[None]:
    try:
        yield
    except (ssl.SSLError, ValueError):
        raise KafkaConfigError(f"{what} cannot be read: it is no valid PEM") from None
    except OSError as error:
        raise KafkaConfigError(f"{what} cannot be read: {error.strerror}") from None
