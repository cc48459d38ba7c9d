"""Runs a case through the whole graph, and through the oracle."""

import json
import pickle
from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.testing.test_stream import TestStream
from apache_beam.transforms.window import TimestampedValue
from apache_beam.utils.timestamp import Timestamp

from kernels.replay_watermark import Halts
from kernels.window_bounds import WindowBounds
from pipeline.graph import PmInput, build
from pipeline.settings import Settings
from pipeline.sinks import FileSinks
from schema.outputs import ALL_OUTPUTS, OUTPUTS
from schema.records import EventTime, PmRecords, TopologyRecord
from schema.times import FIRST_MOMENT_US
from tests.builders import T0
from tests.oracle import Oracle, Outputs
from tests.stream.cases import Case, Step
from transforms import outputs

#: Where event time stops before it ends: a timer that is set after its end never fires.
_LONG_AFTER = 1e9


class CaseSource:
    """A TestStream of PM and topology, in the order of the steps."""

    event_time = EventTime.ANNOUNCED

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = list(steps)
        self._elements: beam.PCollection | None = None

    def read(self, pipeline: beam.Pipeline) -> PmInput:
        steps = self._of(pipeline)
        records = steps | "Pm" >> beam.FlatMap(_pm).with_output_types(PmRecords)
        return PmInput(records, self._moments(pipeline))

    def _moments(self, pipeline: beam.Pipeline) -> beam.PCollection[int]:
        steps = self._of(pipeline)
        return steps | "Moments" >> beam.FlatMap(_moments).with_output_types(int)

    def topology(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return self._of(pipeline) | "Topology" >> beam.FlatMap(_topology).with_output_types(
            list[TopologyRecord]
        )

    def invalid(self, pipeline: beam.Pipeline) -> None:
        """Nothing is rejected here."""

    def _of(self, pipeline: beam.Pipeline) -> beam.PCollection:
        if self._elements is None:
            stream = TestStream(coder=beam.coders.BytesCoder()).with_output_types(bytes)
            now = Timestamp(T0)
            halts = Halts(WindowBounds())
            for number, step in enumerate([*self._steps, _LONG_AFTER]):
                if isinstance(step, float):
                    for watermark in (*_halts_before(halts, step), step):
                        moment = TimestampedValue(pickle.dumps((number, watermark)), now)
                        stream = stream.add_elements([moment])
                        now = Timestamp(micros=_us(watermark))
                        stream = stream.advance_watermark_to(now)
                else:
                    if isinstance(step, bytes):
                        halts.see(step)
                    element = TimestampedValue(pickle.dumps((number, step_data(step))), now)
                    stream = stream.add_elements([element])
            self._elements = pipeline | "Steps" >> stream.advance_watermark_to_infinity()
        return self._elements


class LiveSource(CaseSource):
    """The same steps; no moment is announced but the first."""

    event_time = EventTime.LIVE

    def _moments(self, pipeline: beam.Pipeline) -> beam.PCollection[int]:
        return pipeline | "Moments" >> beam.Create([FIRST_MOMENT_US], reshuffle=False)


def step_data(step: Step) -> bytes | tuple[bytes, bytes | None]:
    if isinstance(step, tuple):
        link_id, link = step
        return link_id.encode(), link and link.SerializeToString()
    assert isinstance(step, bytes)
    return step


def _pm(element: bytes) -> Iterable[PmRecords]:
    number, step = pickle.loads(element)
    if isinstance(step, bytes):
        yield PmRecords([step], number)


def _us(step: float) -> int:
    return T0 * 1_000_000 + round(step * 1_000_000)


def _halts_before(halts: Halts, step: float) -> list[float]:
    return [(us - _us(0.0)) / 1e6 for us in halts.up_to(_us(step)) if us < _us(step)]


def _moments(element: bytes) -> Iterable[int]:
    _, step = pickle.loads(element)
    if isinstance(step, float):
        yield WindowBounds().last_moment_us(_us(step))


def _topology(element: bytes) -> Iterable[list[TopologyRecord]]:
    _, step = pickle.loads(element)
    if isinstance(step, tuple):
        yield [TopologyRecord(*step)]


def run_case(
    case: Case,
    runner: str,
    options: list[str],
    folder: Path,
    source: CaseSource | None = None,
) -> Outputs:
    """Runs a case on a runner in this process or on this machine."""
    outputs.counted_here.clear()
    names = ALL_OUTPUTS if case.emit == "lifecycle" else OUTPUTS
    paths = {output: str(folder / f"{output}.jsonl") for output in names}
    sinks = FileSinks(paths, bounded=False)
    sinks.prepare()
    pipeline = beam.Pipeline(runner=runner, options=PipelineOptions([*options, "--streaming"]))
    settings = Settings(emit=case.emit, num_shards=case.num_shards)
    build(pipeline, source or CaseSource(case.steps), sinks, settings)
    pipeline.run().wait_until_finish()
    lines = {
        output: [json.loads(line) for line in Path(path).read_text().splitlines()]
        for output, path in paths.items()
    }
    return Outputs(**lines, counters=dict(outputs.counted_here))


def expected(case: Case) -> Outputs:
    """Returns the outputs of the oracle."""
    oracle = Oracle(emit=case.emit)
    for step in case.steps:
        if isinstance(step, float):
            oracle.advance(T0 * 10**9 + round(step * 10**9))
        elif isinstance(step, bytes):
            oracle.report(step)
        else:
            oracle.topology(*step)
    return oracle.finish()


def traces_by_link(lines: list[dict]) -> dict[str, list[dict]]:
    """Returns the traces of each link, in the order in which they were written."""
    found: dict[str, list[dict]] = {}
    for line in lines:
        found.setdefault(line["link_id"], []).append(line)
    return found


def comparable(event: dict) -> dict:
    """Returns an event without its words for people."""
    data = {k: v for k, v in event["data"].items() if k not in ("text", "proposed_repair")}
    return {**event, "data": data}
