"""Shows on a terminal how far a run in this process is."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from schema.outputs import REPORTS
from transforms.outputs import counted_here

_EVERY_S = 0.5


@contextmanager
def shown() -> Iterator[None]:
    """Shows how many reports are decoded, until the block is left."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    with Console(stderr=True).status("starting …") as status:

        def update() -> None:
            while not done.wait(_EVERY_S):
                if counted_here[REPORTS]:
                    status.update(f"{counted_here[REPORTS]} reports decoded …")

        thread = threading.Thread(target=update, daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()
            thread.join()
