"""What measurements rest on: known loads, comparison, statistics, and readers of profiles."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import builds, run, tables
from benchmarks.growth import VARIANTS, Point, sized
from benchmarks.matches import Comparison, Event, compare
from benchmarks.measure import CatchUp, Paced
from benchmarks.processes import usage
from benchmarks.profile import java_samples, python_samples
from benchmarks.rivals import record_at_a_time
from benchmarks.rivals.per_link import Links, Row, decide, matches, merge
from benchmarks.sampler import Moment, at
from benchmarks.summary import Spread, ratio, summarize
from benchmarks.workloads import NS_PER_S, Workload, node_id
from runners.run import main as pipeline_main
from schema.capture import write_capture
from schema.events import Code
from schema.pm_report_pb2 import INPUT_POWER, OUTPUT_POWER, PmReport
from schema.topology_file import write_topology

START_S = 1_700_000_000
LOAD = Workload(
    ports=48, seconds=40, start_s=START_S, ports_per_node=6, faulty_share=0.5, partitions=3
)


# --- Loads ---


def test_reports_are_sound_and_complete() -> None:
    by_second: dict[int, set[tuple[str, str]]] = {}
    nodes_in: dict[str, set[int]] = {}
    for records in LOAD.seconds_of_records():
        for record in records:
            report = PmReport.FromString(record.payload)
            assert report.node_id.encode() == record.key
            nodes_in.setdefault(report.node_id, set()).add(record.partition)
            if report.node_id.startswith("closing"):
                continue
            second = report.collect_time_unix_ns // NS_PER_S
            assert report.sequence == second - START_S + 1
            assert 0 <= record.sent_ns - report.collect_time_unix_ns < 2 * NS_PER_S
            for component in report.components:
                assert [value.type for value in component.values] == [INPUT_POWER, OUTPUT_POWER]
                assert all(-70 <= value.instant <= 35 for value in component.values)
                ports = by_second.setdefault(second, set())
                assert (report.node_id, component.component) not in ports
                ports.add((report.node_id, component.component))
    assert sorted(by_second) == list(range(START_S, START_S + LOAD.seconds))
    assert all(len(ports) == LOAD.ports for ports in by_second.values())
    assert all(len(partitions) == 1 for partitions in nodes_in.values())


def test_every_port_is_the_end_of_one_link() -> None:
    ends = [(e.node_id, e.tx_component) for x in LOAD.links() for e in (x.a_end, x.z_end)]
    assert len(ends) == len(set(ends)) == LOAD.ports
    assert {node for node, _ in ends} == {node_id(n) for n in range(LOAD.num_nodes)}


def test_records_come_in_order_of_sending_and_close_every_partition() -> None:
    records = [record for second in LOAD.seconds_of_records() for record in second]
    sent = [record.sent_ns for record in records]
    assert sent == sorted(sent)
    collected = [PmReport.FromString(r.payload).collect_time_unix_ns for r in records]
    assert collected != sorted(collected)
    last = records[-LOAD.partitions :]
    assert sorted(record.partition for record in last) == list(range(LOAD.partitions))


def test_late_reports_come_after_their_window_has_closed() -> None:
    late = replace(LOAD, late_share=0.3, disorder_share=0.0)
    waits = [
        record.sent_ns - PmReport.FromString(record.payload).collect_time_unix_ns
        for second in late.seconds_of_records()
        for record in second
    ]
    share = sum(wait > 0 for wait in waits) / len(waits)
    assert 0.2 < share < 0.4
    assert all(wait == 0 or wait > 10 * NS_PER_S for wait in waits)


def _replayed(
    folder: Path, command: Callable[[list[str]], int], emit: str = "matches"
) -> dict[str, str]:
    """Returns code by id of the events of a batch replay of the load."""
    records = [record for second in LOAD.seconds_of_records() for record in second]
    write_capture(folder / "pm.bin", (record.payload for record in records))
    write_topology(folder / "topology.jsonl", LOAD.links())
    options = ["--runner=DirectRunner", f"--emit={emit}", "--replay=batch"]
    options += [f"--pm_file={folder}/pm.bin", f"--topology_file={folder}/topology.jsonl"]
    assert command([*options, f"--events_file={folder}/events.jsonl"]) == 0
    events = map(json.loads, (folder / "events.jsonl").read_text().splitlines())
    return {event["id"]: event["data"]["code"] for event in events}


@pytest.mark.parametrize("command", [pipeline_main, record_at_a_time.main])
def test_expected_events_are_those_of_a_replay(
    tmp_path: Path, command: Callable[[list[str]], int]
) -> None:
    expected = LOAD.expected_events("matches")
    assert len(set(expected.values())) > 4
    assert _replayed(tmp_path, command) == expected


def test_expected_alarms_are_those_of_a_replay(tmp_path: Path) -> None:
    expected = LOAD.expected_events("lifecycle")
    assert len(set(expected.values())) > 4
    assert {event_id[-2:] for event_id in expected} == {":1", ":2"}
    assert _replayed(tmp_path, pipeline_main, "lifecycle") == expected


def test_growth_keeps_the_number_of_values() -> None:
    for links in (1_000, 10_000, 100_000):
        for variant in VARIANTS:
            assert sized(variant.load, links, 24_000_000).num_values == 24_000_000


# --- The rules for one link at a time ---


@pytest.mark.parametrize(
    ("sent", "received", "before", "code"),
    [
        (None, -10.0, (), Code.NO_DATA),
        (3.0, -17.0, (), Code.NORMAL),
        (3.0, -18.0, (), Code.FIBER_DEGRADE_WARN),
        (3.0, -20.0, (), Code.FIBER_DEGRADE),
        (3.0, -23.0, (), Code.FIBER_DEGRADE_SEVERE),
        (3.0, -27.0, (), Code.FIBER_CUT),
        (3.0, -40.0, (), Code.FIBER_CUT),
        (3.0, 5.0, (), Code.TOPOLOGY_MISMATCH),
        (-40.0, -40.0, (), Code.UPSTREAM_POWER_LOSS),
        (-40.0, -40.0, (Code.FIBER_CUT, Code.NORMAL), Code.UPSTREAM_POWER_LOSS),
    ],
)
def test_one_direction(
    sent: float | None, received: float, before: tuple[Code, ...], code: Code
) -> None:
    links = Links(LOAD.links())
    a_end: Row = ("A", 1, 1, (sent, None), (-17.0, None))
    z_end: Row = ("Z", 1, 1, (3.0, None), (received, None))
    spans = decide(merge(merge({}, a_end), z_end), links.limits["link-0000000"], before)
    assert [span.code for span in spans] == [code, Code.NORMAL]


def test_a_cut_goes_on_when_lasers_are_shut_down() -> None:
    links = Links(LOAD.links())
    rows: list[Row] = [
        ("A", 1, 1, (-40.0, None), (-40.0, None)),
        ("Z", 1, 1, (-40.0, None), (-40.0, None)),
    ]
    newest = merge(merge({}, rows[0]), rows[1])
    limits = links.limits["link-0000000"]
    for before, code in (
        ((Code.FIBER_CUT, Code.NORMAL), Code.FIBER_CUT),
        ((Code.NORMAL, Code.NORMAL), Code.LINK_DARK),
    ):
        assert [span.code for span in decide(newest, limits, before)] == [code, code]


def test_the_lower_level_of_two_seconds_is_confirmed() -> None:
    links = Links(LOAD.links())
    rows: list[Row] = [
        ("A", 1, 1, (3.0, None), (-21.0, None)),
        ("Z", 1, 1, (3.0, None), (-24.0, None)),
    ]
    newest = merge(merge({}, rows[0]), rows[1])
    limits, link = links.limits["link-0000000"], links.by_id["link-0000000"]
    before = (Code.FIBER_DEGRADE, Code.FIBER_DEGRADE_WARN)
    (event,) = matches(link, START_S, decide(newest, limits, before), before)
    assert (event.code, event.direction) == (Code.FIBER_DEGRADE, 3)
    assert not list(matches(link, START_S, decide(newest, limits, ()), ()))


def test_the_newest_sample_counts() -> None:
    newest = merge({}, ("A", 2, 1, (1.0, None), None))
    for time_ns, sequence, power in ((1, 9, 2.0), (2, 1, 3.0), (2, 2, 4.0)):
        merge(newest, ("A", time_ns, sequence, (power, None), None))
    assert newest == {"Atx": (2, 2, (4.0, None))}


# --- Comparison and statistics ---


def _event(code: str) -> Event:
    return Event(code, START_S, START_S + 2.5)


def test_comparison() -> None:
    found = {"a": _event("X"), "b": _event("Y"), "d": _event("X")}
    told = compare({"a": "X", "b": "X", "c": "X"}, found, records=5)
    assert told == Comparison(expected=3, found=2, unexpected=1, different=1, repeated=2)
    assert (told.missing, told.is_right) == (1, False)
    assert compare({"a": "X"}, {"a": _event("X")}, records=2).is_right
    assert _event("X").latency_s == 2.5


def _catch_up(rival: str, values_per_s: float, cpu: float, failed: str | None = None) -> CatchUp:
    events = Comparison(1, 1, 0, 0, 0)
    return CatchUp(
        rival, 100, 10, 2, values_per_s / 2, values_per_s, 1.0, 2.0, cpu, 1.0, 100.0,
        events=events, failed=failed,
    )  # fmt: skip


ROUNDS = [
    {"us": _catch_up("us", 100.0, 1.0), "it": _catch_up("it", 50.0, 2.0)},
    {"us": _catch_up("us", 120.0, 1.0), "it": _catch_up("it", 40.0, 4.0)},
    {"us": _catch_up("us", 110.0, 1.0), "it": _catch_up("it", 10.0, 9.0, "stuck")},
    {"us": _catch_up("us", 90.0, 1.0), "it": _catch_up("it", 90.0, 1.0)},
]


def test_summary_leaves_out_failed_rounds() -> None:
    summary = summarize(ROUNDS, "it")
    assert summary
    assert (summary.rounds, summary.failures) == (3, ("stuck",))
    assert summary.values_per_s == Spread(median=50.0, least=40.0, most=90.0)
    assert summarize(ROUNDS[2:3], "it") is None


def test_ratio_is_of_the_same_round() -> None:
    told = ratio(ROUNDS, "us", "it")
    assert told
    assert (told.rounds, told.throughput, told.cpu) == (3, 2.0, 2.0)
    assert ratio(ROUNDS[2:3], "us", "it") is None


def test_usage_between_samples_is_in_proportion() -> None:
    moments = [Moment(10.0, 1.0, 100.0, 0.0), Moment(12.0, 3.0, 200.0, 1.0)]
    assert at(moments, 11.0) == Moment(11.0, 2.0, 150.0, 0.5)
    assert at(moments, 9.0) == moments[0]
    assert at(moments, 13.0) == moments[1]


def test_usage_counts_a_process_and_its_children() -> None:
    cpu_s, memory_mb = usage([1])
    assert cpu_s >= 0
    assert memory_mb > 0
    assert usage([]) == (0, 0)


def test_tables_tell_failures() -> None:
    markdown = tables.throughput(ROUNDS, ["us", "it", "nobody"]).markdown()
    assert "| us | 100 ports, 10 s | 105 (90 to 120) |" in markdown
    assert "1 rounds failed" in markdown
    assert "did not run" in markdown
    assert "2.00 times its" in tables.ratios(ROUNDS, "us", ["us", "it"]).markdown()
    paced = Paced("it", 10, "half", 60, failed="stuck\nsomewhere")
    assert "failed: stuck |" in tables.latency([paced]).markdown()
    assert math.isnan(paced.median_over_bound_s)
    assert "50" in tables.growth([Point("1 slot", ROUNDS[0]["us"])]).markdown()


# --- Command line and profiles ---


def test_what_rivals_are_built_from_is_there() -> None:
    assert (builds.NATIVE_FLINK / "pom.xml").is_file()
    assert "quixstreams==" in builds.QUIX_REQUIREMENTS.read_text()


def test_help_and_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        run.main(["--help"])
    assert ended.value.code == 0
    told = "".join(capsys.readouterr().out.split())  # lines break within names, too
    assert all(name in told for name in (*run.RIVALS, "--growth", "--quick", "--out"))
    with pytest.raises(SystemExit) as ended:
        run.main(["--paced_seconds=5"])
    assert ended.value.code == 2


def test_python_samples() -> None:
    told = python_samples(
        [
            "run (sdk_worker.py:1);work (transforms/join_topology.py:9);take (numpy/core.py:3) 7\n",
            "run (sdk_worker.py:1);poll (grpc/_channel.py:9) 3\n",
            "run (sdk_worker.py:1);Condition.wait (threading.py:331) 90\n",
            "run (threading.py:1);spin.<locals>.channel_spin (grpc/_channel.py:1391) 80\n",
        ]
    )
    assert told.total == 10
    assert told.steps == {"transforms/join_topology.py work": 7, "(none of our code)": 3}
    assert told.tops == {"numpy/core.py take": 7, "grpc/_channel.py poll": 3}


def test_an_array_that_is_selected_is_no_thread_that_waits() -> None:
    told = python_samples(
        ["decide (kernels/track_links/decide.py:9);select (numpy/lib/_function.py:3) 5\n"]
    )
    assert told.total == 5
    assert told.steps == {"track_links/decide.py decide": 5}


def test_java_samples() -> None:
    told = java_samples(
        [
            "jdk.ExecutionSample {\n",
            "  stackTrace = [\n",
            "    java.lang.String.hashCode() line: 1\n",
            "    ...\n",
            "  ]\n",
            "}\n",
        ]
    )
    assert told.total == 1
    assert told.tops == {"java.lang.String.hashCode": 1}
