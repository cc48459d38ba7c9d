"""The open alarms of a shard, and when their spans are due to fall (spec, section 6).

There is one open alarm per link and family; each of its spans stands at a level by itself. What the
past contributes is kept in two parts. The windows still in the history are looked at each time, so
that a late window counts as what it is. Older windows are folded into a few numbers as they leave
the history.

A span falls when enough counting windows in a row, behind its last rise or fall, all hold below its
level: to the highest hold level among them, and counting starts again. In other words, it falls to
the lowest level below its own that enough counting windows in a row have not held above.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kernels.arrays import new_places
from kernels.track_links.cells import holds_in
from kernels.track_links.decide import NOT_COUNTING, NUM_LEVELS
from kernels.track_links.history import History, Rows
from schema.events import Action, Family, FiberEvent, Severity
from schema.times import NEVER

__all__ = ["ALARM", "CLEAR_WINDOWS", "Alarms", "Fall", "direction_of", "level_of"]

#: M where it is not 10: counting windows in a row that let a span fall from a level of a family.
_CLEAR_WINDOWS = {(Family.FIBER, 1): 30, (Family.DATA, 1): 5, (Family.JITTER, 1): 60}
_PLAIN_CLEAR_WINDOWS = 10
#: M by family and level.
CLEAR_WINDOWS = np.full((len(Family), NUM_LEVELS + 1), _PLAIN_CLEAR_WINDOWS)
for (_family, _level), _windows in _CLEAR_WINDOWS.items():
    CLEAR_WINDOWS[_family, _level] = _windows

#: An open alarm; windows are numbers.
ALARM = np.dtype(
    [
        ("link", "i4"),  # row of the link
        ("family", "u1"),
        ("severity", "u1"),  # of the last event
        ("suppressed", "?"),  # the last event was
        ("all_suppressed", "?"),  # every event was
        ("problem", "u1"),  # of DATA and RANGE, what the last event that a rise made said
        ("sequence", "u4"),  # of the last event
        ("onset", "i8"),
        ("raised", "i8"),
        ("changed", "i8"),  # NEVER before the first change
        ("last", "i8"),  # window of the last event
        # By span:
        ("level", "u1", (2,)),  # at which it stands
        ("anchor", "i8", (2,)),  # counting starts after this window: last rise or fall
        # By hold level h: newest counting windows in a row that hold <= h.
        ("folded_count", "u1", (2, NUM_LEVELS)),
        ("folded_first", "i8", (2,)),  # the first of those that hold 0
        ("folded_peak_db", "f8", (2,)),  # largest delta since onset, NaN = none
    ]
)


class Fall(NamedTuple):
    """A span whose count is full.

    Attributes:
        row: of the alarm.
        span: 0 = AZ, 1 = ZA.
        level: the level that it falls to.
        first: the first window of the count, where it falls to 0.
    """

    row: int
    span: int
    level: int
    first: int


def level_of(levels: NDArray[np.uint8]) -> int:
    """Returns the level of an alarm by those at which its spans stand."""
    return int(levels.max())


def direction_of(levels: NDArray[np.uint8]) -> int:
    """Returns the direction of an alarm, a bit mask: the spans that stand."""
    return int(levels[0] > 0) + 2 * int(levels[1] > 0)


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

    def standing(self, rows: Rows, family: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Returns the levels at which spans of some links stand.

        Args:
            rows: (k,) rows of the links.
            family: (k, K, 2) `Family`.

        Returns:
            (k, K, 2), 0 where no alarm is open.
        """
        levels = np.zeros((len(rows), len(Family), 2), np.uint8)
        if self._number:
            table = self.table
            place = np.full(max(int(table["link"].max()), int(rows.max(initial=-1))) + 1, -1)
            place[rows] = np.arange(len(rows))
            at = place[table["link"]]
            here = np.flatnonzero(at >= 0)
            levels[at[here], table["family"][here]] = table["level"][here]
        link, _, span = np.ogrid[: len(rows), : family.shape[1], :2]
        of_family: NDArray[np.uint8] = levels[link, family, span]
        return of_family

    def open(self, link: int, family: int, onset: int, window: int) -> int:
        """Appends an alarm of which no span stands yet, and returns its row."""
        row = self._number
        if row == len(self._room):
            self._room = np.concatenate((self._room, np.zeros(max(row, 16), ALARM)))
        alarm = np.zeros(1, ALARM)
        alarm["link"], alarm["family"], alarm["onset"] = link, family, onset
        alarm["raised"] = window
        alarm["changed"] = NEVER
        alarm["all_suppressed"] = True
        alarm["folded_peak_db"] = np.nan
        self._room[row] = alarm[0]
        self._number += 1
        if self._row_of is not None:
            self._row_of[link, family] = row
        return row

    def stand(self, row: int, span: int, level: int, window: int) -> None:
        """Lets a span stand at another level; counting starts behind the window."""
        alarm = self.table[row]
        alarm["level"][span] = level
        alarm["anchor"][span] = window
        alarm["folded_count"][span] = 0

    def note_event(self, row: int, event: FiberEvent) -> None:
        """Writes into an alarm what its newest event says of it."""
        alarm = self.table[row]
        alarm["sequence"] = event.sequence
        alarm["severity"] = event.severity
        alarm["suppressed"] = event.suppressed
        alarm["all_suppressed"] &= event.suppressed
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
        alarms = self.table
        counting = (alarms["level"] > 0) & (alarms["anchor"] < oldest)  # (m, 2)
        if counting.any():
            holds = holds_in(history.at(oldest, alarms["link"]), alarms["family"])[..., None]
            counts = counting[..., None] & (holds != NOT_COUNTING)
            below = counts & (holds <= np.arange(NUM_LEVELS))
            count = alarms["folded_count"]
            begins = below[..., 0] & (count[..., 0] == 0)
            alarms["folded_first"] = np.where(begins, oldest, alarms["folded_first"])
            # More than the limit says no more than the limit.
            more = np.minimum(count + below, CLEAR_WINDOWS.max())
            alarms["folded_count"] = np.where(counts & ~below, 0, more)
        oldest_read = history.oldest_read
        rows = np.flatnonzero(alarms["onset"] <= oldest_read)
        if len(rows):
            peak_db = alarms["folded_peak_db"]
            delta_db = history.delta_db(oldest_read, alarms["link"][rows].astype(np.int64))
            peak_db[rows] = np.fmax(peak_db[rows], delta_db)

    def due_to_fall(self, history: History, window: int, rows: Rows) -> list[Fall]:
        """Returns the spans whose count is full at a window.

        A count that was full before the newest window only lets a span fall if its row of counting
        windows goes on to the newest.

        Args:
            history: the decisions as they stand.
            window: the count goes up to this window.
            rows: the alarms to look at.
        """
        if not len(rows):
            return []
        alarms = self.table[rows]
        family, level, anchor = alarms["family"], alarms["level"], alarms["anchor"]
        holds = holds_in(history.cells[:, alarms["link"]], family)  # (H, m, 2)
        number = np.arange(len(holds))[:, None, None]
        position = history.position(window)
        counts = (holds != NOT_COUNTING) & (history.oldest + number > anchor)
        stays = counts & (holds >= level)
        goes_on = ~stays[position + 1 :].any(axis=0)
        counts[position + 1 :] = False
        below = counts[..., None] & (holds[..., None] <= np.arange(NUM_LEVELS))
        last_reset = np.where(counts[..., None] & ~below, number[..., None], -1).max(axis=0)
        below &= number[..., None] > last_reset
        folded = np.where(last_reset < 0, alarms["folded_count"], 0)
        count = below.sum(axis=0) + folded  # (m, 2, levels)
        needed = CLEAR_WINDOWS[family[:, None], level]
        due = count >= needed[..., None]
        due &= np.arange(NUM_LEVELS) < level[..., None]
        due &= goes_on[..., None]
        found = []
        for i, span in np.argwhere(due.any(axis=-1)).tolist():
            has_folded = folded[i, span, 0] > 0
            first = history.oldest + int(below[:, i, span, 0].argmax())
            found.append(
                Fall(
                    row=int(rows[i]),
                    span=span,
                    level=int(due[i, span].argmax()),
                    first=int(alarms["folded_first"][i, span]) if has_folded else first,
                )
            )
        return found
