"""The resources that processes use, read from /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1e6


def usage(processes: Iterable[int]) -> tuple[float, float]:
    """Returns CPU time [s] and resident memory [MB] of processes and all their descendants."""
    stat = _stat()
    children: dict[int, list[int]] = {}
    for process, (parent, _) in stat.items():
        children.setdefault(parent, []).append(process)
    family = [process for process in processes if process in stat]
    for process in family:  # grows during the loop
        family += children.get(process, [])
    return sum(stat[process][1] for process in family), sum(map(memory_mb, family))


def memory_mb(process: int) -> float:
    """Returns the resident memory of a process; 0 if it has ended."""
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * _PAGE_MB
    return 0.0


def _stat() -> dict[int, tuple[int, float]]:
    """Returns parent and CPU time [s] of every running process."""
    found = {}
    # Path.glob would fail at a process that ends meanwhile.
    for process in filter(str.isdecimal, os.listdir("/proc")):
        with contextlib.suppress(OSError):  # it has just ended
            name, _, rest = Path(f"/proc/{process}/stat").read_text().rpartition(")")
            state, parent, *others = rest.split()
            if state not in "ZX":
                ticks = int(others[9]) + int(others[10])
                found[int(name.partition(" ")[0])] = int(parent), ticks / _TICKS_PER_S
    return found
