"""Alarms as CSV, for spreadsheets and other tools."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

MEDIA_TYPE = "text/csv; charset=utf-8"
_COLUMNS = (
    *("alarm_id", "source", "state", "severity", "code", "family", "direction"),
    *("link_id", "link_name", "a_end", "z_end", "onset_time", "raised_time", "changed_time"),
    *("cleared_time", "clear_reason", "duration_ms", "service_affecting"),
    *("impacted_capacity_gbps", "impacted_services", "customers", "suppressed", "suppressed_by"),
    *("acknowledged", "operator_state", "assignee", "incident_id", "text"),
)
#: With these in front a spreadsheet takes a text for a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def csv_lines(items: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yields a line of names, and a line for each alarm."""
    yield _line(_COLUMNS)
    for item in items:
        yield _line([_cell(value) for value in _values(item)])


def _values(item: dict[str, Any]) -> Iterator[Any]:
    services = item.get("impacted_services") or []
    link = item["link"]
    told = {
        **item,
        "link_id": link["link_id"],
        "link_name": link.get("name"),
        "a_end": link.get("a_end"),
        "z_end": link.get("z_end"),
        "impacted_services": " ".join(service["service_id"] for service in services),
        "customers": ", ".join(sorted({s["customer"] for s in services if s.get("customer")})),
    }
    return (told.get(name) for name in _COLUMNS)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def _line(values: Iterable[Any]) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue()
