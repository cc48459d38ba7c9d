"""The life of alarms: raise, rise, grow, fall, clear; laser shutdown, maintenance, late walks.

The kernels run from record bytes to events, by tables of the contract. `test_life` also runs with
the shortest history there is, so that windows leave it while they still count.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from schema import topology_pb2 as topo
from tests import oracle
from tests.builders import (
    component,
    joined,
    link,
    maintenance,
    payload,
    rx,
    second,
    seconds,
    short,
    trace,
    tx,
    value,
)
from tests.kernel_replay import replay

CUT, SEVERE, DEGRADE, WARN = (
    "FIBER_CUT",
    "FIBER_DEGRADE_SEVERE",
    "FIBER_DEGRADE",
    "FIBER_DEGRADE_WARN",
)
UPSTREAM, MISSING, JITTER = "UPSTREAM_POWER_LOSS", "PM_DATA_MISSING", "FIBER_JITTER"


def events(payloads: Sequence[bytes], *links: topo.FiberLink, **options: Any) -> list[str]:
    return short(run(payloads, *links, **options))


def run(payloads: Sequence[bytes], *links: topo.FiberLink, **options: Any) -> list[dict[str, Any]]:
    options.setdefault("mode", "stream")
    return replay(payloads, links or [link()], **options).events


def watermark(second_: float) -> bytes:
    """Returns a report of a node in no link, which moves the watermark."""
    return payload("elsewhere", second_, component("p", value(1, 0.0)))


@pytest.mark.parametrize("lateness", [0, 5])
@pytest.mark.parametrize(
    ("az", "za", "expected"),
    [
        ("0 4 0 4", "", []),
        ("4 4 7 12 12", "", [f"RAISE {DEGRADE} AZ 0-2", f"CHANGE {SEVERE} AZ 0-4",
                             f"CHANGE {CUT} AZ 0-5"]),
        ("4 12 12 4", "", [f"RAISE {DEGRADE} AZ 0-2", f"CHANGE {CUT} AZ 0-3"]),
        # Flapping faster than it clears is one alarm.
        ("12 12 0*8 12 12 0*10", "", [f"RAISE {CUT} AZ 0-2", f"CLEAR {CUT} AZ 0-22"]),
        ("12 12 0*9 12 0*10", "", [f"RAISE {CUT} AZ 0-2", f"CLEAR {CUT} AZ 0-22"]),
        # Flapping between levels: the alarm falls each time that ten windows hold less.
        (
            "12 12 7*10 12 12 7*9 4 0*10",
            "",
            [
                f"RAISE {CUT} AZ 0-2",
                f"CHANGE {SEVERE} AZ 0-12",
                f"CHANGE {CUT} AZ 0-14",
                f"CHANGE {SEVERE} AZ 0-24",
                f"CLEAR {SEVERE} AZ 0-34",
            ],
        ),
        # NO_DATA neither adds nor resets, however long it lasts; silence never clears.
        ("12 12 0*9 s*50 0", "", [f"RAISE {CUT} AZ 0-2", f"CLEAR {CUT} AZ 0-62"]),
        ("12 12 0*9 .*50 0", ". . .*9 .*50 0", [f"RAISE {CUT} AZ 0-2", f"RAISE {MISSING} ZA 0-3",
                                                f"CLEAR {CUT} AZ 0-62"]),
        ("12 12 .*90", "", [f"RAISE {CUT} AZ 0-2", f"RAISE {MISSING} AZ 2-5"]),
        ("12 12 s*20 9 s*20 0*9", "", [f"RAISE {CUT} AZ 0-2"]),
        # WARN takes thirty windows to clear, also after a fall to it.
        ("1*10 0*29 0.5 0*29", "", [f"RAISE {WARN} AZ 0-10"]),
        (
            "4*2 0.6*10 0*30",
            "",
            [f"RAISE {DEGRADE} AZ 0-2", f"CHANGE {WARN} AZ 0-12", f"CLEAR {WARN} AZ 0-42"],
        ),
        # Each span falls by itself, to the highest of its own newest ten.
        (
            "12*2 0*20",
            "12*2 0*4 9 0*10",
            [f"RAISE {CUT} BOTH 0-2", f"CHANGE {CUT} ZA 0-12", f"CLEAR {CUT} ZA 0-17"],
        ),
        ("12*2 4 0*3 7 0*5", "", [f"RAISE {CUT} AZ 0-2", f"CHANGE {SEVERE} AZ 0-12"]),
        ("12*2 7 9 0*10", "", [f"RAISE {CUT} AZ 0-2", f"CLEAR {CUT} AZ 0-14"]),
        (
            "12*2 7 0 7 0 7 0 7 0 9 0*10",
            "0*10 s 0*8 4*2",
            [f"RAISE {CUT} AZ 0-2", f"RAISE {JITTER} AZ 9-10", f"CHANGE {DEGRADE} ZA 0-21"],
        ),
        # The other span stands much later, when the windows before have left the history.
        (
            "12*2 12 .*5 9*40 0*9",
            "0*3 .*5 4*2 0*38 s*2 0*7",
            [f"RAISE {CUT} AZ 0-2", f"CHANGE {CUT} BOTH 0-10", f"CHANGE {CUT} AZ 0-20"],
        ),
        # Two families are two alarms.
        (
            "12*2 u*2 0*10",
            "",
            [
                f"RAISE {CUT} AZ 0-2",
                f"RAISE {UPSTREAM} AZ 2-4",
                f"CLEAR {CUT} AZ 0-14",
                f"CLEAR {UPSTREAM} AZ 2-14",
            ],
        ),
        # Laser shutdown: the alarm holds the cut, in its direction only, while it is at CUT.
        ("x x b*30 0*10", "", [f"RAISE {CUT} AZ 0-2", f"CLEAR {CUT} AZ 0-42"]),
        ("x x 7*10 b b", "", [f"RAISE {CUT} AZ 0-2", f"CHANGE {SEVERE} AZ 0-12",
                              f"RAISE {UPSTREAM} AZ 12-14"]),
        ("x x 0*10 b b", "", [f"RAISE {CUT} AZ 0-2", f"CLEAR {CUT} AZ 0-12",
                              f"RAISE {UPSTREAM} AZ 12-14"]),
        ("x x 7*9 x b*3", "", [f"RAISE {CUT} AZ 0-2"]),
        ("0 x b b", "0 x b b", [f"RAISE {CUT} BOTH 1-3"]),  # held by the window before alone
        ("0 x b b", "", [f"RAISE {UPSTREAM} AZ 2-4"]),
        ("0 x . b b", "", [f"RAISE {UPSTREAM} AZ 3-5"]),
    ],
)  # fmt: skip
def test_life(az: str, za: str, expected: list[str], lateness: int) -> None:
    assert events(trace(az, za), allowed_lateness_s=lateness) == expected


@pytest.mark.parametrize(
    ("az", "windows", "expected"),
    [
        # The start is inside, the end outside; the first window evaluated after it un-suppresses.
        ("12*5", [(1, 3)], [("RAISE", 2, True), ("CHANGE", 4, False)]),
        ("12*5", [(2, 3)], [("RAISE", 2, False)]),
        ("12*5", [(0, 1)], [("RAISE", 2, False)]),
        ("12*5", [(1, 2.5)], [("RAISE", 2, True), ("CHANGE", 4, False)]),
        ("12*6", [(0, 2), (2, 4)], [("RAISE", 2, True), ("CHANGE", 5, False)]),
        ("12*2 0*10", [(0, 11)], [("RAISE", 2, True), ("CHANGE", 12, False), ("CLEAR", 12, False)]),
        ("4*2 12*2", [(0, 3)], [("RAISE", 2, True), ("CHANGE", 4, False), ("CHANGE", 4, False)]),
        ("4*2 12*2 12", [(3, 4)], [("RAISE", 2, False), ("CHANGE", 4, True), ("CHANGE", 5, False)]),
        ("12*2 0*10 0", [(0, 12)], [("RAISE", 2, True), ("CLEAR", 12, True)]),
    ],
)
def test_maintenance(az: str, windows: Any, expected: list[tuple[str, int, bool]]) -> None:
    found = run(trace(az), link(maintenance=[maintenance(*pair) for pair in windows]))
    assert [
        (e["data"]["action"], seconds(e["time"]), e["data"]["suppressed"]) for e in found
    ] == expected


def test_families_are_published_in_order_after_maintenance() -> None:
    # UPSTREAM is raised before CUT, yet comes after it.
    published = events(trace("0 x x x x", "u u 0 0 0"), link(maintenance=[maintenance(0, 4)]))
    assert published[-2:] == [f"CHANGE {CUT} AZ 1-5", f"CHANGE {UPSTREAM} ZA 0-5"]


# --- Late evaluations ---


def late(at: int, az: str, sequence: int = 100, *, after: float = 0.5) -> list[bytes]:
    """Reports a window again for AZ: for each end one report, and so one late evaluation."""
    dbm = None if az == "x" else -9.0 - float(az)
    return [
        payload("A", at, tx("tx", 1.0, at=at + after), sequence=sequence),
        payload("Z", at, rx("rx", dbm, at=at + after), sequence=sequence),
    ]


LATE: list[tuple[str, list[bytes], dict[str, Any], list[str]]] = [
    # The link was silent, or never seen: its late window is newer than all that is known of it.
    ("0 0", [watermark(8), *late(4, "x"), *late(5, "x")], {}, [f"RAISE {CUT} AZ 4-6 late"]),
    (
        "",
        [watermark(8), payload("other", 8), *late(4, "x"), *late(5, "x")],
        {},
        [f"RAISE {CUT} AZ 4-6 late"],
    ),
    # A level that is lowered and lifted again acts once.
    (
        "12 12 0*10",
        [watermark(14), *late(1, "0"), *late(1, "12", 200, after=0.6)],
        {"allowed_lateness_s": 60},
        [f"RAISE {CUT} AZ 0-2", f"CLEAR {CUT} AZ 0-12"],
    ),
    (
        "7 7",
        [watermark(4), *late(1, "4"), *late(1, "7", 200, after=0.6)],
        {"emit": "matches"},
        [f"MATCH {SEVERE} AZ 0-2"],
    ),
    (
        "7 7",
        [watermark(4), *late(1, "0"), *late(1, "12", 200, after=0.6), *late(0, "12")],
        {"emit": "matches"},
        [f"MATCH {SEVERE} AZ 0-2", f"MATCH {CUT} AZ 0-2 late"],
    ),
    # A late rise is not a RAISE: what was confirmed later, and has fallen since, acts no more.
    (
        "4 4 . 12 12 4*10",
        [watermark(17), *late(2, "7")],
        {"allowed_lateness_s": 60},
        [
            f"RAISE {DEGRADE} AZ 0-2",
            f"CHANGE {CUT} AZ 0-5",
            f"CHANGE {DEGRADE} AZ 0-15",
            f"CHANGE {SEVERE} AZ 0-4 late",
            f"CHANGE {DEGRADE} AZ 0-15 late",
        ],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("az", "after", "options", "expected"), LATE)
def test_late(az: str, after: list[bytes], options: dict[str, Any], expected: list[str]) -> None:
    assert events([*trace(az), *after], **options) == expected
    by_oracle = oracle.replay([*trace(az), *after], [link()], mode="stream", **options).events
    assert short(by_oracle) == expected


def test_a_late_event_before_the_onset_has_the_readings_of_its_window() -> None:
    # ZA is cut at 1 and 2, but reports that after AZ is cut from 4 on.
    payloads = joined(
        trace("0*4 x x"),
        [watermark(8)],
        [
            payload(node, at, port, sequence=50)
            for at in (1, 2)
            for node, port in (
                ("Z", tx("tx", 1.0, at=at + 0.5)),
                ("A", rx("rx", None, at=at + 0.5)),
            )
        ],
    )
    raised, grown = run(payloads, allowed_lateness_s=12)
    assert short([raised, grown]) == [f"RAISE {CUT} AZ 4-6", f"CHANGE {CUT} BOTH 4-3 late"]
    measurement = grown["data"]["measurement"]
    assert [measurement[d]["rx_dbm"] for d in ("AZ", "ZA")] == [-9.0, -40.0]
    assert grown["data"]["specific_problem"] == "osc-not-available"


def test_a_late_alarm_of_a_sound_link_knows_the_readings_since_its_onset() -> None:
    # On time nothing is wrong. Windows 1 and 2 become dark late, and maintenance ends at 3.
    payloads = joined(
        trace("0*3 0.25 0"), [watermark(7)], late(1, "x"), late(2, "x"), trace("0", start=5)
    )
    found = run(payloads, link(maintenance=[maintenance(0, 3)]))
    assert short(found) == [f"RAISE {CUT} AZ 1-3 late", f"CHANGE {CUT} AZ 1-4 late"]
    measurement = found[1]["data"]["measurement"]["AZ"]
    assert (measurement["delta_db"], measurement["peak_delta_db"]) == (0.25, 0.25)


def test_the_events_of_an_alarm_are_numbered_upwards() -> None:
    found = run(joined(trace("4 4 7 7 0*10"), second(14)))
    assert [e["data"]["sequence"] for e in found] == [1, 2, 3]
    assert len({e["data"]["alarm_id"] for e in found}) == 1
