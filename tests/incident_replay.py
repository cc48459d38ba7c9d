"""Events through the correlator, in the state that the pipeline keeps, as a runner drives it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from kernels.correlate_alarms.alarms import states_block
from kernels.correlate_alarms.correlator import Correlated
from kernels.window_bounds import WindowBounds
from schema.cloud_incident import cloud_incident
from schema.events import FiberEvent
from schema.incidents import alarm_state
from schema.records import EventTime
from tests.cells import Cells, FailingCalls, correlator_cells
from tests.stage import Stage
from transforms.correlator_state import CorrelatorCodec

_KEY = 0


class IncidentReplay:
    """Drives a correlator.

    Attributes:
        incidents: what was published, as CloudEvents.
    """

    def __init__(
        self,
        bounds: WindowBounds,
        event_time: EventTime,
        *,
        source: str = "event-center",
        failing: FailingCalls | None = None,
    ) -> None:
        self.incidents: list[dict[str, Any]] = []
        self._source = source
        cells: Cells = correlator_cells(failing) if failing else correlator_cells()
        codec = CorrelatorCodec(bounds, event_time)
        self._stage: Stage[Correlated] = Stage(codec, {_KEY: cells}, failing)

    def receive(self, events: Iterable[FiberEvent]) -> None:
        """Takes events, each by itself."""
        for event in events:
            self.receive_together([event])

    def receive_together(self, events: Iterable[FiberEvent]) -> None:
        """Takes events in one block."""
        data = states_block([alarm_state(event) for event in events]).to_bytes()
        self._put_out(self._stage.bundle(_KEY, lambda state: [state.correlator.receive(data)]))

    def advance(self, watermark_us: int) -> None:
        """Fires what is due."""
        for _, tag in self._stage.due(watermark_us):
            self._put_out(
                self._stage.bundle(_KEY, lambda state, tag=tag: state.correlator.fire(tag))
            )

    def _put_out(self, steps: Sequence[Correlated]) -> None:
        for step in steps:
            self.incidents += [cloud_incident(event, self._source) for event in step.incidents]
            for timer in step.timers:
                self._stage.timers.at_us[_KEY, timer.tag] = timer.at_us
