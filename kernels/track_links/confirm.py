"""Confirmation: a level counts once enough adjacent windows in a row decided at least it.

Level k of family F is confirmed for a span at window w when each of the last N adjacent windows
up to w decided F at a level >= k: N = 2, but 10 for FIBER_DEGRADE_WARN. With ``--emit=matches``
N = 2 for every code (spec, section 6).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from schema.events import FAMILY_OF, LEVEL_OF, Family

__all__ = [
    "CONFIRM_WINDOWS",
    "CONFIRM_WINDOWS_WARN",
    "Confirmation",
    "Confirmed",
    "by_link",
    "confirm",
    "run_length",
]

#: N: windows in a row that confirm.
CONFIRM_WINDOWS = 2
#: N of FIBER_DEGRADE_WARN.
CONFIRM_WINDOWS_WARN = 10


@dataclass(frozen=True)
class Confirmed:
    """What is confirmed for the spans of n links at one window; arrays of shape (n, 2).

    Attributes:
        family: uint8 `Family`; NONE where nothing is confirmed.
        level: uint8, highest confirmed level; 0 where nothing is confirmed.
    """

    family: NDArray[np.uint8]
    level: NDArray[np.uint8]


@dataclass(frozen=True)
class Confirmation:
    """A family that is confirmed on a link at one window.

    Attributes:
        link: row of the link.
        family: `Family`.
        level: highest confirmed level over both spans.
        direction: bit mask of the spans that confirm it.
    """

    link: int
    family: int
    level: int
    direction: int


def confirm(codes: NDArray[np.uint8], *, lifecycle: bool) -> Confirmed:
    """Returns what is confirmed at the last of some adjacent windows.

    Args:
        codes: (H, n, 2) uint8 `Code`, oldest window first, H >= `CONFIRM_WINDOWS_WARN`.
        lifecycle: False for the plain two-in-a-row rule of ``--emit=matches``.
    """
    family = FAMILY_OF[codes[-1]]
    pair = codes[-CONFIRM_WINDOWS:]
    level = _level_in_common(pair, family)
    if lifecycle:
        # One level has an N of its own; the pair confirms all other levels.
        warn = _level_in_common(codes[-CONFIRM_WINDOWS_WARN:], family)
        level = np.where((family == Family.FIBER) & (level < 2), np.minimum(warn, 1), level)
    return Confirmed(np.where(level > 0, family, 0).astype(np.uint8), level.astype(np.uint8))


def by_link(
    rows: NDArray[np.int64], confirmed: Confirmed, is_new: NDArray[np.bool_]
) -> list[Confirmation]:
    """Returns what is confirmed on each link, both spans combined.

    Args:
        rows: (k,) rows of the links.
        confirmed: what is confirmed, arrays of shape (k, 2).
        is_new: (k, 2) bool; a family counts where it is new on at least one of its spans.
    """
    found = []
    for i in np.flatnonzero((is_new & (confirmed.level > 0)).any(axis=1)):
        families = confirmed.family[i]
        for family in sorted({int(f) for f in families[is_new[i]] if f}):
            spans = families == family
            found.append(
                Confirmation(
                    link=int(rows[i]),
                    family=family,
                    level=int(confirmed.level[i][spans].max()),
                    direction=int(spans[0]) + 2 * int(spans[1]),
                )
            )
    return found


def run_length(codes: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Returns (n, 2) int64: how many windows in a row, up to the last, decided its family.

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
