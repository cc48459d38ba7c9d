"""How the reports of a capture move the watermark of a stream replay."""

from __future__ import annotations

import pytest

from kernels.replay_watermark import Halts, ReplayWatermark, watermarks_ns
from kernels.window_bounds import WindowBounds
from schema import pm_report_pb2 as pm
from tests import kernel_replay, oracle
from tests.builders import T0, link, ns, payload, report, rx, second, short, trace, tx

YEARS_S = 10 * 365 * 86_400.0


@pytest.mark.parametrize(
    ("reports", "expected"),
    [
        ("A5 A6 A7", [None, None, None]),  # none before two nodes have reported
        ("A5 B3", [None, 3]),  # then the second largest
        ("A5 A9 B7", [None, None, 7]),
        ("A9 A5 B7", [None, None, 5]),  # of the last report of each node
        ("A5 B3 A4", [None, 3, 4]),  # its own time, if that is greater
        ("A5 B3 A63", [None, 3, 63]),  # and at most 60 s ahead
        ("A5 B3 A64", [None, 3, 3]),
        ("A5 B3 A64 A66 A70", [None, 3, 3, 3, 3]),  # the same node does not confirm it
        ("A5 B3 A64 C100", [None, 3, 3, 64]),  # another node does
        ("A5 B3 A900 B64", [None, 3, 3, 64]),
        ("A5 B3 A900 B63", [None, 3, 3, 63]),  # this one is not farther ahead
        ("A5 B3 A900 C950 D3", [None, 3, 3, 900, 900]),  # it never falls
        ("A5 B3 A900 A4 C950", [None, 3, 3, 4, 4]),  # the last report of A is not ahead
        ("A900 B3 C4", [None, 3, 4]),
    ],
)
def test_the_watermark(reports: str, expected: list[int | None]) -> None:
    watermark = ReplayWatermark()
    found = []
    for one in reports.split():
        watermark.see(one[0], ns(int(one[1:])))
        found.append(watermark.time_ns)
    assert found == [None if at is None else ns(at) for at in expected]


def test_reports_that_are_rejected_do_not_move_it() -> None:
    payloads = [
        payload("A", 1, tx("tx", 0)),
        payload("", 2, tx("tx", 0)),
        b"\xff\xff",
        pm.PmReport(node_id="C", collect_time_unix_ns=T0 * 1000).SerializeToString(),
        payload("B", 3),  # is sound, though empty
        payload("", 9, tx("tx", 0)),
        payload("A", 4, tx("tx", 0, at=9999)),  # its component is rejected, not the report
        payload("A", 5),
    ]
    expected = [None, None, None, None, None, 1, 1, 4]
    assert watermarks_ns(payloads) == [None if at is None else ns(at) for at in expected]


def test_a_clock_ten_years_ahead_hides_no_cut() -> None:
    nodes = [f"N{number}" for number in range(18)]
    payloads: list[bytes] = []
    for at in range(40):
        if at == 5:
            payloads.append(payload("N7", at + YEARS_S, tx("p", 1.0), rx("q", -9.0)))
        payloads += [payload(node, at, tx("p", 1.0), rx("q", -9.0)) for node in nodes]
        payloads += second(at, "x" if at >= 20 else "0")
    for replay in (oracle.replay, kernel_replay.replay):
        out = replay(payloads, [link()], mode="stream")
        assert short(out.events) == ["RAISE FIBER_CUT AZ 20-22"]
        assert not out.late


def test_what_is_late_in_a_stream_replay() -> None:
    first, *rest = trace("x*2")

    def after(one: bytes) -> oracle.Outputs:
        return oracle.replay([first, payload("other", 0), one, *rest], [link()], mode="stream")

    assert after(b"\xff").counters["ends_late"] == 0
    assert after(pm.PmReport(node_id="A").SerializeToString()).counters["ends_late"] == 0
    assert after(report("", 50).SerializeToString()).counters["ends_late"] == 0
    assert after(payload("other", 50)).counters["ends_late"] == 6
    assert after(payload("other", 100)).counters["ends_late"] == 0  # over 60 s ahead
    assert after(payload("other", 8.9)).counters["ends_late"] == 6 - 4  # [1, 2) is still open
    assert oracle.replay([*rest, first], [link()], mode="batch").counters["ends_late"] == 0


def test_it_halts_at_each_window_that_holds_a_sample() -> None:
    halts = Halts(WindowBounds())
    for at in (0, 5, 5, 9):
        halts.see(payload("A", at, tx("tx", 1.0), rx("rx", 1.0, at=at + 1)))
    halts.see(b"\xff")

    def due(second: int) -> int:
        return (T0 + second + 1 + 2) * 1_000_000

    assert halts.up_to(due(6) - 1) == [due(at) for at in (0, 1, 5)]
    assert halts.up_to(due(6) - 1) == []
    halts.see(payload("A", 3, tx("tx", 1.0)))  # it was due before
    assert halts.up_to(due(100)) == [due(at) for at in (6, 9, 10)]
