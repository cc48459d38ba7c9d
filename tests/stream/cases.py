"""Lateness as a table: what arrives when, and what must come out, on every runner.

Seconds are counted from `builders.T0`. B = 2 s and L = 5 s: the window [10, 11) is due when the
watermark reaches 13, and closes when it reaches 18.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from schema.topology_pb2 import FiberLink
from tests import builders

#: A watermark [s], a report, or a topology record.
Step = float | bytes | tuple[str, FiberLink | None]


@dataclass(frozen=True)
class Case:
    """Steps, and what must come out.

    Attributes:
        name: of the case.
        steps: in order.
        events: in the form of `builders.short`.
        num_late: number of lines of the late output.
        num_unmatched: number of lines of the unmatched output.
        emit: ``lifecycle`` or ``matches``.
        num_shards: number of link shards.
    """

    name: str
    steps: Sequence[Step]
    events: Sequence[str] = ()
    num_late: int = 0
    num_unmatched: int = 0
    emit: str = "lifecycle"
    num_shards: int = 2


def known(link: FiberLink | None = None) -> list[Step]:
    """Returns the step that brings the topology."""
    link = link or builders.link()
    return [(link.link_id, link)]


def start() -> list[Step]:
    """Returns the topology, and a watermark, which tells that it is complete."""
    return [*known(), 0.0]


def both(at: int, az: str = "0", za: str = "0") -> list[Step]:
    """Returns the reports of both ends for a second."""
    return list(builders.second(at, az, za, sequence=at + 1))


def a_end(at: int, az: str = "0", za: str = "0") -> list[Step]:
    """Returns the report of the A end alone."""
    return both(at, az, za)[:1]


def z_end(at: int, az: str = "0", za: str = "0") -> list[Step]:
    """Returns the report of the Z end alone."""
    return both(at, az, za)[1:]


def in_time(first: int, az: str) -> list[Step]:
    """Returns seconds in a row, the watermark at the end of each."""
    steps: list[Step] = []
    for at, word in enumerate(builders.words(az), start=first):
        steps += [*both(at, word), float(at + 1)]
    return steps


_CUT_10_11 = "RAISE FIBER_CUT AZ 10-12"
_LATE_CUT_10_11 = f"{_CUT_10_11} late"

CASES = [
    Case("on time", [*start(), *in_time(8, "0*2 x*5"), 20.0], [_CUT_10_11]),
    # --- around the evaluation: window [11, 12) is due at 14
    Case(
        "just before the evaluation",
        [*start(), *in_time(8, "0*2 x"), *a_end(11, "x"), 13.999, *z_end(11, "x"), 14.0],
        [_CUT_10_11],
    ),
    Case(
        "exactly at the evaluation",
        [*start(), *in_time(8, "0*2 x"), *a_end(11, "x"), 14.0, *z_end(11, "x"), 15.0],
        [_LATE_CUT_10_11],
    ),
    Case(
        "just after the evaluation",
        [*start(), *in_time(8, "0*2 x"), *a_end(11, "x"), 14.001, *z_end(11, "x"), 15.0],
        [_LATE_CUT_10_11],
    ),
    # --- around the closing: window [11, 12) closes at 19
    Case(
        "just before the closing",
        [*start(), *in_time(8, "0*2 x"), *a_end(11, "x"), 18.999, *z_end(11, "x"), 30.0],
        [_LATE_CUT_10_11],
    ),
    Case(
        "exactly at the closing",
        [*start(), *in_time(8, "0*2 x"), *a_end(11, "x"), 19.0, *z_end(11, "x"), 30.0],
        num_late=2,
    ),
    Case(
        "just after the closing",
        [*start(), *in_time(8, "0*2 x"), *a_end(11, "x"), 19.001, *z_end(11, "x"), 30.0],
        num_late=2,
    ),
    # --- what a late evaluation does
    Case(
        "the middle of a cut comes last",
        [*start(), *in_time(8, "0*2 x"), 12.0, *both(12, "0"), 15.0, *both(11, "x"), 16.0],
        [_LATE_CUT_10_11],
    ),
    Case(
        "a late window joins two runs",
        [*start(), *in_time(0, "3"), *both(3, "6"), 6.0, *both(2, "6"), 7.0],
        [
            "RAISE FIBER_DEGRADE AZ 0-3 late",
            "CHANGE FIBER_DEGRADE_SEVERE AZ 0-4 late",
        ],
    ),
    Case(
        "a late window lifts what a bridged gap raised",
        [*start(), *in_time(0, "3"), *both(2, "6"), 5.0, *both(1, "6"), 6.0],
        [
            "RAISE FIBER_DEGRADE AZ 0-3",
            "CHANGE FIBER_DEGRADE_SEVERE AZ 0-3 late",
        ],
    ),
    Case(
        "the first of two windows has no sample on time",
        [*start(), 13.0, *both(10, "x"), *both(11, "x"), 14.0],
        ["RAISE FIBER_CUT AZ 10-12"],
    ),
    Case(
        "a late match is lifted",
        [
            *start(),
            *both(0, "3"),
            *both(1, "3"),
            4.0,
            *both(2, "6"),
            5.0,
            builders.second(1, "6", sequence=99)[1],
            6.0,
        ],
        [
            "MATCH FIBER_DEGRADE AZ 0-2",
            "MATCH FIBER_DEGRADE AZ 1-3",
            "MATCH FIBER_DEGRADE_SEVERE AZ 1-3 late",
        ],
        emit="matches",
    ),
    Case(
        "a late duplicate changes nothing",
        [*start(), *in_time(8, "0*2 x*2"), 15.0, *both(10, "x"), *both(11, "x"), 16.0],
        [_CUT_10_11],
    ),
    Case(
        "one report causes two late evaluations",
        [
            *start(),
            *a_end(10, "x"),
            *a_end(11, "x"),
            14.0,
            builders.payload(
                "Z",
                11,
                builders.rx("rx", None, at=11.0),
                builders.rx("rx", None, at=10.0),
            ),
            15.0,
        ],
        [_LATE_CUT_10_11],
    ),
    # --- jumps
    Case(
        "a jump over both limits at once",
        [*start(), *in_time(8, "0*2"), *both(10, "x"), *both(11, "x"), 500.0, *both(12, "x")],
        [_CUT_10_11],
        num_late=4,
    ),
    Case(
        "a jump, then more samples",
        [*start(), *both(0, "x"), *both(1, "x"), 300.0, *both(300, "x"), *both(301, "x"), 310.0],
        ["RAISE FIBER_CUT AZ 0-2"],
    ),
    Case(
        "more shards than links: most are idle",
        [*start(), *in_time(8, "0*2 x*2 0*10"), 40.0],
        [_CUT_10_11, "CLEAR FIBER_CUT AZ 10-22"],
        num_shards=7,
    ),
    Case(
        "a clock that is years ahead makes the others late, and loses none",
        [
            *start(),
            *in_time(8, "0*2"),
            builders.payload("far", 400_000_000, builders.tx("tx", 1.0)),
            400_000_000.0,
            *both(10, "x"),
            *both(11, "x"),
        ],
        num_late=8,
        num_unmatched=1,
    ),
    Case(
        "the first block of a shard is late",
        [*start(), 30.0, *both(22, "x"), *both(23, "x"), *both(24, "x"), 31.0],
        ["RAISE FIBER_CUT AZ 23-25 late"],
        num_late=4,
    ),
    Case(
        "the first block after ten hours of silence is late",
        [
            *start(),
            *in_time(8, "0*2"),
            36_000.0,
            *both(35_992, "x"),
            *both(35_993, "x"),
            *both(35_999, "x"),
            *both(36_000, "x"),
            36_010.0,
        ],
        ["RAISE FIBER_CUT AZ 35999-36001"],
        num_late=4,
    ),
    Case(
        "jumps of a minute, of ten and of a year, with late and timely samples behind each",
        [
            *start(),
            *in_time(8, "0*2"),
            *(
                step
                for at in (70, 670, 31_556_952)
                for step in (
                    *(float(at), *both(at - 8, "x"), *both(at - 1, "x"), *both(at, "x")),
                    *(float(at + 1), float(at + 2), float(at + 3)),
                )
            ),
        ],
        [
            "RAISE FIBER_CUT AZ 69-71",
        ],
        num_late=12,
    ),
    # --- topology
    Case(
        "PM before its topology waits for it",
        [*both(0, "x"), *both(1, "x"), 2.0, *known(), 4.0, 5.0],
        ["RAISE FIBER_CUT AZ 0-2"],
    ),
    Case(
        "PM waits 10 s and no longer",
        [*both(0, "x"), *both(1, "x"), 2.0, 12.5, *known(), 30.0],
        num_unmatched=8,
    ),
    Case(
        "a base that changes while the job runs",
        [
            *start(),
            *in_time(0, "0*5"),
            8.0,
            *known(builders.link(base_db=6.0, version=2)),
            *in_time(8, "0*5"),
            20.0,
        ],
        ["RAISE FIBER_DEGRADE BOTH 8-10"],
    ),
    Case(
        "a lower version is ignored, an equal one replaces",
        [
            *known(builders.link(version=5)),
            *known(builders.link(base_db=6.0, version=4)),
            *in_time(0, "0*5"),
            8.0,
            *known(builders.link(base_db=3.0, version=5)),
            *in_time(8, "0*5"),
            20.0,
        ],
        ["RAISE FIBER_DEGRADE_SEVERE BOTH 8-10"],
    ),
    Case(
        "the components of a deleted link are in no link",
        [
            *start(),
            *in_time(0, "0*5"),
            8.0,
            ("L1", None),
            *in_time(8, "x*5"),
            20.0,
        ],
        num_unmatched=20,
    ),
    Case(
        "a link that moves leaves its old components",
        [
            *start(),
            8.0,
            *known(builders.link(a="C", version=2)),
            *in_time(8, "x*2"),
            *builders.second(10, "x", a="C"),
            *builders.second(11, "x", a="C"),
            20.0,
        ],
        ["RAISE FIBER_CUT AZ 10-12"],
        num_unmatched=4,
    ),
]
