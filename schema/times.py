"""Units of time, the windows of event time, and times as people and JSON read them."""

import functools
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

#: Length of a window of event time [s] (spec, section 1).
WINDOW_S = 1

#: Instead of the start of a window: there is none [s].
NEVER_S = -(2**63)

#: A moment before all others: the watermark moves [us since the Unix epoch].
FIRST_MOMENT_US = 0

NS_PER_S = 1_000_000_000
NS_PER_MS = 1_000_000
US_PER_S = 1_000_000

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def window_start_s(sample_time_ns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Returns the start of the window of each sample [s since the Unix epoch]."""
    return sample_time_ns // (WINDOW_S * NS_PER_S) * WINDOW_S


@functools.lru_cache(maxsize=1024)  # the events of a second name few moments
def rfc3339(time_s: float) -> str:
    """Returns seconds since the Unix epoch as RFC 3339 UTC with milliseconds."""
    time = _EPOCH + timedelta(milliseconds=round(time_s * 1000))
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"
