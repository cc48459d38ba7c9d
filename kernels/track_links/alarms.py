"""The open alarms of a shard, and when they are due to fall (spec, section 6).

There is one open alarm per link and family. What the past contributes to an alarm is kept in two
parts. The windows still in the history are looked at each time, so that a late window counts as
what it is. Older windows are folded into a few numbers as they leave the history.

A window counts towards a clear when every span that the alarm's direction names has a measured
hold level. When enough counting windows in a row hold below the alarm's level, it falls to the
highest hold level among them, and counting starts again; at 0 it clears. In other words, it falls
to the lowest level below its own that enough counting windows in a row have not held above.
"""

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import new_places
from kernels.track_links.decide import NOT_COUNTING, NUM_LEVELS
from kernels.track_links.history import History, Rows
from schema.events import FAMILY_OF, LEVEL_OF, Action, Code, Family, FiberEvent, Severity
from schema.times import NEVER

__all__ = ["ALARM", "CLEAR_WINDOWS", "CLEAR_WINDOWS_WARN", "Alarms"]

#: M: counting windows in a row that make an alarm fall.
CLEAR_WINDOWS = 10
#: M while an alarm stands at FIBER_DEGRADE_WARN.
CLEAR_WINDOWS_WARN = 30

#: An open alarm; windows are numbers.
ALARM = np.dtype(
    [
        ("link", "i4"),  # row of the link
        ("family", "u1"),
        ("level", "u1"),
        ("direction", "u1"),  # bits: 1 = AZ, 2 = ZA
        ("severity", "u1"),  # of the last event
        ("suppressed", "?"),  # the last event was
        ("sequence", "u4"),  # of the last event
        ("onset", "i8"),
        ("raised", "i8"),
        ("changed", "i8"),  # NEVER before the first change
        ("anchor", "i8"),  # counting starts after this window: last raise, rise or fall
        ("last", "i8"),  # window of the last event
        # By direction mask and hold level h: newest counting windows in a row that hold <= h.
        ("folded_count", "u1", (4, NUM_LEVELS)),
        ("folded_peak_db", "f8", (2,)),  # largest delta since onset, NaN = none
    ]
)

#: Direction masks: AZ, ZA, both.
_DIRECTION_MASKS = (1, 2, 3)
#: Hold level of (family, code) for the families whose hold is what the window decided.
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


class Alarms:
    """The open alarms of a shard's links."""

    def __init__(self, table: NDArray[np.void] | None = None) -> None:
        """Starts with a table of dtype `ALARM`, one row per open alarm; None = no alarm."""
        self._room = np.empty(0, ALARM) if table is None else table
        self._number = len(self._room)
        self._row_of: dict[tuple[int, int], int] | None = None

    @property
    def table(self) -> NDArray[np.void]:
        """The open alarms; writing to a row changes the alarm."""
        return self._room[: self._number]

    @table.setter
    def table(self, table: NDArray[np.void]) -> None:
        self._room, self._number, self._row_of = table, len(table), None

    def find(self, link: int, family: int) -> int | None:
        """Returns the row of the open alarm of a link and family."""
        if self._row_of is None:
            keys = zip(self.table["link"].tolist(), self.table["family"].tolist(), strict=True)
            self._row_of = {key: row for row, key in enumerate(keys)}
        return self._row_of.get((link, family))

    def open(self, link: int, family: int, onset: int, window: int) -> int:
        """Appends an alarm and returns its row; the caller sets level and direction."""
        row = self._number
        if row == len(self._room):
            self._room = np.concatenate((self._room, np.zeros(max(row, 16), ALARM)))
        alarm = np.zeros(1, ALARM)
        alarm["link"], alarm["family"], alarm["onset"] = link, family, onset
        alarm["raised"] = window
        alarm["changed"] = NEVER
        alarm["folded_peak_db"] = np.nan
        self._room[row] = alarm[0]
        self._number += 1
        if self._row_of is not None:
            self._row_of[link, family] = row
        return row

    def restart_count(self, row: int, window: int) -> None:
        """Lets the count towards a fall begin after a window."""
        alarm = self.table[row]
        alarm["anchor"] = window
        alarm["folded_count"] = 0

    def note_event(self, row: int, event: FiberEvent) -> None:
        """Writes into an alarm what its newest event says of it."""
        alarm = self.table[row]
        alarm["sequence"] = event.sequence
        alarm["severity"] = event.severity
        alarm["suppressed"] = event.suppressed
        alarm["last"] = event.window
        if event.action == Action.CHANGE:
            alarm["changed"] = event.window

    def close(self, rows: list[int]) -> None:
        """Removes alarms."""
        if rows:
            self.table = np.delete(self.table, rows)

    def open_by_severity(self) -> dict[Severity, int]:
        """Returns how many are open of each severity, suppressed ones included."""
        numbers = np.bincount(self.table["severity"], minlength=len(Severity) + 1)
        return {severity: int(numbers[severity]) for severity in Severity}

    def rearrange(self, source: Rows) -> None:
        """Gives the links new rows, by new row the old one or -1; drops alarms of other links."""
        num_old = int(max(self.table["link"].max(initial=-1), source.max(initial=-1))) + 1
        table = self.table.copy()
        table["link"] = new_places(source, num_old)[table["link"]]
        self.table = table[table["link"] >= 0]

    def fold_oldest(self, history: History) -> None:
        """Folds the window that is about to leave the history."""
        oldest = history.oldest
        counting = self.table["anchor"] < oldest
        if counting.any():
            holds = self._holds(history, oldest, np.flatnonzero(counting))[:1]
            alarms = self.table[counting]
            for mask in _DIRECTION_MASKS:
                below, reset = _judge(holds, np.uint8(mask))
                count = alarms["folded_count"][:, mask]
                # More than the limit says no more than the limit.
                more = np.minimum(count + below[0], CLEAR_WINDOWS_WARN)
                alarms["folded_count"][:, mask] = np.where(reset[0], 0, more)
            self.table[counting] = alarms
        rows = np.flatnonzero(self.table["onset"] <= oldest)
        if len(rows):
            peak_db = self.table["folded_peak_db"]
            delta_db = history.delta_db(oldest, self.table["link"][rows].astype(np.int64))
            peak_db[rows] = np.fmax(peak_db[rows], delta_db)

    def due_to_fall(self, history: History, window: int, rows: Rows) -> list[tuple[int, int]]:
        """Returns (row, new level) of the alarms whose count is full at a window.

        Args:
            history: the decisions as they stand.
            window: the count goes up to this window.
            rows: the alarms to look at.
        """
        if not len(rows):
            return []
        alarms = self.table[rows]
        holds = self._holds(history, window, rows)
        below, reset = _judge(holds, alarms["direction"])
        number = np.arange(len(holds))[:, None, None]
        counted = history.oldest + number > alarms["anchor"][:, None]
        last_reset = np.where(reset & counted, number, -1).max(axis=0)
        count = (below & counted & (number > last_reset)).sum(axis=0)
        folded = alarms["folded_count"][np.arange(len(rows)), alarms["direction"]]
        count += np.where(last_reset < 0, folded, 0)
        at_warn = (alarms["family"] == Family.FIBER) & (alarms["level"] == 1)
        needed = np.where(at_warn, CLEAR_WINDOWS_WARN, CLEAR_WINDOWS)[:, None]
        due = (count >= needed) & (np.arange(NUM_LEVELS) < alarms["level"][:, None])
        return [(int(rows[i]), int(due[i].argmax())) for i in np.flatnonzero(due.any(axis=1))]

    def _holds(self, history: History, window: int, rows: Rows) -> NDArray[np.uint8]:
        """Returns (H', m, 2) hold levels of the alarms' families; NOT_COUNTING = none."""
        alarms = self.table[rows]
        codes = history.codes(window, alarms["link"])
        of_code = _HOLD_OF_CODE[alarms["family"][None, :, None], codes]
        is_fiber = alarms["family"][None, :, None] == Family.FIBER
        return np.where(is_fiber, history.fiber_holds(window, alarms["link"]), of_code)


def _judge(
    holds: NDArray[np.uint8], direction: np.uint8 | NDArray[np.uint8]
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Returns by window, alarm and level h: it counts and holds <= h; it counts and holds > h."""
    mask = np.asarray(direction)
    named = np.stack(np.broadcast_arrays((mask & 1) != 0, (mask & 2) != 0), axis=-1)
    counts = np.all(~named | (holds != NOT_COUNTING), axis=-1)[..., None]
    below = np.where(named, holds, 0).max(axis=-1)[..., None] <= np.arange(NUM_LEVELS)
    return counts & below, counts & ~below
