from pathlib import Path

import pytest

from simulator.capture import read_capture, write_capture

PAYLOADS = [b"", b"a", b"b" * 127, b"c" * 128, b"d" * 70_000]


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    assert write_capture(path, PAYLOADS) == len(PAYLOADS)
    assert list(read_capture(path)) == PAYLOADS


def test_lengths_are_varints(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    write_capture(path, [b"x" * 300])
    assert path.read_bytes()[:3] == b"\xac\x02x"


def test_empty(tmp_path: Path) -> None:
    path = tmp_path / "capture"
    assert write_capture(path, []) == 0
    assert list(read_capture(path)) == []


@pytest.mark.parametrize("cut", [1, 300, 301])
def test_a_cut_off_record_is_told_after_the_whole_ones(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "capture"
    write_capture(path, [b"first", b"x" * 300])
    path.write_bytes(path.read_bytes()[:-cut])
    read = []
    with pytest.raises(ValueError, match="ends inside a record"):
        for payload in read_capture(path):
            read.append(payload)
    assert read == [b"first"]
