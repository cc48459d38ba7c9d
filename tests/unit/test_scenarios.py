"""What the programs for one machine share: topics and command line of the job, how events look."""

from __future__ import annotations

import sys
from typing import Any, cast

import pytest

from runners.local.kafka import LocalKafka
from runners.local.pipeline_job import TOPICS, create_topics, pipeline_command
from runners.scenarios.event_styles import severity_shown, style_of
from runners.scenarios.live_events import event_line
from schema.outputs import ALL_OUTPUTS


def test_the_command_line_names_each_topic() -> None:
    assert pipeline_command("north", "127.0.0.1:9", {"pm": "a", "events": "b"}, ["--detach"]) == [
        *(sys.executable, "-m", "pipeline", "--runner=FlinkRunner", "--job_name=north"),
        *("--bootstrap_servers=127.0.0.1:9", "--pm_kafka_topic=a", "--events_kafka_topic=b"),
        "--detach",
    ]
    assert pipeline_command("", "", {}, [], module="other")[1:3] == ["-m", "other"]


class Topics:
    """Stands for a broker, and keeps what was created."""

    def __init__(self) -> None:
        self.created: list[tuple[Any, ...]] = []

    def create_topic(self, *topic: Any) -> None:
        self.created.append(topic)


def test_each_input_and_output_has_a_topic() -> None:
    broker = Topics()
    create_topics(cast(LocalKafka, broker), TOPICS, 4)
    assert broker.created == [
        ("pm", 4, None),
        ("topology", 1, {"cleanup.policy": "compact"}),
        *((output, 1, None) for output in ALL_OUTPUTS),
    ]


@pytest.mark.parametrize(
    ("state", "severity", "shown", "style"),
    [
        ("ACTIVE", "critical", "critical", "bold red"),
        ("ACTIVE", "warning", "warning", "cyan"),
        ("CLEARED", "critical", "cleared", "green"),
        ("ACTIVE", "unheard-of", "unheard-of", ""),
    ],
)
def test_events_are_shown_by_severity(state: str, severity: str, shown: str, style: str) -> None:
    data = {"state": state, "severity": severity, "action": "RAISE", "text": "Fiber cut"}
    event = {"time": "2026-01-01T12:00:03.000Z", "data": data}
    assert severity_shown(event) == shown
    assert style_of(shown) == style
    assert event_line(event).plain == f"12:00:03  {shown:<8}  RAISE   Fiber cut"
