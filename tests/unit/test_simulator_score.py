import json
from pathlib import Path
from typing import Any

import pytest

from simulator.score import main, score

FAULT = {
    "fault_id": "fault-00001",
    "kind": "cut",
    "link_ids": ["link-1"],
    "direction": "BOTH",
    "onset_time": "2026-01-01T12:00:10.400Z",
    "end_time": "2026-01-01T12:00:30.400Z",
    "expected": [
        {
            "link_id": "link-1",
            "codes": ["FIBER_CUT"],
            "direction": "BOTH",
            "since_time": "2026-01-01T12:00:10.400Z",
            "suppressed": False,
            "clear_reason": "NORMAL",
            "last_direction": None,
        }
    ],
    "invalid_reasons": [],
}


def event(sequence: int, action: str, **changes: Any) -> dict[str, Any]:
    data = {
        "alarm_id": "alarm-1",
        "sequence": sequence,
        "action": action,
        "code": "FIBER_CUT",
        "family": "FIBER",
        "severity": "critical",
        "direction": "BOTH",
        "onset_time": "2026-01-01T12:00:10.000Z",
        "raised_time": "2026-01-01T12:00:12.000Z",
        "link": {"link_id": "link-1"},
        "suppressed": False,
    } | changes
    return {"id": f"{data['alarm_id']}:{sequence}", "data": data}


WHOLE = [event(1, "RAISE", direction="AZ"), event(2, "CHANGE"), event(3, "CLEAR")]


def test_a_whole_life_is_found() -> None:
    result = score(WHOLE, [FAULT])

    assert result.is_perfect
    assert (result.raised_once, result.cleared_once) == (1, 1)
    assert [finding.delay_windows for finding in result.findings] == [2]


def test_repeated_and_shuffled_events_count_once() -> None:
    assert score([WHOLE[2], *WHOLE, WHOLE[0]], [FAULT]) == score(WHOLE, [FAULT])


def test_nothing_is_missed() -> None:
    result = score([], [FAULT])
    assert len(result.missed) == 1 and not result.is_perfect


def test_not_cleared_is_found_but_counted() -> None:
    result = score(WHOLE[:2], [FAULT])
    assert result.is_perfect and result.cleared_once == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"link": {"link_id": "link-2"}},
        {"code": "FIBER_DEGRADE"},
        {"family": "SIGNAL", "code": "SIGNAL_LOSS_EQUIPMENT"},
        {"direction": "ZA"},
        {"suppressed": True},
        {"clear_reason": "ADMIN_DOWN"},
        {"onset_time": "2026-01-01T12:00:09.000Z"},
        {"onset_time": "2026-01-01T12:00:31.000Z"},
    ],
)
def test_an_alarm_that_does_not_fit_is_false_and_the_expected_one_missed(
    changes: dict[str, Any],
) -> None:
    result = score([event(1, "RAISE", **changes)], [FAULT])
    assert len(result.missed) == len(result.false_alarms) == 1


def test_a_second_alarm_of_the_same_fault_is_false() -> None:
    again = event(1, "RAISE", alarm_id="alarm-2", onset_time="2026-01-01T12:00:20.000Z")
    result = score([*WHOLE, again], [FAULT])
    assert [alarm.alarm_id for alarm in result.false_alarms] == ["alarm-2"]


def test_the_highest_code_counts_whatever_came_after() -> None:
    events = [
        event(1, "RAISE", code="FIBER_DEGRADE"),
        event(2, "CHANGE"),
        event(3, "CHANGE", code="FIBER_DEGRADE_WARN"),
        event(4, "CLEAR", code="FIBER_DEGRADE_WARN"),
    ]
    assert score(events, [FAULT]).is_perfect


def test_the_truth_may_allow_several_codes_and_a_later_cause() -> None:
    expected = FAULT["expected"][0] | {
        "codes": ["FIBER_CUT", "LINK_DARK"],
        "since_time": "2026-01-01T12:00:11.900Z",
    }
    fault = FAULT | {"expected": [expected]}
    dark = event(1, "RAISE", family="SIGNAL", code="LINK_DARK")
    (finding,) = score([dark], [fault]).found
    assert finding.expected == "link-1 FIBER_CUT or LINK_DARK BOTH"
    assert finding.delay_windows == 1
    assert score(WHOLE, [fault]).is_perfect


def test_the_widest_direction_counts_and_the_last_where_the_truth_names_it() -> None:
    narrower = [*WHOLE[:2], event(3, "CHANGE", direction="ZA"), event(4, "CLEAR", direction="ZA")]
    assert score(narrower, [FAULT]).is_perfect
    half_repaired = FAULT | {"expected": [FAULT["expected"][0] | {"last_direction": "ZA"}]}
    assert score(narrower, [half_repaired]).is_perfect
    assert not score(WHOLE, [half_repaired]).found


def test_the_end_that_a_clear_tells_is_compared_with_the_end_of_the_fault() -> None:
    told = {"clear_reason": "NORMAL", "ended_time": "2026-01-01T12:00:31.000Z"}
    (finding,) = score([*WHOLE[:2], event(3, "CLEAR", **told)], [FAULT]).found
    assert finding.end_off_windows == 1
    (finding,) = score(WHOLE, [FAULT]).found
    assert finding.end_off_windows is None


def test_an_alarm_of_a_fault_that_must_give_none_is_false() -> None:
    result = score(WHOLE, [FAULT | {"kind": "dip", "expected": []}])
    assert len(result.false_alarms) == 1 and not result.findings


@pytest.mark.parametrize(("events", "code"), [(WHOLE, 0), ([], 1)])
def test_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], events: list[dict[str, Any]], code: int
) -> None:
    events_file, truth_file = tmp_path / "events.jsonl", tmp_path / "truth.jsonl"
    events_file.write_text("".join(json.dumps(line) + "\n" for line in events))
    truth_file.write_text(json.dumps(FAULT) + "\n")

    assert main(["--events_file", str(events_file), "--truth_file", str(truth_file)]) == code
    out = capsys.readouterr().out
    assert "cut" in out
    assert ("missed: link-1 FIBER_CUT BOTH" in out) == (code == 1)


@pytest.mark.parametrize("line", ["no json", "[1]", '{"data": {}}'])
def test_a_malformed_events_file_is_reported_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(SystemExit) as stopped:
        main(["--events_file", str(path), "--truth_file", str(path)])
    assert stopped.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1
