"""Results as tables: on the screen, and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.growth import Point
from benchmarks.measure import CatchUp, Paced
from benchmarks.summary import Ratio, Round, Spread, Summary, ratio, summarize


@dataclass(frozen=True)
class Table:
    """Rows of text under column titles; the first column names the row."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    def show(self, console: Console) -> None:
        """Prints the table."""
        table = RichTable(title=self.title, title_justify="left")
        for number, column in enumerate(self.columns):
            table.add_column(column, justify="right" if number else "left")
        for row in self.rows:
            table.add_row(*row)
        console.print(table)

    def markdown(self) -> str:
        """Returns the table as Markdown."""
        align = ["---", *["---:"] * (len(self.columns) - 1)]
        lines = [self.columns, align, *self.rows]
        body = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        return f"## {self.title}\n\n{body}\n"


def throughput(rounds: Sequence[Round], rivals: Iterable[str]) -> Table:
    """Returns the results of each rival over all rounds."""
    rows = []
    for rival in rivals:
        runs = [one[rival] for one in rounds if rival in one]
        summary = summarize(rounds, rival)
        if summary:
            rows.append(_summary_row(summary, runs[-1]))
        else:
            why = runs[-1].failed or "" if runs else "did not run"
            rows.append([rival, f"failed: {why.splitlines()[0]}", *[""] * 7])
    columns = [
        *("rival", "load", "values/s", "ports/s", "CPU s per M values", "broker CPU s per M"),
        *("peak MB", "checkpoints", "events"),
    ]
    return Table("A full topic, read to the end: median (least to most)", columns, rows)


def _summary_row(summary: Summary, last: CatchUp) -> list[str]:
    failed = f"; {len(summary.failures)} rounds failed" if summary.failures else ""
    events = last.events
    assert events is not None
    return [
        summary.rival,
        f"{summary.ports:,} ports, {summary.seconds_of_load} s",
        _spread(summary.values_per_s, ",.0f"),
        _spread(summary.ports_per_s, ",.0f"),
        _spread(summary.cpu_s_per_million, ".2f"),
        f"{summary.broker_cpu_s_per_million.median:.2f}",
        f"{summary.peak_memory_mb.median:,.0f}",
        _checkpoints(last),
        f"{events.found:,} of {events.expected:,}{failed}",
    ]


def _checkpoints(run: CatchUp) -> str:
    told = run.checkpoints
    if told is None:
        return "-"
    return f"{told.completed}, {told.size_mb:.1f} MB, {told.median_ms:.0f} ms"


def _spread(spread: Spread, form: str) -> str:
    if spread.least == spread.most:
        return f"{spread.median:{form}}"
    return f"{spread.median:{form}} ({spread.least:{form}} to {spread.most:{form}})"


def ratios(rounds: Sequence[Round], ours: str, rivals: Iterable[str]) -> Table:
    """Returns how the event center compares with each rival."""
    found = [ratio(rounds, ours, rival) for rival in rivals if rival != ours]
    return Table(
        f"{ours} against each rival: median of the rounds' ratios",
        ["rival", "throughput", "CPU time a value", "rounds"],
        [_ratio_row(one) for one in found if one],
    )


def _ratio_row(one: Ratio) -> list[str]:
    return [
        one.rival,
        f"{one.throughput:.2f} times its",
        f"{1 / one.cpu:.2f} times its",
        str(one.rounds),
    ]


def latency(runs: Iterable[Paced]) -> Table:
    """Returns the latency of each rival with a paced feed."""
    columns = [
        *("rival", "ports", "pace", "median s", "p99 s", "max s", "median less B", "cores"),
        *("feed late by s", "events"),
    ]
    return Table(
        "Paced by the clock: from the end of a window to the broker",
        columns,
        [_paced_row(run) for run in runs],
    )


def _paced_row(run: Paced) -> list[str]:
    events = f"{run.events.found:,} of {run.events.expected:,}" if run.events else ""
    failed = f"failed: {run.failed.splitlines()[0]}" if run.failed else events
    return [
        *(run.rival, f"{run.ports:,}", run.pace),
        *(f"{value:.2f}" for value in (run.median_s, run.p99_s, run.max_s)),
        f"{run.median_over_bound_s:.2f}",
        f"{run.cores:.2f}",
        f"{run.feed_lag_s:.2f}",
        failed,
    ]


def growth(points: Iterable[Point]) -> Table:
    """Returns how the cost of a value changes with the size of the network."""
    columns = ["load", "links", "seconds", "values/s", "CPU s per M values", "peak MB", "events"]
    return Table("Growth: the same number of values", columns, [_point_row(p) for p in points])


def _point_row(point: Point) -> list[str]:
    run = point.run
    events = f"{run.events.found:,} of {run.events.expected:,}" if run.events else ""
    return [
        f"{run.rival}, {point.variant}",
        f"{run.ports // 2:,}",
        str(run.seconds_of_load),
        f"{run.values_per_s:,.0f}",
        f"{run.cpu_s_per_million:.2f}",
        f"{run.peak_memory_mb:,.0f}",
        f"failed: {run.failed.splitlines()[0]}" if run.failed else events,
    ]
