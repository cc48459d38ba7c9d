"""A console as a process, or as an application inside of the test."""

from __future__ import annotations

import contextlib
import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

from runners.local.processes import Process, log_file

_START_TIMEOUT_S = 60
_READY = "Event center: "


def process(*options: str) -> Process:
    """Returns a console on a free port; it is started on entry."""
    command = [sys.executable, "-m", "console", "--listen=127.0.0.1:0", *options]
    return Process("console", command, log_file("console"))


def address(console: Process) -> str:
    """Returns the address of a console, once it serves."""
    console.wait_for_line(_READY, _START_TIMEOUT_S)
    found = re.findall(rf"{_READY}(\S+)", console.read_log())
    return str(found[-1])


@contextlib.contextmanager
def served(*options: str) -> Iterator[str]:
    """Yields the address of a console."""
    with process(*options) as console:
        yield address(console)


def get(url: str, **headers: str) -> Any:
    """Returns the JSON of an answer, of a problem too."""
    request = urllib.request.Request(url, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        return json.load(error)
