"""Shows the graph of a live job; ``python -m pipeline.graph`` prints it."""

import apache_beam as beam
from apache_beam.pipeline import AppliedPTransform
from apache_beam.transforms.core import Windowing
from apache_beam.transforms.trigger import AccumulationMode
from apache_beam.transforms.window import FixedWindows

from pipeline.graph import PmInput, build
from pipeline.settings import Settings
from schema.records import EventTime


class _Sketch:
    """A source and sinks that stand for any others, in a graph that never runs."""

    event_time = EventTime.LIVE

    def read(self, pipeline: beam.Pipeline) -> PmInput:
        records = pipeline | "ReadPm" >> beam.Create([], reshuffle=False)
        return PmInput(records, pipeline | "Moments" >> beam.Create([], reshuffle=False))

    def topology(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return pipeline | "ReadTopology" >> beam.Create([], reshuffle=False)

    def invalid(self, pipeline: beam.Pipeline) -> None:
        """Returns nothing: this source rejects no records."""

    def asks_for(self, output: str) -> bool:
        return True

    def write(self, output: str, records: beam.PCollection) -> None:
        _ = records | f"Write{output.capitalize()}" >> beam.Map(lambda record: record)


def steps() -> list[tuple[str, list[str]]]:
    """Returns the steps of a live job, in order, each with the steps that feed it."""
    return [
        (part.full_label, [step for step in _feeding(part) if step != part.full_label])
        for part in _parts()
    ]


def windows() -> dict[str, str]:
    """Returns the steps of a live job that assign windows, and which windows these are."""
    return {
        part.full_label: _in_words(inner.transform.windowing)
        for part in _parts()
        for inner in part.parts
        if isinstance(inner.transform, beam.WindowInto)
        and isinstance(inner.transform.windowing.windowfn, FixedWindows)
    }


def _parts() -> list[AppliedPTransform]:
    pipeline = beam.Pipeline(runner="FnApiRunner")
    sketch = _Sketch()
    build(pipeline, sketch, sketch, Settings())
    parts: list[AppliedPTransform] = pipeline._root_transform().parts
    return parts


def _in_words(windowing: Windowing) -> str:
    """Returns windows, trigger, allowed lateness, and what becomes of content that has fired."""
    (mode,) = (
        name
        for name, value in vars(AccumulationMode).items()
        if name.isupper() and value == windowing.accumulation_mode
    )
    size, lateness = windowing.windowfn.size, windowing.allowed_lateness
    return (
        f"FixedWindows({float(size):g} s), {windowing.triggerfn}, "
        f"allowed lateness {float(lateness):g} s, {mode}"
    )


def _feeding(part: AppliedPTransform) -> list[str]:
    """Returns the steps whose outputs a transform, or a step inside it, takes."""
    taken = [c.producer.full_label.partition("/")[0] for c in part.inputs if c.producer]
    for inner in part.parts:
        taken += _feeding(inner)
    return list(dict.fromkeys(taken))


def main() -> None:
    """Prints the graph, one line for each step."""
    of_step = windows()
    for step, fed_by in steps():
        described = f": {of_step[step]}" if step in of_step else ""
        print(f"{' + '.join(fed_by) or '-':>40} → {step}{described}")


if __name__ == "__main__":
    main()
