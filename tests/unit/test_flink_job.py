"""What a job on Flink is said to have failed of."""

from __future__ import annotations

from typing import Any

import pytest

from runners.local import flink_job
from runners.local.flink_job import FlinkJob


@pytest.mark.parametrize(
    ("stack_trace", "expected"),
    [
        (None, ""),
        (
            "java.lang.RuntimeException\nCaused by: java.lang.IllegalStateException: Failed to "
            "rollback to savepoint. Cannot map checkpoint/savepoint state for operator 3a4b",
            "the savepoint is of an older version, with steps that this one, with state of "
            f"version {flink_job.TRACKER_STATE_VERSION}, does not have: start without the "
            "savepoint",
        ),
        (
            "java.lang.Exception: x\n  ValueError: state of version 4 cannot be read\nCaused by: y",
            "ValueError: state of version 4 cannot be read",
        ),
        ("java.io.IOException: disk", "java.io.IOException: disk"),
    ],
)
def test_the_last_failure_in_one_line(
    stack_trace: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [] if stack_trace is None else [{"stacktrace": stack_trace}]

    def get(address: str, path: str) -> dict[str, Any]:
        return {"exceptionHistory": {"entries": entries}}

    monkeypatch.setattr(flink_job, "_get", get)
    assert FlinkJob("localhost:1", "id").last_failure() == expected
