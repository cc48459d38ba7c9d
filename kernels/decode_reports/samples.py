"""Samples in columns: taken from checked reports, joined, and split by window and shard."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from kernels.arrays import groups, ranges, runs
from kernels.decode_reports.flatten import FlatReports
from kernels.decode_reports.validate import Checked
from schema.blocks import readings_of
from schema.columns import Columns, coded, concatenated
from schema.times import US_PER_S, window_at


@dataclass(frozen=True)
class Samples:
    """The samples of R reports, N in all, report by report.

    Attributes:
        node_id: R times bytes.
        names: R times bytes, the names of the components one after the other.
        count: (R,) int64, number of components.
        order: (R,) int64, order of arrival.
        sequence: (R,) uint64.
        name_length: (N,) int64 [bytes].
        sample_time_ns: (N,) int64, since the Unix epoch.
        state: (N,) uint8 `SampleState`.
        readings: (N,) by PM type: float64, or coded (`schema.columns`); NaN = none, -inf = dark.
    """

    node_id: list[bytes]
    names: list[bytes]
    count: NDArray[np.int64]
    order: NDArray[np.int64]
    sequence: NDArray[np.uint64]
    name_length: NDArray[np.int64]
    sample_time_ns: NDArray[np.int64]
    state: NDArray[np.uint8]
    readings: dict[int, NDArray[Any]]

    @property
    def num_samples(self) -> int:
        """N."""
        return len(self.name_length)

    @classmethod
    def of(cls, columns: Columns) -> Self:
        """Returns the samples of a PM block."""
        names = [name for name in cls.__dataclass_fields__ if name != "readings"]
        return cls(**{name: columns[name] for name in names}, readings=readings_of(columns))

    def columns(self) -> dict[str, Any]:
        """Returns the columns of a PM block."""
        columns = {name: value for name, value in vars(self).items() if name != "readings"}
        return columns | {f"pm_{t}": values for t, values in self.readings.items()}

    def with_coded_readings(self) -> Self:
        """Returns the samples with readings in their narrowest form."""
        readings = {
            t: values if values.dtype == np.int16 else coded(values)
            for t, values in self.readings.items()
        }
        return type(self)(**{**vars(self), "readings": readings})

    def component(self, rows: NDArray[np.int64]) -> list[bytes]:
        """Returns the names of the components of some rows."""
        ends = np.cumsum(self.name_length)
        starts = ends - self.name_length
        whole = b"".join(self.names)
        return [whole[starts[row] : ends[row]] for row in rows.tolist()]

    def reports_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the report of each of some rows."""
        return np.repeat(np.arange(len(self.count)), self.count)[rows]

    def take_reports(self, reports: NDArray[np.int64]) -> Self:
        """Returns the samples of some reports, in the order in which they are named."""
        count = self.count[reports]
        starts = np.cumsum(self.count) - self.count
        names = [self.names[r] for r in reports.tolist()]
        return self._part(reports, names, count, ranges(starts[reports], count))

    def take_rows(self, rows: NDArray[np.int64]) -> Self:
        """Returns some rows, which are ascending, with the reports that they belong to."""
        report = self.reports_of(rows)
        reports, count = np.unique(report, return_counts=True)
        component = self.component(rows)
        names = [b"".join(component[group]) for group in groups(count)]
        return self._part(reports, names, count, rows)

    def _part(
        self,
        reports: NDArray[np.int64],
        names: list[bytes],
        count: NDArray[np.int64],
        rows: NDArray[np.int64],
    ) -> Self:
        """Returns some rows of some reports, with the names and numbers of their components."""
        return type(self)(
            node_id=[self.node_id[r] for r in reports.tolist()],
            names=names,
            count=count,
            order=self.order[reports],
            sequence=self.sequence[reports],
            name_length=self.name_length[rows],
            sample_time_ns=self.sample_time_ns[rows],
            state=self.state[rows],
            readings={t: values[rows] for t, values in self.readings.items()},
        )


def no_samples() -> Samples:
    """Returns no samples."""
    none = np.empty(0, np.int64)
    return Samples([], [], none, none, none.view(np.uint64), none, none, none.astype(np.uint8), {})


def joined_samples(parts: Sequence[Samples]) -> Samples:
    """Returns the samples of all parts, one part after the other."""
    if len(parts) == 1:
        return parts[0]
    if not parts:
        return no_samples()
    lengths = [part.num_samples for part in parts]
    types = sorted({pm_type for part in parts for pm_type in part.readings})
    arrays = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in ("count", "order", "sequence", "name_length", "sample_time_ns", "state")
    }
    return Samples(
        node_id=[node for part in parts for node in part.node_id],
        names=[name for part in parts for name in part.names],
        readings={
            t: concatenated([part.readings.get(t) for part in parts], lengths) for t in types
        },
        **arrays,
    )


def sound_samples(flat: FlatReports, checked: Checked, order: NDArray[np.int64]) -> Samples:
    """Returns the sound samples of parsed reports.

    Args:
        flat: the reports.
        checked: the verdict on them.
        order: (R,) int64, order of arrival of each report.
    """
    rows = np.flatnonzero(checked.component_ok)
    reports, count = np.unique(flat.component_report[rows], return_counts=True)
    names = [name.encode() for name in flat.component.take(pa.array(rows)).to_pylist()]
    new_row = np.full(len(checked.component_ok), -1)
    new_row[rows] = np.arange(len(rows))
    values = np.flatnonzero(checked.value_ok)
    readings: dict[int, NDArray[Any]] = {}
    for pm_type in np.unique(flat.value_type[values]).tolist():
        of_type = values[flat.value_type[values] == pm_type]
        column = np.full(len(rows), np.nan)
        column[new_row[flat.value_component[of_type]]] = checked.reading[of_type]
        readings[pm_type] = column
    return Samples(
        node_id=[flat.node_id[r].as_py().encode() for r in reports.tolist()],
        names=[b"".join(names[group]) for group in groups(count)],
        count=count,
        order=order[reports],
        sequence=flat.sequence[reports],
        name_length=np.array([len(name) for name in names], np.int64),
        sample_time_ns=flat.sample_time_ns[rows],
        state=checked.state[rows],
        readings=readings,
    )


def in_turn(samples: Samples, reached_us: int, window_s: int) -> Iterator[Samples]:
    """Yields samples so that a late report may be evaluated by itself, in all of its windows.

    First come all reports whose windows are not over, together; then each other one, in order of
    arrival.

    Args:
        samples: all samples.
        reached_us: how far event time has come [us since the Unix epoch].
        window_s: W, length of a window.
    """
    end_s = (window_at(samples.sample_time_ns, window_s) + 1) * window_s
    is_over = end_s <= reached_us // US_PER_S
    late = np.unique(samples.reports_of(np.flatnonzero(is_over)))
    yield samples.take_reports(np.setdiff1d(np.arange(len(samples.count)), late))
    for report in late[np.argsort(samples.order[late], kind="stable")]:
        yield samples.take_reports(np.array([report]))


def split_samples(
    samples: Samples, shard_of_node: Callable[[bytes], int], window_s: int
) -> Iterator[tuple[int, int, Samples]]:
    """Yields window, shard of the node, and the samples of both, in order of window and shard.

    Args:
        samples: all samples.
        shard_of_node: returns the shard of a node_id.
        window_s: W, length of a window.
    """
    if not samples.num_samples:
        return
    window = window_at(samples.sample_time_ns, window_s)
    starts = np.cumsum(samples.count) - samples.count
    of_report = window[starts]
    if (window != np.repeat(of_report, samples.count)).any():
        # Components with times of their own may lie in different windows.
        for one in np.unique(window).tolist():
            rows = np.flatnonzero(window == one)
            yield from split_samples(samples.take_rows(rows), shard_of_node, window_s)
        return
    shard = np.array([shard_of_node(node) for node in samples.node_id], np.int64)
    order = np.lexsort((samples.order, shard, of_report))
    for part in runs(of_report[order], shard[order]):
        reports = order[part]
        first = reports[0]
        yield int(of_report[first]), int(shard[first]), samples.take_reports(reports)
