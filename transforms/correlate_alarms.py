"""CorrelateAlarms: events of alarms → incidents.

In:   `FiberEvent`; global window.
Out:  `IncidentEvent`; global window.
State: one key, as alarms are few: the events that wait for their tick; the alarms that are active,
       in an open incident, or were cleared a moment ago; the open incidents
       (`transforms.correlator_state`).
Timers: event time; ticks at which something can happen.

What happens is in `kernels.correlate_alarms.correlator`; the DoFn only maps cells, timers and
outputs.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.transforms.timeutil import TimeDomain
from apache_beam.transforms.userstate import (
    BagStateSpec,
    ReadModifyWriteStateSpec,
    TimerSpec,
    on_timer,
)

from kernels.correlate_alarms.alarms import states_block
from kernels.correlate_alarms.correlator import Correlated
from kernels.window_bounds import WindowBounds
from schema.events import FiberEvent
from schema.incidents import IncidentEvent, alarm_state
from schema.records import EventTime
from transforms.correlator_state import CorrelatorCells, CorrelatorCodec
from transforms.outputs import Keyed, gauge, set_timer
from transforms.state import HeldStates

__all__ = ["CorrelateAlarms"]

#: The key of the whole network.
_NETWORK = 0


@dataclass
class CorrelateAlarms(beam.PTransform):
    """Gathers the alarms that stem from one cause.

    Attributes:
        bounds: when windows are due.
        event_time: how event time goes on.
    """

    bounds: WindowBounds
    event_time: EventTime

    def expand(self, events: beam.PCollection) -> beam.PCollection[IncidentEvent]:
        """Returns the incidents."""
        codec = CorrelatorCodec(self.bounds, self.event_time)
        return (
            events
            | "ToOneKey" >> beam.Map(_keyed).with_output_types(Keyed)
            | "Correlate" >> beam.ParDo(_CorrelateFn(codec))
        )


def _keyed(event: FiberEvent) -> Keyed:
    """Returns what an event says of its alarm, as an ALARMS block."""
    return _NETWORK, states_block([alarm_state(event)]).to_bytes()


@beam.typehints.with_output_types(IncidentEvent)
class _CorrelateFn(beam.DoFn):
    """One correlator: maps its cells, timers and outputs."""

    HEAD = ReadModifyWriteStateSpec("head", BytesCoder())
    WAITING = BagStateSpec("waiting", BytesCoder())
    ALARMS = BagStateSpec("alarms", BytesCoder())
    INCIDENTS = BagStateSpec("incidents", BytesCoder())
    #: One timer a tick; its tag names the tick.
    TICK = TimerSpec("tick", TimeDomain.WATERMARK)

    def __init__(self, codec: CorrelatorCodec) -> None:
        self._correlators = HeldStates(codec)

    def process(
        self,
        element: Keyed,
        head: Any = beam.DoFn.StateParam(HEAD),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        alarms: Any = beam.DoFn.StateParam(ALARMS),
        incidents: Any = beam.DoFn.StateParam(INCIDENTS),
        timer: Any = beam.DoFn.TimerParam(TICK),
    ) -> Iterable[Any]:
        key, data = element
        cells = CorrelatorCells(head, waiting, alarms, incidents)
        with self._correlators.open(key, cells) as saved:
            yield from _put_out([saved.correlator.receive(data)], timer)

    @on_timer(TICK)
    def reach(
        self,
        key: int = beam.DoFn.KeyParam,
        tag: str = beam.DoFn.DynamicTimerTagParam,
        head: Any = beam.DoFn.StateParam(HEAD),
        waiting: Any = beam.DoFn.StateParam(WAITING),
        alarms: Any = beam.DoFn.StateParam(ALARMS),
        incidents: Any = beam.DoFn.StateParam(INCIDENTS),
        timer: Any = beam.DoFn.TimerParam(TICK),
    ) -> Iterable[Any]:
        cells = CorrelatorCells(head, waiting, alarms, incidents)
        with self._correlators.open(key, cells) as saved:
            yield from _put_out(saved.correlator.fire(tag), timer)
            for severity, number in saved.correlator.open_by_severity().items():
                gauge(f"open_incidents_{severity.name.lower()}", number)


def _put_out(steps: Iterable[Correlated], timer: Any) -> Iterator[IncidentEvent]:
    """Sets timers, and yields incidents."""
    for step in steps:
        yield from step.incidents
        for one in step.timers:
            set_timer(timer, one)
