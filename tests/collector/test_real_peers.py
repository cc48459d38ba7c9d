"""OpenConfig's own fake device as the peer, and peers that break every rule."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runners.local.certificates import Authority
from schema.pm_report_pb2 import PmReport
from tests.collector.messages import PORT, SECOND_NS, SYNC, powers, response
from tests.collector.running import (
    START_S,
    RunningCollector,
    collecting,
    devices,
    script,
    write_targets,
)

pytestmark = pytest.mark.e2e

PASSWORD = "not-to-be-seen-anywhere"


def readings(reports: list[PmReport], component: str) -> list[tuple[int, dict[int, float]]]:
    """Returns sample times and instants of a component, in order of the reports."""
    return [
        (sample.sample_time_unix_ns, {value.type: value.instant for value in sample.values})
        for report in reports
        for sample in report.components
        if sample.component == component
    ]


def check_conservation(collector: RunningCollector) -> None:
    """Checks that each received value and each report has its place in the counters."""
    seen = collector.metrics()
    fates = {k for k in seen if k.startswith("values{") and not k.startswith("values{N")}
    assert seen["updates"] == sum(seen[fate] for fate in fates) + seen["waiting_values"]
    assert seen["reports_made"] == seen["delivered"] + seen["dropped"] + seen["waiting"]
    assert seen["reports_made"] == seen["reports"]


def test_tls_and_login(fake_device: Path, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    password_file = tmp_path / "password"
    password_file.write_text(f"{PASSWORD}\n")
    sent = [SYNC, powers(time.time_ns(), "L1", input=-9.31)]
    tls = {"ca": str(authority.file)}
    with devices(
        *(fake_device, tmp_path, [script(tmp_path, "d", sent)]),
        *(f"--pem={authority.issue('device')}", f"--login=u:{PASSWORD}"),
    ) as (address,):
        node = {"address": address, "username": "u", "tls": tls}
        password = {"env": "GNMI_PASSWORD"}
        targets = write_targets(
            tmp_path / "targets.yaml",
            [
                {**node, "node_id": "by-env", "password": password},
                {**node, "node_id": "by-file", "password": {"file": str(password_file)}},
                {**node, "node_id": "wrong-login", "username": "x", "password": password},
                {**node, "node_id": "no-variable", "password": {"env": "NO_SUCH_VARIABLE"}},
                {**node, "node_id": "wrong-ca", "tls": {"ca": str(other.file)}},
                {**node, "node_id": "wrong-name", "tls": {**tls, "server_name": "r1.example"}},
                {"node_id": "no-tls", "address": address, "insecure": True},
                {**node, "node_id": "unreachable", "address": "127.0.0.1:1"},
            ],
        )
        with collecting(tmp_path, targets, env={"GNMI_PASSWORD": PASSWORD}) as collector:
            collector.wait_for("delivered", 2)
            for line in (
                f"wrong-login ({address}): the device refuses the login: access denied",
                "no-variable: the variable NO_SUCH_VARIABLE is not in the environment",
                f"wrong-ca ({address}): the device's certificate is not signed by the ca",
                f"wrong-name ({address}): the device's certificate is not for r1.example",
                f"no-tls ({address}): ",
                "unreachable (127.0.0.1:1): nothing listens at this address",
            ):
                collector.process.wait_for_line(line, START_S)
            command = Path(f"/proc/{collector.process.pid}/cmdline").read_text()
            said = collector.stop()
    assert PASSWORD not in said + command
    assert "Traceback" not in said
    assert {report.node_id for report in collector.reports()} == {"by-env", "by-file"}


def test_out_of_order_duplicates_deletes_and_sync(fake_device: Path, tmp_path: Path) -> None:
    now_ns = time.time_ns() // SECOND_NS * SECOND_NS
    sent = [
        powers(now_ns - 3600 * SECOND_NS, "L1", input=-1.0),  # what the device remembers
        powers(now_ns + 500, "L1", input=-9.2),
        SYNC,
        powers(now_ns + 200, "L1", input=-9.1),
        powers(now_ns + 500, "L1", input=-9.2),
        powers(now_ns + 700, "L1", output=1.0),
        powers(now_ns - SECOND_NS, "L1", input=-9.0),
        response(now_ns + 800, {}, PORT.format("L1"), ("/input-power",)),
        response(now_ns + 900, {"/unknown/leaf": 1.0, PORT.format("L1") + "/admin-state": "MAINT"}),
    ]
    with devices(fake_device, tmp_path, [script(tmp_path, "d", sent)]) as (address,):
        nodes = [{"node_id": "N1", "address": address}]
        targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
        with collecting(tmp_path, targets) as collector:
            collector.wait_for("delivered", 2)
            seen = collector.metrics()
            check_conservation(collector)
            collector.stop()
    assert readings(collector.reports(), "L1")[:2] == [
        (now_ns - SECOND_NS, {1: -9.0}),
        (now_ns + 700, {1: -9.2, 2: 1.0}),
    ]
    assert {k: seen[f"values{{{k}}}"] for k in ("remembered", "superseded", "repeated")} == {
        "remembered": 1,
        "superseded": 1,
        "repeated": 1,
    }
    assert seen["deletes"] == 1
    assert seen["unknown_paths{unknown/leaf}"] == 1


def test_a_cut_connection_comes_again_and_repeats_are_dropped(
    fake_device: Path, tmp_path: Path
) -> None:
    now_ns = time.time_ns()
    sent = [SYNC, powers(now_ns, "L1", input=-9.0)]
    cut = script(tmp_path, "cut", sent, stays_open=False)
    with devices(fake_device, tmp_path, [cut]) as (address,):
        nodes = [{"node_id": "N1", "address": address}]
        targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
        with collecting(tmp_path, targets) as collector:
            collector.wait_for("values{repeated}", 2)
            seen = collector.metrics()
            said = collector.stop()
    assert seen["reconnects"] >= 2
    assert "the device has ended the stream" in said
    assert len(collector.reports()) == 1


def test_a_silent_stream_is_broken_off(fake_device: Path, tmp_path: Path) -> None:
    sent = [SYNC, powers(time.time_ns(), "L1", input=-9.0)]
    with devices(fake_device, tmp_path, [script(tmp_path, "d", sent)]) as (address,):
        nodes = [{"node_id": "N1", "address": address}]
        targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
        with collecting(tmp_path, targets) as collector:
            collector.process.wait_for_line("silent for 3.0 s, the stream is broken off", START_S)
            collector.wait_for("reconnects", 1)
            seen = collector.metrics()
            collector.stop()
    assert seen["reconnects"] >= 1
    assert len(collector.reports()) == 1


def test_a_flood_harms_no_other(fake_device: Path, tmp_path: Path) -> None:
    now_ns = time.time_ns()
    flood = [SYNC, *(powers(now_ns + i, "L1", input=float(i % 7)) for i in range(30_000))]
    # Ahead, so that nothing is old, however long it takes to start all of this.
    calm_ns = now_ns + 600 * SECOND_NS
    calm = [powers(calm_ns + i * SECOND_NS // 2, "L1", input=-9.0) for i in range(20)]
    scripts = [
        script(tmp_path, "flood", flood, stays_open=False),
        script(tmp_path, "calm", calm, paced=True),
    ]
    with devices(fake_device, tmp_path, scripts) as addresses:
        names = ("N-flood", "N-calm")
        nodes = [{"node_id": n, "address": a} for n, a in zip(names, addresses, strict=True)]
        # A long interval: a machine so busy that the calm device halts for 3 s is not the question.
        targets = write_targets(
            tmp_path / "targets.yaml", nodes, insecure=True, sample_interval_ms=10_000
        )
        with collecting(tmp_path, targets) as collector:
            collector.wait_for("reports{N-calm}", 9)
            collector.process.wait_for_line("the device has to wait", START_S)
            check_conservation(collector)
            collector.stop()
    calm_reports = [r for r in collector.reports() if r.node_id == "N-calm"]
    assert len(readings(calm_reports, "L1")) >= 9


@contextlib.contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """Runs a server that gives each connection to a function; yields its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while not ended.is_set():
                    connection, _ = server.accept()
                    threading.Thread(target=answer, args=(connection,), daemon=True).start()

        threading.Thread(target=serve, daemon=True).start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        ended.set()
        with contextlib.suppress(OSError):
            server.shutdown(socket.SHUT_RDWR)


def rubbish(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        connection.sendall(os.urandom(10_000))
        connection.recv(1)


def hang(connection: socket.socket) -> None:
    with connection, contextlib.suppress(OSError):
        while connection.recv(4096):
            pass


def test_rubbish_and_a_device_that_hangs_harm_no_other(fake_device: Path, tmp_path: Path) -> None:
    now_ns = time.time_ns()
    calm = [powers(now_ns + i * SECOND_NS, "L1", input=-9.0) for i in range(60)]
    with (
        raw_server(rubbish) as noisy,
        raw_server(hang) as hanging,
        devices(fake_device, tmp_path, [script(tmp_path, "calm", calm, paced=True)]) as (sound,),
    ):
        nodes = [
            {"node_id": "N-rubbish", "address": noisy},
            {"node_id": "N-hang", "address": hanging},
            {"node_id": "N-calm", "address": sound},
        ]
        targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
        with collecting(tmp_path, targets) as collector:
            collector.process.wait_for_line(f"N-hang ({hanging}): ", START_S)
            collector.process.wait_for_line(f"N-rubbish ({noisy}): ", START_S)
            collector.wait_for("reports{N-calm}", 3)
            assert collector.metrics()["up{N-calm}"] == 1
            said = collector.stop()
    assert "Traceback" not in said
