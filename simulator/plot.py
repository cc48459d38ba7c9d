"""Draws the span losses of links over time, with their events; one PNG."""

import math
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib

# Draws without a display; must be set before pyplot is imported.
matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from google.protobuf.json_format import ParseDict, ParseError
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from schema.capture import read_capture
from schema.topology_pb2 import FiberLink
from simulator.cli import Parser, existing_file
from simulator.fault_model import SECOND_NS, from_rfc3339
from simulator.losses import DIRECTIONS, LossSeries, measure
from simulator.score import read_json_lines

_LINKS_AT_MOST = 12
_DIRECTION_COLORS = {"AZ": "#1f4e79", "ZA": "#2a9d8f"}
#: Color of each severity, the highest first.
SEVERITY_COLORS = {
    "critical": "#c1121f",
    "major": "#f3722c",
    "minor": "#e0a800",
    "warning": "#4895ef",
}
_ACTION_MARKERS = {"RAISE": "^", "CHANGE": "D", "CLEAR": "v", "MATCH": "|"}
_DARK_COLOR = "#8d99ae"
# The events of a panel stand in a row above its curves.
_MARKER_Y = 1.06
# Keeps the noise of a steady loss from filling the panel.
_LEAST_RANGE_DB = 8.0


@dataclass(frozen=True, slots=True)
class Event:
    """The part of an event that the picture shows."""

    alarm_id: str
    link_id: str
    action: str
    code: str
    severity: str
    time_s: float
    onset_s: float


def plot(
    links: Sequence[FiberLink],
    losses: Mapping[str, LossSeries],
    events: Iterable[Event],
    out: Path,
) -> None:
    """Draws one panel per link into a PNG; ignores events of other links."""
    by_link: defaultdict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_link[event.link_id].append(event)
    columns = 1 if len(links) == 1 else 2 if len(links) <= 6 else 3
    rows = math.ceil(len(links) / columns)
    figure, grid = plt.subplots(
        rows,
        columns,
        figsize=(max(5.6 * columns, 9.0), 2.6 * rows + 1.4),
        squeeze=False,
        layout="constrained",
    )
    panels = grid.ravel()
    for panel, link in zip(panels, links, strict=False):
        _draw_link(panel, link, losses[link.link_id], by_link[link.link_id])
    for panel in panels[len(links) :]:
        panel.set_visible(False)
    figure.suptitle("Span losses and fiber events", fontsize=14, fontweight="bold")
    figure.supylabel("span loss [dB], by event time [UTC]", fontsize=10)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=6, frameon=False, fontsize=9)
    figure.savefig(out, dpi=130)
    plt.close(figure)


def _draw_link(panel: Axes, link: FiberLink, series: LossSeries, events: list[Event]) -> None:
    times_s = series.windows_ns / SECOND_NS
    for direction, span in zip(DIRECTIONS, (link.az, link.za), strict=True):
        color = _DIRECTION_COLORS[direction]
        panel.plot(times_s, series.loss_db[direction], color=color, linewidth=1.4)
        if span.HasField("span_loss_base_db"):
            panel.axhline(span.span_loss_base_db, color=color, linewidth=0.8, linestyle=":")
    panel.fill_between(
        times_s,
        0,
        0.05,
        where=(series.dark["AZ"] | series.dark["ZA"]).tolist(),
        transform=panel.get_xaxis_transform(),
        color=_DARK_COLOR,
        linewidth=0,
    )
    _draw_events(panel, events, float(times_s[-1]))
    panel.set_xlim(float(times_s[0]), float(times_s[-1]))
    panel.set_ylim(*_limits(series))
    _title(panel, link, events)
    panel.xaxis.set_major_locator(MaxNLocator(6, steps=[1, 1.5, 3, 6, 10]))
    panel.xaxis.set_major_formatter(lambda time_s, _: f"{time_of_day(time_s):%H:%M:%S}")
    panel.tick_params(labelsize=8)
    panel.grid(color="#eeeeee", linewidth=0.7)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)


def _draw_events(panel: Axes, events: Iterable[Event], end_s: float) -> None:
    by_alarm: defaultdict[str, list[Event]] = defaultdict(list)
    for event in sorted(events, key=lambda event: event.time_s):
        by_alarm[event.alarm_id].append(event)
    for steps in by_alarm.values():
        starts_s = [steps[0].onset_s] + [event.time_s for event in steps[1:]]
        for event, (start_s, until_s) in zip(steps, pairwise([*starts_s, end_s]), strict=True):
            color = SEVERITY_COLORS[event.severity]
            if event.action != "CLEAR":
                panel.axvspan(start_s, until_s, color=color, alpha=0.18, lw=0)
            panel.plot(
                event.time_s,
                _MARKER_Y,
                marker=_ACTION_MARKERS[event.action],
                markersize=7,
                color=color,
                transform=panel.get_xaxis_transform(),
                clip_on=False,
            )


def _title(panel: Axes, link: FiberLink, events: Sequence[Event]) -> None:
    panel.set_title(f"{link.link_id}   {link.name}", fontsize=9, loc="left", pad=16)
    if events:
        worst = min(events, key=lambda event: list(SEVERITY_COLORS).index(event.severity))
        panel.set_title(
            f"{worst.code}, {worst.severity}",
            fontsize=9,
            fontweight="bold",
            color=SEVERITY_COLORS[worst.severity],
            loc="right",
            pad=16,
        )


def _limits(series: LossSeries) -> tuple[float, float]:
    losses_db = np.concatenate(list(series.loss_db.values()))
    if np.isnan(losses_db).all():
        return 0.0, 1.0
    low_db, high_db = float(np.nanmin(losses_db)), float(np.nanmax(losses_db))
    margin_db = max(1.0, (_LEAST_RANGE_DB - (high_db - low_db)) / 2)
    return low_db - margin_db, high_db + margin_db


def _legend() -> list[Line2D | Patch]:
    lines = [
        Line2D([], [], color=color, label=f"span {direction}")
        for direction, color in _DIRECTION_COLORS.items()
    ]
    base = Line2D([], [], color="#777777", linestyle=":", label="base")
    dark = Patch(color=_DARK_COLOR, label="no light")
    severities = [
        Patch(color=color, alpha=0.6, label=name) for name, color in SEVERITY_COLORS.items()
    ]
    actions = [
        Line2D([], [], color="#444444", marker=marker, linestyle="", label=name.lower())
        for name, marker in _ACTION_MARKERS.items()
        if name != "MATCH"
    ]
    return [*lines, base, dark, *severities, *actions]


def time_of_day(time_s: float) -> datetime:
    """Returns an instant in UTC, by seconds since the Unix epoch."""
    return datetime.fromtimestamp(time_s, UTC)


def _event(cloud_event: Mapping[str, Any]) -> Event:
    data = cloud_event["data"]
    return Event(
        alarm_id=data["alarm_id"],
        link_id=data["link"]["link_id"],
        action=data["action"],
        code=data["code"],
        severity=data["severity"],
        time_s=from_rfc3339(cloud_event["time"]) / SECOND_NS,
        onset_s=from_rfc3339(data["onset_time"]) / SECOND_NS,
    )


def links_of(topology_file: Path, link_ids: Sequence[str]) -> list[FiberLink]:
    """Returns the links to draw, in the order of `link_ids`."""
    wanted = set(link_ids)
    found: dict[str, FiberLink] = {}
    for line in read_json_lines(topology_file):
        if line.get("link_id") in wanted:
            found[line["link_id"]] = ParseDict(line, FiberLink(), ignore_unknown_fields=True)
    return [found[link_id] for link_id in link_ids if link_id in found]


def main(argv: list[str] | None = None) -> int:
    """Draws what the command line asks for."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        events = [_event(line) for line in read_json_lines(options.events_file)]
        # The links of the events, in order of their first event.
        affected = list(dict.fromkeys(event.link_id for event in events))
        link_ids = options.links.split(",") if options.links else affected[:_LINKS_AT_MOST]
        links = links_of(options.topology_file, link_ids)
        if not links:
            parser.error("no link to draw: name some of the topology with --links")
        plot(links, measure(read_capture(options.capture_file), links), events, options.out)
    except (ValueError, OSError, ParseError) as error:
        parser.error(str(error))
    except KeyError as error:
        parser.error(f"an event lacks {error}")
    return 0


def _parser() -> Parser:
    parser = Parser("simulator.plot", __doc__)
    parser.add_argument(
        "--capture_file", type=existing_file, required=True, help="reports in order of arrival"
    )
    parser.add_argument(
        "--topology_file", type=existing_file, required=True, help="links, one a line"
    )
    parser.add_argument(
        "--events_file", type=existing_file, required=True, help="CloudEvents, one a line"
    )
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    parser.add_argument(
        "--links", help=f"link ids, separated by commas (the first {_LINKS_AT_MOST} with events)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
