"""Local files that the pipeline writes; remote ones are tested with a bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import files
from schema.errors import NotUsableError


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_bytes(b"old")
    files.write(str(path), (b"a\n", b"b\n"))
    assert path.read_bytes() == b"a\nb\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    files.write(str(link), ())
    assert link.is_symlink()
    assert target.read_bytes() == b""


def test_a_device_stays_a_device() -> None:
    files.write("/dev/null", (b"a",))
    assert Path("/dev/null").is_char_device()


def test_a_local_path_is_its_own_copy(tmp_path: Path) -> None:
    path = str(tmp_path / "capture")
    assert files.local_copy(path) == path
    assert (files.is_remote(path), files.exists(path)) == (False, False)


def test_a_file_system_that_nobody_knows_is_named() -> None:
    with pytest.raises(NotUsableError, match=r"^foo://b/x: no file system here knows foo://$"):
        files.exists("foo://b/x")
