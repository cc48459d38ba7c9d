"""The curve of a link's span losses around an alarm, for Bokeh in the browser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from bokeh.embed import json_item
from bokeh.models import ColumnDataSource, DatetimeTickFormatter, HoverTool
from bokeh.models.annotations import Legend, Span
from bokeh.plotting import figure

from console.times import to_ms

_DIRECTIONS = ("AZ", "ZA")
# Told apart by color and dash; the browser draws on white, also where the page is dark.
_COLORS = {"AZ": "#0b5cad", "ZA": "#a3470b"}
_DASHES = {"AZ": "solid", "ZA": "dashed"}
#: How a receiver without light is counted [dBm] (spec, section 2).
_DARK_DBM = -40.0
_MARKS = {"RAISE": "raised", "CHANGE": "changed", "CLEAR": "cleared"}


def curve_json(
    item: dict[str, Any], events: Sequence[dict[str, Any]], traces: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Returns the curve as Bokeh's JSON; without points where no trace is known.

    Args:
        item: the alarm.
        events: its events, which are marked.
        traces: windows of its link, in order.
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
    for direction in _DIRECTIONS:
        legend += _add_direction(plot, direction, traces)
        _add_limits(plot, direction, item, traces)
    for event in events:
        _add_mark(plot, event)
    plot.add_layout(Legend(items=legend, orientation="horizontal"), "below")
    plot.xaxis.formatter = DatetimeTickFormatter(seconds="%H:%M:%S", minutes="%H:%M", hours="%H:%M")
    return dict(json_item(plot))


def _add_direction(
    plot: Any, direction: str, traces: Sequence[dict[str, Any]]
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
    style = {"color": _COLORS[direction], "source": source}
    line = plot.line("time", "loss_db", line_dash=_DASHES[direction], line_width=2, **style)
    plot.scatter("time", "loss_db", size=4, **style)
    least = plot.line("time", "least_db", line_dash="dotted", **style)
    marks = plot.scatter("time", "least_db", marker="triangle", size=7, **style)
    for renderer, told in ((line, "@loss_db{0.00} dB"), (least, "at least @least_db{0.00} dB")):
        plot.add_tools(_hover(renderer, direction, told))
    found = [(direction, [line])]
    if any(not math.isnan(_least_db(span)) for span in spans):
        found.append((f"{direction}, no light: at least", [least, marks]))
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
    plot: Any, direction: str, item: dict[str, Any], traces: Sequence[dict[str, Any]]
) -> None:
    """Draws the base, and base + threshold where that is a loss."""
    span = (item.get("measurement") or {}).get(direction) or {}
    base_db, threshold_db = span.get("base_db"), span.get("threshold_db")
    if base_db is None:
        known = (trace["measurement"].get(direction) or {} for trace in traces)
        base_db = next((s["base_db"] for s in known if s.get("base_db") is not None), None)
    if base_db is None:
        return
    color = _COLORS[direction]
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


def _add_mark(plot: Any, event: dict[str, Any]) -> None:
    if event["data"]["action"] in _MARKS:
        mark = Span(
            dimension="height",
            location=to_ms(event["time"]),
            line_color="#555555",
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
