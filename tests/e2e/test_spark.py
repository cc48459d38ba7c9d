"""A capture on Spark, by one command: every output, and the summary, is the DirectRunner's."""

from __future__ import annotations

from pathlib import Path

import pytest

from runners.local import jars
from runners.local.spark import LocalSparkCluster
from schema.capture import read_capture
from schema.topology_file import read_topology
from tests.e2e.replayed import Outputs, replayed
from tests.oracle import replay
from tests.stream.test_replay_equals_oracle import (
    assert_equal,
    assert_incidents,
    lines,
    simulated,
)

pytestmark = pytest.mark.e2e


class Scene:
    """A capture, and what the DirectRunner makes of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.capture, self.topology = simulated(2, folder)
        self.outputs, self.said = self.run("direct")

    def run(self, name: str, *options: str) -> tuple[Outputs, str]:
        """Replays the capture; returns the outputs, and what was printed."""
        return replayed(self._folder, name, *options)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    jars.fetch("spark")
    return Scene(tmp_path_factory.mktemp("spark"))


def assert_same(scene: Scene, name: str, *options: str) -> None:
    got, said = scene.run(name, "--runner=SparkRunner", *options)
    assert got["events"] == scene.outputs["events"]
    assert lines(got["late"]) == lines(scene.outputs["late"])
    assert lines(got["invalid"]) == lines(scene.outputs["invalid"])
    # Which of the many are samples depends on their order; those that are must be true.
    assert len(got["unmatched"]) == len(scene.outputs["unmatched"])
    links = list(read_topology(scene.topology).links.values())
    want = replay(list(read_capture(scene.capture)), links, mode="batch")
    assert_equal(got, want)
    assert_incidents(got, want)
    # Nothing but the summary, and that is exact.
    assert said == scene.said


def test_the_scene_has_something_to_lose(scene: Scene) -> None:
    assert all(scene.outputs[output] for output in ("events", "invalid", "unmatched"))
    assert len({event["id"] for event in scene.outputs["events"]}) == len(scene.outputs["events"])


def test_inside_the_job_server(scene: Scene) -> None:
    assert_same(scene, "local", "--replay=batch", "--spark_master_url=local[2]")


def test_on_a_master_and_its_worker(scene: Scene) -> None:
    with LocalSparkCluster() as cluster:
        assert_same(scene, "cluster", f"--spark_master_url={cluster.master_url}")


def test_what_memory_cannot_hold_is_counted_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Dspark.memory.fraction=0.0005")
    assert_same(scene, "short", "--num_shards=3")
