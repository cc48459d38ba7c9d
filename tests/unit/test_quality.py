"""The arithmetic of the quality run, with events made by hand."""

from pathlib import Path
from typing import Any

import pytest

from runners.scenarios import quality as program
from simulator.quality import (
    NO_FAULT,
    Run,
    Tally,
    by_code,
    by_kind,
    incident_table,
    quiet,
    quiet_table,
    tally_table,
)
from simulator.score import score
from simulator.score_incidents import score_incidents


def fault(kind: str, link: str, *codes: str) -> dict[str, Any]:
    """A fault of 10 to 30 s that must raise one alarm, or none without codes."""
    alarm = {
        "link_id": link,
        "codes": list(codes),
        "direction": "AZ",
        "since_time": "2026-01-01T12:00:10.400Z",
        "suppressed": False,
        "clear_reason": "NORMAL",
        "last_direction": None,
    }
    return {
        "fault_id": f"fault-{link}",
        "kind": kind,
        "link_ids": [link],
        "onset_time": "2026-01-01T12:00:10.400Z",
        "end_time": "2026-01-01T12:00:30.400Z",
        "expected": [alarm] if codes else [],
    }


def raised(link: str, code: str, second: int, **more: Any) -> dict[str, Any]:
    """The only event of an alarm, raised at this second."""
    data = {
        "alarm_id": f"{link}-{code}",
        "sequence": 1,
        "action": "RAISE",
        "code": code,
        "direction": "AZ",
        "onset_time": "2026-01-01T12:00:10.000Z",
        "raised_time": f"2026-01-01T12:00:{second}.000Z",
        "link": {"link_id": link},
        "suppressed": False,
    } | more
    return {"id": f"{link}-{code}:1", "data": data}


def run(
    events: list[dict[str, Any]], truth: list[dict[str, Any]], incidents: tuple[str, ...] = ()
) -> Run:
    """A run; an incident is the links of its alarms."""
    found = score(events, truth)
    alarms = {event["data"]["link"]["link_id"]: event["data"]["alarm_id"] for event in events}
    told = [
        {"subject": links, "data": {"alarms": [{"alarm_id": alarms[link]} for link in links]}}
        for links in incidents
    ]
    return Run(found, score_incidents(found, told), truth)


FIRST = run(
    [
        raised("a", "FIBER_CUT", 12),
        raised("c", "LINK_DARK", 15, ended_time="2026-01-01T12:00:28.000Z"),
        raised("d", "OSC_LOSS", 13),
        raised("z", "OSC_LOSS", 13),
    ],
    [
        fault("cut", "a", "FIBER_CUT"),
        fault("cut", "b", "FIBER_CUT"),
        fault("cut_als", "c", "FIBER_CUT", "LINK_DARK"),
        fault("dip", "d"),
    ],
    ("ac", "z"),
)
SECOND = run(
    [raised("a", "FIBER_CUT", 19, ended_time="2026-01-01T12:00:31.000Z")],
    [fault("cut", "a", "FIBER_CUT"), fault("cut_als", "c", "FIBER_CUT", "LINK_DARK")],
    ("a",),
)


def test_by_code() -> None:
    assert by_code([FIRST, SECOND]) == {
        "FIBER_CUT": Tally(expected=3, delays=(2, 9), ends_off=(1,)),
        "FIBER_CUT or LINK_DARK": Tally(expected=1),
        "LINK_DARK": Tally(expected=1, delays=(5,), ends_off=(-2,)),
        "OSC_LOSS": Tally(false=2),
    }


def test_by_kind() -> None:
    assert by_kind([FIRST, SECOND]) == {
        NO_FAULT: Tally(false=1),
        "cut": Tally(expected=3, delays=(2, 9), ends_off=(1,)),
        "cut_als": Tally(expected=2, delays=(5,), ends_off=(-2,)),
        "dip": Tally(false=1),
    }


def test_shares() -> None:
    tally = Tally(expected=5, false=1, delays=(2, 3, 4))
    assert (tally.found, tally.precision, tally.recall) == (3, 0.75, 0.6)
    assert Tally().precision is None and Tally().recall is None
    assert Tally(expected=2).precision is None and Tally(expected=2).recall == 0
    assert Tally(false=2).precision == 0


def test_tables_say_it_in_markdown() -> None:
    lines = tally_table("kind", by_kind([FIRST, SECOND])).splitlines()
    assert {line.count("|") for line in lines} == {11}
    assert lines[3] == "| cut | 3 | 2 | 1 | 0 | 1.000 | 0.667 | 5.5 | 9 | 1 |"
    assert lines[5] == "| dip | 0 | 0 | 0 | 1 | 0.000 | - | - | - | - |"
    assert lines[-1] == "| **all** | 5 | 3 | 2 | 2 | 0.600 | 0.600 | 5 | 9 | -2 |"


def test_incidents_by_kind_and_how_many() -> None:
    lines = incident_table([FIRST, SECOND]).splitlines()
    assert lines[2:4] == ["| cut | 2 | 1 | 1 | 0 |", "| cut_als | 1 | 0 | 1 | 0 |"]
    assert lines[4] == "| **all** | 3 | 1 | 2 | 0 |"
    assert lines[-1] == "4 alarms in 3 incidents: 1.33 alarms an incident."
    assert incident_table([]).splitlines()[-1] == "0 alarms in 0 incidents."


def test_quiet_networks() -> None:
    steps = [fault("channel_change", "a"), fault("channel_change", "b")]
    false = run([raised("a", "FIBER_DEGRADE", 12), raised("b", "PM_DATA_MISSING", 13)], steps)
    silent = run([], steps)
    rate = quiet("all", [false, silent], 43_200)
    assert (rate.false.total(), rate.steps, rate.right) == (2, 8, 0)
    assert (rate.per_link_and_day, rate.per_thousand_steps) == (4, 250)
    rate = quiet("slow", [false, silent], 43_200, right="PM_DATA_MISSING")
    assert (rate.per_link_and_day, rate.right) == (2, 1)
    lines = quiet_table([rate]).splitlines()
    assert lines[2] == "| slow | 0.50 | 8 | 1 | 2.00 | 125.00 | FIBER_DEGRADE 1 | 1 |"
    assert {line.count("|") for line in lines} == {9}


def test_the_program_writes_its_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scenes: list[program.Scene] = []

    def fake(scene: program.Scene, folder: Path) -> Run:
        scenes.append(scene)
        return FIRST

    monkeypatch.setattr(program.Scene, "run", fake)
    assert program.main(["--seeds=3", "--quiet_seeds=2", f"--out={tmp_path}"]) == 0
    page = (tmp_path / "quality.md").read_text()
    assert page in capsys.readouterr().out
    assert "| cut | 6 | 3 | 3 |" in page
    assert [scene.sampling.around_second for scene in scenes[:3]] == [False, True, False]
    assert len(scenes) == 3 + 2 * len(program.CONDITIONS)
    with pytest.raises(SystemExit) as stopped:
        program.main(["--seeds=0"])
    assert stopped.value.code == 2


def test_a_scene_goes_through_the_pipeline(tmp_path: Path) -> None:
    result = program.Scene(12, 45, 1, ["cut"], program.Sampling()).run(tmp_path)
    assert by_kind([result])["cut"].recall == 1
    assert result.incidents.found == {"cut": 1}
