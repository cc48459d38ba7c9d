"""Reports made = delivered + dropped + waiting, whatever happens in whatever order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from collector.buffer import Buffer, Delivery, Dropped, Record

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
            delivery.deliver(away.pop(0).number)
        elif step == "back" and away:
            buffer.put_back(away.pop())
        elif step == "refuse" and away:
            delivery.drop(away.pop(0).number, Dropped.REFUSED)
        assert buffer.bytes <= 100
        assert delivery.waiting == len(buffer) + len(away)
        assert delivery.made == (delivery.delivered + delivery.dropped.total() + delivery.waiting)
        assert delivery.settled <= delivery.made
    delivery.drop_all(Dropped.STOPPED)
    assert delivery.waiting == 0 and delivery.settled == delivery.made
    if "back" not in {step for step, _ in steps}:
        assert taken == sorted(taken)


def test_settled_is_the_number_before_the_oldest_that_waits() -> None:
    delivery = Delivery()
    numbers = [delivery.begin() for _ in range(3)]
    delivery.deliver(numbers[1])
    assert delivery.settled == 0
    delivery.deliver(numbers[0])
    assert delivery.settled == 2
    assert delivery.line() == "reports made 3 = delivered 2 + dropped 0 + waiting 1"
