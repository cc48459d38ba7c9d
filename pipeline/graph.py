"""The whole graph: one chain from PM records to events, and on to incidents.

``python -m pipeline.graph`` prints it.
"""

import runpy
from typing import NamedTuple, Protocol

import apache_beam as beam

from pipeline.settings import Settings
from schema.outputs import EVENTS, INCIDENTS, INVALID, LATE, TRACES, UNMATCHED
from schema.records import EventTime
from schema.topology_file import TopologyFile
from transforms import (
    CorrelateAlarms,
    DecodeReports,
    FormatEvents,
    FormatIncidents,
    GatherWindows,
    JoinTopology,
    SampleLines,
    TrackLinks,
    UpdateTopology,
)


class PmInput(NamedTuple):
    """What a source has of PM.

    Attributes:
        records: `PmRecords`.
        moments: instants that are known to be ahead of the watermark, each before it is reached;
            None where nothing is late. Where event time is ANNOUNCED, all moments that it reaches;
            live, one before all others [us since the Unix epoch].
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
        """Returns the rejections of the source itself, candidates for the invalid output."""


class Sinks(Protocol):
    """Where the outputs go: files, Kafka, or a test."""

    def asks_for(self, output: str) -> bool:
        """Returns whether an output is written at all."""

    def write(self, output: str, records: beam.PCollection) -> None:
        """Writes the records of an output, if it is asked for."""


def build(pipeline: beam.Pipeline, source: Source, sinks: Sinks, settings: Settings) -> None:
    """Adds the whole graph to a pipeline."""
    bounds, shards, node_shards = settings.bounds, settings.num_shards, settings.num_node_shards
    pm = source.read(pipeline)
    topology = source.topology(pipeline)
    rejected = source.invalid(pipeline)
    invalid = [] if rejected is None else [rejected]
    links = link_ends = topology
    if isinstance(topology, TopologyFile):
        node_shards = 1  # nothing is keyed by them
    else:
        updated = topology | "UpdateTopology" >> UpdateTopology(shards, node_shards)
        links, link_ends = updated.links, updated.link_ends
        invalid += updated.invalid

    decoded = pm.records | "DecodeReports" >> DecodeReports(node_shards, bounds.window_s)
    joined = decoded.blocks | "JoinTopology" >> JoinTopology(
        bounds, node_shards, shards, link_ends, source.event_time, pm.moments
    )
    windows = joined.blocks | "GatherWindows" >> GatherWindows(bounds)
    tracked = windows | "TrackLinks" >> TrackLinks(
        bounds,
        settings.emit,
        settings.gap_windows,
        shards,
        links,
        source.event_time,
        has_traces=sinks.asks_for(TRACES),
    )
    events = tracked.events | "FormatEvents" >> FormatEvents(settings.source_name)

    sinks.write(EVENTS, events)
    if sinks.asks_for(INCIDENTS):
        correlated = tracked.events | "CorrelateAlarms" >> CorrelateAlarms(
            bounds, source.event_time
        )
        incidents = correlated | "FormatIncidents" >> FormatIncidents(settings.source_name)
        sinks.write(INCIDENTS, incidents)
    if tracked.traces is not None:
        sinks.write(TRACES, tracked.traces)
    sinks.write(LATE, joined.late)
    rejections = (*invalid, decoded.invalid) | "AllInvalid" >> beam.Flatten()
    sinks.write(INVALID, rejections | "SampleInvalid" >> SampleLines())
    sinks.write(UNMATCHED, joined.unmatched)


if __name__ == "__main__":
    runpy.run_module("pipeline.show_graph", run_name="__main__")
