"""What the command lines of several programs share."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from schema.errors import KafkaConfigError, UsageError

#: In the names of settings that hold secrets, of Java's clients and of librdkafka.
_SECRET = re.compile(r"password|passphrase|secret|private|key\.pem$|keystore\.key$", re.IGNORECASE)


class UsageParser(argparse.ArgumentParser):
    """Raises `UsageError` for bad usage, in place of a usage block and an exit."""

    def error(self, message: str) -> NoReturn:
        """Raises UsageError with argparse's message."""
        raise UsageError(message)


def is_secret(key: str) -> bool:
    """Returns whether a setting of a Kafka client holds a secret, by its name."""
    return bool(_SECRET.search(key))


def secret_is_shown(key: str, otherwise: str = "") -> KafkaConfigError:
    """Returns the error for a secret on a command line, which all users of a machine can see.

    Args:
        key: the setting.
        otherwise: what can be done but put it into a file.
    """
    return KafkaConfigError(
        f"--kafka_config: {key} holds a secret, and command lines are not secret: put it into a "
        f"file for --kafka_config_file{otherwise}"
    )


def librdkafka_settings(file: str | None, pairs: Sequence[str]) -> dict[str, str]:
    """Returns settings of a Kafka client in librdkafka's names.

    Args:
        file: a setting a line; lines that begin with # are comments. None or empty = no file.
        pairs: ``KEY=VALUE`` each; they override the file.

    Raises:
        KafkaConfigError: the file cannot be read, a setting is malformed, or a pair shows a secret.
    """
    config: dict[str, str] = {}
    if file:
        try:
            lines = Path(file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise KafkaConfigError(f"--kafka_config_file={file}: it cannot be read") from error
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.strip().startswith("#"):
                config.update([_setting(line, f"{file}:{number}")])
    for pair in pairs:
        key, value = _setting(pair, "--kafka_config")
        if is_secret(key):
            raise secret_is_shown(key)
        config[key] = value
    return config


def _setting(text: str, where: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key.strip() and equals):
        raise KafkaConfigError(f"{where}: KEY=VALUE is expected, in librdkafka's names")
    return key.strip(), value.strip()
