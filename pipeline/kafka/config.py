"""Settings of Kafka clients, in Java's names, with references where secrets belong.

A secret never becomes part of the pipeline: graph, job and checkpoints hold a reference such as
`${file:/run/secrets/kafka.properties:sasl.jaas.config}`. Each client looks the secret up where it
runs: Java clients through Kafka's config providers, Python through `resolve`.
"""

import logging
import os
import re
import stat
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path

import javaproperties
from kafka import KafkaConsumer, KafkaProducer

from schema.command_line import is_secret, secret_is_shown
from schema.errors import KafkaConfigError

_log = logging.getLogger("eventcenter")

#: Aborted transactions are not read, unless the settings say otherwise.
ISOLATION_LEVEL = "read_committed"

_PACKAGE = "org.apache.kafka.common.config.provider"
#: Class of each provider that a reference may name.
PROVIDERS = {
    "file": f"{_PACKAGE}.FileConfigProvider",
    "dir": f"{_PACKAGE}.DirectoryConfigProvider",
    "env": f"{_PACKAGE}.EnvVarConfigProvider",
}
#: Provider, path and key, as Kafka parses them.
_REFERENCE = re.compile(r"\$\{([^}]*?):(?:([^}]*?):)?([^}]*?)\}")
_LOGIN = "sasl.jaas.config"
_LOGIN_OPTION = re.compile(r'(\w+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))', re.DOTALL)
_LOGIN_FORM = re.compile(rf"\s*[\w.$]+\s+\w+(?:\s+{_LOGIN_OPTION.pattern})*\s*;?\s*", re.DOTALL)
#: Options of a login that anyone may see; all others count as secret.
_OPEN_OPTIONS = ("username", "tokenauth")
_ABOUT_SECURITY = ("security.", "sasl.", "ssl.")
#: Settings and their defaults: kafka-python names them as Java does, with _ for the dots.
_KNOWN = KafkaProducer.DEFAULT_CONFIG | KafkaConsumer.DEFAULT_CONFIG | {"acks": "all"}


def settings(pairs: Iterable[str], file: str) -> dict[str, str]:
    """Returns the settings of a command line, which override those in the file.

    Args:
        pairs: `key=value` each; a secret must be a reference.
        file: a properties file; its secrets become references to it. Empty = no file.

    Raises:
        KafkaConfigError: a pair is malformed or shows a secret, or the file cannot be read.
    """
    config = _without_secrets(file) if file else {}
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals or not key.strip():
            raise KafkaConfigError("--kafka_config takes key=value")
        if _holds_secret(key, value):
            raise secret_is_shown(key, ", or give a reference such as ${env:NAME}")
        config[key.strip()] = value
    return _with_providers(config)


def resolve(config: Mapping[str, str]) -> dict[str, str]:
    """Returns the settings with their secrets, which must not leave this process.

    Raises:
        KafkaConfigError: a reference leads nowhere.
    """
    plain = {}
    for key, value in config.items():
        if not key.startswith("config.providers"):
            plain[key] = _REFERENCE.sub(partial(_looked_up, key), value)
    return plain


def login_options(login: str) -> dict[str, str]:
    """Returns the options of a `sasl.jaas.config`, by name."""
    return {
        name: re.sub(r"\\(.)", r"\1", quoted, flags=re.DOTALL) or word
        for name, quoted, word in _LOGIN_OPTION.findall(login)
    }


def is_about_security(key: str) -> bool:
    """Returns whether a setting is about TLS or the login."""
    return key.startswith(_ABOUT_SECURITY)


def check_names(config: Mapping[str, str]) -> None:
    """Checks that the settings exist, and that numeric ones are numbers.

    Java clients only log a warning about an unknown name, and fail late on a bad number.

    Raises:
        KafkaConfigError: a setting does not exist, or its value is not a number.
    """
    for key, value in config.items():
        name = key.replace(".", "_")
        if is_about_security(key):
            continue
        if name not in _KNOWN:
            raise KafkaConfigError(f"there is no {key}")
        if type(_KNOWN[name]) is int and not re.fullmatch(r"\s*[+-]?\d+\s*", value):
            raise KafkaConfigError(f"{key} takes a whole number")


def _without_secrets(file: str) -> dict[str, str]:
    """Returns the settings of a file, with references to it instead of its secrets."""
    path = os.path.abspath(file)  # not resolved: a rotated secret may be behind another link
    if re.search(r"[:{}]", path):
        raise KafkaConfigError(f"--kafka_config_file: no reference can be made to {path}")
    try:
        if os.stat(path).st_mode & stat.S_IROTH:
            _log.warning("%s: every user of this machine can read it", path)
        config = _read_properties(path)
    except (OSError, ValueError) as error:
        raise KafkaConfigError(f"--kafka_config_file: {path}: {_reason(error)}") from None
    for key, value in config.items():
        if _holds_secret(key, value):
            if _REFERENCE.search(value):
                raise KafkaConfigError(
                    f"--kafka_config_file: {key} has a secret beside a reference: "
                    "make the secret a reference too"
                )
            config[key] = f"${{file:{path}:{key}}}"
    return config


def _holds_secret(key: str, value: str) -> bool:
    """Returns whether a value contains a secret in plain text."""
    if not value or _REFERENCE.fullmatch(value):
        return False
    if key.strip() != _LOGIN:
        return is_secret(key)
    return not _LOGIN_FORM.fullmatch(value) or any(
        name not in _OPEN_OPTIONS and not _REFERENCE.fullmatch(option)
        for name, option in login_options(value).items()
    )


def _with_providers(config: dict[str, str]) -> dict[str, str]:
    """Adds the config providers that the references need."""
    named = {found[0] for value in config.values() for found in _REFERENCE.findall(value)}
    needed = [name for name in PROVIDERS if name in named]
    there = [name for name in config.get("config.providers", "").split(",") if name]
    classes = {f"config.providers.{name}.class": PROVIDERS[name] for name in needed}
    added = [name for name in needed if name not in there]
    providers = {"config.providers": ",".join([*there, *added])} if needed else {}
    return classes | config | providers


def _looked_up(setting: str, reference: re.Match[str]) -> str:
    provider, path, key = reference.groups(default="")
    try:
        if provider == "env":
            return os.environ[key]
        if provider == "file":
            return _read_properties(path)[key]
        if provider == "dir":
            return (Path(path) / key).read_text("utf-8")
    except KeyError:
        where = path or "the environment"
        raise KafkaConfigError(f"{setting}: there is no {key} in {where}") from None
    except (OSError, ValueError) as error:
        raise KafkaConfigError(f"{setting}: {path}: {_reason(error)}") from None
    raise KafkaConfigError(
        f"{setting}: a reference to {provider!r} cannot be read here: take file, dir or env"
    )


def _read_properties(path: str) -> dict[str, str]:
    return javaproperties.loads(Path(path).read_text("utf-8"))


def _reason(error: OSError | ValueError) -> str:
    """Returns why a file cannot be read, without quoting it."""
    return getattr(error, "strerror", None) or "it is not valid UTF-8, or no properties"
