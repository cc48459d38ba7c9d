"""Cells: all that one window decided about one span, in 16 bits.

| bits  | what                                                             |
|-------|------------------------------------------------------------------|
| 0-3   | `Code` of the first true row                                     |
| 4-6   | FIBER hold level, `NOT_COUNTING` = the window does not count     |
| 7     | the link was evaluated: some sample of it fell into the window   |
| 8-10  | where the loss is, `RANGE_UNKNOWN` and so on                     |
| 11-14 | flags of the span, `TX_MISSING` and so on                        |
"""

import numpy as np
from numpy.typing import NDArray

from kernels.track_links.decide import (
    NOT_COUNTING,
    RANGE_HIGH,
    RANGE_INSIDE,
    RANGE_UNKNOWN,
    Decisions,
)
from kernels.track_links.powers import IN_MAINT, OUT_OF_SERVICE, RX_MISSING, TX_MISSING
from schema.events import FAMILY_OF, LEVEL_OF, Code, Family

__all__ = [
    "EMPTY_CELL",
    "NORMAL_CELL",
    "cells_of",
    "codes_in",
    "decided_in",
    "flags_in",
    "holds_in",
    "in_maint",
    "is_evaluated",
    "is_sound",
    "ranges_in",
]

_CODE_MASK, _HOLD_SHIFT, _HOLD_MASK, _EVALUATED = 0x0F, 4, 0x07, 0x80
_RANGE_SHIFT, _RANGE_MASK, _FLAGS_SHIFT = 8, 0x07, 11
#: Cell of a window in which a link was not evaluated.
EMPTY_CELL = np.uint16(Code.NO_DATA | NOT_COUNTING << _HOLD_SHIFT | RANGE_UNKNOWN << _RANGE_SHIFT)
#: Cell of a link that is plainly normal.
NORMAL_CELL = np.uint16(Code.NORMAL | _EVALUATED | RANGE_INSIDE << _RANGE_SHIFT)

#: Hold level of (family, code) for the families whose hold level follows from the code.
_HOLD_OF_CODE = np.array(
    [
        [
            NOT_COUNTING if code == Code.NO_DATA else LEVEL_OF[code] * (FAMILY_OF[code] == family)
            for code in Code
        ]
        for family in Family
    ],
    dtype=np.uint8,
)
_HOLD_OF_CODE[Family.JITTER] = [
    NOT_COUNTING if code == Code.NO_DATA else FAMILY_OF[code] == Family.FIBER for code in Code
]
_HOLD_OF_RANGE = np.array([NOT_COUNTING, 0, 1, 1, 1, 0, 0, 0], np.uint8)

Cells = NDArray[np.uint16]


def cells_of(decided: Decisions, flags: NDArray[np.uint8]) -> Cells:
    """Returns (n, 2) the cells of an evaluated window.

    Args:
        decided: what the spans decide.
        flags: (n, 2) see `TX_MISSING`.
    """
    parts = (
        (decided.code, 0),
        (decided.fiber_hold, _HOLD_SHIFT),
        (decided.span_range, _RANGE_SHIFT),
        (flags, _FLAGS_SHIFT),
    )
    cells = np.full(decided.code.shape, _EVALUATED, np.uint16)
    for part, shift in parts:
        cells |= part.astype(np.uint16) << np.uint16(shift)
    return cells


def codes_in(cells: Cells) -> NDArray[np.uint8]:
    """Returns the `Code` of the first true row."""
    return (cells & _CODE_MASK).astype(np.uint8)


def ranges_in(cells: Cells) -> NDArray[np.uint8]:
    """Returns where the loss is."""
    return (cells >> _RANGE_SHIFT & _RANGE_MASK).astype(np.uint8)


def flags_in(cells: Cells) -> NDArray[np.uint8]:
    """Returns the flags of the span."""
    return (cells >> _FLAGS_SHIFT).astype(np.uint8)


def is_evaluated(cells: Cells) -> NDArray[np.bool_]:
    """Returns whether the link was evaluated."""
    evaluated: NDArray[np.bool_] = (cells & _EVALUATED) != 0
    return evaluated


def is_sound(cells: Cells) -> NDArray[np.bool_]:
    """Returns whether nothing was decided that an alarm could be made of."""
    codes, flags = codes_in(cells), flags_in(cells)
    missing = (flags & (TX_MISSING | RX_MISSING)) != 0
    sound: NDArray[np.bool_] = (codes <= Code.NORMAL) & ~missing & (ranges_in(cells) < RANGE_HIGH)
    return sound


def _is_data_missing(cells: Cells) -> NDArray[np.bool_]:
    """Returns whether DATA is decided; a span out of service misses none."""
    flags = flags_in(cells)
    missing = (flags & (TX_MISSING | RX_MISSING)) != 0
    served: NDArray[np.bool_] = (flags & OUT_OF_SERVICE) == 0
    decided: NDArray[np.bool_] = missing & served
    return decided


def decided_in(
    cells: Cells,
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.bool_]]:
    """Returns family, level, and whether the window says anything, of row, DATA and RANGE.

    Args:
        cells: (k, 2).

    Returns:
        Three arrays of shape (k, 3, 2).
    """
    codes = codes_in(cells)
    missing = _is_data_missing(cells)
    outside = ranges_in(cells) >= RANGE_HIGH
    has_data = codes != Code.NO_DATA
    family = np.stack((FAMILY_OF[codes], missing * Family.DATA, outside * Family.RANGE), axis=1)
    level = np.stack((LEVEL_OF[codes], missing, outside), axis=1)
    is_told = np.stack((has_data, is_evaluated(cells), has_data), axis=1)
    return family.astype(np.uint8), level.astype(np.uint8), is_told


def holds_in(cells: Cells, family: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Returns the hold levels of spans in a family; `NOT_COUNTING` = the window does not count.

    Args:
        cells: (..., m, 2).
        family: (m,) `Family` of each link's cells.
    """
    wide = np.broadcast_to(family[:, None], cells.shape)
    holds = np.select(
        [wide == Family.FIBER, wide == Family.DATA, wide == Family.RANGE],
        [
            (cells >> _HOLD_SHIFT & _HOLD_MASK).astype(np.uint8),
            np.where(is_evaluated(cells), _is_data_missing(cells), NOT_COUNTING).astype(np.uint8),
            _HOLD_OF_RANGE[ranges_in(cells)],
        ],
        default=_HOLD_OF_CODE[wide, codes_in(cells)],
    )
    return np.where((flags_in(cells) & OUT_OF_SERVICE) != 0, 0, holds).astype(np.uint8)


def in_maint(cells: Cells) -> NDArray[np.bool_]:
    """Returns whether a component that counts is in admin state MAINT."""
    maint: NDArray[np.bool_] = (flags_in(cells) & IN_MAINT) != 0
    return maint
