"""One capture on Direct, Flink and Spark, in batch and as a stream: the same events."""

from __future__ import annotations

from pathlib import Path

import pytest

from runners.local import jars
from runners.local.flink import LocalFlink
from tests.e2e.replayed import Outputs, replayed
from tests.stream.test_replay_equals_oracle import lines, simulated

pytestmark = pytest.mark.e2e


def events(outputs: Outputs) -> dict[str, dict]:
    """Returns events and incidents by id."""
    lines = outputs["events"] + outputs["incidents"]
    found = {event["id"]: event for event in lines}
    assert outputs["events"] and outputs["incidents"]
    assert len(found) == len(lines)
    return found


def last_lines(outputs: Outputs) -> dict[tuple[str, str], dict]:
    """Returns the traces: of a link and window the last line counts."""
    assert outputs["traces"]
    return {(line["link_id"], line["window_start"]): line for line in outputs["traces"]}


def on_flink(flink: LocalFlink) -> list[str]:
    return ["--runner=FlinkRunner", f"--job_endpoint={flink.job_endpoint}"]


@pytest.mark.timeout(900)
def test_one_capture_gives_the_same_events_everywhere(flink: LocalFlink, tmp_path: Path) -> None:
    jars.fetch("spark")
    simulated(4, tmp_path, late_rate=0)
    want, _ = replayed(tmp_path, "direct")
    runs = {
        "direct stream": ["--replay=stream"],
        "flink": on_flink(flink),
        "flink stream": [*on_flink(flink), "--replay=stream"],
        "spark": ["--runner=SparkRunner", "--spark_master_url=local[2]"],
    }
    for name, options in runs.items():
        got, _ = replayed(tmp_path, name.replace(" ", "-"), *options)
        assert events(got) == events(want), name
        assert last_lines(got) == last_lines(want), name
        assert lines(got["invalid"]) == lines(want["invalid"]), name
        assert not got["late"], name


@pytest.mark.timeout(600)
@pytest.mark.parametrize("window_s", [1, 3])
def test_late_data_gives_the_same_events_on_every_stream(
    window_s: int, flink: LocalFlink, tmp_path: Path
) -> None:
    simulated(3, tmp_path)
    options = ("--replay=stream", f"--window_s={window_s}")
    want, _ = replayed(tmp_path, "direct", *options)
    got, _ = replayed(tmp_path, "flink", *options, *on_flink(flink))
    assert events(got) == events(want)
    assert last_lines(got) == last_lines(want)
    assert lines(got["late"]) == lines(want["late"])
    assert want["late"]
    # In this capture no late report changes what a window of three seconds says.
    if window_s == 1:
        assert any(event["data"]["detected_late"] for event in want["events"])
