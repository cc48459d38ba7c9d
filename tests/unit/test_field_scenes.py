"""Scenes from real networks: the events that an operator would expect.

Oracle, kernels and the whole pipeline must each publish them.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from schema import pm_report_pb2 as pm
from schema import topology_pb2 as topo
from tests import kernel_replay, oracle, pipeline_replay
from tests.builders import ns
from tests.field import DARK, FieldScene, Shown, sound, told

Events = list[dict[str, Any]]
Run = Callable[..., Events]


def _oracle(scene: FieldScene, mode: str, **options: Any) -> Events:
    return oracle.replay(scene.payloads(), scene.topology(), mode=mode, **options).events


def _kernels(scene: FieldScene, mode: str, **options: Any) -> Events:
    return kernel_replay.replay(scene.payloads(), scene.topology(), mode=mode, **options).events


@pytest.fixture(params=["oracle batch", "kernels batch", "kernels stream", "pipeline batch"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    def through_pipeline(scene: FieldScene, mode: str, **options: Any) -> Events:
        given = (f"--{name}={said}" for name, said in options.items())
        links = scene.topology()
        return pipeline_replay.replay(
            scene.payloads(), links, tmp_path, f"--replay={mode}", "--num_shards=1", *given
        )["events"]

    who, mode = request.param.split()
    replay = {"oracle": _oracle, "kernels": _kernels, "pipeline": through_pipeline}[who]
    return lambda scene, **options: replay(scene, mode, **options)


def onset(link: int) -> float:
    """Returns when the fault of one of ten links begins [s]."""
    return 10.05 + link / 10


def codes(events: Events, link: int) -> set[str]:
    """Returns what a link raises, with directions; what tells only of missing PM is left out."""
    return {
        f"{event['data']['code']} {event['data']['direction']}"
        for event in events
        if event["subject"] == f"L{link}" and event["data"]["action"] != "CLEAR"
    }


@pytest.mark.parametrize("osc", [False, True])
@pytest.mark.parametrize("phases", [(0.2, 0.7), (0.7, 0.2), (0.45, 0.55), (0.5, 0.5)])
def test_an_amplifier_that_is_off_is_no_cut(
    run: Run, phases: tuple[float, float], osc: bool
) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        off = onset(link) <= at < onset(link) + 60
        return DARK if off and power in ("T", "R") else sound(power)

    events = run(FieldScene(show, links=10, phases=phases, osc=osc, seconds=100))
    for link in range(10):
        assert codes(events, link) == {"UPSTREAM_POWER_LOSS AZ"}, link


@pytest.mark.parametrize("shutdown_s", [0.1, 0.5, 0.9])
def test_a_cut_whose_lasers_shut_down_is_a_cut_where_the_osc_tells(
    run: Run, shutdown_s: float
) -> None:
    events = run(_cut_with_shutdown(shutdown_s, osc=True))
    for link in range(10):
        assert codes(events, link) <= {"FIBER_CUT AZ", "FIBER_CUT ZA", "FIBER_CUT BOTH"}, link
        assert told(events, link)[-1].split()[1:] == ["FIBER_CUT", "RAISE", "BOTH"] or any(
            "CHANGE BOTH" in line for line in told(events, link)
        )


@pytest.mark.parametrize("shutdown_s", [0.1, 0.5, 0.9])
def test_without_osc_it_is_a_cut_where_one_window_saw_light_sent_and_lost(
    run: Run, shutdown_s: float
) -> None:
    events = run(_cut_with_shutdown(shutdown_s, osc=False))
    for link in range(10):
        raised = {line.split()[0] for line in codes(events, link)}
        dark_at = onset(link) + shutdown_s
        seen = any(
            onset(link) <= second + rx and second + tx < dark_at
            for second in (9, 10, 11, 12)
            for tx, rx in ((0.31, 0.62), (0.62, 0.31))
        )
        assert raised == {"FIBER_CUT"} if seen else raised == {"LINK_DARK"}, (link, raised)


def _cut_with_shutdown(shutdown_s: float, *, osc: bool) -> FieldScene:
    def show(link: int, power: str, at: float) -> Shown:
        cut = onset(link) <= at
        down = onset(link) + shutdown_s <= at
        received, launched = power.rstrip("'") in ("R", "Ro"), power.rstrip("'") == "T"
        return DARK if (cut and received) or (down and launched) else sound(power)

    return FieldScene(show, links=10, osc=osc, seconds=40)


@pytest.mark.parametrize("jitter_s", [0.001, 0.020])
def test_jitter_about_the_full_second_delays_little(jitter_s: float) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        return DARK if power == "R" and 30.5 <= at < 90.5 else sound(power)

    fast = 0
    for seed in range(16):
        scene = FieldScene(show, phases=(1.0, 1.0), jitter_s=jitter_s, seconds=120, seed=seed)
        events = _kernels(scene, "batch")
        raised, cleared = (line for line in told(events) if "FIBER_CUT" in line)
        assert "RAISE AZ" in raised and "CLEAR AZ" in cleared, seed
        fast += int(raised.split()[0]) <= 35
    # Each end misses a quarter of the windows; a row does not bridge two gaps one after the other.
    assert fast >= 8


@pytest.mark.parametrize(
    "dark",
    [DARK, -math.inf, -40.0, -60.0, -70.0, -99.0, -255.0, [pm.PmValue(instant=-9, no_light=True)]],
)
def test_every_way_to_say_dark_is_dark(run: Run, dark: Shown) -> None:
    events = run(_received_from(10, dark))
    assert told(events)[0].split()[1:] == ["FIBER_CUT", "RAISE", "AZ", "osc-not-available"]


@pytest.mark.parametrize("nothing", [math.nan, 655.35, 2147483647.0, None])
def test_what_is_no_reading_is_missing_data(run: Run, nothing: Shown) -> None:
    events = run(_received_from(10, nothing))
    assert told(events) == ["13 PM_DATA_MISSING RAISE AZ Z rx"]


def test_zero_for_no_light_is_a_mismatch(run: Run) -> None:
    events = run(_received_from(10, 0.0))
    assert told(events) == ["12 TOPOLOGY_MISMATCH RAISE AZ loss-below-base"]


def _received_from(second: float, shown: Shown) -> FieldScene:
    def show(link: int, power: str, at: float) -> Shown:
        return shown if power == "R" and at >= second else sound(power)

    return FieldScene(show, seconds=30)


def test_a_floor_in_place_of_darkness_holds_the_cut(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        down = 25 <= at < 85
        if (power == "R" and 10 <= at < 85) or (power == "T" and down):
            return -30.0
        return sound(power)

    events = run(FieldScene(show, seconds=85))
    cuts = [line for line in told(events) if "FIBER_CUT" in line]
    assert cuts == ["12 FIBER_CUT RAISE AZ"]


def test_an_osc_of_a_long_span_is_no_alarm_and_tells_a_card_from_a_cut(run: Run) -> None:
    far = {"T": 20.0, "R": -23.0, "To": 6.0, "Ro": -38.0}

    def show(link: int, power: str, at: float) -> Shown:
        if "'" in power:
            return sound(power)
        return DARK if power == "R" and at >= 20 else far[power]

    az = {"span_loss_base_db": 43.0, "span_loss_base_osc_db": 44.0}
    scene = FieldScene(show, osc=True, seconds=40, az=az)
    assert told(run(scene)) == ["22 SIGNAL_LOSS_EQUIPMENT RAISE AZ"]


def test_a_raman_pump(run: Run) -> None:
    def off(link: int, power: str, at: float) -> Shown:
        if "'" in power:
            return sound(power)
        return {"T": 20.0, "R": -14.0 if at >= 20 else -2.0, "To": 6.0, "Ro": -17.0}[power]

    az = {"span_loss_base_db": 22.0, "span_loss_base_osc_db": 23.0}
    scene = FieldScene(off, osc=True, seconds=40, az=az)
    assert told(run(scene)) == ["22 SIGNAL_DEGRADE RAISE AZ"]

    def on(link: int, power: str, at: float) -> Shown:
        return 3.0 if power == "R" and at >= 20 else sound(power)

    better = FieldScene(on, seconds=40, az={"span_loss_base_db": 12.0})
    (event,) = run(better)
    assert (event["data"]["code"], event["data"]["severity"]) == ("TOPOLOGY_MISMATCH", "warning")


def test_a_base_that_was_taken_without_the_raman_pump(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        gain_db = 14.0 if at >= 20 else 0.0
        return {"T": 15.0, "R": 3.0 - 12.0 + gain_db}.get(power, sound(power))

    scene = FieldScene(show, seconds=40, az={"span_loss_base_db": 24.0})
    assert told(run(scene)) == ["22 TOPOLOGY_MISMATCH RAISE AZ loss-below-base"]


def test_half_repaired(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        until = 120 if power == "R'" else 20
        return DARK if power in ("R", "R'") and 10 <= at < until else sound(power)

    assert told(run(FieldScene(show, seconds=150))) == [
        "12 FIBER_CUT RAISE BOTH osc-not-available",
        "30 FIBER_CUT CHANGE ZA osc-not-available",
        "130 FIBER_CUT CLEAR ZA",
    ]


def test_one_way_is_silent_after_the_repair(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        if power in ("T'", "R'") and at >= 20:
            return None
        return DARK if power in ("R", "R'") and 10 <= at < 20 else sound(power)

    assert told(run(FieldScene(show, seconds=60))) == [
        "12 FIBER_CUT RAISE BOTH osc-not-available",
        "23 PM_DATA_MISSING RAISE ZA A rx,Z tx",
        "30 FIBER_CUT CHANGE ZA",
    ]


def test_out_of_service(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        return DARK if power in ("R", "R'") and at >= 10 else sound(power)

    def states(link: int, part: str, at: float) -> dict[str, Any]:
        return {"admin_state": pm.DISABLED} if at >= 30 else {}

    assert told(run(FieldScene(show, seconds=80, states=states))) == [
        "12 FIBER_CUT RAISE BOTH osc-not-available",
        "40 FIBER_CUT CLEAR BOTH ADMIN_DOWN",
    ]


@pytest.mark.parametrize("how", ["port", "link"])
def test_work_suppresses_throughout(run: Run, how: str) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        return DARK if power == "R" and 10 <= at < 20 else sound(power)

    scene = FieldScene(show, seconds=40)
    if how == "port":
        scene = replace(scene, states=lambda *_: {"admin_state": pm.MAINT})
    else:
        scene = replace(scene, change={"lifecycle_state": topo.MAINTENANCE})
    events = run(scene)
    assert told(events) == [
        "12 FIBER_CUT RAISE AZ osc-not-available suppressed",
        "30 FIBER_CUT CLEAR AZ suppressed",
    ]
    why = {"port": "admin-state MAINT", "link": "lifecycle MAINTENANCE"}[how]
    assert {event["data"]["suppressed_by"] for event in events} == {why}


def test_a_clear_of_what_was_raised_before_the_work_is_not_suppressed(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        return DARK if power == "R" and 10 <= at < 20 else sound(power)

    window = topo.MaintenanceWindow(start_unix_ns=ns(15))  # without an end
    scene = FieldScene(show, seconds=40, change={"maintenance": [window]})
    assert told(run(scene)) == [
        "12 FIBER_CUT RAISE AZ osc-not-available",
        "30 FIBER_CUT CLEAR AZ",
    ]


def test_a_short_outage_is_told_with_its_length(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        return DARK if power == "R" and 10 <= at < 14 else sound(power)

    raised, cleared = run(FieldScene(show, seconds=40))
    assert cleared["data"]["ended_time"] == "2026-01-01T00:00:14.000Z"
    assert cleared["data"]["duration_ms"] == 14_000
    assert raised["data"]["ended_time"] is None


def test_short_outages_in_a_row_are_jitter(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        return DARK if power == "R" and int(at) in (10, 20, 30) else sound(power)

    assert told(run(FieldScene(show, seconds=100))) == [
        "32 FIBER_JITTER RAISE AZ",
        "92 FIBER_JITTER CLEAR AZ",
    ]


def test_a_loss_out_of_its_bounds(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        if power == "R":
            return -9.9 if 10 <= at < 30 else -9.7 if 30 <= at < 50 else -9.0
        return sound(power)

    scene = FieldScene(show, seconds=70, az={"max_span_loss_db": 10.8})
    assert told(run(scene)) == [
        "20 SPAN_LOSS_OUT_OF_RANGE RAISE AZ high",
        "60 SPAN_LOSS_OUT_OF_RANGE CLEAR AZ high",
    ]


def test_a_node_that_falls_silent(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        return None if power in ("T'", "R") and 10 <= at < 20 else sound(power)

    assert told(run(FieldScene(show, seconds=40))) == [
        "13 PM_DATA_MISSING RAISE BOTH Z tx,Z rx",
        "25 PM_DATA_MISSING CLEAR BOTH Z tx,Z rx",
    ]


def test_devices_that_report_every_ten_seconds(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        return DARK if power == "R" and at >= 60 else sound(power)

    scene = FieldScene(show, phases=(3.3, 7.1), every_s=10, seconds=120)
    assert told(run(scene, window_s=10)) == ["80 FIBER_CUT RAISE AZ osc-not-available"]
    assert not run(scene)  # no window of one second has both ends, and none is next to another


def test_severity_asks_for_a_service_that_is_not_protected(run: Run) -> None:
    def show(link: int, power: str, at: float) -> Shown:
        return DARK if power == "R" and at >= 10 else sound(power)

    safe = topo.OpticalService(service_id="S", capacity_gbps=100, protected=True)
    scene = FieldScene(show, seconds=20)
    protected = scene.topology()
    del protected[0].services[:]
    protected[0].services.append(safe)
    (event,) = oracle.replay(scene.payloads(), protected, mode="batch").events
    (same,) = kernel_replay.replay(scene.payloads(), protected, mode="batch").events
    for one in (event, same):
        assert one["data"]["severity"] == "major"
        assert one["data"]["service_affecting"] == "NOT_SERVICE_AFFECTING"
