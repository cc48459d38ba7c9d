"""How an event looks on a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_CLEARED = "cleared"
_STYLES = {
    "critical": "bold red",
    "major": "red",
    "minor": "yellow",
    "warning": "cyan",
    _CLEARED: "green",
}


def severity_shown(event: Mapping[str, Any]) -> str:
    """Returns the severity of an event, or that its alarm is cleared."""
    data = event["data"]
    return _CLEARED if data["state"] == "CLEARED" else str(data["severity"])


def style_of(severity: str) -> str:
    """Returns the style of a severity, as `severity_shown` returns it; empty if it has none."""
    return _STYLES.get(severity, "")
