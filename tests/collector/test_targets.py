"""The targets file: what it may say, and one line with the place for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from collector.paths import DEFAULT_PATHS
from collector.settings import Secret, Tls
from collector.targets import Part, Target, parse_targets, read_targets
from schema.errors import TargetsError

SECRET = "not-to-be-shown"


def test_what_a_node_says_wins(tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    ca.touch()
    text = f"""
    defaults:
      username: monitor
      password: {{env: GNMI_PASSWORD}}
      tls: {{ca: {ca}}}
      no_light_dbm: -38
      keepalive_s: 30
    nodes:
      - {{node_id: N1, address: "r1.example:57400"}}
      - node_id: 2
        address: "[::1]:9339"
        insecure: true
        username: {{file: /run/user}}
        sample_interval_ms: 0
        time: receive
        paths: ["/components/component[name=x]/port"]
        components: {{OSC-1: line, PORT: line}}
    """
    assert parse_targets(text, "t") == [
        Target(
            "N1",
            "r1.example:57400",
            Tls(ca=str(ca)),
            Secret(plain="monitor"),
            Secret(env="GNMI_PASSWORD"),
            1000,
            DEFAULT_PATHS,
            {},
            -38.0,
            False,
            30.0,
        ),
        Target(
            "2",
            "[::1]:9339",
            None,
            Secret(file="/run/user"),
            Secret(env="GNMI_PASSWORD"),
            0,
            ("/components/component[name=x]/port",),
            {"OSC-1": "line", "PORT": "line"},
            -38.0,
            True,
            30.0,
        ),
    ]


NODE = 'nodes: [{{node_id: N1, address: "h:1", {}}}]'


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", ["t: the file is empty; a list `nodes` is expected"]),
        (
            "nodes: [",
            ["t:1: this is not YAML: expected the node content"],
        ),
        ("[]", ["t:1: the file: names with values are expected", "a list `nodes` is expected"]),
        ("nodes: {}", ["t:1: a list `nodes` is expected"]),
        ("nodes: []\nmore: 1", ["t:2: the file: there is no setting 'more'"]),
        ("defaults: {node_id: x}\nnodes: []", ["t:1: defaults: there is no setting 'node_id'"]),
        ("nodes:\n- {address: 'h:1'}", ["t:2: nodes[0]: node_id is missing"]),
        ("nodes:\n- {node_id: N1}", ["t:2: nodes[0] (N1): address is missing"]),
        ("nodes: [7]", ["t:1: nodes[0]: names with values are expected", "node_id is missing"]),
        (
            "nodes:\n- {node_id: a, address: 'h:1'}\n- {node_id: a, address: 'h:2'}",
            ["t:3: nodes[1]: node_id a is in line 2 already"],
        ),
        (NODE.format("adress: x"), ["t:1: nodes[0]: there is no setting 'adress'"]),
        (NODE.format("time: device, time: device"), ["t:1: nodes[0]: time is there twice"]),
        (NODE.format("time: now"), ["t:1: nodes[0].time: device or receive is expected"]),
        (
            "nodes: [{node_id: a, address: nowhere}]",
            ["t:1: nodes[0].address: host:port is expected, not 'nowhere'"],
        ),
        (
            "nodes: [{node_id: a, address: 'h:70000'}]",
            ["t:1: nodes[0].address: host:port is expected, not 'h:70000'"],
        ),
        (
            NODE.format("sample_interval_ms: 1.5"),
            ["t:1: nodes[0].sample_interval_ms: a whole number from 0 to 3600000 is expected"],
        ),
        (NODE.format("no_light_dbm: dark"), ["t:1: nodes[0].no_light_dbm: a number is expected"]),
        (NODE.format("no_light_dbm: .nan"), ["t:1: nodes[0].no_light_dbm: a number is expected"]),
        (NODE.format(f"no_light_dbm: {10**400}"), ["no_light_dbm: a number is expected"]),
        (NODE.format("no_light_dbm: '-40'"), ["no_light_dbm: a number is expected"]),
        (NODE.format("keepalive_s: 0"), ["t:1: nodes[0].keepalive_s: a number from 1 to 86400"]),
        (NODE.format("keepalive_s: 1.0e+300"), ["nodes[0].keepalive_s: a number from 1 to 86400"]),
        ('nodes: [{node_id: "\\ud800", address: "h:1"}]', ["node_id: half of a surrogate pair"]),
        ("[" * 20_000, ["t: this is not YAML: it cannot be read"]),
        (NODE.format(f"? {{password: {SECRET}}}"), ["t:1: nodes[0]: a name is expected"]),
        (NODE.format("tls: {[a]: b}"), ["t:1: nodes[0].tls: a text is expected"]),
        (NODE.format("insecure: 1"), ["t:1: nodes[0].insecure: true or false is expected"]),
        (
            NODE.format("insecure: true, tls: {server_name: x}"),
            ["t:1: nodes[0]: tls and insecure exclude each other"],
        ),
        (NODE.format("tls: {ca: /none}"), ["t:1: nodes[0].tls: ca: no such file: /none"]),
        (NODE.format("tls: {cert: /none}"), ["t:1: nodes[0].tls: cert and key come together"]),
        (NODE.format("tls: {cn: x}"), ["t:1: nodes[0].tls: there is no setting 'cn'"]),
        (NODE.format("tls: yes"), ["t:1: nodes[0].tls: ca, cert, key or server_name are expected"]),
        (NODE.format("paths: []"), ["t:1: nodes[0].paths: a list of paths is expected"]),
        (NODE.format("paths: ['/a[b]']"), ["t:1: nodes[0].paths: '/a[b]' is not a path"]),
        (NODE.format("components: [a]"), ["t:1: nodes[0].components: names of the device"]),
        (
            NODE.format(f"password: {SECRET}"),
            ["t:1: nodes[0].password: a reference is expected, {env: NAME} or {file: PATH}"],
        ),
        (NODE.format(f"password: {{plain: {SECRET}}}"), ["nodes[0].password: a reference is"]),
        (NODE.format(f"password: *{SECRET}"), ["t:1: this is not YAML: found undefined alias ..."]),
        (NODE.format(f"password: !{SECRET}!x"), ["t:1: this is not YAML: "]),
        (NODE.format("username: [a]"), ["t:1: nodes[0].username: a reference is expected"]),
    ],
)
def test_each_mistake_has_its_line(text: str, lines: list[str]) -> None:
    with pytest.raises(TargetsError) as wrong:
        parse_targets(text, "t")
    said = str(wrong.value).splitlines()
    assert len(said) == len(lines)
    for line, expected in zip(said, lines, strict=True):
        assert expected in line
    assert SECRET not in str(wrong.value)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(TargetsError, match=r"^/none: the targets file cannot be read: No such"):
        read_targets("/none")


def test_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv("A_SECRET", SECRET)
    for secret in (Secret(file=str(file)), Secret(env="A_SECRET"), Secret(plain=SECRET)):
        assert secret.read() == SECRET
        assert SECRET not in repr(secret)
    for secret in (Secret(file="/none"), Secret(env="NO_SUCH_VARIABLE")):
        with pytest.raises(TargetsError, match=r"/none|NO_SUCH_VARIABLE"):
            secret.read()


def test_parts_share_all_nodes() -> None:
    parts = [Part(number, 4) for number in range(1, 5)]
    names = [f"node-{i}" for i in range(1000)]
    assert [sum(part.has(name) for part in parts) for name in names] == [1] * 1000
    assert all(sum(part.has(name) for name in names) > 150 for part in parts)
