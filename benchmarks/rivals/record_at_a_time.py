"""A rival: the same pipeline in the style of Beam's own examples, with one element for each port.

``python -m benchmarks.rivals.record_at_a_time`` takes the options of ``python -m pipeline``.
Reports become one element for each port, keyed by link_id; fixed windows of a second and
GroupByKey bring both ends of a link together; a stateful DoFn holds the last decisions of each
link. Each worker reads the topology once, when it starts. Late data is evaluated again by Beam's
late panes; Beam drops what comes after the allowed lateness.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import apache_beam as beam
from apache_beam.coders import FastPrimitivesCoder
from apache_beam.transforms.trigger import AccumulationMode, AfterCount, AfterWatermark
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec
from apache_beam.transforms.window import FixedWindows, GlobalWindows, TimestampedValue
from apache_beam.utils.shared import Shared
from apache_beam.utils.timestamp import Duration
from apache_beam.utils.windowed_value import PaneInfo

from benchmarks.rivals.per_link import (
    NS_PER_S,
    Limits,
    Links,
    LinkSecond,
    Row,
    decide,
    matches,
    merge,
)
from pipeline.graph import Sinks, Source
from pipeline.kafka.client import read_until
from pipeline.kafka.read import KafkaSource
from pipeline.options import parse
from pipeline.settings import Settings
from runners.profiles import prepare
from schema.cloud_event import CloudEvents, to_json
from schema.events import Code
from schema.outputs import EVENTS, Record
from schema.pm_report_pb2 import PmReport
from schema.records import PmRecords
from schema.topology import parse_link
from schema.topology_file import TopologyFile
from schema.topology_pb2 import FiberLink

LinkReader = Callable[[], Iterable[FiberLink]]
#: Decisions by second, for the windows that may still be needed.
_History = dict[int, tuple[Code, ...]]


def build(pipeline: beam.Pipeline, source: Source, sinks: Sinks, settings: Settings) -> None:
    """Adds the whole graph to a pipeline."""
    read = _reader(pipeline, source)
    bounds = settings.bounds
    events = (
        source.read(pipeline).records
        | "Reports" >> beam.FlatMap(_payloads).with_output_types(bytes)
        | "Ports" >> beam.ParDo(_PortsFn(read, bounds.out_of_orderness_s))
        | "Seconds"
        >> beam.WindowInto(
            FixedWindows(1),
            trigger=AfterWatermark(late=AfterCount(1)),
            accumulation_mode=AccumulationMode.ACCUMULATING,
            allowed_lateness=Duration(seconds=bounds.allowed_lateness_s),
        )
        | "BothEnds" >> beam.GroupByKey()
        | "Newest" >> beam.ParDo(_NewestFn(bounds.out_of_orderness_s))
        | "Unwindow" >> beam.WindowInto(GlobalWindows())
        | "Confirm"
        >> beam.ParDo(
            _ConfirmFn(
                read, settings.source_name, bounds.out_of_orderness_s + bounds.allowed_lateness_s
            )
        )
    )
    sinks.write(EVENTS, events)


def _payloads(records: PmRecords) -> Iterable[bytes]:
    return records.payloads


def _reader(pipeline: beam.Pipeline, source: Source) -> LinkReader:
    if isinstance(source, KafkaSource):
        return partial(_read_topic, source)
    topology = source.topology(pipeline)
    assert isinstance(topology, TopologyFile)
    return topology.links


def _read_topic(source: KafkaSource) -> Iterable[FiberLink]:
    records = read_until(
        source.bootstrap_servers, source.config, source.topology_topic, source.topology_held
    )
    newest = {key: value for key, value in records}
    return [parse_link(value, key) for key, value in newest.items() if value is not None]


_SHARED = Shared()


@dataclass
class _WithLinks(beam.DoFn):
    """A step that needs the topology, which the threads of a worker share."""

    read: LinkReader

    def setup(self) -> None:
        self.links = _SHARED.acquire(lambda: Links(self.read()), tag=repr(self.read))


@beam.typehints.with_output_types(tuple[str, tuple[Any, ...]])
class _PortsFn(_WithLinks):
    def __init__(self, read: LinkReader, shift_s: int) -> None:
        super().__init__(read)
        self._shift_s = shift_s

    def process(self, payload: bytes) -> Iterator[TimestampedValue]:
        for link_id, row in self.links.rows(PmReport.FromString(payload)):
            # Kafka's watermark does not wait for B, so here all event time is later by B.
            yield TimestampedValue((link_id, row), row[1] / NS_PER_S + self._shift_s)


@beam.typehints.with_output_types(tuple[str, tuple[int, dict[str, Any]]])
class _NewestFn(beam.DoFn):
    def __init__(self, shift_s: int) -> None:
        self._shift_s = shift_s

    def process(
        self,
        element: tuple[str, Iterable[Row]],
        window: Any = beam.DoFn.WindowParam,
        pane: PaneInfo = beam.DoFn.PaneInfoParam,
    ) -> Iterator[tuple[str, tuple[int, LinkSecond]]]:
        if pane.index > 0 and pane.is_last:
            return  # the window closes, and its last pane repeats the one before
        link_id, rows = element
        newest: LinkSecond = {}
        for row in rows:
            merge(newest, row)
        if newest:
            yield link_id, (int(window.start) - self._shift_s, newest)


@beam.typehints.with_output_types(tuple[bytes, bytes])
class _ConfirmFn(_WithLinks):
    """State: the decisions of the last windows of a link."""

    HISTORY = ReadModifyWriteStateSpec("history", FastPrimitivesCoder())

    def __init__(self, read: LinkReader, source_name: str, closing_s: float) -> None:
        super().__init__(read)
        self._cloud_events = CloudEvents(source_name)
        self._kept_s = int(closing_s) + 1

    def process(
        self,
        element: tuple[str, tuple[int, LinkSecond]],
        state: Any = beam.DoFn.StateParam(HISTORY),
    ) -> Iterator[Record]:
        link_id, (window_s, newest) = element
        history: _History = {
            s: tuple(map(Code, codes)) for s, codes in (state.read() or {}).items()
        }
        before = history.get(window_s - 1, ())
        limits: tuple[Limits, Limits] = self.links.limits[link_id]
        spans = decide(newest, limits, before)
        history[window_s] = spans[0].code, spans[1].code
        oldest_s = max(history) - self._kept_s
        state.write({s: tuple(map(int, codes)) for s, codes in history.items() if s >= oldest_s})
        for event in matches(self.links.by_id[link_id], window_s, spans, before):
            yield link_id.encode(), to_json(self._cloud_events.of(event))


def main(arguments: list[str]) -> int:
    """Runs a command line of the pipeline with this graph instead."""
    with prepare(parse(arguments)) as prepared:
        pipeline = beam.Pipeline(runner=prepared.runner, options=prepared.options)
        build(pipeline, prepared.source, prepared.sinks, prepared.settings)
        result = pipeline.run()
        if prepared.leave:
            prepared.leave()
        else:
            result.wait_until_finish()
    return 0


if __name__ == "__main__":
    # Workers find the steps by the name of their module, which must not be __main__.
    from benchmarks.rivals import record_at_a_time

    sys.exit(record_at_a_time.main(sys.argv[1:]))
