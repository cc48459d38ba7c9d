"""The table of lateness on Flink, and a capture replayed there.

Flink passes a watermark on at once, and the elements of a step's two inputs in any order. So the
topology is a file here. Cases in which it changes between reports are left out: tests that can wait
for a change are in `tests/e2e/test_topology.py`.
"""

from __future__ import annotations

from pathlib import Path

import apache_beam as beam
import pytest
from google.protobuf.json_format import MessageToJson

from runners.local.flink import LocalFlink
from schema.capture import read_capture
from schema.topology_file import TopologyFile, read_topology
from tests import builders
from tests.oracle import replay
from tests.pipeline_replay import replay_files
from tests.stream.cases import CASES, Case, Step
from tests.stream.harness import CaseSource, comparable, expected, run_case
from tests.stream.test_replay_equals_oracle import assert_equal, assert_incidents, simulated

pytestmark = [
    pytest.mark.e2e,
    # Workers in this process complain when the runner hangs up.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning"),
]


def num_known_before(case: Case) -> int:
    """Returns how many topology records come before all other steps."""
    is_topology = [isinstance(step, tuple) for step in case.steps]
    return is_topology.index(False)


CASES_OF_A_KNOWN_TOPOLOGY = [
    case
    for case in CASES
    if not any(isinstance(step, tuple) for step in case.steps[num_known_before(case) :])
]


class FlinkSource(CaseSource):
    """The steps of a case after its topology, which is a file."""

    def __init__(self, case: Case, path: Path) -> None:
        number = num_known_before(case)
        super().__init__(case.steps[number:])
        path.write_text("".join(map(_line, case.steps[:number])))
        self._path = path

    def topology(self, pipeline: beam.Pipeline) -> TopologyFile:
        return TopologyFile(str(self._path))


def _line(step: Step) -> str:
    assert isinstance(step, tuple) and step[1] is not None
    return MessageToJson(step[1], indent=None) + "\n"


def test_most_cases_have_a_known_topology() -> None:
    assert len(CASES_OF_A_KNOWN_TOPOLOGY) >= len(CASES) - 6


@pytest.mark.parametrize("case", CASES_OF_A_KNOWN_TOPOLOGY, ids=lambda case: case.name)
def test_case(case: Case, flink: LocalFlink, tmp_path: Path) -> None:
    options = [
        f"--job_endpoint={flink.job_endpoint}",
        "--environment_type=LOOPBACK",
        "--parallelism=1",
        "--max_bundle_size=1",
    ]
    source = FlinkSource(case, tmp_path / "topology.jsonl")
    got, want = run_case(case, "PortableRunner", options, tmp_path, source), expected(case)
    assert builders.short(got.events) == list(case.events)
    assert len(got.late) == case.num_late
    assert len(got.unmatched) == case.num_unmatched
    assert [comparable(e) for e in got.events] == [comparable(e) for e in want.events]
    assert [comparable(i) for i in got.incidents] == [comparable(i) for i in want.incidents]
    assert [{k: line[k] for k in want.late[0]} for line in got.late] == want.late
    for name, number in want.counters.items():
        assert got.counters.get(name, 0) == number, name


@pytest.mark.parametrize("mode", ["stream", "batch"])
def test_replay(mode: str, flink: LocalFlink, tmp_path: Path) -> None:
    capture, topology = simulated(1, tmp_path)
    options = ["--runner=FlinkRunner", f"--job_endpoint={flink.job_endpoint}", f"--replay={mode}"]
    got = replay_files(capture, topology, tmp_path, *options)
    links = list(read_topology(topology).links.values())
    want = replay(list(read_capture(capture)), links, mode=mode)
    assert_equal(got, want)
    assert_incidents(got, want)
    assert bool(want.late) == (mode == "stream")
