"""Settings of Kafka clients: what is secret, and where it goes."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from pipeline.kafka.config import PROVIDERS, check_names, login_options, resolve, settings
from schema.errors import KafkaConfigError

SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "kafka.properties"
    path.touch(mode=0o600)
    return path


def test_properties_as_java_reads_them(file: Path) -> None:
    text = (
        "# comment\n ! comment\n\n a.b = c = d \nx:y\r\nalone\nlong = one \\\n   two\\\\\n"
        'u=\\u00e9\\t\\:\\"\nk\\ e\\=y v\nraw=é\nlast=\\\\\\'
    )
    file.write_bytes(text.encode())
    assert settings([], str(file)) == {
        "a.b": "c = d ",
        "x": "y",
        "alone": "",
        "long": "one two\\",
        "u": 'é\t:"',
        "k e=y": "v",
        "raw": "é",
        "last": "\\",
    }


def test_secrets_of_a_file_become_references_to_it(file: Path) -> None:
    login = f'{SCRAM} username="me" password="hun\\"ter";'
    file.write_text(
        "security.protocol=SASL_SSL\n"
        f"sasl.jaas.config={login.replace(chr(92), 2 * chr(92))}\n"
        "ssl.key.password=hunter\n"
        "ssl.keystore.location=a.pem\n"
    )
    config = settings(["ssl.keystore.location=b.pem"], str(file))
    assert config == {
        "security.protocol": "SASL_SSL",
        "sasl.jaas.config": f"${{file:{file}:sasl.jaas.config}}",
        "ssl.key.password": f"${{file:{file}:ssl.key.password}}",
        "ssl.keystore.location": "b.pem",
        "config.providers": "file",
        "config.providers.file.class": PROVIDERS["file"],
    }
    plain = resolve(config)
    assert plain["sasl.jaas.config"] == login and plain["ssl.key.password"] == "hunter"
    assert login_options(login) == {"username": "me", "password": 'hun"ter'}
    file.write_text("sasl.jaas.config=other\nssl.key.password=new\n")
    assert resolve(config)["ssl.key.password"] == "new"


def test_references_lead_to_files_folders_and_the_environment(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_PASSWORD", "hunter")
    file.write_text("user=me\n")
    user, password = f"${{file:{file}:user}}", "${env:KAFKA_PASSWORD}"
    pairs = [
        f'sasl.jaas.config={SCRAM} username="{user}" password="{password}";',
        f"client.id=${{dir:{file.parent}:{file.name}}}",
        "config.providers=mine,env",
        "config.providers.mine.class=Mine",
    ]
    config = settings(pairs, "")
    assert config["config.providers"] == "mine,env,file,dir"
    assert config["config.providers.env.class"] == PROVIDERS["env"]
    assert resolve(config) == {
        "sasl.jaas.config": f'{SCRAM} username="me" password="hunter";',
        "client.id": "user=me\n",
    }


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        (f'sasl.jaas.config={SCRAM} username="me" password="hunter";', "--kafka_config_file"),
        (f"sasl.jaas.config={SCRAM} username=me password=hunter", "--kafka_config_file"),
        (f'sasl.jaas.config={SCRAM} username="me" password:"hunter";', "--kafka_config_file"),
        (f'sasl.jaas.config={SCRAM} username="${{env:U}}" other="hunter";', "--kafka_config_file"),
        ("ssl.key.password=${env:HALF}hunter", "--kafka_config_file"),
        ("ssl.keystore.key=hunter", "--kafka_config_file"),
        ("sasl_plain_password=hunter", "--kafka_config_file"),
        ("hunter", "key=value"),
        ("=hunter", "key=value"),
    ],
)
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(pair: str, message: str) -> None:
    with pytest.raises(KafkaConfigError, match=message) as error:
        settings([pair], "")
    assert "hunter" not in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("${env:NOT_THERE}", "no NOT_THERE in the environment"),
        ("${file:/not/there:x}", "/not/there: No such file"),
        ("${file:FILE:x}", "no x in"),
        ("${vault:a:x}", "'vault' cannot be read here"),
    ],
)
def test_a_reference_that_leads_nowhere(file: Path, reference: str, message: str) -> None:
    file.write_text("y=hunter\n")
    with pytest.raises(KafkaConfigError, match=message) as error:
        resolve({"ssl.key.password": reference.replace("FILE", str(file))})
    assert str(error.value).startswith("ssl.key.password: ")
    assert "hunter" not in str(error.value)


def test_a_file_that_cannot_be_read_or_referred_to(file: Path, tmp_path: Path) -> None:
    mixed = f'sasl.jaas.config={SCRAM} username="${{env:U}}" password="hunter";\n'
    for text, path, message in (
        ("", tmp_path / "missing", "missing: No such file"),
        ("", tmp_path, "Is a directory"),
        ("", tmp_path / "a:b", "no reference"),
        (mixed, file, "make the secret a reference too"),
        ("ssl.key.password=hunter\\u12", file, "it is not valid UTF-8, or no properties"),
    ):
        file.write_text(text)
        with pytest.raises(KafkaConfigError, match=message) as error:
            settings([], str(path))
        assert "hunter" not in str(error.value)


def test_settings_of_java_clients_are_known() -> None:
    check_names(
        {"client.id": "x", "acks": "all", "linger.ms": "5", "max.poll.records": " 5 "}
        | {"enable.auto.commit": "false", "sasl.mechanism": "PLAIN", "ssl.key.password": "hunter"}
    )


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ({"fetch.min.byte": "hunter"}, "there is no fetch.min.byte"),
        ({"fetch.min.bytes": "hunter"}, "fetch.min.bytes takes a whole number"),
    ],
)
def test_a_setting_that_no_client_takes(pair: dict[str, str], message: str) -> None:
    with pytest.raises(KafkaConfigError) as error:
        check_names(pair)
    assert str(error.value) == message


def test_a_file_that_everybody_can_read(file: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "eventcenter"):
        settings([], str(file))
        assert not caplog.messages
        file.chmod(0o644)
        settings([], str(file))
    assert "every user of this machine" in caplog.text
