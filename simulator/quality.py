"""Sums up the scores of many runs: by code, by kind of fault, and on a quiet network."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simulator.score import Score
from simulator.score_incidents import IncidentScore

_DAY_S = 86_400
_NONE = "-"
#: Where a false alarm is counted that strikes a link without a fault.
NO_FAULT = "(no fault)"


@dataclass(frozen=True, slots=True)
class Run:
    """The scores of a run, and the truth that it was held against."""

    score: Score
    incidents: IncidentScore
    truth: Sequence[Mapping[str, Any]]

    def kinds_of_links(self) -> dict[str, str]:
        """Returns, by link id, the kind of the fault that touches it."""
        return {
            link: fault["kind"]
            for fault in self.truth
            for link in (
                *fault["link_ids"],
                *(alarm["link_id"] for alarm in fault["expected"]),
            )
        }


@dataclass(frozen=True, slots=True)
class Tally:
    """How well the alarms of one code, or of one kind of fault, were found.

    Attributes:
        expected: alarms that had to be raised.
        false: alarms that had not.
        delays: of each one found, in windows.
        ends_off: windows between the true end and the one told, where a CLEAR tells it.
    """

    expected: int = 0
    false: int = 0
    delays: tuple[int, ...] = ()
    ends_off: tuple[int, ...] = ()

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.expected + other.expected,
            self.false + other.false,
            self.delays + other.delays,
            self.ends_off + other.ends_off,
        )

    @property
    def found(self) -> int:
        """How many of the expected alarms were raised."""
        return len(self.delays)

    @property
    def precision(self) -> float | None:
        """Share of the alarms that had to be raised; None if there is no alarm."""
        alarms = self.found + self.false
        return self.found / alarms if alarms else None

    @property
    def recall(self) -> float | None:
        """Share of the expected alarms that were raised; None if none is expected."""
        return self.found / self.expected if self.expected else None


@dataclass(frozen=True, slots=True)
class Quiet:
    """The alarms of networks without faults, in one condition.

    Attributes:
        condition: its name.
        link_seconds: links times seconds watched.
        steps: how often launched and received power of a span moved together.
        false: alarms by code.
        right: how many alarms say what is so, see `quiet`.
    """

    condition: str
    link_seconds: int
    steps: int
    false: Counter[str]
    right: int

    @property
    def per_link_and_day(self) -> float:
        """False alarms per link and day."""
        return self.false.total() * _DAY_S / self.link_seconds

    @property
    def per_thousand_steps(self) -> float:
        """False alarms for each thousand steps of the power."""
        return self.false.total() * 1000 / self.steps


def by_code(runs: Iterable[Run]) -> dict[str, Tally]:
    """Returns a tally for each code, in order of the codes.

    An alarm is counted under the code that it reached, a missed one under those it could have.
    """
    tallies: dict[str, Tally] = {}
    for run in runs:
        for finding in run.score.findings:
            code = finding.alarm.code if finding.alarm else " or ".join(finding.codes)
            _add(tallies, code, _of(finding.delay_windows, finding.end_off_windows))
        for alarm in run.score.false_alarms:
            _add(tallies, alarm.code, Tally(false=1))
    return dict(sorted(tallies.items()))


def by_kind(runs: Iterable[Run]) -> dict[str, Tally]:
    """Returns a tally for each kind of fault that there was, in order of the kinds.

    A false alarm is counted under the kind of the fault on its link.
    """
    tallies: dict[str, Tally] = {}
    for run in runs:
        for fault in run.truth:
            _add(tallies, fault["kind"], Tally())
        for finding in run.score.findings:
            _add(tallies, finding.kind, _of(finding.delay_windows, finding.end_off_windows))
        kinds = run.kinds_of_links()
        for alarm in run.score.false_alarms:
            _add(tallies, kinds.get(alarm.link_id, NO_FAULT), Tally(false=1))
    return dict(sorted(tallies.items()))


def quiet(condition: str, runs: Sequence[Run], link_seconds: int, right: str = "") -> Quiet:
    """Sums up runs in which nothing is wrong.

    Args:
        condition: the name of what they have in common.
        runs: each of their faults is a step of the power, and another one back.
        link_seconds: links times seconds of all of them.
        right: a code that is true in this condition.
    """
    codes = Counter(alarm.code for run in runs for alarm in run.score.false_alarms)
    steps = 2 * sum(len(run.truth) for run in runs)
    true = codes.pop(right, 0)
    return Quiet(condition, link_seconds, steps, codes, true)


def tally_table(title: str, tallies: Mapping[str, Tally]) -> str:
    """Returns tallies as a Markdown table, with a line for all of them."""
    lines = [
        f"| {title} | expected | found | missed | false | precision | recall "
        "| delay, median | worst | end off by, worst |",
        "|---|" + "---:|" * 9,
    ]
    lines += [_line(name, tally) for name, tally in tallies.items()]
    lines.append(_line("**all**", sum(tallies.values(), Tally())))
    return "\n".join(lines) + "\n"


def incident_table(runs: Sequence[Run]) -> str:
    """Returns by kind of fault how incidents were found, as a Markdown table, and how many."""
    scores = [run.incidents for run in runs]
    columns = [
        sum((Counter(getattr(score, name)) for score in scores), Counter[str]())
        for name in ("expected", "found", "merged", "parted")
    ]
    lines = [
        "| kind | expected | found | wrongly merged | wrongly parted |",
        "|---|" + "---:|" * len(columns),
    ]
    for kind in sorted(columns[0]):
        lines.append(f"| {kind} | {' | '.join(str(column[kind]) for column in columns)} |")
    lines.append(f"| **all** | {' | '.join(str(column.total()) for column in columns)} |")
    num_alarms = sum(score.num_alarms for score in scores)
    num_incidents = sum(score.num_incidents for score in scores)
    ratio = f": {num_alarms / num_incidents:.2f} alarms an incident" if num_incidents else ""
    return "\n".join(lines) + f"\n\n{num_alarms} alarms in {num_incidents} incidents{ratio}.\n"


def quiet_table(quiets: Iterable[Quiet]) -> str:
    """Returns what happened on quiet networks as a Markdown table."""
    lines = [
        "| condition | link-days | steps | false alarms | per link and day | per 1,000 steps "
        "| of them | rightly PM_DATA_MISSING |",
        "|---|---:|---:|---:|---:|---:|---|---:|",
    ]
    for of in quiets:
        codes = ", ".join(f"{code} {count}" for code, count in sorted(of.false.items()))
        lines.append(
            f"| {of.condition} | {of.link_seconds / _DAY_S:.2f} | {of.steps} "
            f"| {of.false.total()} | {of.per_link_and_day:.2f} | {of.per_thousand_steps:.2f} "
            f"| {codes or _NONE} | {of.right} |"
        )
    return "\n".join(lines) + "\n"


def _add(tallies: dict[str, Tally], name: str, more: Tally) -> None:
    tallies[name] = tallies.get(name, Tally()) + more


def _of(delay: int | None, end_off: int | None) -> Tally:
    """Returns the tally of one expected alarm."""
    return Tally(
        expected=1,
        delays=() if delay is None else (delay,),
        ends_off=() if end_off is None else (end_off,),
    )


def _line(name: str, tally: Tally) -> str:
    cells = [
        name,
        str(tally.expected),
        str(tally.found),
        str(tally.expected - tally.found),
        str(tally.false),
        _share(tally.precision),
        _share(tally.recall),
        f"{statistics.median(tally.delays):g}" if tally.delays else _NONE,
        str(max(tally.delays)) if tally.delays else _NONE,
        str(max(tally.ends_off, key=abs)) if tally.ends_off else _NONE,
    ]
    return "| " + " | ".join(cells) + " |"


def _share(share: float | None) -> str:
    return _NONE if share is None else f"{share:.3f}"
