"""Captures, topologies and outputs in a bucket: a storage emulator on the loopback interface."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from gcp_storage_emulator.server import create_server
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

from runners.local.processes import free_ports
from schema.outputs import ALL_OUTPUTS
from tests.stream.test_replay_equals_oracle import simulated

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.filterwarnings("ignore:.*datetime.utcnow.*"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


class _Google(http.server.BaseHTTPRequestHandler):
    """Gives out tokens; as a storage it allows nothing."""

    def log_message(self, *_: Any) -> None:
        """Says nothing."""

    def _answer(self, code: int, **said: Any) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = json.dumps(said).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self) -> None:
        self._answer(403, error={"code": 403, "message": "no access to the bucket"})

    def do_POST(self) -> None:
        if self.path == "/token":
            self._answer(200, access_token="token", expires_in=3600, token_type="Bearer")
        else:
            self.do_GET()


@pytest.fixture(scope="module")
def google() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Google) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def environment(google: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The login of a service account; nothing leaves this machine."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    account = {
        "type": "service_account",
        "project_id": "test",
        "private_key_id": "1",
        "private_key": key.decode(),
        "client_email": "reader@test.invalid",
        "token_uri": f"{google}/token",
    }
    path = tmp_path_factory.mktemp("login") / "account.json"
    path.write_text(json.dumps(account))
    return {"GOOGLE_APPLICATION_CREDENTIALS": str(path), "NO_GCE_CHECK": "true"}


@pytest.fixture(scope="module")
def emulator() -> Iterator[str]:
    (port,) = free_ports(1)
    server = create_server("127.0.0.1", port, in_memory=True, default_bucket="bucket")
    server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


@pytest.fixture
def bucket(emulator: str) -> Any:
    options = {"api_endpoint": emulator}
    client = storage.Client("test", AnonymousCredentials(), client_options=options)
    return client.bucket("bucket")


def run(environment: dict[str, str], host: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pipeline", *options]
    env = {"PATH": "/usr/bin:/bin", **environment, "STORAGE_EMULATOR_HOST": host}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=200)


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_a_replay_from_and_to_a_bucket(
    mode: str, environment: dict[str, str], emulator: str, bucket: Any, tmp_path: Path
) -> None:
    capture, topology = simulated(1, tmp_path)
    for path in (capture, topology):
        bucket.blob(f"in/{Path(path).name}").upload_from_filename(path)
    here = [f"--pm_file={capture}", f"--topology_file={topology}"]
    here += [f"--{o}_file={tmp_path / o}" for o in ALL_OUTPUTS]
    there = [
        f"--pm_file=gs://bucket/in/{Path(capture).name}",
        f"--topology_file=gs://bucket/in/{Path(topology).name}",
        *(f"--{o}_file=gs://bucket/{mode}/{o}" for o in ALL_OUTPUTS),
    ]
    for options in (here, there):
        done = run(environment, emulator, f"--replay={mode}", *options)
        assert done.returncode == 0, done.stderr
    got = {o: bucket.blob(f"{mode}/{o}").download_as_bytes() for o in ALL_OUTPUTS}
    assert {o: sorted(data.splitlines()) for o, data in got.items()} == {
        o: sorted((tmp_path / o).read_bytes().splitlines()) for o in ALL_OUTPUTS
    }
    assert got["events"]


def test_what_is_missing_or_forbidden_ends_with_one_line(
    environment: dict[str, str], emulator: str, google: str, bucket: Any, tmp_path: Path
) -> None:
    capture, topology = simulated(1, tmp_path)
    sound = {"pm_file": capture, "topology_file": topology, "events_file": str(tmp_path / "e")}
    bucket.blob("rubbish").upload_from_string(b"\xff" * 100)
    for host, change, code, said in (
        (emulator, {"pm_file": "gs://bucket/no"}, 2, "--pm_file: there is no file gs://bucket/no"),
        (emulator, {"pm_file": "gs://nobody/no"}, 2, "there is no file gs://nobody/no"),
        (emulator, {"pm_file": "gs://bucket/rubbish"}, 1, "gs://bucket/rubbish is no capture"),
        (emulator, {"topology_file": "gs://bucket/rubbish"}, 1, "gs://bucket/rubbish is no topo"),
        (emulator, {"events_file": "gs://nobody/e"}, 1, "gs://nobody/e: there is no such bucket"),
        (google, {"pm_file": "gs://bucket/no"}, 1, "gs://bucket/no: no permission"),
        (google, {"events_file": "gs://bucket/e"}, 1, "gs://bucket/e: no permission"),
        (emulator, {"pm_file": "foo://bucket/no"}, 1, "no file system here knows foo://"),
    ):
        done = run(environment, host, *(f"--{k}={v}" for k, v in {**sound, **change}.items()))
        assert (done.returncode, len(done.stderr.splitlines())) == (code, 1), done.stderr
        assert said in done.stderr
