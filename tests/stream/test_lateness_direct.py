"""The table of lateness on Beam's streaming runner in this process.

Moments are announced, as in a stream replay; or timers alone follow event time, as in a live job.
"""

from pathlib import Path

import pytest

from kernels.track_links import tracker
from schema.records import EventTime
from tests import builders
from tests.stream.cases import CASES, Case
from tests.stream.harness import CaseSource, comparable, expected, run_case


class LiveSource(CaseSource):
    """The same steps; no moment is announced."""

    event_time = EventTime.LIVE


@pytest.mark.parametrize("source", [CaseSource, LiveSource])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_case(
    case: Case, source: type[CaseSource], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracker, "FOLLOWED_S", 40)  # at the end of each case
    got = run_case(case, "BundleBasedDirectRunner", [], tmp_path, source(case.steps))
    want = expected(case)
    assert builders.short(got.events) == list(case.events)
    assert len(got.late) == case.num_late
    assert len(got.unmatched) == case.num_unmatched
    assert [comparable(e) for e in got.events] == [comparable(e) for e in want.events]
    assert [{k: line[k] for k in want.late[0]} for line in got.late] == want.late
    for name, number in want.counters.items():
        assert got.counters.get(name, 0) == number, name
