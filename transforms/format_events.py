"""FormatEvents: events → CloudEvents.

In:   `FiberEvent`; global window.
Out:  (link_id, CloudEvents 1.0 structured JSON), both UTF-8; global window.
State: none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam

from schema.cloud_event import cloud_event, to_json
from schema.events import FiberEvent


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
        self._source = source

    def process(self, event: FiberEvent) -> Iterable[tuple[bytes, bytes]]:
        yield event.link.link_id.encode(), to_json(cloud_event(event, self._source))
