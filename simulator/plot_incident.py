"""Draws one incident over time: the losses of its links, and its alarms as bars; one PNG."""

import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import matplotlib

# Draws without a display; must be set before pyplot is imported.
matplotlib.use("Agg")

import matplotlib.pyplot as plt
from google.protobuf.json_format import ParseError
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from schema.capture import read_capture
from simulator.cli import Parser, existing_file
from simulator.fault_model import SECOND_NS, from_rfc3339
from simulator.losses import DIRECTIONS, LossSeries, measure
from simulator.plot import SEVERITY_COLORS, links_of, time_of_day
from simulator.score import read_json_lines

_LINKS_AT_MOST = 6
_LINK_COLORS = ("#1f4e79", "#2a9d8f", "#8338ec", "#bc6c25", "#6a994e", "#d62893")
_DIRECTION_STYLES: dict[str, Literal["-", "--"]] = {"AZ": "-", "ZA": "--"}
_ACTION_STYLES = {"OPEN": "-", "CHANGE": ":", "CLOSE": "-"}
_INCIDENT_COLOR = "#555555"
# What is shown before the onset and after the end [s].
_BEFORE_S, _AFTER_S = 6.0, 8.0

_Data = Mapping[str, Any]


def plot(
    incident: Sequence[_Data], events: Iterable[_Data], losses: Mapping[str, LossSeries], out: Path
) -> None:
    """Draws an incident into a PNG.

    Args:
        incident: its CloudEvents in order of sequence.
        events: CloudEvents of alarms.
        losses: those of its links that are drawn, by link id.
        out: the PNG to write.
    """
    last = incident[-1]["data"]
    alarms = last["alarms"]
    figure, (curves, bars) = plt.subplots(
        2,
        1,
        sharex=True,
        figsize=(11.0, 3.6 + 0.34 * len(alarms) + 1.2),
        height_ratios=(3.2, 0.34 * len(alarms) + 0.8),
        layout="constrained",
    )
    start_s = _s(last["onset_time"]) - _BEFORE_S
    end_s = _s(incident[-1]["time"]) + _AFTER_S
    _draw_losses(curves, losses)
    _draw_alarms(bars, alarms, list(events), end_s)
    for panel in (curves, bars):
        _draw_steps(panel, incident, end_s)
        panel.set_xlim(start_s, end_s)
        panel.spines[["top", "right"]].set_visible(False)
        panel.tick_params(labelsize=8)
    bars.xaxis.set_major_locator(MaxNLocator(8, steps=[1, 1.5, 3, 6, 10]))
    bars.xaxis.set_major_formatter(lambda time_s, _: f"{time_of_day(time_s):%H:%M:%S}")
    bars.set_xlabel("event time [UTC]", fontsize=9)
    _draw_names(curves, incident, start_s, end_s)
    number = f"{len(alarms)} alarms on {len(last['links'])} links"
    figure.suptitle(f"{last['kind']}, {last['severity']}: {number}", fontsize=14, fontweight="bold")
    figure.legend(
        handles=_legend(losses, alarms),
        loc="outside lower center",
        ncols=6,
        frameon=False,
        fontsize=9,
    )
    figure.savefig(out, dpi=130)
    plt.close(figure)


def _draw_losses(panel: Axes, losses: Mapping[str, LossSeries]) -> None:
    for color, series in zip(_LINK_COLORS, losses.values(), strict=False):
        times_s = series.windows_ns / SECOND_NS
        for direction in DIRECTIONS:
            panel.plot(
                times_s,
                series.loss_db[direction],
                color=color,
                linestyle=_DIRECTION_STYLES[direction],
                linewidth=1.4,
            )
    panel.set_ylabel("span loss [dB]", fontsize=9)
    panel.grid(color="#eeeeee", linewidth=0.7)
    panel.set_axisbelow(True)


def _draw_alarms(
    panel: Axes, alarms: Sequence[_Data], events: Sequence[_Data], end_s: float
) -> None:
    """Draws a bar for each alarm, the root on top, in the color of each severity that it had."""
    for row, alarm in enumerate(alarms):
        steps = sorted(
            (event for event in events if event["data"]["alarm_id"] == alarm["alarm_id"]),
            key=lambda event: int(event["data"]["sequence"]),
        )
        starts_s = [_s(alarm["onset_time"]), *(_s(step["time"]) for step in steps[1:])]
        for step, (from_s, until_s) in zip(steps, pairwise([*starts_s, end_s]), strict=True):
            if step["data"]["action"] != "CLEAR":
                color = SEVERITY_COLORS[step["data"]["severity"]]
                panel.barh(row, until_s - from_s, left=from_s, height=0.62, color=color)
    panel.set_yticks(
        range(len(alarms)), [f"{alarm['code']}  {alarm['link_id']}" for alarm in alarms], fontsize=8
    )
    panel.set_ylim(len(alarms) - 0.4, -0.6)


def _draw_steps(panel: Axes, incident: Sequence[_Data], end_s: float) -> None:
    """Draws when the incident opened, changed and closed."""
    is_closed = incident[-1]["data"]["action"] == "CLOSE"
    until_s = _s(incident[-1]["time"]) if is_closed else end_s
    panel.axvspan(
        _s(incident[0]["time"]), until_s, color=_INCIDENT_COLOR, alpha=0.08, lw=0, zorder=0
    )
    for event in incident:
        style = _ACTION_STYLES[event["data"]["action"]]
        panel.axvline(_s(event["time"]), color=_INCIDENT_COLOR, linestyle=style, linewidth=1.0)


def _draw_names(panel: Axes, incident: Sequence[_Data], start_s: float, end_s: float) -> None:
    """Names the first and the last step above the curves."""
    for event in dict.fromkeys((0, len(incident) - 1)):
        action = incident[event]["data"]["action"]
        if action != "CHANGE":
            panel.text(
                (_s(incident[event]["time"]) - start_s) / (end_s - start_s),
                1.02,
                action,
                transform=panel.transAxes,
                ha="center",
                fontsize=9,
                color=_INCIDENT_COLOR,
            )


def _legend(losses: Mapping[str, LossSeries], alarms: Sequence[_Data]) -> list[Line2D | Patch]:
    lines: list[Line2D | Patch] = [
        Line2D([], [], color=color, label=link_id)
        for color, link_id in zip(_LINK_COLORS, losses, strict=False)
    ]
    lines += [
        Line2D([], [], color="#777777", linestyle=style, label=f"span {direction}")
        for direction, style in _DIRECTION_STYLES.items()
    ]
    there = {alarm["severity"] for alarm in alarms}
    lines += [
        Patch(color=color, label=severity)
        for severity, color in SEVERITY_COLORS.items()
        if severity in there
    ]
    lines.append(Patch(color=_INCIDENT_COLOR, alpha=0.15, label="incident open"))
    lines.append(Line2D([], [], color=_INCIDENT_COLOR, linestyle=":", label="incident changes"))
    return lines


def _s(time: str) -> float:
    return from_rfc3339(time) / SECOND_NS


def _largest(incidents: Iterable[_Data]) -> str:
    """Returns the incident with the most alarms; of several, the first."""
    sizes: Counter[str] = Counter()
    for event in incidents:
        subject = event["subject"]
        sizes[subject] = max(sizes[subject], len(event["data"]["alarms"]))
    if not sizes:
        raise ValueError("there is no incident to draw")
    return max(sizes, key=lambda subject: sizes[subject])


def main(argv: list[str] | None = None) -> int:
    """Draws what the command line asks for."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        incidents = list(read_json_lines(options.incidents_file))
        wanted = options.incident or _largest(incidents)
        of_it = sorted(
            (event for event in incidents if event["subject"] == wanted),
            key=lambda event: int(event["data"]["sequence"]),
        )
        if not of_it:
            parser.error(f"there is no incident {wanted}")
        # In the order of their alarms: the root's first.
        named = dict.fromkeys(alarm["link_id"] for alarm in of_it[-1]["data"]["alarms"])
        links = links_of(options.topology_file, list(named)[:_LINKS_AT_MOST])
        losses = measure(read_capture(options.capture_file), links)
        plot(of_it, read_json_lines(options.events_file), losses, options.out)
    except (ValueError, OSError, ParseError) as error:
        parser.error(str(error))
    except KeyError as error:
        parser.error(f"an incident or an event lacks {error}")
    return 0


def _parser() -> Parser:
    parser = Parser("simulator.plot_incident", __doc__)
    for name, what in (
        ("capture", "reports in order of arrival"),
        ("topology", "links, one a line"),
        ("events", "CloudEvents of alarms, one a line"),
        ("incidents", "CloudEvents of incidents, one a line"),
    ):
        parser.add_argument(f"--{name}_file", type=existing_file, required=True, help=what)
    parser.add_argument("--out", type=Path, required=True, help="the PNG to write")
    parser.add_argument("--incident", help="incident_id (that with the most alarms)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
