"""What every source of input has in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from console.lines import BadLineError, cloud_event, trace
from console.store.recorder import Batch, Rejection

#: Position and fingerprint by origin, as the store knows them.
Positions = dict[str, tuple[int, int]]


class Source(Protocol):
    """Input that is read from where the store is."""

    def restart(self, positions: Positions) -> None:
        """Goes on reading from the store's positions."""

    def read(self, batch: Batch, wait_s: float) -> None:
        """Adds what is there to a batch; waits for something at most so long."""

    def lag(self) -> int:
        """Returns how much is there and not read yet: records, or bytes of a file."""

    def close(self) -> None:
        """Lets go of connections."""


def add(batch: Batch, output: str, origin: str, position: int, body: bytes) -> None:
    """Adds one record or line to a batch, as what it is.

    Args:
        batch: is added to.
        output: `events`, `incidents` or `traces`.
        origin: partition or file.
        position: offset, or first byte.
        body: of the record, or the line.
    """
    try:
        _ADD[output](batch, body)
    except BadLineError as error:
        batch.rejections.append(Rejection(origin, position, str(error), body))


def _add_event(batch: Batch, body: bytes) -> None:
    batch.events.append(cloud_event(body))


def _add_trace(batch: Batch, body: bytes) -> None:
    batch.traces.append(trace(body))


_ADD: dict[str, Callable[[Batch, bytes], None]] = {
    "events": _add_event,
    "incidents": _add_event,
    "traces": _add_trace,
}
#: The outputs of the pipeline that are recorded.
OUTPUTS = tuple(_ADD)
