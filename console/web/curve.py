"""The curve of a link's span losses around an alarm, for Bokeh in the browser."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, DatetimeTickFormatter, HoverTool
from bokeh.models.annotations import Legend, Span
from bokeh.models.labeling import NoOverlap
from bokeh.plotting import figure
from bokeh.themes import Theme

from console.times import to_ms


@dataclass(frozen=True)
class Scheme:
    """Colors of the curve, as those of the page (console/web/static/console.css).

    Attributes:
        back: behind everything.
        text: of axes and legend, and of the marks of events.
        line: of axes and frame.
        grid: of the grid.
        directions: of the curves, which are told apart by their dashes, too.
    """

    back: str
    text: str
    line: str
    grid: str
    directions: Mapping[str, str]


#: By the color scheme that the browser prefers.
SCHEMES = {
    "light": Scheme(
        back="#ffffff",
        text="#4a545e",
        line="#7b858f",
        grid="#e4e9ee",
        directions={"AZ": "#0b5cad", "ZA": "#a3470b"},
    ),
    "dark": Scheme(
        back="#14181c",
        text="#b4bfc9",
        line="#7b858f",
        grid="#2b343d",
        directions={"AZ": "#8ec5ff", "ZA": "#ffb580"},
    ),
}
_DASHES = {"AZ": "solid", "ZA": "dashed"}
#: How a receiver without light is counted [dBm] (spec, section 2).
_DARK_DBM = -40.0
_MARKS = {"RAISE": "raised", "CHANGE": "changed", "CLEAR": "cleared"}


def curve_json(
    item: dict[str, Any],
    events: Sequence[dict[str, Any]],
    traces: Sequence[dict[str, Any]],
    scheme: Scheme,
) -> dict[str, Any]:
    """Returns the curve as Bokeh's JSON; without points where no trace is known.

    Args:
        item: the alarm.
        events: its events, which are marked.
        traces: windows of its link, in order.
        scheme: its colors.
    """
    if not traces:
        return {"empty": "No trace of this link around that time is known."}
    plot = figure(
        height=320,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        x_axis_label="UTC",
        y_axis_label="Span loss [dB]",
        tools="xpan,xwheel_zoom,xbox_zoom,reset",
        active_drag="xbox_zoom",
        toolbar_location="above",
    )
    plot.toolbar.logo = None
    legend = []
    for direction, color in scheme.directions.items():
        legend += _add_direction(plot, direction, color, traces)
        _add_limits(plot, direction, color, item, traces)
    for event in events:
        _add_mark(plot, scheme.text, event)
    # Two columns, so that it fits on a telephone.
    told = Legend(items=legend, ncols=2, location="center", glyph_width=16)
    told.label_text_font_size = "11px"
    plot.add_layout(told, "below")
    plot.xaxis.formatter = DatetimeTickFormatter(
        seconds="%H:%M:%S", minsec="%H:%M:%S", minutes="%H:%M", hourmin="%H:%M", hours="%H:%M"
    )
    plot.xaxis.major_label_policy = NoOverlap()
    return dict(json_item(plot, theme=_theme(scheme)))


def _theme(scheme: Scheme) -> Theme:
    axis = {
        **dict.fromkeys(("axis_label_text_color", "major_label_text_color"), scheme.text),
        **dict.fromkeys(
            ("axis_line_color", "major_tick_line_color", "minor_tick_line_color"), scheme.line
        ),
    }
    legend = {
        "label_text_color": scheme.text,
        "background_fill_color": scheme.back,
        "border_line_color": scheme.grid,
    }
    figure_colors = {
        "background_fill_color": scheme.back,
        "border_fill_color": scheme.back,
        "outline_line_color": scheme.line,
    }
    grid = {"grid_line_color": scheme.grid}
    attrs = {"Plot": figure_colors, "Axis": axis, "Legend": legend, "Grid": grid}
    return Theme(json={"attrs": attrs})


def _add_direction(
    plot: Any, direction: str, color: str, traces: Sequence[dict[str, Any]]
) -> list[tuple[str, list[Any]]]:
    """Draws the losses of a direction; returns what the legend says of them."""
    spans = [trace["measurement"].get(direction) or {} for trace in traces]
    source = ColumnDataSource(
        {
            "time": [to_ms(trace["window_start"]) for trace in traces],
            "loss_db": [_number(span.get("span_loss_db")) for span in spans],
            "least_db": [_least_db(span) for span in spans],
            "tx_dbm": [_power(span, "tx") for span in spans],
            "rx_dbm": [_power(span, "rx") for span in spans],
            "code": [str(span.get("code") or "") for span in spans],
        }
    )
    style = {"color": color, "source": source}
    line = plot.line("time", "loss_db", line_dash=_DASHES[direction], line_width=2, **style)
    plot.scatter("time", "loss_db", size=4, **style)
    least = plot.line("time", "least_db", line_dash="dotted", **style)
    marks = plot.scatter("time", "least_db", marker="triangle", size=7, **style)
    for renderer, told in ((line, "@loss_db{0.00} dB"), (least, "at least @least_db{0.00} dB")):
        plot.add_tools(_hover(renderer, direction, told))
    found = [(direction, [line])]
    if any(not math.isnan(_least_db(span)) for span in spans):
        found.append((f"{direction}, dark: at least", [least, marks]))
    return found


def _hover(renderer: Any, direction: str, told: str) -> HoverTool:
    return HoverTool(
        renderers=[renderer],
        mode="vline",
        line_policy="nearest",
        formatters={"@time": "datetime"},
        tooltips=[
            ("time", "@time{%H:%M:%S}"),
            (f"loss {direction}", told),
            ("sent", "@tx_dbm"),
            ("received", "@rx_dbm"),
            ("decided", "@code"),
        ],
    )


def _least_db(span: dict[str, Any]) -> float:
    """Returns the least that the loss can be where nothing arrives (spec, section 7)."""
    tx_dbm = span.get("tx_dbm")
    if tx_dbm is None or not span.get("rx_dark"):
        return float("nan")
    return float(tx_dbm) - _DARK_DBM


def _add_limits(
    plot: Any,
    direction: str,
    color: str,
    item: dict[str, Any],
    traces: Sequence[dict[str, Any]],
) -> None:
    """Draws the base, and base + threshold where that is a loss."""
    span = (item.get("measurement") or {}).get(direction) or {}
    base_db, threshold_db = span.get("base_db"), span.get("threshold_db")
    if base_db is None:
        known = (trace["measurement"].get(direction) or {} for trace in traces)
        base_db = next((s["base_db"] for s in known if s.get("base_db") is not None), None)
    if base_db is None:
        return
    plot.add_layout(Span(dimension="width", location=base_db, line_color=color, line_dash="dotted"))
    if threshold_db is not None and item["family"] == "FIBER":
        plot.add_layout(
            Span(
                dimension="width",
                location=base_db + threshold_db,
                line_color=color,
                line_dash="dotdash",
            )
        )


def _add_mark(plot: Any, color: str, event: dict[str, Any]) -> None:
    if event["data"]["action"] in _MARKS:
        mark = Span(
            dimension="height",
            location=to_ms(event["time"]),
            line_color=color,
            line_dash="dashed",
        )
        plot.add_layout(mark)


def _number(value: float | None) -> float:
    return float("nan") if value is None else float(value)


def _power(span: dict[str, Any], name: str) -> str:
    value = span.get(f"{name}_dbm")
    if span.get(f"{name}_dark"):
        return "dark"
    return "not known" if value is None else f"{value:.2f} dBm"
