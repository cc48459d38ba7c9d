"""The table of lateness on Beam's runner for streams in this process."""

from pathlib import Path

import pytest

from tests import builders
from tests.stream.cases import CASES, Case
from tests.stream.harness import comparable, expected, run_case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(case: Case, tmp_path: Path) -> None:
    got, want = run_case(case, "BundleBasedDirectRunner", [], tmp_path), expected(case)
    assert builders.short(got.events) == list(case.events)
    assert len(got.late) == case.num_late
    assert len(got.unmatched) == case.num_unmatched
    assert [comparable(e) for e in got.events] == [comparable(e) for e in want.events]
    assert [{k: line[k] for k in want.late[0]} for line in got.late] == want.late
    for name, number in want.counters.items():
        assert got.counters.get(name, 0) == number, name
