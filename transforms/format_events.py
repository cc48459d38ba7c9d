"""FormatEvents: events → CloudEvents.

In:   `FiberEvent`; global window.
Out:  (link_id, CloudEvents 1.0 structured JSON), both UTF-8; global window.
State: none.
"""

import time
from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam

from schema.cloud_event import CloudEvents, to_json
from schema.events import FiberEvent
from transforms.outputs import count, count_latency


@dataclass
class FormatEvents(beam.PTransform):
    """Writes each event, with its impact, as one JSON object.

    Attributes:
        source: name of the pipeline, `source` of every event.
    """

    source: str

    def expand(self, events: beam.PCollection) -> beam.PCollection:
        """Returns key and value of the records of the events topic."""
        return events | "Format" >> beam.ParDo(_FormatFn(self.source))


@beam.typehints.with_output_types(tuple[bytes, bytes])
class _FormatFn(beam.DoFn):
    def __init__(self, source: str) -> None:
        self._cloud_events = CloudEvents(source)

    def process(self, event: FiberEvent) -> Iterable[tuple[bytes, bytes]]:
        _count(event)
        yield event.link.link_id.encode(), to_json(self._cloud_events.of(event))


def _count(event: FiberEvent) -> None:
    """Counts an event, and how long after the end of its window it was made.

    The latency of a late evaluation says nothing of the pipeline: it is that of the samples.
    """
    count(f"events_{event.action.name.lower()}_{event.severity.name.lower()}")
    if not event.detected_late:
        count_latency(time.time() - event.end_s)
