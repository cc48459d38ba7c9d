"""What a kernel asks of its runner: to be told when event time has reached an instant."""

from typing import NamedTuple

__all__ = ["Timer"]


class Timer(NamedTuple):
    """An event-time timer to set.

    Attributes:
        tag: names the timer; a timer with the tag of another one replaces it.
        at_us: it fires when the watermark reaches this [us since the Unix epoch].
    """

    tag: str
    at_us: int
