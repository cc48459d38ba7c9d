"""What the command lines of several programs share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from schema.errors import KafkaConfigError, UsageError


class UsageParser(argparse.ArgumentParser):
    """Raises `UsageError` for bad usage, in place of a usage block and an exit."""

    def error(self, message: str) -> NoReturn:
        """Raises UsageError with argparse's message."""
        raise UsageError(message)


def librdkafka_settings(file: str | None, pairs: Sequence[str]) -> dict[str, str]:
    """Returns settings of a Kafka client in librdkafka's names.

    Args:
        file: a setting a line; lines that begin with # are comments. None or empty = no file.
        pairs: ``KEY=VALUE`` each; they override the file.

    Raises:
        KafkaConfigError: the file cannot be read, or a setting is malformed.
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
        config.update([_setting(pair, "--kafka_config")])
    return config


def _setting(text: str, where: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not (key.strip() and equals):
        raise KafkaConfigError(f"{where}: KEY=VALUE is expected, in librdkafka's names")
    return key.strip(), value.strip()
