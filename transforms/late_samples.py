"""Lines of the `late` output: samples whose window is closed for good (spec, section 4)."""

from collections.abc import Iterator

import numpy as np

from kernels.decode_reports.samples import num_span_ends, readings_by_name
from kernels.join_topology.routes import names_of
from pipeline import outputs
from schema.blocks import END_NAMES, Block, readings_of
from schema.times import rfc3339
from transforms.lateness import WINDOW_S, Lateness


def late_records(block: Block, lateness: Lateness) -> Iterator[outputs.Record]:
    """Yields a record for each link end that a sample of a JOINED block serves, and counts it."""
    columns = block.columns
    outputs.count(outputs.ENDS_LATE, num_span_ends(columns["role"]))
    closed_at = rfc3339(block.window_start_s + WINDOW_S + lateness.closing_s)
    readings = readings_by_name(readings_of(columns), np.arange(block.num_rows))
    for report, (component, link_id), end, sample_time_ns, reading in zip(
        columns["report"].tolist(),
        names_of(columns),
        columns["end"].tolist(),
        columns["sample_time_ns"].tolist(),
        readings,
        strict=True,
    ):
        line = {
            "node_id": columns["node_id"][report].decode(),
            "component": component,
            "link_id": link_id,
            "end": END_NAMES[end],
            "sample_time_unix_ns": sample_time_ns,
            "window_start": rfc3339(block.window_start_s),
            "closed_at": closed_at,
            "readings": reading,
        }
        yield outputs.side_record(link_id, line)
