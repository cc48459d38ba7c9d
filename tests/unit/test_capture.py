"""Capture files: what is written is read back; a file that is cut off is read up to there."""

from pathlib import Path

import pytest

from schema.capture import check_capture, read_capture, write_capture
from schema.errors import NotUsableError
from tests import builders

PAYLOADS = [b"", b"a", b"b" * 127, b"c" * 128, b"d" * 70_000]


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    assert write_capture(path, PAYLOADS) == len(PAYLOADS)
    assert list(read_capture(path)) == PAYLOADS


def test_lengths_are_varints(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    write_capture(path, [b"x" * 300])
    assert path.read_bytes()[:3] == b"\xac\x02x"


def test_a_capture_of_no_reports(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    assert write_capture(path, []) == 0
    assert list(read_capture(path)) == []


@pytest.mark.parametrize(
    ("tail", "num_left_over"), [(b"\x05only", 5), (b"\x80", 1), (b"\xff" * 12, 12)]
)
def test_a_capture_is_read_up_to_where_it_is_cut_off(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, tail: bytes, num_left_over: int
) -> None:
    path = tmp_path / "capture"
    report = builders.payload("A", 0)
    path.write_bytes(builders.capture([report, b"\xff"]) + tail)
    assert list(read_capture(path)) == [report, b"\xff"]
    check_capture(path)
    assert f"2 whole records are replayed, {num_left_over} bytes" in caplog.text


def test_a_file_without_a_report_is_no_capture(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(b"\x03abc" + b"\x7fx")
    with pytest.raises(NotUsableError, match="is no capture"):
        check_capture(path)
