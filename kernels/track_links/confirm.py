"""Confirmation: a level counts once enough adjacent windows in a row decided at least it.

Level k of family F is confirmed for a span at window w when each of the last N adjacent windows
up to w decided F at a level >= k: N = 2, but 10 for FIBER_DEGRADE_WARN. With ``--emit=matches``
N = 2 for every code.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schema.events import FAMILY_OF, LEVEL_OF, Family

#: Windows in a row that confirm.
CONFIRM_WINDOWS = 2
#: The same for FIBER_DEGRADE_WARN.
CONFIRM_WINDOWS_WARN = 10


@dataclass(frozen=True)
class Confirmed:
    """What is confirmed at one window; arrays of shape (n, 2).

    Attributes:
        family: uint8 `Family`; NONE where nothing is confirmed.
        level: uint8, highest confirmed level; 0 where nothing is confirmed.
    """

    family: NDArray[np.uint8]
    level: NDArray[np.uint8]


def confirm(codes: NDArray[np.uint8], *, lifecycle: bool) -> Confirmed:
    """Confirms the last of some adjacent windows.

    Args:
        codes: (H, n, 2) uint8 `Code`, oldest window first, H >= `CONFIRM_WINDOWS_WARN`.
        lifecycle: False for the plain two-in-a-row rule of ``--emit=matches``.
    """
    family = FAMILY_OF[codes[-1]]
    pair = codes[-CONFIRM_WINDOWS:]
    level = _level_in_common(pair, family)
    if lifecycle:
        # One level has its own N; all other levels are confirmed by the pair.
        warn = _level_in_common(codes[-CONFIRM_WINDOWS_WARN:], family)
        level = np.where((family == Family.FIBER) & (level < 2), np.minimum(warn, 1), level)
    return Confirmed(np.where(level > 0, family, 0).astype(np.uint8), level.astype(np.uint8))


def run_length(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Returns (n, 2) int64: windows in a row, up to the last, that decided its family.

    A run that fills all H windows may have begun before them.

    Args:
        codes: (H, n, 2) uint8 `Code`, oldest window first.
    """
    family = FAMILY_OF[codes]
    same = (family == family[-1]) & (family[-1] != Family.NONE)
    broken = ~same[::-1]
    return np.where(broken.any(axis=0), broken.argmax(axis=0), len(codes))


def _level_in_common(codes: NDArray[np.uint8], family: NDArray[np.uint8]) -> NDArray[np.uint8]:
    levels = np.where(FAMILY_OF[codes] == family, LEVEL_OF[codes], 0)
    level: NDArray[np.uint8] = levels.min(axis=0)
    return level
