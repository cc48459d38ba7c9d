"""Traces: what the powers did around the alarms of a link, from oracle and kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from kernels.track_links.state_codec import pack_tracks, read_blocks, unpack_tracks
from kernels.track_links.traces import Step, Traces
from kernels.track_links.tracks import Tracks
from kernels.window_bounds import WindowBounds
from schema import pm_report_pb2 as pm
from tests import builders, kernel_replay, oracle
from tests.builders import link, report, seconds, trace
from tests.oracle import Outputs

Lines = list[dict[str, Any]]


@pytest.fixture(params=["oracle", "kernels"])
def replay(request: pytest.FixtureRequest) -> Any:
    def run(payloads: list[bytes], links: list[Any], **options: Any) -> Outputs:
        if request.param == "oracle":
            return oracle.replay(payloads, links, **options)
        return kernel_replay.replay(payloads, links, traces=True, **options)

    return run


def told(lines: Lines) -> list[int]:
    return [seconds(line["window_start"]) for line in lines]


def test_from_9_windows_before_the_raise_to_10_after_the_clear(replay: Any) -> None:
    out = replay(trace("0*30 x*10 0*40"), [link()], mode="batch")
    raised, cleared = (seconds(event["time"]) for event in out.events)
    assert (raised, cleared) == (32, 50)  # ends of the windows 31 and 49
    assert told(out.traces) == list(range(31 - 9, 49 + 10 + 1))
    (alarm_id,) = {event["data"]["alarm_id"] for event in out.events}
    open_in = [seconds(line["window_start"]) for line in out.traces if line["alarm_ids"]]
    assert open_in == list(range(31, 49))
    assert {tuple(line["alarm_ids"]) for line in out.traces} == {(), (alarm_id,)}


def test_what_a_line_says(replay: Any) -> None:
    one = link(base_db=None, has_osc=True)
    one.az.MergeFrom(builders.span(None, span_loss_base_osc_db=11.0))
    payloads = []
    for second in range(12):
        cut = second >= 10
        payloads += [
            report("A", second, builders.tx("tx", 1.004, osc=3.0), builders.rx("rx", -36.0)),
            report(
                "Z",
                second,
                builders.tx("tx", 1.0),
                builders.component(
                    "rx",
                    builders.value(pm.INPUT_POWER, no_light=True)
                    if cut
                    else builders.value(pm.INPUT_POWER, -9.0),
                    builders.value(pm.INPUT_POWER_OSC, -38.0 if cut else -8.0),
                ),
            ),
        ]
    out = replay([one.SerializeToString() for one in payloads], [one], mode="batch")
    sound, dark = out.traces[0], out.traces[-1]
    assert sound["link_id"] == "L1" and set(sound["measurement"]) == {"AZ", "ZA"}
    assert sound["measurement"]["AZ"] == {
        "tx_dbm": 1.0,
        "rx_dbm": -9.0,
        "tx_osc_dbm": 3.0,
        "rx_osc_dbm": -8.0,
        "span_loss_db": 10.0,
        "span_loss_osc_db": 11.0,
        "base_db": None,
        "code": "NORMAL",
        "tx_dark": False,
        "rx_dark": False,
    }
    assert dark["measurement"]["AZ"] == {
        **sound["measurement"]["AZ"],
        "rx_dbm": None,
        "rx_osc_dbm": None,
        "span_loss_db": None,
        "span_loss_osc_db": None,
        "code": "FIBER_CUT",
        "rx_dark": True,
    }
    # At or below the threshold is dark; of what was not reported nothing is said.
    back = sound["measurement"]["ZA"]
    assert (back["rx_dbm"], back["rx_dark"], back["tx_osc_dbm"]) == (None, True, None)


def test_a_window_without_a_sample_has_no_line(replay: Any) -> None:
    payloads = [one for one in trace("0*30 x*4") if seconds_of(one) != 25]
    out = replay(payloads, [link()], mode="batch")
    assert told(out.traces) == [window for window in range(31 - 9, 34) if window != 25]


def seconds_of(payload: bytes) -> int:
    return (pm.PmReport.FromString(payload).collect_time_unix_ns - builders.ns(0)) // 10**9


def test_alarms_that_overlap_are_one_trace(replay: Any) -> None:
    out = replay(trace("0*20 x*5 0*40", "0*27 x*5 0*40"), [link()], mode="batch")
    assert told(out.traces) == list(range(21 - 9, max(told(out.traces)) + 1))
    assert max(told(out.traces)) == seconds(out.events[-1]["time"]) - 1 + 10


def test_a_late_sample_writes_its_window_again(replay: Any) -> None:
    payloads = trace("0*20 x*10")
    late = payloads.pop(2 * 22 + 1)  # of Z
    payloads.insert(2 * 26, late)
    out = replay(payloads, [link()], mode="stream")
    windows = told(out.traces)
    assert windows.count(22) == 2 and len(windows) == len(set(windows)) + 1
    first, second = (line for line in out.traces if seconds(line["window_start"]) == 22)
    assert first["measurement"]["AZ"]["code"] == "NO_DATA"
    assert second["measurement"]["AZ"]["code"] == "FIBER_CUT"


def test_an_alarm_that_is_found_late_brings_what_came_before_and_after(replay: Any) -> None:
    payloads = trace("0*20 x*2 0*10")
    late = payloads.pop(2 * 21 + 1)
    payloads.insert(2 * 25, late)
    out = replay(payloads, [link()], mode="stream")
    raised = out.events[0]["data"]
    assert raised["detected_late"] and seconds(raised["raised_time"]) == 22
    assert sorted({*told(out.traces)}) == list(range(21 - 9, 32))
    assert told(out.traces)[:11] == list(range(21 - 9, 23))  # up to the newest then


def test_a_link_that_is_removed_is_told_no_more() -> None:
    run = oracle.Oracle()
    run.topology("L1", link())
    for second in range(40):
        run.advance(builders.ns(second))
        for payload in builders.second(second, "x"):
            run.report(payload)
        if second == 30:
            run.topology("L1", None)
    assert max(told(run.finish().traces)) < 30


def test_without_the_life_cycle_nothing_is_traced() -> None:
    out = oracle.replay(trace("x*5"), [link()], mode="batch", emit="matches")
    assert out.events and not out.traces


def test_traces_may_begin_with_a_savepoint() -> None:
    before = Tracks.empty(WindowBounds(), lifecycle=True)
    before.set_links({"L1": link().SerializeToString()})
    before.advance(100)
    before.alarms.open(0, 1, 90, 91)
    after = unpack_tracks(pack_tracks(before), list(read_blocks(before)), 1, has_traces=True)
    assert after.traces is not None
    (alarm,) = after.traces.alarms[0]
    assert (alarm.family, alarm.onset, alarm.raised) == (1, 90, 91)
    fresh = Tracks.empty(WindowBounds(), lifecycle=True, has_traces=True)
    assert after.history.num_windows == fresh.history.num_windows > before.history.num_windows
    assert after.history.newest == 100
    again = unpack_tracks(pack_tracks(after), [], 1, has_traces=True)
    assert again.traces == after.traces


def test_rows_that_move_take_their_traces_along() -> None:
    traces = Traces()
    traces.note([Step(1, 1, 90, 91, None), Step(2, 1, 80, 82, None)], newest=91)
    traces.rearrange(np.array([-1, 2, 0]))  # row 2 becomes row 1, row 1 is gone
    assert list(traces.alarms) == [1]
    assert [alarm.raised for alarm in traces.alarms[1]] == [82]


def test_what_no_window_can_be_told_of_is_forgotten() -> None:
    traces = Traces()
    traces.note([Step(0, 1, 90, 91, None), Step(1, 1, 90, 91, None)], newest=91)
    traces.note([Step(0, 1, 90, 91, 100)], newest=100)
    traces.forget(110)
    assert list(traces.alarms) == [0, 1]
    traces.forget(111)
    assert list(traces.alarms) == [1]
