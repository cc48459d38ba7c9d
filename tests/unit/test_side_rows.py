"""DATA, RANGE, JITTER; work, administration and removal of a link: by oracle and kernels alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from schema import pm_report_pb2 as pm
from schema import topology_pb2 as topo
from tests import kernel_replay, oracle
from tests.builders import link, maintenance, ns, payload, rx, seconds, short, span, trace, tx

CUT, DEGRADE = "FIBER_CUT", "FIBER_DEGRADE"
MISSING, OUT_OF_RANGE, JITTER = "PM_DATA_MISSING", "SPAN_LOSS_OUT_OF_RANGE", "FIBER_JITTER"

both = pytest.mark.parametrize("replay", [oracle.replay, kernel_replay.replay])
Replay = Callable[..., Any]


def events(replay: Replay, payloads: Sequence[bytes], one: topo.FiberLink) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = replay(payloads, [one], mode="stream").events
    return found


def told(found: list[dict[str, Any]], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(event["data"][name] for name in names) for event in found]


Port = dict[str, Any]


def reported(first: int, count: int, **ports: Port | None) -> list[bytes]:
    """Returns seconds of a sound link; `a_tx` and so on say what is other, or missing (None)."""
    payloads = []
    for at in range(first, first + count):
        for node in ("a", "z"):
            sent, received = ports.get(f"{node}_tx", {}), ports.get(f"{node}_rx", {})
            parts = []
            if sent is not None:
                parts.append(tx("tx", **{"dbm": 1.0, **sent}))
            if received is not None:
                parts.append(rx("rx", **{"dbm": -9.0, **received}))
            if parts:
                payloads.append(payload(node.upper(), at, *parts, sequence=at + 1))
    return payloads


@both
@pytest.mark.parametrize(
    ("az", "za", "expected"),
    [
        (".*2 0", "", []),
        (".*2 0 .*2", "", []),
        (".*3", "", [f"RAISE {MISSING} AZ 0-3"]),
        (".*3 0*4", "", [f"RAISE {MISSING} AZ 0-3"]),
        (".*3 0*5", "", [f"RAISE {MISSING} AZ 0-3", f"CLEAR {MISSING} AZ 0-8"]),
        (".*3 0*4 . 0*4", "", [f"RAISE {MISSING} AZ 0-3"]),
        ("s*9", "", []),  # a SUSPECT sample is a sample
        # A window in which the link is not evaluated breaks the run, and does not count.
        ("0 . . . .", "0 0 0 . 0", []),
        ("0 .*9", "0 .*9", []),
        (
            ".*3 0*3 .*4 0*2",
            "0*6 .*4 0*2",
            [f"RAISE {MISSING} AZ 0-3", f"CLEAR {MISSING} AZ 0-12"],
        ),
        (".*4 0*5", "0 .*3 0*5", []),
        # It stands beside what the row decides.
        (
            "12*2 .*3 0*10",
            "",
            [
                f"RAISE {CUT} AZ 0-2",
                f"RAISE {MISSING} AZ 2-5",
                f"CLEAR {MISSING} AZ 2-10",
                f"CLEAR {CUT} AZ 0-15",
            ],
        ),
    ],
)
def test_data(replay: Replay, az: str, za: str, expected: list[str]) -> None:
    found = events(replay, trace(az, za), link())
    assert short(found) == expected


@both
@pytest.mark.parametrize(
    ("missing", "direction", "problem"),
    [
        (("a_tx",), "AZ", "A tx"),
        (("z_rx",), "AZ", "Z rx"),
        (("a_rx",), "ZA", "A rx"),
        (("a_tx", "a_rx"), "BOTH", "A tx,A rx"),  # the node is silent
        (("z_tx", "z_rx"), "BOTH", "Z tx,Z rx"),
        (("a_rx", "z_tx"), "ZA", "A rx,Z tx"),
        (("a_tx", "z_tx", "z_rx"), "BOTH", "A tx,Z tx,Z rx"),
    ],
)
def test_missing_parts(
    replay: Replay, missing: tuple[str, ...], direction: str, problem: str
) -> None:
    payloads = [*reported(0, 3, **dict.fromkeys(missing)), *reported(3, 5)]
    found = events(replay, payloads, link())
    assert short(found) == [f"RAISE {MISSING} {direction} 0-3", f"CLEAR {MISSING} {direction} 0-8"]
    # A CLEAR carries what the alarm had last.
    cause = "communicationsSubsystemFailure"
    assert told(found, "specific_problem", "probable_cause", "severity") == [
        (problem, cause, "warning"),
        (problem, cause, "warning"),
    ]


@both
@pytest.mark.parametrize(
    ("az", "expected", "problem"),
    [
        ("5.5*9", [], ""),
        ("5*20", [], ""),  # at the bound
        ("5.5*10", [f"RAISE {OUT_OF_RANGE} AZ 0-10"], "high"),
        ("5.5*5 s 5.5*5", [f"RAISE {OUT_OF_RANGE} AZ 0-11"], "high"),
        ("5.5*5 x 5.5*5", [], ""),
        ("5.5*5 4 5.5*5", [], ""),
        ("5.5*10 4.75*20", [f"RAISE {OUT_OF_RANGE} AZ 0-10"], "high"),
        ("5.5*10 4.5*9", [f"RAISE {OUT_OF_RANGE} AZ 0-10"], "high"),
        (
            "5.5*10 4.5*10",
            [f"RAISE {OUT_OF_RANGE} AZ 0-10", f"CLEAR {OUT_OF_RANGE} AZ 0-20"],
            "high",
        ),
        (
            "5.5*10 0*5 x 0*5",  # without a measured loss a window does not count
            [f"RAISE {OUT_OF_RANGE} AZ 0-10", f"CLEAR {OUT_OF_RANGE} AZ 0-21"],
            "high",
        ),
        (
            "-2.5*10 -1.5*10",
            [f"RAISE {OUT_OF_RANGE} AZ 0-10", f"CLEAR {OUT_OF_RANGE} AZ 0-20"],
            "low",
        ),
        ("-2.5*10 -1.75*10", [f"RAISE {OUT_OF_RANGE} AZ 0-10"], "low"),
    ],
)
def test_range(replay: Replay, az: str, expected: list[str], problem: str) -> None:
    bounds = {"max_span_loss_db": 15.0, "min_span_loss_db": 8.0}
    found = events(replay, trace(az), link(az=span(None, **bounds)))
    assert short(found) == expected
    high = "otsSpanlossPowerOutOfSpecificationHigh"
    cause = high if problem == "high" else "vendorExtension"
    assert set(told(found, "specific_problem", "probable_cause", "severity")) <= {
        (problem, cause, "minor")
    }
    bound = 15.0 if problem == "high" else 8.0
    assert {e["data"]["measurement"]["AZ"]["threshold_db"] for e in found} <= {bound}


@both
@pytest.mark.parametrize(
    ("az", "expected"),
    [
        ("0 4 0 4 0", []),
        ("0 4 0 4 0 4", []),  # the third has not ended
        ("0 4 0 4 0 4 0", [f"RAISE {JITTER} AZ 6-7"]),
        ("0 1*9 0 1*9 0 1*9 0", [f"RAISE {JITTER} AZ 30-31"]),  # at any level
        ("0 4 s 0 4 . 0 4 0", [f"RAISE {JITTER} AZ 8-9"]),
        ("0 4 s s 0 4 0 4 0", []),
        ("0 4 u 0 4 0 4 0", []),  # it ends with NORMAL or OSC_LOSS
        ("0 4 -12 0 4 0 4 0", []),
        ("0 4 4 0 4 0 4 0", [f"RAISE {DEGRADE} AZ 1-3"]),  # a dip is not confirmed
        ("0 4 0 4 0 0*55 4 0", [f"RAISE {JITTER} AZ 61-62"]),
        ("0 4 0 4 0 0*56 4 0", []),
        # Sixty windows that decide no FIBER clear it; NO_DATA does not count.
        ("0 4 0 4 0 4 0 0*59", [f"RAISE {JITTER} AZ 6-7"]),
        ("0 4 0 4 0 4 0 0*60", [f"RAISE {JITTER} AZ 6-7", f"CLEAR {JITTER} AZ 6-67"]),
        ("0 4 0 4 0 4 0 0*9 s 0*51", [f"RAISE {JITTER} AZ 6-7", f"CLEAR {JITTER} AZ 6-68"]),
        ("0 4 0 4 0 4 0 0*9 4 0*59", [f"RAISE {JITTER} AZ 6-7"]),
        ("0 4 0 4 0 4 0 0*9 4 0*60", [f"RAISE {JITTER} AZ 6-7", f"CLEAR {JITTER} AZ 6-77"]),
    ],
)
def test_jitter(replay: Replay, az: str, expected: list[str]) -> None:
    found = events(replay, trace(az), link())
    assert short(found) == expected


@both
@pytest.mark.parametrize(
    ("disabled", "reason", "ended"),
    [
        (("a_tx",), "ADMIN_DOWN", 2),
        (("z_rx",), "ADMIN_DOWN", 2),
        (("a_rx",), "NORMAL", 2),  # the other span is out of service
        ((), "NORMAL", 2),
    ],
)
def test_a_span_out_of_service_clears(
    replay: Replay, disabled: tuple[str, ...], reason: str, ended: int
) -> None:
    off: Port = {"admin_state": pm.DISABLED}
    payloads = [*trace("x*2"), *reported(2, 10, **dict.fromkeys(disabled, off))]
    found = events(replay, payloads, link())
    assert short(found) == [f"RAISE {CUT} AZ 0-2", f"CLEAR {CUT} AZ 0-12"]
    assert told(found, "clear_reason") == [(None,), (reason,)]
    assert found[0]["data"]["ended_time"] is None
    assert seconds(found[1]["data"]["ended_time"]) == ended


@both
def test_only_a_count_that_the_last_window_completes_out_of_service_is_admin_down(
    replay: Replay,
) -> None:
    off: Port = {"admin_state": pm.DISABLED}
    payloads = [*trace("x*2"), *reported(2, 9, a_tx=off), *reported(11, 1)]
    (_, cleared) = events(replay, payloads, link())
    assert cleared["data"]["clear_reason"] == "NORMAL"
    payloads = [*trace("x*2"), *reported(2, 9), *reported(11, 1, a_tx=off)]
    (_, cleared) = events(replay, payloads, link())
    assert cleared["data"]["clear_reason"] == "ADMIN_DOWN"


@both
def test_trouble_is_over_where_the_last_row_of_counting_windows_begins(replay: Replay) -> None:
    found = events(replay, trace("12*2 0*3 9 0*20", "12*2 0*20"), link())
    assert short(found) == [
        f"RAISE {CUT} BOTH 0-2",
        f"CHANGE {CUT} AZ 0-12",
        f"CLEAR {CUT} AZ 0-16",
    ]
    assert [e["data"]["ended_time"] and seconds(e["data"]["ended_time"]) for e in found] == [
        None,
        None,
        6,
    ]


WORK: list[tuple[dict[str, Any], Port, list[str | None]]] = [
    ({}, {}, [None]),
    ({}, {"admin_state": pm.MAINT}, ["admin-state MAINT", None]),
    ({"lifecycle_state": topo.MAINTENANCE}, {}, ["lifecycle MAINTENANCE"]),
    (
        {"lifecycle_state": topo.MAINTENANCE},
        {"admin_state": pm.MAINT},
        ["lifecycle MAINTENANCE"],
    ),
    ({"maintenance": [maintenance(0, 2, "")]}, {}, ["maintenance", None]),
    (
        {"maintenance": [maintenance(1, 2, "first"), maintenance(0, 2, "second")]},
        {"admin_state": pm.MAINT},
        ["first", None],
    ),
]


@both
@pytest.mark.parametrize(("fields", "port", "expected"), WORK)
@pytest.mark.parametrize("side", ["a_tx", "z_rx"])
def test_work(
    replay: Replay, fields: dict[str, Any], port: Port, side: str, expected: list[str | None]
) -> None:
    cut: dict[str, Port] = {"a_tx": {}, "z_rx": {"dbm": None}}
    cut[side] = {**cut[side], **port}
    payloads = [*reported(0, 2, **cut), *reported(2, 2, z_rx={"dbm": None})]
    found = events(replay, payloads, link(**fields))
    assert told(found, "suppressed_by", "suppressed") == [(by, by is not None) for by in expected]
    assert [e["data"]["action"] for e in found] == ["RAISE", "CHANGE"][: len(expected)]


@both
def test_work_on_a_span_that_the_alarm_does_not_name_suppresses_nothing(replay: Replay) -> None:
    work: Port = {"admin_state": pm.MAINT}
    payloads = reported(0, 2, z_rx={"dbm": None}, a_rx=work, z_tx=work)
    found = events(replay, payloads, link())
    assert told(found, "code", "suppressed") == [(CUT, False)]


def removed_by_oracle(now: topo.FiberLink | None) -> list[dict[str, Any]]:
    run = oracle.Oracle()
    run.topology("L1", link())
    for one in trace("x*4", "u*4"):
        run.report(one)
    run.advance(ns(8))
    run.topology("L1", now)
    return run.finish().events


def removed_by_kernels(now: topo.FiberLink | None) -> list[dict[str, Any]]:
    run = kernel_replay.KernelReplay(
        [link()],
        bounded=False,
        emit="lifecycle",
        out_of_orderness_s=2,
        allowed_lateness_s=5,
        num_shards=1,
        source="event-center",
    )
    for parts in run.take(trace("x*4", "u*4")).values():
        for part in parts:
            run.receive(part)
    run.advance(ns(8))
    run.change_links({"L1": None if now is None else now.SerializeToString()})
    run.advance(float("inf"))
    return run.out.events


@pytest.mark.parametrize("removed", [removed_by_oracle, removed_by_kernels])
@pytest.mark.parametrize("now", [None, topo.RETIRED, topo.PLANNED])
def test_a_link_that_goes_ends_its_alarms(removed: Callable[..., Any], now: Any) -> None:
    found = removed(None if now is None else link(lifecycle_state=now, version=2))
    # The watermark is at 8, so the window that ends at 6 is the newest due.
    assert short(found) == [
        f"RAISE {CUT} AZ 0-2",
        "RAISE UPSTREAM_POWER_LOSS ZA 0-2",
        f"CLEAR {CUT} AZ 0-6",
        "CLEAR UPSTREAM_POWER_LOSS ZA 0-6",
    ]
    cleared = found[2:]
    assert told(cleared, "clear_reason", "state", "severity") == [
        ("LINK_REMOVED", "CLEARED", "critical"),
        ("LINK_REMOVED", "CLEARED", "warning"),
    ]
    assert all(event["data"]["ended_time"] == event["time"] for event in cleared)


@pytest.mark.parametrize("removed", [removed_by_oracle, removed_by_kernels])
def test_a_link_under_maintenance_keeps_its_alarms(removed: Callable[..., Any]) -> None:
    found = removed(link(lifecycle_state=topo.MAINTENANCE, version=2))
    assert [event["data"]["action"] for event in found] == ["RAISE", "RAISE"]
