"""Units of time, the windows of event time, and times as people and JSON read them."""

import functools
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

#: Instead of the number of a window: there is none. Windows are numbered from the Unix epoch:
#: window k is ``[kW, (k+1)W)`` (spec, section 1).
NEVER = -(2**63)

#: A moment before all others: the watermark moves [us since the Unix epoch].
FIRST_MOMENT_US = 0
#: A moment after all others, later than any count of nanoseconds reaches [us since the Unix epoch].
LAST_MOMENT_US = 10_000_000_000 * 1_000_000
#: Instead of a moment: none was reached yet [us].
NOTHING_REACHED_US = -(2**62)

NS_PER_S = 1_000_000_000
#: A time before 2000-01-01 UTC is none: not set, or in another unit [ns since the Unix epoch].
FIRST_TIME_NS = 946_684_800 * NS_PER_S
NS_PER_MS = 1_000_000
US_PER_S = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def window_at(time_ns: NDArray[np.int64], window_s: int) -> NDArray[np.int64]:
    """Returns the number of the window that each instant falls into.

    Args:
        time_ns: instants [ns since the Unix epoch].
        window_s: W, length of a window.
    """
    return time_ns // (window_s * NS_PER_S)


@functools.lru_cache(maxsize=1024)  # the events of a second name few moments
def rfc3339(time_s: float) -> str:
    """Returns seconds since the Unix epoch as RFC 3339 UTC with milliseconds."""
    time = _EPOCH + timedelta(milliseconds=round(time_s * 1000))
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
