"""Files are followed as they grow, are cut off and are written anew."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from console.intake import files
from console.intake.files import FileSource
from console.store.database import Database
from console.store.recorder import Batch, positions, record
from tests.console.made import alarm_event, lines


def read(source: FileSource) -> Batch:
    batch = Batch()
    source.read(batch, 0)
    return batch


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


@pytest.fixture
def source(path: Path) -> FileSource:
    followed = FileSource("events", path)
    followed.restart({})
    return followed


def test_a_file_is_followed_from_before_it_is_there(path: Path, source: FileSource) -> None:
    assert not read(source).progress
    path.write_bytes(lines(alarm_event()))
    assert len(read(source).events) == 1
    assert not read(source).events
    with path.open("ab") as file:
        file.write(lines(alarm_event("L2"), alarm_event("L3")))
    assert len(read(source).events) == 2
    assert source.lag() == 0


def test_half_a_line_waits_for_its_other_half(path: Path, source: FileSource) -> None:
    line = lines(alarm_event())
    path.write_bytes(line + line[:100])
    assert len(read(source).events) == 1
    assert not read(source).events
    assert source.lag() == 100
    with path.open("ab") as file:
        file.write(line[100:])
    assert len(read(source).events) == 1


def test_a_last_line_without_an_end_is_taken_once_it_stands(
    path: Path, source: FileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    path.write_bytes(lines(alarm_event())[:-1])
    assert not read(source).events
    monkeypatch.setattr(files, "_STANDS_S", 0)
    assert len(read(source).events) == 1
    with path.open("ab") as file:
        file.write(b"\n" + lines(alarm_event("L2")))
    assert len(read(source).events) == 1


@pytest.mark.parametrize("new", [lines(alarm_event("L2")), lines(alarm_event("L3")) * 2])
def test_a_file_that_was_written_anew_is_read_from_its_start(
    path: Path, source: FileSource, new: bytes
) -> None:
    path.write_bytes(lines(alarm_event()))
    read(source)
    path.write_bytes(new)
    assert len(read(source).events) == new.count(b"\n")


def test_rubbish_has_its_place_and_the_rest_lives_on(path: Path, source: FileSource) -> None:
    good = lines(alarm_event())
    path.write_bytes(b"\xff\xfe\n\n" + good + b"[]\n")
    batch = read(source)
    assert len(batch.events) == 1
    assert [(r.position, r.body) for r in batch.rejections] == [
        (0, b"\xff\xfe"),
        (4 + len(good), b"[]"),
    ]


def test_a_line_without_end_is_rubbish(
    path: Path, source: FileSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_MAX_READ_BYTES", 5_000)
    path.write_bytes(b"x" * 5_000 + b"\n" + lines(alarm_event()))
    assert [len(r.body) for r in read(source).rejections] == [5_000]
    assert len(read(source).events) == 1


def test_a_restart_goes_on_where_the_store_is(
    path: Path, source: FileSource, database: Database
) -> None:
    path.write_bytes(lines(alarm_event()))
    record(database, read(source))
    with path.open("ab") as file:
        file.write(lines(alarm_event("L2")))
    again = FileSource("events", path)
    again.restart(positions(database))
    batch = read(again)
    assert [e.data["link"]["link_id"] for e in batch.events] == ["L2"]
    record(database, batch)


def test_line_ends_inside_of_texts_are_none(path: Path, source: FileSource) -> None:
    event = alarm_event(text="one\u2028two\x85three\x0bfour")
    path.write_bytes(orjson.dumps(event) + b"\r\n")
    assert [e.data["text"] for e in read(source).events] == [event["data"]["text"]]
