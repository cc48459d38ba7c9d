"""Files wherever Beam's FileSystems find them: on this machine, gs:// and others."""

import functools
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing.util import Finalize
from pathlib import Path

from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from schema.errors import NotUsableError

__all__ = ["exists", "is_remote", "local_copy", "write"]

_WORDS = {401: "the login is refused", 403: "no permission", 404: "there is no such bucket or file"}


def is_remote(path: str) -> bool:
    """Returns whether a path names a file of another file system than this machine's."""
    return FileSystems.get_scheme(path) is not None


def exists(path: str) -> bool:
    """Returns whether there is a file.

    Raises:
        NotUsableError: its file system is not known, or does not let us look.
    """
    if not is_remote(path):
        return Path(path).is_file()
    with _one_line(path):
        found: bool = FileSystems.exists(path)
        return found


@functools.lru_cache(maxsize=64)
def local_copy(path: str) -> str:
    """Returns where a file can be read on this machine; a remote one is copied once a process.

    Raises:
        NotUsableError: a remote file cannot be read.
    """
    if not is_remote(path):
        return path
    folder = Path(tempfile.mkdtemp(prefix="event-center-"))
    # Unlike atexit, this is also done at the end of a forked worker.
    Finalize(None, shutil.rmtree, (folder, True), exitpriority=0)
    copy = folder / Path(path).name
    with (
        _one_line(path),
        FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED) as source,
        copy.open("wb") as target,
    ):
        shutil.copyfileobj(source, target)
    return str(copy)


def write(path: str, lines: Iterable[bytes]) -> None:
    """Writes a whole file; a local one is never seen half written.

    Raises:
        NotUsableError: a remote file cannot be written.
        OSError: a local file cannot be written.
    """
    if not is_remote(path):
        target = Path(path).resolve()  # a link stays one
        is_plain = target.is_file() or not target.exists()
        beside = target.with_name(f"{target.name}.part") if is_plain else target
        with beside.open("wb") as file:
            file.writelines(lines)
        if is_plain:
            beside.replace(target)
        return
    # An object store shows a file once it is closed.
    with (
        _one_line(path),
        FileSystems.create(path, compression_type=CompressionTypes.UNCOMPRESSED) as file,
    ):
        for line in lines:
            file.write(line)


@contextmanager
def _one_line(path: str) -> Iterator[None]:
    """Turns what a file system's client raises into one line that names the file."""
    try:
        yield
    except Exception as error:  # each client has exceptions of its own
        code = getattr(error, "code", None) or getattr(
            getattr(error, "response", None), "status_code", None
        )
        why = _WORDS.get(int(code)) if isinstance(code, int) else None
        if isinstance(error, ValueError) and "filesystem" in str(error):
            why = f"no file system here knows {FileSystems.get_scheme(path)}://"
        first_line = next(iter(str(error).splitlines()), "") or type(error).__name__
        raise NotUsableError(f"{path}: {why or first_line}") from None
