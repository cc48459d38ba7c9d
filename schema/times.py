"""Times as people and JSON read them."""

import functools
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@functools.lru_cache(maxsize=1024)  # the events of a second speak of few moments
def rfc3339(time_s: float) -> str:
    """Returns seconds since the Unix epoch as RFC 3339 UTC with milliseconds."""
    time = _EPOCH + timedelta(milliseconds=round(time_s * 1000))
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
