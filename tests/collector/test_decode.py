"""Messages → leaves and numbers; the layouts give what the parser gives."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector import decode
from collector.counters import Fate, NodeCounts, UnknownPaths
from collector.decode import Decoder, Message
from collector.paths import parse_path
from schema import gnmi_pb2
from tests.collector.messages import PORT, SYNC, T0_NS, gnmi_path, powers, response, typed


def told(message: Message | None) -> Any:
    """Returns a message in a form that can be compared."""
    assert message
    batch = message.batch
    return (
        message.time_ns,
        [(leaf.path, repr(n)) for leaf, n in zip(batch.leaves, batch.numbers, strict=True)]
        if batch
        else [],
        [(leaf.path, text) for leaf, text in message.states],
        *(message.deleted, message.sync, message.received, message.unknown, message.no_number),
    )


def fresh() -> Decoder:
    return Decoder(NodeCounts(), UnknownPaths())


def test_prefix_and_path_are_joined() -> None:
    message = fresh().decode(powers(T0_NS, "L1", input=-9.31).SerializeToString())
    assert told(message)[:2] == (
        T0_NS,
        [(PORT.format("L1") + "/input-power/instant", "-9.31")],
    )


def test_old_devices_send_elements_as_texts() -> None:
    old = gnmi_pb2.SubscribeResponse(
        update=gnmi_pb2.Notification(
            timestamp=T0_NS,
            update=[
                gnmi_pb2.Update(
                    path=gnmi_pb2.Path(
                        element=[
                            *("components", "component[name=L1]", "port", "optical-port"),
                            *("state", "input-power", "instant"),
                        ]
                    ),
                    val=typed(-9.0),
                )
            ],
        )
    )
    message = fresh().decode(old.SerializeToString())
    assert told(message)[1] == [(PORT.format("L1") + "/input-power/instant", "-9.0")]


def test_rubbish_is_counted() -> None:
    decoder = fresh()
    assert decoder.decode(b"\xff\xff\xff") is None
    assert decoder.counts.malformed == 1


def test_unknown_paths_are_counted_without_keys() -> None:
    unknown = UnknownPaths()
    decoder = Decoder(NodeCounts(), unknown)
    for name in ("a", "b"):
        sent = response(T0_NS, {f"/x/y[name={name}]/z": 1.0})
        decoder.decode(sent.SerializeToString())
    assert unknown.counts == {"x/y/z": 2}
    assert decoder.counts.fates == Counter({Fate.UNKNOWN_PATH: 2})


def test_deletes_and_sync() -> None:
    decoder = fresh()
    message = decoder.decode(
        response(T0_NS, {}, PORT.format("L1"), ("/input-power",)).SerializeToString()
    )
    assert message and message.deleted == [parse_path(PORT.format("L1") + "/input-power")]
    assert decoder.counts.deletes == 1
    message = decoder.decode(SYNC.SerializeToString())
    assert message and message.sync


def test_a_node_has_no_end_of_paths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decode, "MAX_PATHS", 3)
    decoder = fresh()
    for i in range(5):
        decoder.decode(powers(T0_NS, f"L{i}", input=1.0).SerializeToString())
    assert decoder.counts.fates[Fate.FLOOD] == 2


NUMBERS = st.floats() | st.sampled_from([0.0, -0.0, -9.31, math.inf, -math.inf, math.nan])
OTHERS = (
    st.integers(-(2**40), 2**40)
    | st.booleans()
    | st.sampled_from(["x", "-9.31", "ENABLED", {"instant": "-3.5"}])
)
PATHS = st.sampled_from(
    [
        PORT.format("L1") + "/input-power/instant",
        PORT.format("L1") + "/output-power/avg",
        PORT.format("L2") + "/input-power/instant",
        PORT.format("L2") + "/admin-state",
        "/unknown/leaf",
    ]
)
SHAPES = st.lists(st.tuples(PATHS, st.just(None) | OTHERS), max_size=5)


@given(
    shapes=st.lists(SHAPES, min_size=1, max_size=4),
    picks=st.lists(st.integers(0, 3), min_size=1, max_size=12),
    data=st.data(),
)
def test_layouts_give_what_the_parser_gives(
    shapes: list[list[tuple[str, Any]]], picks: list[int], data: st.DataObject
) -> None:
    """Messages of a few shapes come again and again, with other doubles and times."""
    decoder = fresh()
    for pick in picks:
        notification = gnmi_pb2.Notification(
            timestamp=data.draw(st.integers(0, 2**62) | st.integers(T0_NS, T0_NS + 10**10)),
            update=[
                gnmi_pb2.Update(
                    path=gnmi_path(path),
                    val=typed(data.draw(NUMBERS) if value is None else value),
                )
                for path, value in shapes[pick % len(shapes)]
            ],
        )
        sent = gnmi_pb2.SubscribeResponse(update=notification)
        counts = NodeCounts()
        parsed = Decoder(counts, UnknownPaths())
        assert told(decoder.decode(sent.SerializeToString())) == told(parsed.read(sent))


def test_the_second_message_of_a_shape_is_not_parsed(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = fresh()
    decoder.decode(powers(T0_NS, "L1", input=-9.31, output=1.0).SerializeToString())
    monkeypatch.setattr(decoder, "read", lambda response: pytest.fail("it was parsed"))
    message = decoder.decode(powers(T0_NS + 7, "L1", input=-3.0, output=2.0).SerializeToString())
    assert message and message.time_ns == T0_NS + 7
    assert message.batch and tuple(message.batch.numbers) == (-3.0, 2.0)
