"""What the command lines of several programs share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from collector import options as collector
from console import options as console
from pipeline.kafka.config import settings
from schema.command_line import is_secret, librdkafka_settings
from schema.errors import KafkaConfigError

_WORDS = (
    "--kafka_config: {} holds a secret, and command lines are not secret: put it into a file for "
    "--kafka_config_file"
)


@pytest.mark.parametrize(
    "key",
    [
        "sasl.password",
        "ssl.key.password",
        "ssl.key.pem",
        "ssl.keystore.password",
        "ssl.keystore.key",
        "sasl.oauthbearer.client.secret",
        "sasl.oauthbearer.assertion.private.key.passphrase",
        "SASL.Password",
    ],
)
def test_a_setting_that_holds_a_secret(key: str) -> None:
    assert is_secret(key)


@pytest.mark.parametrize(
    "key", ["sasl.username", "ssl.ca.location", "ssl.key.location", "sasl.oauthbearer.scope"]
)
def test_a_setting_that_anyone_may_see(key: str) -> None:
    assert not is_secret(key)


def _collector(pair: str) -> None:
    given = [
        "--targets=x",
        "--bootstrap_servers=x:1",
        "--pm_kafka_topic=pm",
        f"--kafka_config={pair}",
    ]
    collector.kafka_config(collector.parse(given))


def _console(pair: str) -> None:
    console.parse(["--events_kafka_topic=x", "--bootstrap_servers=x:1", f"--kafka_config={pair}"])


def _pipeline(pair: str) -> None:
    settings([pair], "")


@pytest.mark.parametrize("program", [_collector, _console, _pipeline])
@pytest.mark.parametrize("key", ["sasl.password", "ssl.key.password"])
def test_all_programs_refuse_a_secret_in_the_same_words_and_do_not_repeat_it(
    program: Callable[[str], None], key: str
) -> None:
    with pytest.raises(KafkaConfigError) as error:
        program(f"{key}=hunter")
    assert str(error.value).startswith(_WORDS.format(key))
    assert "hunter" not in str(error.value)


def test_a_file_may_hold_secrets(tmp_path: Path) -> None:
    file = tmp_path / "kafka"
    file.write_text("sasl.password=hunter\nclient.id=a\n")
    settings = librdkafka_settings(str(file), ["client.id=b"])
    assert settings == {"sasl.password": "hunter", "client.id": "b"}
