"""The table of the benchmark says what was measured."""

from __future__ import annotations

from benchmarks.collector import Measured, table


def test_the_table() -> None:
    delays_s = [0.001 * i for i in range(101)]
    ours = Measured("collector", 5, 50_000, 49_000.0, 0.49, 220.4, delays_s, [0.02, 0.02])
    theirs = Measured("pygnmi", 5, 50_000, 0.0, 0.5, 900.0, [], [])
    assert table([ours, theirs]).rows == [
        ["collector", "5", "50,000", "49,000", "49%", "10.0", "220", "50, 99", "20, 20"],
        ["pygnmi", "5", "50,000", "0", "50%", "500000.0", "900", "-", "-"],
    ]
