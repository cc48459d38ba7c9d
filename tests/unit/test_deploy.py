"""The files under deploy/: well-formed, consistent with the code, and each alert explained.

`promtool` checks more than this does; its checks run if it is on the PATH.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from console import options as console_options
from pipeline.options import option_names
from runners.local import cluster
from tests import scrape

ROOT = scrape.DEPLOY.parent
PROMETHEUS = scrape.DEPLOY / "prometheus"
KUBERNETES = scrape.DEPLOY / "kubernetes"
RUNBOOK = (ROOT / "docs" / "operations.md").read_text()


def manifests(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((KUBERNETES / name).read_text()))


def containers(pod: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {container["name"]: container for container in pod["spec"]["containers"]}


def test_each_alert_has_its_paragraph() -> None:
    names = [alert["alert"] for alert in scrape.alerts()]
    assert re.findall(r"^### (\w+)$", RUNBOOK, re.MULTILINE) == names


def test_rules_are_whole() -> None:
    recorded = {rule["record"] for rule in scrape.rules() if "record" in rule}
    for rule in scrape.alerts():
        assert rule["labels"]["severity"] in ("critical", "warning"), rule
        assert rule["annotations"]["summary"], rule
    expressions = [rule["expr"] for rule in scrape.rules()] + scrape.dashboard_expressions()
    used = {name for e in expressions for name in re.findall(r"\beventcenter:[\w:]+", e)}
    assert used == recorded


def test_each_alert_is_tried() -> None:
    tests = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]
    cases = [case for test in tests for case in test.get("alert_rule_test", [])]
    fired = {case["alertname"] for case in cases if case["exp_alerts"]}
    assert fired == {alert["alert"] for alert in scrape.alerts()}


@pytest.mark.parametrize("dashboard", scrape.dashboards(), ids=lambda each: str(each["uid"]))
def test_a_dashboard_is_laid_out(dashboard: dict[str, Any]) -> None:
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = set()
    for panel in panels:
        at = panel["gridPos"]
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert x < 24 and (x, y) not in cells, panel["title"]
                cells.add((x, y))


def test_relabeling_makes_short_names() -> None:
    def short(name: str) -> dict[str, str] | None:
        prefix = "flink_taskmanager_job_task_operator_"
        series = {"__name__": prefix + name, "task_attempt_id": "1"}
        return scrape.relabeled(series, scrape.prometheus_relabeling())

    assert short("eventcenter_reports") == {"__name__": "eventcenter_reports"}
    name, reason = "eventcenter_invalid", "not_finite"
    assert short(f"{name}_{reason}") == {"__name__": name, "reason": reason}
    labels = {"action": "raise", "severity": "major"}
    assert short("eventcenter_events_raise_major") == {"__name__": "eventcenter_events", **labels}
    name, labels = "eventcenter_incidents", {"action": "open", "severity": "major"}
    assert short("eventcenter_incidents_open_major") == {"__name__": name, **labels}
    name, labels = "eventcenter_open_incidents", {"severity": "critical"}
    assert short("eventcenter_open_incidents_critical") == {"__name__": name, **labels}
    labels = {"severity": "minor", "shard": "12"}
    name = "eventcenter_open_alarms"
    assert short(f"{name}_minor_shard_12") == {"__name__": name, **labels}
    name = "eventcenter_event_latency_seconds_bucket"
    assert short("eventcenter_event_latency_le_3") == {"__name__": name, "le": "3"}
    assert short("eventcenter_event_latency_le_inf") == {"__name__": name, "le": "+Inf"}
    assert short("eventcenter_event_latency_ms") == {"__name__": "eventcenter_event_latency_ms"}
    dropped = short("org_apache_beam_GroupAlsoByWindow_droppedDueToLateness")
    assert dropped == {"__name__": "eventcenter_dropped_by_beam", "why": "droppedDueToLateness"}
    assert short("ref_PCollection_3_metric:element_count:v1") is None


def test_the_pod_monitor_relabels_as_prometheus_does() -> None:
    (monitor,) = manifests("podmonitor.yaml")
    (endpoint,) = monitor["spec"]["podMetricsEndpoints"]
    names = {"sourceLabels": "source_labels", "targetLabel": "target_label"}
    relabelings = [
        {names.get(key, key): value for key, value in rule.items()}
        for rule in endpoint["metricRelabelings"]
    ]
    assert relabelings == scrape.prometheus_relabeling()


def test_the_cluster_is_the_tested_one() -> None:
    (deployment,) = manifests("flinkdeployment.yaml")
    config = deployment["spec"]["flinkConfiguration"]
    assert config["env.java.opts.all"].split() == list(cluster.OPENS)
    version = re.search(r"apache-flink-libraries==(\S+)", _read("runners/java/distribution"))
    assert version and deployment["spec"]["image"].startswith(f"flink:{version[1]}-java17")
    tested = dict(re.findall(r"^([\w.-]+): (\S+)$", cluster.CONFIG.replace("\\\n", ""), re.M))
    for key in ("metrics.reporters", "metrics.reporter.prometheus.factory.class"):
        assert config[key] == tested[key]
    for key in config.keys() - {"env.java.opts.all"}:
        known = key in tested or key.startswith(("high-availability.", "metrics."))
        assert known or key == "state.backend.incremental", key


def test_the_parts_fit_together() -> None:
    (deployment,) = manifests("flinkdeployment.yaml")
    (job,) = manifests("submit.yaml")
    pods = {name: deployment["spec"][name]["podTemplate"] for name in ("jobManager", "taskManager")}
    submit = job["spec"]["template"]
    options = dict(a.split("=", 1) for a in containers(submit)["submit"]["args"] if "=" in a)
    slots = int(deployment["spec"]["flinkConfiguration"]["taskmanager.numberOfTaskSlots"])
    assert int(options["--sdk_worker_parallelism"]) == slots * cluster.WORKERS_A_SLOT
    assert options["--flink_master"] == f"{deployment['metadata']['name']}-rest:8081"
    assert {o for o in options if "kafka" in o} <= option_names()

    secret = options["--kafka_config_file"].rpartition("/")[0]
    parts = [*containers(pods["taskManager"]).values(), *containers(submit).values()]
    assert [c["name"] for c in parts] == ["flink-main-container", "worker-pool", "submit"]
    for part in parts:
        assert secret in [mount["mountPath"] for mount in part["volumeMounts"]], part["name"]
    for pod in (*pods.values(), submit):
        volumes = {volume["name"] for volume in pod["spec"]["volumes"]}
        for container in containers(pod).values():
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes
    for pod in pods.values():
        (port,) = containers(pod)["flink-main-container"]["ports"]
        (monitor,) = manifests("podmonitor.yaml")
        assert port["name"] == monitor["spec"]["podMetricsEndpoints"][0]["port"]
        told = deployment["spec"]["flinkConfiguration"]["metrics.reporter.prometheus.port"]
        assert str(port["containerPort"]) == told


def test_what_the_images_copy_is_there() -> None:
    text = (scrape.DEPLOY / "docker" / "Dockerfile").read_text()
    ignored = (scrape.DEPLOY / "docker" / "Dockerfile.dockerignore").read_text()
    copied = [
        word for line in re.findall(r"^COPY ([^-].*) \S+$", text, re.M) for word in line.split()
    ]
    assert copied and all((ROOT / path).exists() for path in copied)
    assert set(re.findall(r"^!(\S+)$", ignored, re.M)) == set(copied)


def test_promtool_has_no_objections(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not on the PATH")
    panels = {f"panel:{i}": e for i, e in enumerate(scrape.dashboard_expressions())}
    group = {"name": "x", "rules": [{"record": k, "expr": e} for k, e in panels.items()]}
    dashboard = tmp_path / "dashboard.yml"
    dashboard.write_text(yaml.safe_dump({"groups": [group]}))
    for command in (
        ["check", "config", "prometheus.yml"],
        ["check", "rules", "alerts.yml"],
        ["check", "rules", str(dashboard)],
        ["test", "rules", "alerts_test.yml"],
    ):
        done = subprocess.run(
            [promtool, *command], cwd=PROMETHEUS, capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stdout + done.stderr


def _read(folder: str) -> str:
    return (ROOT / folder / "requirements.txt").read_text()


def test_the_console_takes_its_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = manifests("console.yaml")[0]
    arguments = containers(deployment["spec"]["template"])["console"]["args"]
    # Its files are there only in the pod.
    monkeypatch.setattr(Path, "is_file", lambda _: True)
    monkeypatch.setattr(Path, "read_text", lambda _, encoding: "security.protocol=SASL_SSL")
    options = console_options.parse(arguments)
    assert set(options.topics) == {"events", "incidents", "traces"}
    assert options.address == "https://0.0.0.0:8400"
