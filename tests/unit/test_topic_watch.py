"""The watch of the PM topic reports what happens, once."""

from __future__ import annotations

from pipeline.kafka.client import TopicState
from pipeline.kafka.watch import IDLE_S, TopicWatch


def state(*ends: int) -> TopicState:
    return TopicState(dict(enumerate(ends)), [p for p, end in enumerate(ends) if not end])


def test_nothing_to_say_while_all_partitions_grow() -> None:
    watch = TopicWatch("pm", state(5, 6))
    assert watch.look(state(6, 9), 0) == []
    assert watch.look(state(7, 10), IDLE_S * 2) == []


def test_a_new_partition_is_reported_once() -> None:
    watch = TopicWatch("pm", state(5, 6))
    (said,) = watch.look(state(6, 7, 0, 0), 0)
    assert "new partitions (2, 3) that the job does not read" in said
    assert watch.look(state(7, 8, 1, 1), 1) == []


def test_a_topic_created_again_is_reported_once() -> None:
    watch = TopicWatch("pm", state(50, 60))
    (said,) = watch.look(state(3, 61), 0)
    assert "created again" in said
    assert watch.look(state(4, 62), 1) == []


def test_a_topic_with_fewer_partitions_was_created_again() -> None:
    watch = TopicWatch("pm", state(50, 60))
    (said,) = watch.look(state(70), 0)
    assert "created again" in said


def test_an_idle_partition_and_its_return() -> None:
    watch = TopicWatch("pm", state(5, 6))
    assert watch.look(state(5, 6), 0) == []
    assert watch.look(state(6, 6), IDLE_S - 1) == []
    (said,) = watch.look(state(7, 6), IDLE_S)
    assert f"no record for {IDLE_S:.0f} s in partition 1" in said
    assert watch.look(state(8, 6), IDLE_S + 1) == []
    (said,) = watch.look(state(9, 7), IDLE_S + 2)
    assert "records again in partition 1" in said
