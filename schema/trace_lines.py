"""The lines of the output `traces`: what the powers did around an event (spec, section 10)."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from schema.blocks import DIRECTIONS
from schema.decibels import rounded
from schema.events import Code
from schema.times import rfc3339


class SpanTrace(NamedTuple):
    """What was read on one span in one window; NaN = nothing.

    Attributes:
        tx_dbm: launched power.
        rx_dbm: received power.
        tx_osc_dbm: launched power of the OSC, where both ends have one.
        rx_osc_dbm: received power of the OSC, likewise.
        loss_db: signal loss, of lit readings.
        loss_osc_db: OSC loss, of lit readings.
        base_db: base in force.
        code: what the window decided, a `Code`.
        tx_dark: no light, or at or below the loss-of-signal threshold; the power is NaN then.
        rx_dark: likewise.
    """

    tx_dbm: float
    rx_dbm: float
    tx_osc_dbm: float
    rx_osc_dbm: float
    loss_db: float
    loss_osc_db: float
    base_db: float
    code: int
    tx_dark: bool
    rx_dark: bool


def trace_line(
    link_id: str, start_s: int, alarm_ids: Sequence[str], spans: tuple[SpanTrace, SpanTrace]
) -> dict[str, Any]:
    """Returns the line of a link and window.

    Args:
        link_id: of the link.
        start_s: start of the window [s since the Unix epoch].
        alarm_ids: the alarms that are open after the window, sorted.
        spans: what was read, AZ and ZA.
    """
    return {
        "link_id": link_id,
        "window_start": rfc3339(start_s),
        "alarm_ids": list(alarm_ids),
        "measurement": {
            direction: _measurement(span) for direction, span in zip(DIRECTIONS, spans, strict=True)
        },
    }


def _measurement(span: SpanTrace) -> dict[str, Any]:
    return {
        "tx_dbm": rounded(span.tx_dbm),
        "rx_dbm": rounded(span.rx_dbm),
        "tx_osc_dbm": rounded(span.tx_osc_dbm),
        "rx_osc_dbm": rounded(span.rx_osc_dbm),
        "span_loss_db": rounded(span.loss_db),
        "span_loss_osc_db": rounded(span.loss_osc_db),
        "base_db": rounded(span.base_db),
        "code": Code(span.code).name,
        "tx_dark": span.tx_dark,
        "rx_dark": span.rx_dark,
    }
