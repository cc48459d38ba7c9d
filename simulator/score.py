"""Compares the events of a run with the ground truth: found, missed and false alarms."""

import argparse
import json
import statistics
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from simulator.cli import Parser, existing_file
from simulator.fault_model import SECOND_NS, from_rfc3339, to_rfc3339

# Codes of a family from the lowest level to the highest.
_LEVELS = (
    "FIBER_DEGRADE_WARN",
    "FIBER_DEGRADE",
    "FIBER_DEGRADE_SEVERE",
    "FIBER_CUT",
    "UPSTREAM_POWER_LOSS",
    "SIGNAL_DEGRADE",
    "SIGNAL_LOSS_EQUIPMENT",
    "LINK_DARK",
    "OSC_LOSS",
    "TOPOLOGY_MISMATCH",
    "PM_DATA_MISSING",
    "SPAN_LOSS_OUT_OF_RANGE",
    "FIBER_JITTER",
)
_NAMED_AT_MOST = 20
PLAIN_WIDTH = 110


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as its events describe it: the highest code, the widest and the last direction."""

    alarm_id: str
    link_id: str
    code: str
    direction: str
    last_direction: str
    suppressed: bool
    onset_ns: int
    raised_ns: int
    # When the trouble was over; None where the events do not tell.
    ended_ns: int | None
    # None while the alarm is active.
    clear_reason: str | None
    raises: int
    clears: int

    def __str__(self) -> str:
        onset = to_rfc3339(self.onset_ns)
        hidden = ", suppressed" if self.suppressed else ""
        return f"{self.link_id} {self.code} {self.direction}{hidden}, onset {onset}"


@dataclass(frozen=True, slots=True)
class Finding:
    """The alarm found for an expected one, if any."""

    fault_id: str
    kind: str
    expected: str
    codes: tuple[str, ...]
    alarm: Alarm | None
    # Windows from the onset's to the one that raised the alarm, both counted.
    delay_windows: int | None
    # Windows from the end of the fault to the end that the CLEAR tells.
    end_off_windows: int | None
    # Alarms of one cause of a fault are one incident.
    cause: int = 0


@dataclass(frozen=True, slots=True)
class Score:
    """The outcome of a run."""

    findings: tuple[Finding, ...]
    false_alarms: tuple[Alarm, ...]

    @property
    def found(self) -> tuple[Finding, ...]:
        """Expected alarms that were raised."""
        return tuple(finding for finding in self.findings if finding.alarm)

    @property
    def missed(self) -> tuple[Finding, ...]:
        """Expected alarms that were not raised."""
        return tuple(finding for finding in self.findings if not finding.alarm)

    @property
    def raised_once(self) -> int:
        """Number of found alarms that were raised exactly once."""
        return sum(1 for f in self.found if f.alarm and f.alarm.raises == 1)

    @property
    def cleared_once(self) -> int:
        """Number of found alarms that were cleared exactly once."""
        return sum(1 for f in self.found if f.alarm and f.alarm.clears == 1)

    @property
    def is_perfect(self) -> bool:
        """Whether every expected alarm was found, and no other."""
        return not self.missed and not self.false_alarms

    def __rich__(self) -> Table:
        table = Table(title="Alarms by kind of fault", title_justify="left")
        table.add_column("fault", no_wrap=True)
        counts = ("expected", "found", "missed", "raised once", "cleared once")
        for column in (*counts, "delay [windows]", "longest"):
            table.add_column(column, justify="right")
        for kind in sorted({finding.kind for finding in self.findings}):
            of_kind = tuple(finding for finding in self.findings if finding.kind == kind)
            table.add_row(kind, *Score(of_kind, ())._cells())
        table.add_section()
        table.add_row("all", *self._cells(), style="bold")
        return table

    def _cells(self) -> list[str]:
        delays = [f.delay_windows for f in self.findings if f.delay_windows is not None]
        counts = (self.findings, self.found, self.missed)
        return [
            *(str(len(findings)) for findings in counts),
            str(self.raised_once),
            str(self.cleared_once),
            f"{statistics.median(delays):g}" if delays else "-",
            str(max(delays)) if delays else "-",
        ]


def score(events: Iterable[Mapping[str, Any]], truth: Iterable[Mapping[str, Any]]) -> Score:
    """Compares events with the truth.

    An expected alarm is found if an alarm with its link, direction and suppression has one of its
    codes as the highest, its onset during the fault, and its reason to clear, once it is cleared.
    Every other alarm is false.

    Args:
        events: CloudEvents; a repeated event counts once.
        truth: Faults as in a truth file.
    """
    alarms = _alarms(events)
    findings = []
    for fault in truth:
        for expected in fault["expected"]:
            alarm = next((a for a in alarms if _fits(a, fault, expected)), None)
            if alarm:
                alarms.remove(alarm)
            findings.append(_finding(fault, expected, alarm))
    return Score(tuple(findings), tuple(alarms))


def _alarms(events: Iterable[Mapping[str, Any]]) -> list[Alarm]:
    by_alarm: dict[str, dict[str, Mapping[str, Any]]] = {}
    for event in events:
        data = event["data"]
        by_alarm.setdefault(data["alarm_id"], {})[event["id"]] = data
    return [
        _alarm(sorted(steps.values(), key=lambda data: int(data["sequence"])))
        for steps in by_alarm.values()
    ]


def _alarm(steps: Sequence[Mapping[str, Any]]) -> Alarm:
    first, last = steps[0], steps[-1]
    directions = {data["direction"] for data in steps}
    return Alarm(
        alarm_id=first["alarm_id"],
        link_id=first["link"]["link_id"],
        code=max((data["code"] for data in steps), key=_LEVELS.index),
        direction=first["direction"] if len(directions) == 1 else "BOTH",
        last_direction=last["direction"],
        suppressed=all(data["suppressed"] for data in steps),
        onset_ns=from_rfc3339(first["onset_time"]),
        raised_ns=from_rfc3339(first["raised_time"]),
        ended_ns=from_rfc3339(last["ended_time"]) if last.get("ended_time") else None,
        clear_reason=last.get("clear_reason"),
        raises=sum(data["action"] == "RAISE" for data in steps),
        clears=sum(data["action"] == "CLEAR" for data in steps),
    )


def _fits(alarm: Alarm, fault: Mapping[str, Any], expected: Mapping[str, Any]) -> bool:
    first_window_ns = _window_ns(fault["onset_time"])
    return (
        alarm.link_id == expected["link_id"]
        and alarm.code in expected["codes"]
        and alarm.direction == expected["direction"]
        and expected["last_direction"] in (None, alarm.last_direction)
        and alarm.suppressed == expected["suppressed"]
        and alarm.clear_reason in (None, expected["clear_reason"])
        and first_window_ns <= alarm.onset_ns <= from_rfc3339(fault["end_time"])
    )


def _finding(fault: Mapping[str, Any], expected: Mapping[str, Any], alarm: Alarm | None) -> Finding:
    hidden = ", suppressed" if expected["suppressed"] else ""
    codes = tuple(expected["codes"])
    finding = Finding(
        fault_id=fault["fault_id"],
        kind=fault["kind"],
        expected=f"{expected['link_id']} {' or '.join(codes)} {expected['direction']}{hidden}",
        codes=codes,
        alarm=alarm,
        delay_windows=None,
        end_off_windows=None,
        cause=expected.get("cause", 0),
    )
    if alarm is None:
        return finding
    delay_ns = alarm.raised_ns - _window_ns(expected["since_time"])
    finding = replace(finding, delay_windows=delay_ns // SECOND_NS)
    if alarm.ended_ns is None or expected["clear_reason"] != "NORMAL":
        return finding
    off_ns = alarm.ended_ns - _window_ns(fault["end_time"])
    return replace(finding, end_off_windows=off_ns // SECOND_NS)


def _window_ns(time: str) -> int:
    """Returns the start of the second of an instant."""
    time_ns = from_rfc3339(time)
    return time_ns - time_ns % SECOND_NS


def read_json_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Reads the objects of a JSON lines file.

    Raises:
        ValueError: A line is not a JSON object.
    """
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                try:
                    parsed = json.loads(line)
                except json.JSONDecodeError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from error
                if not isinstance(parsed, dict):
                    raise ValueError(f"{path}, line {number}: not an object")
                yield parsed


def main(argv: list[str] | None = None) -> int:
    """Prints the score of an events file; returns 0 if it is perfect, otherwise 1."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        result = score(read_json_lines(options.events_file), read_json_lines(options.truth_file))
    except ValueError as error:
        parser.error(str(error))
    except KeyError as error:
        parser.error(f"an event or a fault lacks {error}")
    console = Console()
    if not console.is_terminal:
        console.width = PLAIN_WIDTH
    console.print(result)
    lines = [f"missed: {f.expected} ({f.fault_id}, {f.kind})" for f in result.missed]
    lines += [f"false: {alarm}" for alarm in result.false_alarms]
    for line in lines[:_NAMED_AT_MOST]:
        console.print(line, highlight=False)
    if len(lines) > _NAMED_AT_MOST:
        console.print(f"and {len(lines) - _NAMED_AT_MOST} more")
    return 0 if result.is_perfect else 1


def _parser() -> argparse.ArgumentParser:
    parser = Parser("simulator.score", __doc__)
    parser.add_argument(
        "--events_file", type=existing_file, required=True, help="CloudEvents, one a line"
    )
    parser.add_argument(
        "--truth_file",
        type=existing_file,
        required=True,
        help="faults, as the simulator wrote them",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
