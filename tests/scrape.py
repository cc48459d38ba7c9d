"""What Prometheus would keep of a scrape, and which metrics rules and dashboard ask for.

The relabeling is that of deploy/prometheus/prometheus.yml, as far as that file makes use of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parent.parent / "deploy"

#: Metrics that only a failure brings about; the others must be there in any job with input.
ONLY_IN_FAILURE = {"eventcenter_dropped_by_beam"}

_LINE = re.compile(r"([a-zA-Z_:][\w:]*)\{(.*)\} (\S+)")
_LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
_METRIC = re.compile(r"\b(?:eventcenter|flink|collector)[_:][\w:]*")

#: A series: its labels, the name among them as `__name__`.
Series = dict[str, str]


def parse(text: str) -> list[tuple[Series, float]]:
    """Returns the series of a scrape with their values."""
    found = []
    for line in text.splitlines():
        if match := _LINE.fullmatch(line):
            labels = dict(_LABEL.findall(match[2]))
            found.append(({"__name__": match[1], **labels}, float(match[3])))
    return found


def prometheus_relabeling() -> list[dict[str, Any]]:
    """Returns `metric_relabel_configs` of the example."""
    config = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text())
    relabeling: list[dict[str, Any]] = config["scrape_configs"][0]["metric_relabel_configs"]
    return relabeling


def relabeled(series: Series, relabeling: Iterable[dict[str, Any]]) -> Series | None:
    """Returns a series as it is kept; None when it is dropped."""
    series = dict(series)
    for rule in relabeling:
        action = rule.get("action", "replace")
        if action == "labeldrop":
            series = {k: v for k, v in series.items() if not re.fullmatch(rule["regex"], k)}
            continue
        value = ";".join(series.get(label, "") for label in rule["source_labels"])
        match = re.fullmatch(rule["regex"], value)
        if match and action == "drop":
            return None
        assert action in ("drop", "replace"), f"unknown here: {action}"
        if match:
            series[rule["target_label"]] = match.expand(rule["replacement"].replace("$", "\\"))
    return series


def kept(text: str) -> list[tuple[Series, float]]:
    """Returns what is kept of a scrape."""
    rules = prometheus_relabeling()
    relabelings = ((relabeled(series, rules), value) for series, value in parse(text))
    return [(series, value) for series, value in relabelings if series is not None]


def rules() -> list[dict[str, Any]]:
    """Returns recording rules and alerts."""
    groups = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def alerts() -> list[dict[str, Any]]:
    """Returns the alerts."""
    return [rule for rule in rules() if "alert" in rule]


def dashboards() -> list[dict[str, Any]]:
    """Returns the dashboards."""
    return [json.loads(file.read_text()) for file in sorted((DEPLOY / "grafana").glob("*.json"))]


def dashboard_expressions() -> list[str]:
    """Returns the expressions of the dashboards, for all jobs and nodes."""
    panels = [panel for dashboard in dashboards() for panel in dashboard["panels"]]
    expressions = [target["expr"] for panel in panels for target in panel["targets"]]
    return [re.sub(r"\$(job_name|node)\b", ".+", expression) for expression in expressions]


def metrics_asked_for(*, of_collector: bool = False) -> set[str]:
    """Returns the names of the metrics in rules and dashboards, without those recorded.

    Args:
        of_collector: those of the collector; otherwise those of the pipeline.
    """
    expressions = [rule["expr"] for rule in rules()] + dashboard_expressions()
    names = {name for e in expressions for name in _METRIC.findall(e)}
    names = {name for name in names if name.startswith("collector_") == of_collector}
    return names - {rule["record"] for rule in rules() if "record" in rule}
