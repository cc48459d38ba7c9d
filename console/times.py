"""Times between RFC 3339, as events and people write them, and milliseconds, as they are kept."""

from __future__ import annotations

import functools
import time
from datetime import UTC, datetime

from schema.times import rfc3339


# An event names the same moment several times, and so do the events of one second.
@functools.lru_cache(maxsize=4096)
def to_ms(text: str) -> int:
    """Returns an RFC 3339 time as milliseconds since the Unix epoch; no zone reads as UTC.

    Raises:
        ValueError: it is no time.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)


def to_text(time_ms: int | None) -> str | None:
    """Returns milliseconds since the Unix epoch as RFC 3339 UTC; None stays None."""
    return None if time_ms is None else rfc3339(time_ms / 1000)


def now_ms() -> int:
    """Returns the time of this machine [ms since the Unix epoch]."""
    return time.time_ns() // 1_000_000
