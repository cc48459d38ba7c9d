"""The table of lateness on Beam's streaming runner in this process.

All moments are announced, as in a stream replay; or only the first, as in a live job.
"""

from pathlib import Path

import pytest

from tests import builders
from tests.stream.cases import CASES, Case
from tests.stream.harness import (
    CaseSource,
    LiveSource,
    comparable,
    expected,
    run_case,
    traces_by_link,
)


@pytest.mark.parametrize("source", [CaseSource, LiveSource])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, source: type[CaseSource], tmp_path: Path) -> None:
    got = run_case(case, "BundleBasedDirectRunner", [], tmp_path, source(case.steps))
    want = expected(case)
    assert builders.short(got.events) == list(case.events)
    assert len(got.late) == case.num_late
    assert len(got.unmatched) == case.num_unmatched
    assert [comparable(e) for e in got.events] == [comparable(e) for e in want.events]
    assert [comparable(i) for i in got.incidents] == [comparable(i) for i in want.incidents]
    assert traces_by_link(got.traces) == traces_by_link(want.traces)
    assert [{k: line[k] for k in want.late[0]} for line in got.late] == want.late
    for name, number in want.counters.items():
        assert got.counters.get(name, 0) == number, name
