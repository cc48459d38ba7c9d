"""Results as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.axes import Axes

from benchmarks.growth import Point
from benchmarks.summary import Spread, Summary

_DPI = 110


def draw_rivals(summaries: Sequence[Summary], path: Path) -> None:
    """Draws throughput and CPU time per value of each rival, with the spread over the rounds."""
    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 1.5 + 0.6 * len(summaries)))
    names = [f"{one.rival}\n{one.ports:,} ports, {one.seconds_of_load} s" for one in summaries]
    _dots(left, names, [one.values_per_s for one in summaries])
    left.set_title("PM values a second", loc="left", fontsize=10)
    _dots(right, names, [one.cpu_s_per_million for one in summaries])
    right.set_title("CPU seconds a million PM values", loc="left", fontsize=10)
    right.set_yticklabels([])
    figure.tight_layout()
    figure.savefig(path, dpi=_DPI)
    pyplot.close(figure)


def _dots(axis: Axes, names: Sequence[str], spreads: Sequence[Spread]) -> None:
    medians = [one.median for one in spreads]
    below = [one.median - one.least for one in spreads]
    above = [one.most - one.median for one in spreads]
    axis.errorbar(medians, names, xerr=[below, above], fmt="o", capsize=4, color="#4477aa")
    for name, median in zip(names, medians, strict=True):
        told = f"{median:,.0f}" if median >= 100 else f"{median:.3g}"
        axis.annotate(told, (median, name), (0, 8), textcoords="offset points", ha="center")
    # Rivals are up to a hundred times apart. Bars would need a zero, which a log scale lacks.
    axis.set_xscale("log")
    axis.margins(x=0.15, y=0.15)
    axis.invert_yaxis()
    axis.grid(which="both", axis="x", alpha=0.3)


def draw_growth(points: Sequence[Point], path: Path) -> None:
    """Draws CPU time per value over the size of the network, one line for each variant."""
    figure, axis = pyplot.subplots(figsize=(9, 5.5))
    done = [point for point in points if point.run.failed is None]
    for label in dict.fromkeys((point.run.rival, point.variant) for point in done):
        runs = [point.run for point in done if (point.run.rival, point.variant) == label]
        links = [run.ports // 2 for run in runs]
        axis.plot(
            links, [run.cpu_s_per_million for run in runs], marker="o", label=", ".join(label)
        )
    axis.set_xscale("log")
    axis.set_ylim(bottom=0)
    axis.set_xlabel("links")
    axis.set_title("CPU seconds a million PM values", loc="left", fontsize=10)
    axis.grid(alpha=0.3)
    if done:
        axis.legend(fontsize=8)
    figure.tight_layout()
    figure.savefig(path, dpi=_DPI)
    pyplot.close(figure)
