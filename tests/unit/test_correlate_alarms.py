"""CorrelateAlarms where the oracle has nothing to say: timers, state, text, scale."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
import pytest
from google.protobuf import json_format

from kernels.correlate_alarms.alarms import states_block
from kernels.correlate_alarms.correlator import Correlator
from kernels.window_bounds import WindowBounds
from pipeline.graph import build
from pipeline.settings import Settings
from pipeline.sinks import FileSinks
from pipeline.sources import BatchReplay
from runners.run import main
from schema.cloud_incident import cloud_incident
from schema.events import Action, Code, FiberEvent
from schema.incident_pb2 import Incident
from schema.incidents import alarm_state
from schema.records import EventTime
from schema.times import US_PER_S
from tests.alarm_events import Life, alarm, short
from tests.builders import T0, link, service
from tests.cells import correlator_cells
from tests.incident_replay import IncidentReplay
from transforms.correlator_state import CorrelatorCells, CorrelatorCodec
from transforms.state import HeldStates

BOUNDS = WindowBounds()
DAY_S = 24 * 3600


def block(*events: FiberEvent) -> bytes:
    return states_block([alarm_state(event) for event in events]).to_bytes()


def replay(events: Iterable[FiberEvent], until: int) -> IncidentReplay:
    """Returns what has happened when all windows up to a second were evaluated."""
    run = IncidentReplay(BOUNDS, EventTime.LIVE)
    run.receive(events)
    run.advance((T0 + until + BOUNDS.out_of_orderness_s) * US_PER_S + 1000)
    return run


def texts(events: Iterable[FiberEvent], until: int = 100) -> list[str]:
    return [event["data"]["text"] for event in replay(events, until).incidents]


# --- Text


def test_a_cable_cut_in_words() -> None:
    services = [service("S1", 400), service("S2", 100, protected=True)]
    one = link("L1", "P", "Q", srlg_ids=["duct-7"], services=services)
    other = link("L2", "P", "R", srlg_ids=["duct-7"], services=[])
    life = Life(other, 11).tell(Action.RAISE, 13, Code.LINK_DARK).tell(Action.CLEAR, 30)
    what = "Cable cut (shared risk duct-7) on P-Q (P and Q) and 1 more link"
    since = "since 2026-01-01 00:00:10 UTC: 2 alarms on 2 links"
    impact = "2 services of customer ACME hit, 1 without protection of their own (400 Gbit/s)"
    assert texts([*alarm(one, Code.FIBER_CUT, 10, clear=70), *life.events]) == [
        f"{what} {since}, {impact}.",
        f"{what} is now critical, {since} (1 cleared), {impact}.",
        f"{what} is closed 60 s after its onset: 2 alarms on 2 links.",
    ]


@pytest.mark.parametrize(
    ("services", "words"),
    [
        ([], "no service on what is hit"),
        ([service(protected=True)], "1 service of customer ACME hit, each protected"),
        ([service(gbps=0)], "1 service of customer ACME hit, 1 without protection of their own"),
    ],
)
def test_whom_it_hurts(services: list, words: str) -> None:
    (text,) = texts(alarm(link(name="", services=services), Code.OSC_LOSS, 10))
    assert text == (
        "Supervisory channel lost on L1 (A and Z) since 2026-01-01 00:00:10 UTC: "
        f"1 alarm on 1 link, {words}."
    )


def test_silent_nodes_and_many_names() -> None:
    parts = "A tx,A rx"
    lives = [
        alarm(link(f"L{i}", "Q", f"N{i}"), Code.PM_DATA_MISSING, 10, problem=parts)
        for i in range(5)
    ]
    (text,) = texts(event for life in lives for event in life)
    assert text.startswith("No PM data of node Q on Q-N0 (Q and N0) and 4 more links since")


def test_work_is_told() -> None:
    life = Life(link(), 10).tell(Action.RAISE, 12, Code.FIBER_CUT, suppressed_by="CHG1")
    (text,) = texts(life.events)
    assert text.endswith(", all under work.")


def test_what_is_published_is_the_contract() -> None:
    for event in replay(alarm(link(), Code.FIBER_CUT, 10, clear=30), 100).incidents:
        message = json_format.ParseDict(event["data"], Incident())
        assert message.incident_id == event["subject"]


# --- Whether there are any


def test_without_an_output_there_is_no_branch(tmp_path: Path) -> None:
    def labels(*outputs: str) -> set[str]:
        pipeline = beam.Pipeline(runner="FnApiRunner")
        files = {output: str(tmp_path / output) for output in outputs}
        source = BatchReplay(str(tmp_path / "pm"), str(tmp_path / "topology"))
        (tmp_path / "topology").touch()
        build(pipeline, source, FileSinks(files, bounded=True), Settings())
        return {part.full_label for part in pipeline._root_transform().parts}

    branch = {"CorrelateAlarms", "FormatIncidents"}
    assert not branch & labels("events")
    assert branch <= labels("events", "incidents")


@pytest.mark.parametrize("option", ["--incidents_file=x", "--incidents_kafka_topic=x"])
def test_matches_have_no_incidents(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pm_file=x", "--topology_file=x", "--emit=matches", option]) == 2
    name = option.partition("=")[0]
    assert capsys.readouterr().err.startswith(f"pipeline: {name} needs --emit=lifecycle")


# --- Timers


def test_only_ticks_at_which_something_can_happen_have_timers() -> None:
    correlator = Correlator(BOUNDS, EventTime.LIVE)
    (raised,) = alarm(link(), Code.FIBER_CUT, 10)
    first = correlator.receive(block(raised)).timers
    tick = T0 + 12 - 1
    assert [timer.tag for timer in first] == [str(tick), str(tick + 3)]
    assert [timer.at_us for timer in first] == [
        (T0 + 12 + 2) * US_PER_S + 1000,
        (T0 + 15 + 2) * US_PER_S + 1000,
    ]
    again = alarm(link("L2"), Code.FIBER_CUT, 10)
    assert correlator.receive(block(*again)).timers == []


def test_bounded_input_has_one_timer() -> None:
    correlator = Correlator(BOUNDS, EventTime.BOUNDED)
    (timer,) = correlator.receive(block(*alarm(link(), Code.FIBER_CUT, 10))).timers
    assert correlator.receive(block(*alarm(link("L2"), Code.FIBER_CUT, 90))).timers == []
    found = [event for step in correlator.fire(timer.tag) for event in step.incidents]
    assert short([cloud_incident(event, "") for event in found]) == [
        "15 OPEN FIBER_CUT critical: FIBER_CUT L1",
        "95 OPEN FIBER_CUT critical: FIBER_CUT L2",
    ]


def test_live_an_alarm_is_dropped_without_an_event() -> None:
    events = [*alarm(link(), Code.FIBER_CUT, 10, clear=50), *alarm(link(), Code.OSC_LOSS, 20)]
    assert len(replay(events, DAY_S + 50).incidents) == 3
    assert short(replay(events, DAY_S + 51).incidents)[-1] == (
        f"{DAY_S + 51} CHANGE OSC_LOSS minor: OSC_LOSS L1"
    )


def test_an_event_whose_tick_is_over_is_taken_in_at_the_next() -> None:
    run = replay(alarm(link(), Code.FIBER_CUT, 10), 15)
    life = Life(link(), 10).tell(Action.RAISE, 12, Code.FIBER_CUT).tell(Action.CLEAR, 14)
    run.receive(life.events[1:])
    run.advance((T0 + 20) * US_PER_S)
    assert [line.partition(":")[0] for line in short(run.incidents)] == [
        "15 OPEN FIBER_CUT critical",
        "16 CLOSE FIBER_CUT critical",
    ]


# --- State


def saved_after(events: Iterable[FiberEvent], until: int) -> CorrelatorCells:
    cells = correlator_cells()
    held = HeldStates(CorrelatorCodec(BOUNDS, EventTime.LIVE))
    with held.open(0, cells) as state:
        state.correlator.receive(block(*events))
        list(state.correlator.fire(str(T0 + until - 1)))
    return cells


def test_what_is_over_is_forgotten() -> None:
    lives = [alarm(link(f"L{i}"), Code.FIBER_CUT, 10, clear=30) for i in range(5)]
    last = alarm(link("L9"), Code.FIBER_CUT, 80)
    cells = saved_after([*(event for life in lives for event in life), *last], 90)
    held = HeldStates(CorrelatorCodec(BOUNDS, EventTime.LIVE))
    with held.open(0, cells) as state:
        assert [alarm.state.link.link_id for alarm in state.correlator.alarms.values()] == ["L9"]
        assert len(state.correlator.incidents) == 1
        assert not state.correlator.waiting


def test_a_tick_writes_what_has_changed_in_it() -> None:
    lives = [alarm(link(f"L{i}"), Code.FIBER_DEGRADE, 10) for i in range(500)]
    cells = saved_after((event for life in lives for event in life), 20)
    before = sum(map(len, cells.alarms.values)), sum(map(len, cells.incidents.values))
    held = HeldStates(CorrelatorCodec(BOUNDS, EventTime.LIVE))
    with held.open(0, cells) as state:
        state.correlator.receive(block(*alarm(link("L9999"), Code.FIBER_CUT, 30)))
        list(state.correlator.fire(str(T0 + 40)))
    after = sum(map(len, cells.alarms.values)), sum(map(len, cells.incidents.values))
    assert all(new - old < old / 50 for old, new in zip(before, after, strict=True))


def test_state_of_another_version_is_refused_in_words() -> None:
    cells = saved_after(alarm(link(), Code.FIBER_CUT, 10), 20)
    cells.head.value = b"\x63" + cells.head.value[1:]
    held = HeldStates(CorrelatorCodec(BOUNDS, EventTime.LIVE))
    with (
        pytest.raises(ValueError, match=r"version 99 cannot be read .* start without"),
        held.open(0, cells),
    ):
        pass


def test_open_incidents_are_counted_by_severity() -> None:
    correlator = Correlator(BOUNDS, EventTime.LIVE)
    life = Life(link(), 10).tell(Action.RAISE, 12, Code.FIBER_DEGRADE)
    life.tell(Action.CHANGE, 20, Code.FIBER_CUT).tell(Action.CLEAR, 30)
    counts = []
    correlator.receive(block(*life.events, *alarm(link("L2"), Code.OSC_LOSS, 10)))
    for until in (14, 15, 20, 30):
        list(correlator.fire(str(T0 + until - 1)))
        counts.append(list(correlator.open_by_severity().values()))
    assert counts == [[0, 0, 0, 0], [0, 2, 0, 0], [0, 1, 0, 1], [0, 1, 0, 0]]


def test_a_storm_is_one_incident_and_not_compared_all_with_all() -> None:
    number = 3000
    lives = [
        alarm(link(f"L{i:04}", srlg_ids=["S"], services=[]), Code.FIBER_CUT, 10 + i % 3)
        for i in range(number)
    ]
    run = replay([], 0)
    run.receive_together([event for life in lives for event in life])
    run.advance((T0 + 100) * US_PER_S)
    assert [e["data"]["kind"] for e in run.incidents] == ["CABLE_CUT"] * len(run.incidents)
    assert len(run.incidents[-1]["data"]["alarms"]) == number
    assert len({event["subject"] for event in run.incidents}) == 1
