"""The simulated nodes as gNMI targets: asked by pygnmi, and by the collector."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runners.local.certificates import Authority
from runners.local.jars import CHECKOUT
from runners.local.processes import Process, free_port_range
from tests.collector.running import START_S, collecting, write_targets

pytestmark = pytest.mark.e2e


@contextlib.contextmanager
def simulated(folder: Path, *options: str) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Runs the simulator; yields the first port and what a targets file says of its nodes."""
    port, targets = free_port_range(8), folder / "simulated.yaml"
    command = [
        *(sys.executable, "-m", "simulator", "--links=8", "--seconds=200", "--seed=3"),
        *(f"--gnmi_port={port}", f"--gnmi_targets_file={targets}", *options),
    ]
    with Process("simulator", command, folder / "simulator.log", cwd=CHECKOUT) as process:
        process.wait_until(targets.exists, START_S)
        nodes = [
            {"node_id": f"node-{number:06d}", "address": f"127.0.0.1:{port + number}"}
            for number in range(2)
        ]
        yield port, nodes


def asked_by_pygnmi(
    folder: Path, port: int, messages: int, seconds: int = 1, **more: Any
) -> tuple[str, list[dict[str, Any]]]:
    """Returns the version that the device tells, and the notifications that pygnmi got."""
    command = [sys.executable, "-m", "tests.collector.pygnmi_client"]
    arguments = [str(port), str(seconds), json.dumps(more)]
    log = folder / "pygnmi.log"
    with Process("pygnmi", [*command, *arguments], log, cwd=CHECKOUT) as client:
        client.wait_until(lambda: client.read_log().count('"update"') > messages, START_S)
        lines = [json.loads(x) for x in client.read_log().splitlines() if x.startswith("{")]
    return lines[0]["gnmi_version"], [x["update"] for x in lines[1:] if x.get("update")]


def test_pygnmi_understands_what_the_nodes_say(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    login = tmp_path / "login"
    login.write_text("u:p\n")
    pem = authority.issue("device")
    options = ("--faults=none", f"--gnmi_certificate={pem}", f"--gnmi_login_file={login}")
    with simulated(tmp_path, *options) as (port, _):
        tls = {"path_root": str(authority.file), "username": "u", "password": "p"}
        version, updates = asked_by_pygnmi(tmp_path, port, 60, **tls)
    assert version == "0.10.0"
    told = [leaf["path"] for update in updates for leaf in update.get("update", ())]
    for leaf in ("input-power/instant", "output-power/avg", "admin-state"):
        assert any(path.endswith(leaf) for path in told), told
    assert all(update["timestamp"] > (time.time() - 3600) * 1e9 for update in updates)


def test_wrong_login_and_a_smaller_interval_are_refused(tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text("u:p\n")
    with simulated(tmp_path, "--faults=none", f"--gnmi_login_file={login}") as (_, nodes):
        targets = write_targets(
            tmp_path / "targets.yaml",
            [
                {**nodes[0], "password": {"env": "P"}, "sample_interval_ms": 100},
                {**nodes[1], "password": {"env": "WRONG"}},
            ],
            insecure=True,
            username="u",
        )
        with collecting(tmp_path, targets, env={"P": "p", "WRONG": "q"}) as collector:
            collector.wait_for("delivered", 3)
            said = collector.stop()
    assert (
        "encoding PROTO, interval 100 ms is refused (INVALID_ARGUMENT: the smallest sample "
        "interval is 1000000000 ns); asked for encoding PROTO, interval its own instead" in said
    )
    assert "the device refuses the login: wrong user name or password" in said
    assert {report.node_id for report in collector.reports()} == {nodes[0]["node_id"]}


def test_a_slow_device_is_named_once(tmp_path: Path) -> None:
    with simulated(tmp_path, "--faults=none") as (_, nodes):
        slow = [{**nodes[0], "sample_interval_ms": 3000}]
        targets = write_targets(tmp_path / "targets.yaml", slow, insecure=True)
        with collecting(tmp_path, targets) as collector:
            collector.wait_for("interval_seconds", 2.5)
            collector.process.wait_for_line("its values come every 3.0 s.", START_S)
            said = collector.stop()
    assert said.count("its values come every") == 1
    assert "silent" not in said


def test_the_targets_file_is_watched(tmp_path: Path) -> None:
    with simulated(tmp_path, "--faults=none") as (_, nodes):
        targets = write_targets(tmp_path / "targets.yaml", nodes[:1], insecure=True)
        with collecting(tmp_path, targets) as collector:
            collector.wait_for("delivered", 2)
            targets.write_text("nodes: [")
            collector.process.wait_for_line("the targets stay as they were", START_S)
            before = collector.metrics()["delivered"]
            collector.wait_for("delivered", before + 2)
            write_targets(targets, nodes, insecure=True)
            collector.wait_for(f"reports{{{nodes[1]['node_id']}}}", 2)
            assert collector.metrics()[f"reconnects{{{nodes[0]['node_id']}}}"] == 0
            write_targets(targets, nodes[1:], insecure=True)
            collector.process.wait_for_line("1 nodes: 0 new, 0 changed, 1 gone", START_S)
            seen = collector.metrics()
            assert f"up{{{nodes[0]['node_id']}}}" not in seen
            said = collector.stop()
    made = len(collector.reports())
    assert f"stopped: reports made {made} = delivered {made} + dropped 0 + waiting 0" in said
    sequences = [r.sequence for r in collector.reports() if r.node_id == nodes[0]["node_id"]]
    assert sequences == sorted(set(sequences))


def test_kill_9_and_a_restart_go_on_in_the_same_capture(tmp_path: Path) -> None:
    with simulated(tmp_path, "--faults=none") as (_, nodes):
        targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
        with collecting(tmp_path, targets) as collector:
            collector.wait_for("delivered", 4)
            collector.process.kill()
            collector.process.wait()
        with collector.capture.open("ab") as file:
            file.write(b"\x7fcut")
        before = len(collector.reports())
        with collecting(tmp_path, targets) as collector:
            collector.wait_for("delivered", 4)
            collector.stop()
    reports = [r for r in collector.reports() if r.node_id == nodes[0]["node_id"]]
    assert before >= 4
    assert len(collector.reports()) >= before + 4
    sequences = [report.sequence for report in reports]
    assert sequences == sorted(set(sequences))


def test_check_shows_what_a_device_sends(tmp_path: Path) -> None:
    with simulated(tmp_path, "--faults=none") as (_, nodes):
        targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
        command = [sys.executable, "-m", "collector", f"--targets={targets}", "--check_s=5"]
        log = tmp_path / "check"
        check = Process("check", [*command, "--check=node-000000"], log, cwd=CHECKOUT)
        with check as process:
            assert process.wait(60) == 0
        (tmp_path / "wrong").touch()
        with Process("check", [*command, "--check=no"], tmp_path / "wrong", cwd=CHECKOUT) as wrong:
            assert wrong.wait(60) == 2
    said = log.read_text()
    assert re.search(r"^line-1 +INPUT_POWER +instant avg.* [01]\.\d\d s +", said, re.MULTILINE), (
        said
    )
    assert (tmp_path / "wrong").read_text() == f"collector: --check: no is not in {targets}\n"
