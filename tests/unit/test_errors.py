"""The errors that a person meets: one tree, and what each program makes of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from benchmarks import profile, soak
from benchmarks import run as bench
from runners import run as pipeline
from runners.local import jars
from runners.scenarios import chaos, live, session
from schema import errors
from schema.errors import EventCenterError

CODES = {
    errors.UsageError: 2,
    errors.KafkaConfigError: 2,
    errors.TargetsError: 2,
    errors.SessionError: 2,
    errors.MissingPartError: 2,
    errors.NotUsableError: 1,
    errors.ProcessError: 1,
    errors.FlinkError: 1,
    errors.RunError: 1,
    errors.SendError: 2,
    errors.DatabaseError: 1,
}


def _of_the_tree(kind: type[EventCenterError]) -> Iterator[type[EventCenterError]]:
    for below in kind.__subclasses__():
        yield below
        yield from _of_the_tree(below)


def test_each_error_has_its_exit_code() -> None:
    assert {kind: kind.exit_code for kind in _of_the_tree(EventCenterError)} == CODES


REPLAY = ["--pm_file=pm.bin", "--topology_file=topology.jsonl"]


def _raising(error: Exception) -> Callable[..., object]:
    def fail(*_: object, **__: object) -> object:
        raise error

    return fail


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Makes the files of a replay where the test runs."""
    monkeypatch.chdir(tmp_path)
    for option in REPLAY:
        Path(option.partition("=")[2]).touch()
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("kind", CODES)
def test_the_pipeline_ends_with_the_code_of_the_error(
    kind: type[EventCenterError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(pipeline, "prepare", _raising(kind("it does not work")))
    assert pipeline.main(REPLAY) == kind.exit_code
    assert capsys.readouterr().err == "pipeline: it does not work\n"


@pytest.mark.parametrize(
    ("kind", "code"), [(kind, 2 if issubclass(kind, errors.UsageError) else 1) for kind in CODES]
)
def test_live_ends_with_2_for_bad_usage_alone(
    kind: type[EventCenterError],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(live, "_run", _raising(kind("it does not work")))
    assert live.main([]) == code
    assert capsys.readouterr().err == "live: it does not work\n"


def test_live_shows_of_a_log_only_where_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    said = "Kafka ended with code 1\n  a line\n  (all of it: kafka.log)"
    monkeypatch.setattr(live, "_run", _raising(errors.ProcessError(said)))
    assert live.main([]) == 1
    assert capsys.readouterr().err == "live: Kafka ended with code 1 (all of it: kafka.log)\n"


@pytest.mark.parametrize("kind", CODES)
def test_the_background_cluster_ends_with_2_and_one_line(
    kind: type[EventCenterError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(session.Session, "current", _raising(kind("it does not work\n  a log")))
    assert session.main(["status"]) == 2
    assert capsys.readouterr().err == "cluster: it does not work\n"


@pytest.mark.parametrize(
    ("program", "part", "name"),
    [
        (bench.main, (bench, "_run"), "bench"),
        (profile.main, (profile, "run"), "profile"),
        (soak.main, (soak, "run"), "soak"),
    ],
)
@pytest.mark.parametrize("kind", [errors.MissingPartError, errors.ProcessError])
def test_a_benchmark_that_measured_nothing_ends_with_2(
    program: Callable[[Sequence[str]], int],
    part: tuple[object, str],
    name: str,
    kind: type[EventCenterError],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    monkeypatch.setattr(*part, _raising(kind("it does not work")))
    assert program([]) == 2
    assert capsys.readouterr().err == f"{name}: it does not work\n"


@pytest.mark.parametrize("kind", [errors.MissingPartError, errors.ProcessError])
def test_chaos_ends_with_the_code_of_the_error(
    kind: type[EventCenterError], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(chaos, "LocalKafka", _raising(kind("it does not work")))
    assert chaos.main([]) == kind.exit_code
    assert capsys.readouterr().err == "chaos: it does not work\n"


def test_a_fetch_that_fails_ends_with_2(capsys: pytest.CaptureFixture) -> None:
    assert jars.exit_code(_raising(errors.MissingPartError("no Maven"))) == 2
    assert capsys.readouterr().err == "no Maven\n"
