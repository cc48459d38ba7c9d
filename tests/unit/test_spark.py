"""What is sent to Spark, what is refused, and when the summary is not to be trusted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from pipeline.options import Command, parse
from runners import spark
from runners.local.spark import is_here
from runners.run import main
from schema.capture import write_capture
from schema.errors import MissingPartError, UsageError

LIVE = ["--pm_kafka_topic=pm", "--topology_kafka_topic=t", "--bootstrap_servers=127.0.0.1:1"]


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    write_capture(tmp_path / "pm.bin", [b"one", b"two", b"three"])
    (tmp_path / "topology.jsonl").touch()
    return [f"--pm_file={tmp_path}/pm.bin", f"--topology_file={tmp_path}/topology.jsonl"]


def command(files: list[str], *options: str) -> Command:
    return parse([*files, "--runner=SparkRunner", *options])


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "live"])
def test_a_stream_is_refused(
    stream: bool, files: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    options = [*files, "--replay=stream"] if stream else LIVE
    assert main([*options, "--runner=SparkRunner", "--job_endpoint=localhost:1"]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--replay=batch" in said and "--runner=FlinkRunner" in said


@pytest.mark.parametrize(
    ("options", "advice"),
    [
        (["--job_endpoint=localhost:1", "--spark_master_url=local"], "leave out --job_endpoint"),
        (["--spark_master_url=spark://far.example:7077"], "--environment_type=EXTERNAL"),
    ],
)
def test_what_does_not_go_together(files: list[str], options: list[str], advice: str) -> None:
    with pytest.raises(UsageError, match=advice), spark.job_server(command(files, *options)):
        pass


def test_a_job_server_that_is_given_is_taken(files: list[str]) -> None:
    one = command(files, "--job_endpoint=localhost:1", "--environment_cache_millis=5")
    with spark.job_server(one) as where:
        assert where == {}
    arguments = spark.arguments(one, where)
    assert arguments[0] == "--runner=PortableRunner"
    assert "--job_endpoint=localhost:1" in arguments
    assert "--environment_type=LOOPBACK" in arguments
    assert [a for a in arguments if "cache" in a] == ["--environment_cache_millis=5"]


class FakeSpark:
    """Stands for a job server, and keeps what it was asked for."""

    masters: ClassVar[list[str]] = []

    def __init__(self, master_url: str) -> None:
        self.masters.append(master_url)

    def options(self) -> dict[str, str]:
        return {"--job_endpoint": "localhost:9", "--storage_level": "MEMORY_AND_DISK"}

    def __enter__(self) -> FakeSpark:
        return self

    def __exit__(self, *_: object) -> None:
        self.masters.append("ended")


def test_a_job_server_is_started_for_a_master(
    files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spark, "LocalSpark", FakeSpark)
    monkeypatch.setattr(FakeSpark, "masters", [])
    one = command(files, "--spark_master_url=spark://127.0.0.1:7077", "--storage_level=DISK_ONLY")
    with spark.job_server(one) as where:
        arguments = spark.arguments(one, where)
    assert FakeSpark.masters == ["spark://127.0.0.1:7077", "ended"]
    assert "--job_endpoint=localhost:9" in arguments
    assert [a for a in arguments if "storage" in a] == ["--storage_level=DISK_ONLY"]


def test_no_java_is_said_in_one_line(files: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def missing(_: str) -> Iterator[None]:
        raise MissingPartError("java is not on the PATH")
        yield

    monkeypatch.setattr(spark, "LocalSpark", missing)
    with pytest.raises(MissingPartError, match="java"), spark.job_server(command(files)):
        pass


@pytest.mark.parametrize(
    ("master_url", "here"),
    [
        ("local", True),
        ("local[2]", True),
        ("local[*,3]", True),
        ("spark://127.0.0.1:7077", True),
        ("spark://localhost:7077", True),
        ("spark://localhost.far.example:7077", False),
        ("spark://10.0.0.1:7077", False),
        ("yarn", False),
    ],
)
def test_where_executors_are(master_url: str, here: bool) -> None:
    assert is_here(master_url) == here


@pytest.mark.parametrize(
    ("counted", "warning"),
    [
        ({"reports": 3, "ends_joined": 4, "ends_windowed": 4}, ""),
        ({}, "told of 0 reports, but the capture holds 3"),
        ({"reports": 6}, "counts them again"),
        ({"reports": 3, "ends_joined": 4, "ends_windowed": 8}, "counts them again"),
    ],
)
def test_a_summary_that_cannot_be_right(
    files: list[str], counted: dict[str, int], warning: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert spark.counters(command(files))(result(counted)) == counted
    assert warning in caplog.text
    assert bool(warning) == bool(caplog.text)


def result(counted: dict[str, int]) -> Any:
    """Stands for a result that tells of these counters."""
    found = [
        SimpleNamespace(
            key=SimpleNamespace(metric=SimpleNamespace(namespace="eventcenter", name=name)),
            result=number,
        )
        for name, number in counted.items()
    ]
    return SimpleNamespace(
        metrics=lambda: SimpleNamespace(query=lambda: {"counters": found}),
    )
