"""The console over TLS, as a process: a client that verifies it, and files that do not fit."""

from __future__ import annotations

import json
import ssl
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from console.__main__ import main
from runners.local.certificates import Authority
from tests.console.served import served


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


def test_a_client_that_verifies_is_served_and_no_other(
    tmp_path: Path, authority: Authority
) -> None:
    pair = authority.issue("console")
    options = [f"--tls_cert={pair}", f"--tls_key={pair}", "--events_file=x"]
    with served(*options, f"--database=sqlite:///{tmp_path}/c.db") as url:
        assert url.startswith("https://127.0.0.1:")
        trusting = ssl.create_default_context(cafile=str(authority.file))
        with urllib.request.urlopen(f"{url}/healthz", timeout=30, context=trusting) as answer:
            assert json.load(answer)["taken_in"] == 0
            assert answer.headers["Strict-Transport-Security"]
        with pytest.raises(urllib.error.URLError, match="CERTIFICATE_VERIFY_FAILED"):
            urllib.request.urlopen(
                f"{url}/healthz", timeout=30, context=ssl.create_default_context()
            )
        with pytest.raises((OSError, urllib.error.URLError)):
            urllib.request.urlopen(url.replace("https", "http"), timeout=30)


def test_files_that_do_not_fit_are_one_line(
    tmp_path: Path,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("signal.signal", lambda *_: None)
    pair, other = authority.issue("console"), authority.issue("other")
    letter = tmp_path / "letter"
    letter.write_text("This is a letter, and no certificate.")
    for cert, key, said in (
        (pair, tmp_path / "missing", f"{tmp_path}/missing is no file"),
        (tmp_path / "missing", pair, f"{tmp_path}/missing is no file"),
        (pair, other, "the key is not that of the certificate"),
        (pair, letter, "no certificate and its key in PEM"),
        (letter, pair, "no certificate and its key in PEM"),
        (authority.file, authority.file, "no certificate and its key in PEM"),
        (pair, locked(pair), "the key needs a password"),
    ):
        options = [f"--tls_cert={cert}", f"--tls_key={key}"]
        assert main(["--events_file=x", f"--database=sqlite:///{tmp_path}/c.db", *options]) == 2
        line = capsys.readouterr().err
        assert line.startswith("console: ") and line.count("\n") == 1
        assert said in line
    # Nothing was begun.
    assert not (tmp_path / "c.db").exists()


def locked(pair: Path) -> Path:
    """Returns a file with the key of a pair, behind a password."""
    key = serialization.load_pem_private_key(pair.read_bytes(), None)
    path = pair.with_suffix(".locked")
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"a password"),
        )
    )
    return path
