"""What enters the graph: PM records, topology records, and how event time goes on."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class EventTime(Enum):
    """How the event time of a source goes on."""

    #: The input is bounded: event time jumps to its end once all has come.
    BOUNDED = "bounded"
    #: It follows the records and the clock, without an end.
    LIVE = "live"
    #: A stream replay: the source announces each moment before event time reaches it.
    ANNOUNCED = "announced"


@dataclass(frozen=True)
class PmRecords:
    """Records of the PM source, in order of arrival.

    Attributes:
        payloads: each a serialized PmReport, or what claims to be one.
        first: place of the first in the order of all records; None = the clock gives the places.
        times_ns: (len(payloads),) int64, timestamps of the records [ns since the Unix epoch];
            negative where a record has none, None where the source has none: then the report's
            collect time stands in.
    """

    payloads: Sequence[bytes]
    first: int | None = None
    times_ns: NDArray[np.int64] | None = None


class TopologyRecord(NamedTuple):
    """A record of the topology source.

    Attributes:
        key: link_id in UTF-8.
        value: a serialized FiberLink; None deletes the link.
    """

    key: bytes | None
    value: bytes | None
