"""Names of the outputs, the counters, and nothing else."""

import json
from typing import Any

import apache_beam as beam
from apache_beam.metrics import Metrics

#: The outputs; events are the main chain's.
EVENTS, INVALID, UNMATCHED, LATE = "events", "invalid", "unmatched", "late"
OUTPUTS = (EVENTS, LATE, INVALID, UNMATCHED)

#: Key and value of an output record, UTF-8.
Record = tuple[bytes, bytes]


class Aside:
    """Collects what the steps put out beside the main chain, by name of the output."""

    def __init__(self) -> None:
        self._collections: dict[str, list[beam.PCollection]] = {}

    def add(self, output: str, records: beam.PCollection) -> None:
        """Adds a step's records to an output."""
        self._collections.setdefault(output, []).append(records)

    def collections(self, output: str) -> list[beam.PCollection]:
        """Returns all that was added to an output."""
        return self._collections.get(output, [])


def side_record(key: str | None, line: dict[str, Any]) -> Record:
    """Returns a line of a side output as a record."""
    value = json.dumps(line, separators=(",", ":"), ensure_ascii=False)
    return (key or "").encode(), value.encode()


#: Namespace of all counters.
NAMESPACE = "eventcenter"

#: The counters of the conservation rule:
#: components = components_rejected + components_unmatched + components_matched, and
#: ends_joined = ends_windowed + ends_late.
REPORTS = "reports"
REPORTS_REJECTED = "reports_rejected"
COMPONENTS = "components"
COMPONENTS_REJECTED = "components_rejected"
COMPONENTS_UNMATCHED = "components_unmatched"
COMPONENTS_MATCHED = "components_matched"
ENDS_JOINED = "ends_joined"
ENDS_WINDOWED = "ends_windowed"
ENDS_LATE = "ends_late"


def count(name: str, number: int = 1) -> None:
    """Adds to a counter."""
    if number:
        Metrics.counter(NAMESPACE, name).inc(number)
