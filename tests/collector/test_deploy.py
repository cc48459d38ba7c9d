"""The image and the manifest of the collector fit the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from collector.options import kafka_config, parse
from collector.targets import parse_targets
from tests import scrape
from tests.collector.running import collecting, write_targets

ROOT = Path(__file__).parent.parent.parent
DOCKERFILE = ROOT / "deploy" / "docker" / "collector.Dockerfile"
DOCUMENT = ROOT / "docs" / "collector.md"
MANIFEST = ROOT / "deploy" / "kubernetes" / "collector.yaml"


@pytest.fixture
def manifests() -> dict[str, dict[str, Any]]:
    return {each["kind"]: each for each in yaml.safe_load_all(MANIFEST.read_text())}


def test_what_rules_and_dashboard_ask_for_is_told(tmp_path: Path) -> None:
    nodes = [{"node_id": "N1", "address": "127.0.0.1:1"}]
    targets = write_targets(tmp_path / "targets.yaml", nodes, insecure=True)
    with collecting(tmp_path, targets) as collector:
        collector.wait_for("reconnects", 1)
        told = collector.families()
    assert scrape.metrics_asked_for(of_collector=True) <= told
    assert told <= set(re.findall(r"`(collector_\w+)`", DOCUMENT.read_text()))


def test_a_job_of_the_alerts_is_that_of_prometheus(manifests: dict[str, dict[str, Any]]) -> None:
    config = yaml.safe_load((scrape.DEPLOY / "prometheus" / "prometheus.yml").read_text())
    names = {job["job_name"] for job in config["scrape_configs"]}
    down = next(a for a in scrape.alerts() if a["alert"] == "EventCenterCollectorDown")
    found = re.search(r'job=~"(.*?)"', down["expr"])
    assert found
    assert {name for name in names if re.fullmatch(found[1], name)} == {"event-center-collector"}
    assert re.fullmatch(found[1], f"any/{manifests['PodMonitor']['metadata']['name']}")


def test_what_the_image_copies_is_there() -> None:
    copied = re.findall(r"^COPY (\S+) \S+$", DOCKERFILE.read_text(), re.M)
    assert all((ROOT / path).exists() for path in copied)
    ignored = Path(f"{DOCKERFILE}.dockerignore").read_text()
    kept = set(re.findall(r"^!(\S+)$", ignored, re.M))
    assert kept == {path.partition("/")[0] for path in copied}


def test_the_command_line_is_understood(manifests: dict[str, dict[str, Any]]) -> None:
    pod = manifests["Deployment"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    options = parse(container["args"])
    (port,) = container["ports"]
    assert options.metrics_port == port["containerPort"]
    assert manifests["PodMonitor"]["spec"]["podMetricsEndpoints"][0]["port"] == port["name"]
    mounted = {mount["mountPath"] for mount in container["volumeMounts"]}
    for file in (options.targets, options.kafka_config_file):
        assert str(Path(file).parent) in mounted
    assert {m["name"] for m in container["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    labels = manifests["Deployment"]["spec"]["template"]["metadata"]["labels"]
    for kind, name in (("PodMonitor", "selector"), ("NetworkPolicy", "podSelector")):
        assert manifests[kind]["spec"][name]["matchLabels"] == labels


def test_the_targets_are_sound(manifests: dict[str, dict[str, Any]], tmp_path: Path) -> None:
    text = manifests["ConfigMap"]["data"]["targets.yaml"]
    (tmp_path / "ca.pem").touch()
    targets = parse_targets(text.replace("/run/secrets/gnmi", str(tmp_path)), "targets.yaml")
    assert [target.node_id for target in targets] == ["roadm-1", "roadm-2"]


def test_secrets_of_kafka_come_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "kafka.properties"
    file.write_text("# a comment\nsasl.password=p=q\nsecurity.protocol = SASL_SSL\n")
    output = ["--targets=t", "--bootstrap_servers=b", "--pm_kafka_topic=pm"]
    options = parse([*output, f"--kafka_config_file={file}", "--kafka_config=linger.ms=7"])
    assert kafka_config(options) == {
        "sasl.password": "p=q",
        "security.protocol": "SASL_SSL",
        "linger.ms": "7",
    }


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], "the following arguments are required: --targets"),
        (["--targets=t"], "give --pm_kafka_topic or --pm_file"),
        (["--targets=t", "--pm_kafka_topic=pm"], "a Kafka topic needs --bootstrap_servers"),
        (["--targets=t", "--pm_file=f", "--part=5/4"], "'5/4' is not a part such as 1/4"),
        (["--targets=t", "--pm_file=f", "--linger_ms=-1"], "--linger_ms must be from 0 to 60000"),
        (["--targets=t", "--pm_file=f", "--linger_ms=inf"], "--linger_ms must be from 0 to"),
        (["--targets=t", "--pm_file=f", "--buffer_mb=inf"], "--buffer_mb must be from 0.001 to"),
        (["--targets=t", "--pm_file=f", "--metrics_port=99999"], "--metrics_port must be from 0"),
        (["--targets=t", "--check=a", "--check_s=nan"], "--check_s must be from 0.1 to 86400"),
        (["--targets=t", "--check=a", "--from_kafka_topic=g"], "--check and --part are for"),
        (
            ["--targets=t", "--pm_file=f", "--from_kafka_topic=g", "--part=1/2"],
            "--check and --part are for devices; processes with one --group_id share a topic",
        ),
        (["--targets=/dev/null", "--check=a", "--part=2/3"], "--check: a is not in"),
        (
            [
                *("--targets=/dev/null", "--pm_kafka_topic=pm", "--bootstrap_servers=b"),
                "--kafka_config=stats_cb=x",
            ],
            "Kafka settings: expected stats_cb property",
        ),
        (["--targets=t", "--pm_file=f"], "t: the targets file cannot be read: No such file"),
        (
            [
                *("--targets=t", "--pm_kafka_topic=pm", "--bootstrap_servers=b"),
                *("--from_kafka_topic=g",),
            ],
            "--from_kafka_topic needs --format=proto or --format=event",
        ),
        (
            [
                *("--targets=/dev/null", "--pm_kafka_topic=pm", "--bootstrap_servers=b"),
                "--kafka_config=sasl.password=x-secret",
            ],
            "--kafka_config: sasl.password holds a secret, and command lines are not secret",
        ),
    ],
)
def test_bad_usage_is_one_line(arguments: list[str], line: str, tmp_path: Path) -> None:
    if "--targets=/dev/null" in arguments:
        targets = tmp_path / "targets.yaml"
        targets.write_text("nodes: []")
        arguments = [f"--targets={targets}", *arguments[1:]]
    command = [sys.executable, "-m", "collector", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and line in done.stderr
    assert "x-secret" not in done.stderr
