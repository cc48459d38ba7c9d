"""FormatIncidents: incidents → the records of the incidents topic.

In:   `IncidentEvent`; global window.
Out:  (incident_id, CloudEvents 1.0 structured JSON), both UTF-8; global window.
State: none.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import apache_beam as beam

from schema.cloud_event import to_json
from schema.cloud_incident import cloud_incident
from schema.incidents import IncidentEvent
from transforms.outputs import count


@dataclass
class FormatIncidents(beam.PTransform):
    """Writes each incident, with its alarms and its impact, as one JSON object.

    Attributes:
        source: name of the pipeline, `source` of every incident.
    """

    source: str

    def expand(self, incidents: beam.PCollection) -> beam.PCollection:
        """Returns key and value of the records of the incidents topic."""
        return incidents | "Format" >> beam.ParDo(_FormatFn(self.source))


@beam.typehints.with_output_types(tuple[bytes, bytes])
class _FormatFn(beam.DoFn):
    def __init__(self, source: str) -> None:
        self._source = source

    def process(self, event: IncidentEvent) -> Iterable[tuple[bytes, bytes]]:
        count(f"incidents_{event.action.name.lower()}_{event.facts.severity.name.lower()}")
        yield event.incident_id.encode(), to_json(cloud_incident(event, self._source))
