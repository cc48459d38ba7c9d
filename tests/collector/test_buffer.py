"""Reports made = delivered + dropped + waiting, whatever happens in whatever order."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.buffer import Buffer, Delivery, Dropped, Record
from collector.deliver import CaptureSink
from schema.capture import read_capture
from schema.errors import NotUsableError
from schema.pm_report_pb2 import PmReport

STEPS = st.lists(
    st.tuples(st.sampled_from(["make", "take", "deliver", "back", "refuse"]), st.integers(1, 60)),
    max_size=60,
)


@given(STEPS)
def test_the_sum_holds_and_the_oldest_goes(steps: list[tuple[str, int]]) -> None:
    delivery = Delivery()
    buffer = Buffer(100, delivery)
    away: list[Record] = []
    taken: list[int] = []
    for step, size in steps:
        if step == "make":
            buffer.add(Record(delivery.begin(), b"", bytes(size), 0))
        elif step == "take" and len(buffer):
            away.append(buffer.take())
            taken.append(away[-1].number)
        elif step == "deliver" and away:
            buffer.settle(away[0])
            delivery.deliver(away.pop(0).number)
        elif step == "back" and away:
            buffer.put_back(away.pop())
        elif step == "refuse" and away:
            buffer.settle(away[0])
            delivery.drop(away.pop(0).number, Dropped.REFUSED)
        assert buffer.away_bytes == sum(record.size() for record in away)
        assert buffer.bytes + buffer.away_bytes <= 100
        assert delivery.waiting == len(buffer) + len(away)
        assert delivery.made == (delivery.delivered + delivery.dropped.total() + delivery.waiting)
        assert delivery.settled <= delivery.made
    delivery.drop_all(Dropped.STOPPED)
    assert delivery.waiting == 0 and delivery.settled == delivery.made
    if "back" not in {step for step, _ in steps}:
        assert taken == sorted(taken)


def test_a_capture_that_cannot_be_written_is_told_and_counted(tmp_path: Path) -> None:
    sink = CaptureSink(str(tmp_path / "capture.bin"))
    report = PmReport(node_id="N1", sequence=1)
    whole = len(report.SerializeToString()) + 1
    sink.send(report)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The file may hold one and a half reports; more is an error, and no signal.
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (whole + whole // 2, before[1]))
    try:
        sink.serve()
        sink.send(report)
        sink.send(report)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    with pytest.raises(NotUsableError, match=r"capture\.bin: File too large"):
        sink.serve()
    sink.close(0)
    assert sink.delivery.line() == "reports made 3 = delivered 1 + dropped 2 + waiting 0"
    again = CaptureSink(str(tmp_path / "capture.bin"))
    again.send(report)
    again.close(0)
    assert len(list(read_capture(tmp_path / "capture.bin"))) == 2


def test_a_file_that_is_no_capture_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "notes.txt"
    file.write_text("not to be lost")
    with pytest.raises(NotUsableError, match=r"notes\.txt is no capture"):
        CaptureSink(str(file))
    assert file.read_text() == "not to be lost"


def test_a_capture_tells_its_last_sequence(tmp_path: Path) -> None:
    path = str(tmp_path / "capture.bin")
    first = CaptureSink(path)
    assert first.last_sequence == 0
    for sequences, last in ((0,), 0), ((3, 7, 5), 7):
        for sequence in sequences:
            first.send(PmReport(node_id="N1", sequence=sequence))
        first.close(0)
        first = CaptureSink(path)
        assert first.last_sequence == last


def test_settled_is_the_number_before_the_oldest_that_waits() -> None:
    delivery = Delivery()
    numbers = [delivery.begin() for _ in range(3)]
    delivery.deliver(numbers[1])
    assert delivery.settled == 0
    delivery.deliver(numbers[0])
    assert delivery.settled == 2
    assert delivery.line() == "reports made 3 = delivered 2 + dropped 0 + waiting 1"
