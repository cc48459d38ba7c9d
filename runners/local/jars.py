"""The Java class paths of what runs locally, which Maven fetches once into `.cache/jars/`.

Run `python -m runners.local.jars` to fetch them ahead of time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rich.console import Console

from schema.errors import MissingPartError

CHECKOUT = Path(__file__).resolve().parents[2]
CACHE = CHECKOUT / ".cache"
NAMES = ("flink", "kafka", "spark")
#: Jars that are built from the sources in runners/java.
OWN_JARS = ("kafka-batches-*.jar",)

_JAVA_VERSION = 17
_STAMP = ".recipe-sha256"
_PLAIN_LINE_EVERY_S = 5
_DOWNLOADED = re.compile(r"Downloaded from \S+: \S+\.jar \(([\d.]+) ([kMG]?B)")
_MEGABYTES = {"B": 1e-6, "kB": 1e-3, "MB": 1.0, "GB": 1e3}


#: Only the first of Java's two compilers. The second makes code that is only a little faster in the
#: end, and on a small machine takes more CPU than the job itself in the first half minute.
LIGHT = ("-XX:TieredStopAtLevel=1",)


def java(name: str, *, heap_mb: int, options: Iterable[str] = (), stock: bool = False) -> list[str]:
    """Returns the start of a command line: Java with the class path of one of `NAMES`.

    Args:
        name: of the class path.
        heap_mb: memory of the JVM.
        options: more options of Java.
        stock: leave out the jars that are built here.
    """
    jars = fetch(name)
    if not stock:
        return java_with(f"{jars}/*", heap_mb=heap_mb, options=options)
    own = {pattern for jar in OWN_JARS for pattern in jars.glob(jar)}
    others = sorted(str(jar) for jar in set(jars.glob("*.jar")) - own)
    return java_with(":".join(others), heap_mb=heap_mb, options=options)


def java_with(class_path: str, *, heap_mb: int, options: Iterable[str] = ()) -> list[str]:
    """Returns the start of a command line: Java with a class path."""
    require_java()
    return ["java", f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", *options, "-cp", class_path]


def opens(*packages: str) -> tuple[str, ...]:
    """Returns Java's options that open packages of the JDK, which Java 17 keeps closed."""
    return tuple(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in packages)


def small_jar(name: str) -> Path:
    """Returns the smallest jar of one of `NAMES`.

    It goes along with a job whose cluster has all jars already.
    """
    return min(fetch(name).glob("*.jar"), key=lambda jar: jar.stat().st_size)


def fetch(name: str) -> Path:
    """Returns the directory with the jars of `runners/java/<name>/pom.xml`, made if needed.

    They are the dependencies, and what is built from the sources beside the file.

    Raises:
        MissingPartError: Maven is missing or failed.
    """
    recipe = CHECKOUT / "runners" / "java" / name
    return fetch_once(CACHE / "jars" / name, recipe, lambda target: _make(name, recipe, target))


def fetch_once(target: Path, recipe: Path, make: Callable[[Path], None]) -> Path:
    """Returns a directory that `make` fills, again only when its recipe has changed.

    Args:
        target: the directory; does not exist when `make` gets it.
        recipe: the file from which it is made, or a folder of such files.
        make: fills the directory.
    """
    digest = _digest(recipe)
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_suffix(".lock")):
        stamp = target / _STAMP
        if not (stamp.exists() and stamp.read_text() == digest):
            shutil.rmtree(target, ignore_errors=True)
            make(target)
            stamp.write_text(digest)
    return target


def _digest(recipe: Path) -> str:
    files = sorted(recipe.rglob("*")) if recipe.is_dir() else [recipe]
    return hashlib.sha256(b"".join(f.read_bytes() for f in files if f.is_file())).hexdigest()


def require_java() -> None:
    """Raises MissingPartError if Java is missing or too old."""
    if shutil.which("java") is None:
        raise MissingPartError(f"java is not on the PATH: install a JDK {_JAVA_VERSION}")
    told = subprocess.run(["java", "-version"], capture_output=True, text=True).stderr
    found = re.search(r'version "(\d+)', told)
    if found is None or int(found[1]) < _JAVA_VERSION:
        has = found[1] if found else "of unknown version"
        raise MissingPartError(f"java on the PATH is {has}: install a JDK {_JAVA_VERSION} or newer")


def require_maven() -> None:
    """Raises MissingPartError if Maven is missing."""
    if shutil.which("mvn") is None:
        raise MissingPartError("mvn is not on the PATH: install Maven 3.6 or newer")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Lets one process in at a time."""
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _make(name: str, recipe: Path, target: Path) -> None:
    require_maven()
    command = ["mvn", "-B", "-f", str(recipe / "pom.xml")]
    command += ["package", "dependency:copy-dependencies", f"-DoutputDirectory={target}"]
    with (
        _progress(name) as show,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as maven,
    ):
        assert maven.stdout is not None
        first_error, count, megabytes = "", 0, 0.0
        try:
            for line in maven.stdout:
                if line.startswith("[ERROR]") and not first_error:
                    first_error = line.removeprefix("[ERROR]").strip()
                if downloaded := _DOWNLOADED.search(line):
                    count += 1
                    megabytes += float(downloaded[1]) * _MEGABYTES[downloaded[2]]
                    show(count, megabytes)
        except BaseException:
            maven.terminate()
            raise
    if maven.returncode != 0:
        shutil.rmtree(target, ignore_errors=True)
        why = first_error or f"it ended with code {maven.returncode}"
        raise MissingPartError(f"Maven could not make the {name} jars: {why}")


@contextlib.contextmanager
def _progress(name: str) -> Iterator[Callable[[int, float], None]]:
    """Shows how far a fetch is: a moving line on a terminal, otherwise a line now and then."""
    console = Console(stderr=True)
    latest = f"Fetching the {name} jars (once)"
    printed = time.monotonic()
    with console.status(latest) if console.is_terminal else contextlib.nullcontext() as status:
        if status is None:
            console.print(latest)

        def show(count: int, megabytes: float) -> None:
            nonlocal printed
            text = f"{latest}: {count} downloaded, {megabytes:.0f} MB"
            if status is not None:
                status.update(text)
            elif time.monotonic() - printed >= _PLAIN_LINE_EVERY_S:
                printed = time.monotonic()
                console.print(text)

        yield show
    jars = list((CACHE / "jars" / name).glob("*.jar"))
    if jars:
        size = sum(jar.stat().st_size for jar in jars) / 1e6
        console.print(f"Fetched the {name} jars: {len(jars)}, {size:.0f} MB")


def main() -> int:
    """Fetches all jars; returns the exit code."""
    return exit_code(_fetch_all)


def _fetch_all() -> None:
    require_java()
    for name in NAMES:
        fetch(name)


def exit_code(fetch_ahead: Callable[[], object]) -> int:
    """Fetches something and returns the exit code; prints what is missing, in one line."""
    try:
        fetch_ahead()
    except MissingPartError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
