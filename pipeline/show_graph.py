"""Shows the graph of a live job; ``python -m pipeline.graph`` prints it."""

import apache_beam as beam
from apache_beam.pipeline import AppliedPTransform

from pipeline.graph import PmInput, build
from pipeline.settings import Settings
from schema.records import EventTime


class _Sketch:
    """A source and sinks that stand for any others, in a graph that never runs."""

    event_time = EventTime.LIVE

    def read(self, pipeline: beam.Pipeline) -> PmInput:
        return PmInput(pipeline | "ReadPm" >> beam.Create([], reshuffle=False))

    def topology(self, pipeline: beam.Pipeline) -> beam.PCollection:
        return pipeline | "ReadTopology" >> beam.Create([], reshuffle=False)

    def invalid(self, pipeline: beam.Pipeline) -> None:
        """Returns nothing: this source rejects no records."""

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
    """Returns the steps whose outputs a transform, or a step inside it, takes."""
    taken = [c.producer.full_label.partition("/")[0] for c in part.inputs if c.producer]
    for inner in part.parts:
        taken += _feeding(inner)
    return list(dict.fromkeys(taken))


def main() -> None:
    """Prints the graph, one line for each step."""
    for step, fed_by in steps():
        print(f"{' + '.join(fed_by) or '-':>31} → {step}")


if __name__ == "__main__":
    main()
