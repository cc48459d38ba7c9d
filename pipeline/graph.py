"""The whole graph: one chain from PM records to events.

``python -m pipeline.graph`` prints it.
"""

from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import apache_beam as beam
from apache_beam.pipeline import AppliedPTransform

from pipeline.outputs import EVENTS, INVALID, LATE, UNMATCHED, Aside, Record
from transforms import (
    DecodeReports,
    FormatEvents,
    JoinTopology,
    TrackLinks,
    UpdateTopology,
)
from transforms.lateness import EventTime, Lateness
from transforms.update_topology import LINK_ENDS, LINKS, TopologyFile


@dataclass(frozen=True)
class Settings:
    """What the operator chooses about the behavior.

    Attributes:
        lateness: how long a window waits.
        emit: ``lifecycle`` or ``matches``.
        num_shards: number of link shards; nodes have half as many, but two if links have.
        source_name: name of the pipeline, `source` of every event.
    """

    lateness: Lateness = field(default_factory=Lateness)
    emit: str = "lifecycle"
    num_shards: int = 4
    source_name: str = "event-center"


class PmInput(NamedTuple):
    """What a source has of PM.

    Attributes:
        records: `PmRecords`.
        moments: those that event time reaches, each announced before, where it is ANNOUNCED
            [us since the Unix epoch].
    """

    records: beam.PCollection
    moments: beam.PCollection[int] | None = None


class Source(Protocol):
    """Where PM and topology come from: a file, Kafka, or a test."""

    @property
    def event_time(self) -> EventTime:
        """How event time goes on here."""

    def read(self, pipeline: beam.Pipeline) -> PmInput:
        """Returns the PM."""

    def topology(self, pipeline: beam.Pipeline) -> TopologyFile | beam.PCollection:
        """Returns the whole topology, or its records as they come."""

    def invalid(self, pipeline: beam.Pipeline) -> beam.PCollection | None:
        """Returns what the source itself rejects, as records of the invalid output."""


class Sinks(Protocol):
    """Where the outputs go: files, Kafka, or a test."""

    def write(self, output: str, records: beam.PCollection) -> None:
        """Writes the records of an output."""


def build(pipeline: beam.Pipeline, source: Source, sinks: Sinks, settings: Settings) -> None:
    """Adds the whole graph to a pipeline."""
    aside = Aside()
    lateness, shards = settings.lateness, settings.num_shards
    # A bundle makes a block for each pair of shards at most, and small blocks cost as large ones.
    node_shards = max(min(2, shards), shards // 2)
    pm = source.read(pipeline)
    topology = source.topology(pipeline)
    links = link_ends = topology
    if isinstance(topology, TopologyFile):
        node_shards = 1  # nothing is keyed by them
    else:
        updates = topology | "UpdateTopology" >> UpdateTopology(shards, node_shards, aside)
        links, link_ends = updates[LINKS], updates[LINK_ENDS]

    events: beam.PCollection[Record] = (
        pm.records
        | "DecodeReports" >> DecodeReports(node_shards, aside)
        | "JoinTopology" >> JoinTopology(shards, link_ends, aside)
        | "TrackLinks"
        >> TrackLinks(lateness, settings.emit, shards, links, source.event_time, pm.moments, aside)
        | "FormatEvents" >> FormatEvents(settings.source_name)
    )

    sinks.write(EVENTS, events)
    if (rejected := source.invalid(pipeline)) is not None:
        aside.add(INVALID, rejected)
    for output in (LATE, INVALID, UNMATCHED):
        if collections := aside.collections(output):
            title = output.capitalize()
            sinks.write(output, collections | f"All{title}" >> beam.Flatten())


class _Sketch:
    """A source and sinks that stand for any: to look at the graph, not to run it."""

    event_time = EventTime.LIVE

    def read(self, pipeline: beam.Pipeline) -> PmInput:
        return PmInput(pipeline | "ReadPm" >> beam.Create([], reshuffle=False))

    def topology(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return pipeline | "ReadTopology" >> beam.Create([], reshuffle=False)

    def invalid(self, pipeline: beam.Pipeline) -> None:
        """Nothing."""

    def write(self, output: str, records: beam.PCollection) -> None:
        _ = records | f"Write{output.capitalize()}" >> beam.Map(lambda record: record)


def steps() -> list[tuple[str, list[str]]]:
    """Returns the steps of a live job, in order, each with the steps that feed it."""
    pipeline = beam.Pipeline(runner="FnApiRunner")
    sketch = _Sketch()
    build(pipeline, sketch, sketch, Settings())
    parts = pipeline._root_transform().parts
    return [
        (part.full_label, [step for step in _feeding(part) if step != part.full_label])
        for part in parts
    ]


def _feeding(part: AppliedPTransform) -> list[str]:
    """Returns the steps whose outputs a transform takes, inside of it too."""
    taken = [c.producer.full_label.partition("/")[0] for c in part.inputs if c.producer]
    for inner in part.parts:
        taken += _feeding(inner)
    return list(dict.fromkeys(taken))


def main() -> None:
    """Prints the graph, a line a step."""
    for step, fed_by in steps():
        print(f"{' + '.join(fed_by) or '-':>31} → {step}")


if __name__ == "__main__":
    main()
