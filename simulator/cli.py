"""Shares an argument parser and progress between the command lines of this package."""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

_EXIT_USAGE = 2
_PLAIN_EVERY_S = 10.0


class Parser(argparse.ArgumentParser):
    """An argument parser that answers bad usage with one line and exit code 2."""

    def __init__(self, prog: str, description: str | None, epilog: str | None = None) -> None:
        super().__init__(prog=prog, description=description, epilog=epilog, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        """Prints one line and exits."""
        print(f"{self.prog}: {message}", file=sys.stderr)
        sys.exit(_EXIT_USAGE)


def existing_file(text: str) -> Path:
    """Returns the path of a file to read; the type of such an option."""
    path = Path(text)
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"no such file: {text}")
    return path


@contextmanager
def progress(total_s: int) -> Iterator[Callable[[int, int], None]]:
    """Shows the progress of the reports: a bar on a terminal, otherwise a line now and then.

    Yields:
        A function to call with the seconds of event time and the reports so far.
    """
    console = Console(stderr=True)
    if console.is_terminal:
        with Progress(
            TextColumn("{task.completed:.0f} of {task.total:.0f} s"),
            BarColumn(),
            TextColumn("{task.fields[reports]:,} reports"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=console,
        ) as bar:
            task = bar.add_task("", total=total_s, reports=0)
            yield lambda done_s, reports: bar.update(task, completed=done_s, reports=reports)
    else:
        yield _PlainLines(total_s)


class _PlainLines:
    def __init__(self, total_s: int) -> None:
        self._total_s = total_s
        self._next = time.monotonic() + _PLAIN_EVERY_S

    def __call__(self, done_s: int, reports: int) -> None:
        if time.monotonic() >= self._next or done_s == self._total_s:
            self._next = time.monotonic() + _PLAIN_EVERY_S
            print(f"{done_s} of {self._total_s} s, {reports} reports", file=sys.stderr, flush=True)
