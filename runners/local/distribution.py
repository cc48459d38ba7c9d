"""Flink's distribution, which is fetched once into `.cache/flink/`.

Run `python -m runners.local.distribution` to fetch it ahead of time.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from rich.console import Console

from runners.local.jars import CACHE, CHECKOUT, exit_code, fetch_once
from schema.errors import MissingPartError

_REQUIREMENTS = CHECKOUT / "runners" / "java" / "distribution" / "requirements.txt"
_TARGET = CACHE / "flink"
#: The files that a cluster needs; the others are for SQL and for other metric systems.
_WANTED = ("lib/flink-dist-*", "lib/flink-cep-*", "lib/log4j-*", "plugins/metrics-prometheus/*")


def fetch() -> Path:
    """Returns the directory of the distribution, with `lib/` and `plugins/`.

    Raises:
        MissingPartError: it could not be fetched.
    """
    return fetch_once(_TARGET, _REQUIREMENTS, _download_and_unpack)


def _download_and_unpack(target: Path) -> None:
    Console(stderr=True).print("Fetching Flink's distribution (once; 230 MB)")
    with tempfile.TemporaryDirectory(dir=target.parent) as directory:
        _unpack(_download(Path(directory)), target)


def _download(directory: Path) -> Path:
    """Returns the archive, whose hash pip has checked."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--require-hashes"]
    command += ["--no-deps", "--no-binary=:all:", "--no-build-isolation"]
    command += ["--dest", str(directory), "--requirement", str(_REQUIREMENTS)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        raise MissingPartError(f"pip could not fetch Flink's distribution: {lines[-1]}")
    return next(directory.glob("*.tar.gz"))


def _unpack(archive: Path, target: Path) -> None:
    with tarfile.open(archive) as tar:
        for member, path in _wanted(tar):
            file = tar.extractfile(member)
            assert file is not None
            into = target / path
            into.parent.mkdir(parents=True, exist_ok=True)
            with file, into.open("wb") as copy:
                shutil.copyfileobj(file, copy)


def _wanted(tar: tarfile.TarFile) -> Iterator[tuple[tarfile.TarInfo, PurePosixPath]]:
    """Yields the files that a cluster needs, each with its path in the distribution."""
    for member in tar:
        parts = PurePosixPath(member.name).parts
        if member.isfile() and "deps" in parts:
            path = PurePosixPath(*parts[parts.index("deps") + 1 :])
            if any(path.match(pattern) for pattern in _WANTED):
                yield member, path


if __name__ == "__main__":
    sys.exit(exit_code(fetch))
