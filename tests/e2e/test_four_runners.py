"""One capture on Direct, Flink and Spark, in batch and as a stream: the same events."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.outputs import OUTPUTS
from runners.local import jars
from runners.local.flink import LocalFlink
from tests.stream.test_replay_equals_oracle import lines, simulated

pytestmark = pytest.mark.e2e

TIMEOUT_S = 240


def replay(folder: Path, name: str, *options: str) -> dict[str, list[dict]]:
    """Replays the capture of a folder by the command line."""
    paths = {output: folder / f"{name}-{output}.jsonl" for output in OUTPUTS}
    command = [sys.executable, "-m", "pipeline", *options]
    command += [f"--pm_file={folder}/pm.bin", f"--topology_file={folder}/topology.jsonl"]
    command += [f"--{output}_file={path}" for output, path in paths.items()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert ended.returncode == 0, ended.stderr
    return {o: [json.loads(line) for line in path.open()] for o, path in paths.items()}


def events(outputs: dict[str, list[dict]]) -> dict[str, dict]:
    found = {event["id"]: event for event in outputs["events"]}
    assert len(found) == len(outputs["events"]) > 0
    return found


def on_flink(flink: LocalFlink) -> list[str]:
    return ["--runner=FlinkRunner", f"--job_endpoint={flink.job_endpoint}"]


@pytest.mark.timeout(900)
def test_one_capture_gives_the_same_events_everywhere(flink: LocalFlink, tmp_path: Path) -> None:
    jars.fetch("spark")
    simulated(4, tmp_path, late_rate=0)
    want = replay(tmp_path, "direct")
    runs = {
        "direct stream": ["--replay=stream"],
        "flink": on_flink(flink),
        "flink stream": [*on_flink(flink), "--replay=stream"],
        "spark": ["--runner=SparkRunner", "--spark_master_url=local[2]"],
    }
    for name, options in runs.items():
        got = replay(tmp_path, name.replace(" ", "-"), *options)
        assert events(got) == events(want), name
        assert lines(got["invalid"]) == lines(want["invalid"]), name
        assert not got["late"], name


@pytest.mark.timeout(600)
def test_late_data_gives_the_same_events_on_every_stream(flink: LocalFlink, tmp_path: Path) -> None:
    simulated(3, tmp_path)
    want = replay(tmp_path, "direct", "--replay=stream")
    got = replay(tmp_path, "flink", "--replay=stream", *on_flink(flink))
    assert events(got) == events(want)
    assert lines(got["late"]) == lines(want["late"])
    assert any(event["data"]["detected_late"] for event in events(want).values())
