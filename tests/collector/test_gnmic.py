"""Records as gnmic writes them; the examples follow its event formatter."""

from __future__ import annotations

import json

import pytest

from collector.counters import Fate
from collector.deliver import CaptureSink
from collector.gnmic import GnmicSource, events
from collector.node import Node
from collector.process import Collector
from collector.targets import Target
from tests.collector.messages import PORT, SECOND_NS, T0_NS, powers, response

EVENT = {
    "name": "optics",
    "timestamp": T0_NS,
    "tags": {
        "component_name": "L1",
        "source": "r1.example:57400",
        "subscription-name": "optics",
    },
    "values": {
        "openconfig:/openconfig-platform:components/component/port/optical-port/state/"
        "input-power/instant": -9.31
    },
}
DELETE = {
    "name": "optics",
    "timestamp": T0_NS,
    "tags": {"component_name": "L1", "source": "r1.example:57400"},
    "deletes": ["/components/component/port/optical-port"],
}


@pytest.fixture
def source(tmp_path: object) -> GnmicSource:
    collector = Collector(CaptureSink(f"{tmp_path}/capture"), 0, with_streams=False)
    made = GnmicSource(collector, {}, "gnmic", True)
    node = Node(Target("N1", "r1.example:57400"), 0, collector.unknown)
    made.nodes = {"N1": node, "r1.example:57400": node}
    return made


def reported(source: GnmicSource) -> dict[str, dict[int, float]]:
    reports = source.nodes["N1"].merger.take_all(T0_NS)
    return {
        sample.component: {value.type: value.instant for value in sample.values}
        for report in reports
        for sample in report.components
    }


@pytest.mark.parametrize("as_list", [True, False])
def test_events_in_a_list_or_one_by_one(source: GnmicSource, as_list: bool) -> None:
    source.take(None, json.dumps([EVENT] if as_list else EVENT).encode(), T0_NS)
    assert reported(source) == {"L1": {1: -9.31}}


def test_deletes_of_events(source: GnmicSource) -> None:
    source.take(None, json.dumps([EVENT, DELETE]).encode(), T0_NS)
    assert source.nodes["N1"].counts.deletes == 1
    (told,) = events(json.dumps(DELETE).encode())
    assert told.deleted[0][1] == ("component", (("name", "L1"),))


def test_text_values_and_an_osc(source: GnmicSource) -> None:
    event = {
        "timestamp": T0_NS,
        "tags": {"supervisory-channel_interface": "OSC-1", "source": "N1"},
        "values": {
            "/optical-amplifier/supervisory-channels/supervisory-channel/state/"
            "input-power/instant": "-7.5",
            "/optical-amplifier/x": True,
        },
    }
    source.take(None, json.dumps(event).encode(), T0_NS)
    assert reported(source) == {"OSC-1": {3: -7.5}}
    assert source.nodes["N1"].counts.fates[Fate.UNKNOWN_PATH] == 1


@pytest.mark.parametrize(
    "payload",
    [
        *(b"", b"{", b"7", b"[7]", b'{"tags": 1}', b'{"timestamp": "x"}', b"\xff", b"[" * 100_000),
        b'{"timestamp": 10000000000000000000000000000000, "tags": {"source": "N1"}}',
        b'{"timestamp": 1, "tags": {"source": "\\ud800"}}',
    ],
)
def test_what_gnmic_does_not_write_is_counted(source: GnmicSource, payload: bytes) -> None:
    source.take(None, payload, T0_NS)
    assert source.collector.malformed_records == 1


def test_unknown_sources_are_counted(source: GnmicSource) -> None:
    event = {**EVENT, "tags": {"source": "stranger"}}
    for _ in range(3):
        source.take(None, json.dumps(event).encode(), T0_NS)
    assert source.collector.unknown_sources == {"stranger": 3}


def test_proto_by_key_and_by_target(source: GnmicSource) -> None:
    source.is_event = False
    by_key = powers(T0_NS, "L1", input=-9.31)
    by_target = response(T0_NS, {"/output-power/instant": 1.0}, PORT.format("L1"))
    by_target.update.prefix.target = "N1"
    source.take(b"r1.example:57400:::optics", by_key.SerializeToString(), T0_NS)
    source.take(None, by_target.SerializeToString(), T0_NS)
    assert reported(source) == {"L1": {1: -9.31, 2: 1.0}}
    assert source.collector.unknown_sources == {}


def test_a_record_that_is_not_proto_is_counted(source: GnmicSource) -> None:
    source.is_event = False
    source.take(None, b"\xff", T0_NS)
    assert source.collector.malformed_records == 1
    source.take(b"N1:::optics", b"\xff", T0_NS)
    assert source.nodes["N1"].counts.malformed == 1
    assert source.collector.unknown_sources == {}


def test_a_node_of_which_nothing_comes_is_not_up(source: GnmicSource) -> None:
    counts = source.nodes["N1"].counts
    source.take(None, json.dumps(EVENT).encode(), T0_NS)
    assert counts.up
    source.mark_silent(T0_NS + 9 * SECOND_NS)
    assert counts.up
    source.mark_silent(T0_NS + 11 * SECOND_NS)
    assert not counts.up
    source.take(None, json.dumps(EVENT).encode(), T0_NS + 12 * SECOND_NS)
    assert counts.up
