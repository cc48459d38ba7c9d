"""What runs where: one table, and the test behind each yes.

``python -m runners`` prints the table; docs/runners.md holds it.
"""

from __future__ import annotations

from dataclasses import dataclass

#: What an operator may ask of a runner, and what it means.
FEATURES = {
    "batch": "a capture in, every event out, nothing late",
    "live": "Kafka in, Kafka out, for as long as it is left running",
    "lateness": "late data is evaluated again or written out, exact to the watermark",
    "state": "open alarms and learned bases over the whole run",
    "incidents": "the alarms of one cause as one, the same whatever runs them",
    "restart": "resumes from a checkpoint or savepoint; nothing is missing after a kill",
    "scale": "several processes share the work",
}

#: Ways to run the pipeline, and the options that choose each.
RUNNERS = {
    "Direct": "--runner=DirectRunner",
    "Flink, embedded": "--runner=FlinkRunner",
    "Flink cluster": "--runner=FlinkRunner --flink_master=HOST:PORT --environment_type=EXTERNAL",
    "Spark": "--runner=SparkRunner",
}


@dataclass(frozen=True)
class Answer:
    """Whether a runner has a feature.

    Attributes:
        test: path::name of the test that shows it; empty if the runner does not have it.
        note: a few words of explanation.
    """

    test: str = ""
    note: str = ""

    def __str__(self) -> str:
        answer = "yes" if self.test else "no"
        return f"{answer}, {self.note}" if self.note else answer


_REPLAY = "tests/stream/test_replay_equals_oracle.py::test_replay"
_SPARK = "tests/e2e/test_spark.py::test_on_a_master_and_its_worker"
_EQUAL = "tests/e2e/test_four_runners.py::test_one_capture_gives_the_same_events_everywhere"
_LIVE = "tests/e2e/test_live.py::test_every_output_is_the_oracles"
_RESUMED = "tests/e2e/test_cluster.py::test_a_job_stopped_in_mid_fault_goes_on_with_its_alarms"
_INCIDENTS = "tests/stream/test_incidents_direct.py::test_incidents"
_CHAOS = "tests/e2e/test_chaos.py::test_nothing_is_missing"

#: By runner and feature.
TABLE: dict[str, dict[str, Answer]] = {
    "Direct": {
        "batch": Answer(_REPLAY),
        "live": Answer(note="it cannot read Kafka"),
        "lateness": Answer(
            "tests/stream/test_lateness_direct.py::test_case", "with `--replay=stream`"
        ),
        "state": Answer(_REPLAY),
        "incidents": Answer(_INCIDENTS),
        "restart": Answer(note="a run starts from scratch"),
        "scale": Answer(note="one process"),
    },
    "Flink, embedded": {
        "batch": Answer(_EQUAL),
        "live": Answer(_LIVE),
        "lateness": Answer("tests/stream/test_lateness_flink.py::test_case"),
        "state": Answer(_LIVE),
        "incidents": Answer(_EQUAL),
        "restart": Answer(note="its state ends with it"),
        "scale": Answer(note="one machine"),
    },
    "Flink cluster": {
        "batch": Answer(note="not tried; its workers would need the files"),
        "live": Answer(_RESUMED),
        "lateness": Answer(_RESUMED),
        "state": Answer(_RESUMED),
        "incidents": Answer(_RESUMED),
        "restart": Answer(_CHAOS),
        "scale": Answer(_RESUMED, "tried with two TaskManagers"),
    },
    "Spark": {
        "batch": Answer(_EQUAL),
        "live": Answer(note="refused: its streaming mixes up the state of keys"),
        "lateness": Answer(note="bounded input has none"),
        "state": Answer(_EQUAL),
        "incidents": Answer(_EQUAL),
        "restart": Answer(note="not tested"),
        "scale": Answer(_SPARK, "tried with one worker"),
    },
}


def markdown() -> str:
    """Returns the table for a document."""
    lines = [f"| | {' | '.join(FEATURES)} |", f"|---{'|---' * len(FEATURES)}|"]
    for runner, answers in TABLE.items():
        cells = (str(answers[feature]) for feature in FEATURES)
        lines.append(f"| {runner} | {' | '.join(cells)} |")
    return "\n".join(lines)
