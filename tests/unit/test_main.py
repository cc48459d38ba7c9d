"""The command line as a user meets it: exit codes, one clear line, complete files."""

import json
from pathlib import Path

import pytest

from runners.run import main
from schema.outputs import ALL_OUTPUTS
from tests import builders


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "pm.bin"
    path.write_bytes(builders.capture(builders.trace("0*3 x*4 0*3")))
    return path


@pytest.fixture
def topology(tmp_path: Path) -> Path:
    path = tmp_path / "topology.jsonl"
    path.write_text(json_line(builders.link("L1")))
    return path


def json_line(link: object) -> str:
    from google.protobuf.json_format import MessageToDict

    return json.dumps(MessageToDict(link)) + "\n"  # type: ignore[arg-type]


def run(capture: Path, topology: Path, folder: Path, *more: str) -> int:
    outputs = [f"--{o}_file={folder}/{o}.jsonl" for o in ALL_OUTPUTS]
    return main([f"--pm_file={capture}", f"--topology_file={topology}", *outputs, *more])


def read(folder: Path, output: str) -> list[dict]:
    return [json.loads(line) for line in (folder / f"{output}.jsonl").read_text().splitlines()]


def test_a_run_leaves_every_named_file_complete(
    capture: Path, topology: Path, tmp_path: Path
) -> None:
    (tmp_path / "late.jsonl").write_text("of an older run\n")
    assert run(capture, topology, tmp_path) == 0
    assert [e["type"] for e in read(tmp_path, "events")] == ["eventcenter.fiber.fiber_cut.raise"]
    incidents = [event["type"] for event in read(tmp_path, "incidents")]
    assert incidents == ["eventcenter.incident.fiber_cut.open"]
    for output in ("late", "invalid", "unmatched"):
        assert read(tmp_path, output) == []


@pytest.mark.parametrize("mode", ["batch", "stream"])
def test_nothing_in_nothing_out(mode: str, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch()
    assert run(empty, empty, tmp_path, f"--replay={mode}") == 0
    for output in ALL_OUTPUTS:
        assert read(tmp_path, output) == []


def test_corrupt_records_harm_no_neighbor(topology: Path, tmp_path: Path) -> None:
    good = builders.trace("0*3 x*4")
    capture = tmp_path / "pm.bin"
    capture.write_bytes(
        builders.capture([good[0], b"\xff\xff", *good[1:7], b"\x0a\x05", *good[7:]])
    )
    assert run(capture, topology, tmp_path) == 0
    assert len(read(tmp_path, "events")) == 1
    assert [line["reason"] for line in read(tmp_path, "invalid")] == ["MALFORMED_PROTOBUF"] * 2


def test_bad_topology_lines_harm_no_other(capture: Path, topology: Path, tmp_path: Path) -> None:
    bad = json_line(builders.link("L2", z_end=builders.end("")))
    topology.write_text("not json\n" + topology.read_text() + bad + '{"name": "nameless"}\n')
    assert run(capture, topology, tmp_path) == 0
    assert len(read(tmp_path, "events")) == 1
    lines = [(line["reason"], line["link_id"]) for line in read(tmp_path, "invalid")]
    assert sorted(lines, key=str) == [
        ("BAD_TOPOLOGY", "L2"),
        ("BAD_TOPOLOGY", None),
        ("BAD_TOPOLOGY", None),
    ]


def test_a_capture_cut_off_is_replayed_up_to_there(
    capture: Path, topology: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    capture.write_bytes(capture.read_bytes()[:-3])
    assert run(capture, topology, tmp_path) == 0
    assert len(read(tmp_path, "events")) == 1
    assert "cut off inside a record" in caplog.text


@pytest.mark.parametrize("which", ["capture", "topology"])
def test_a_foreign_file_ends_the_run(
    which: str,
    capture: Path,
    topology: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (capture if which == "capture" else topology).write_text("Dear reader,\nthis is a letter.\n")
    assert run(capture, topology, tmp_path) == 1
    assert f"is no {which}" in one_line(capsys)


def test_bad_usage_is_one_line_and_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pm_file=nowhere.bin", "--topology_file=nowhere.jsonl"]) == 2
    assert "nowhere.bin" in one_line(capsys)


def test_kafka_needs_a_runner_that_can(capsys: pytest.CaptureFixture[str]) -> None:
    live = ["--pm_kafka_topic=a", "--topology_kafka_topic=b", "--bootstrap_servers=127.0.0.1:9"]
    assert main(live) == 2
    assert "--runner=FlinkRunner" in one_line(capsys)
    assert main([*live, "--runner=SparkRunner"]) == 2
    assert "batch only" in one_line(capsys)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


@pytest.mark.parametrize("runner", ["FlinkRunner", "SparkRunner"])
def test_no_java_and_no_maven_is_said_in_one_line(
    runner: str,
    capture: Path,
    topology: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert run(capture, topology, tmp_path, f"--runner={runner}") == 2
    (line,) = capsys.readouterr().err.splitlines()
    # Which of the two is missed first depends on whether the jars were fetched before.
    missing = line.removeprefix("pipeline: ").partition(" ")[0]
    assert missing in ("java", "mvn")
    assert line.startswith(f"pipeline: {missing} is not on the PATH: install ")
