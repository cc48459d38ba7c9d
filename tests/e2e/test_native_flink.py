"""The native Flink jobs, on a real Flink, say of every decision row what the oracle says."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator
from typing import Any

import pytest
from kafka import KafkaConsumer, KafkaProducer

from benchmarks.rivals.on_flink import NativeFlink
from benchmarks.rivals.rival import Task
from runners.local.kafka import LocalKafka
from schema import pm_report_pb2 as pm
from schema import topology_pb2 as topo
from tests.builders import component, link, ns, report, service, span, value
from tests.decision_table import CASES, CODES, Case
from tests.oracle import replay

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]

TIMEOUT_S = 150
#: After the last expected event, an unexpected one comes within this time [s].
QUIET_S = 5
NORMAL, LOST = (1.0, -9.0), (1.0, -math.inf)
DARK: list[dict[str, Any]] = [
    {"no_light": True}, {"instant": -math.inf}, {"instant": -99.0}, {"avg": -255.0},
]  # fmt: skip
FACTS: list[dict[str, Any]] = [
    {}, {"services": []}, {"services": [service(protected=True)]}, {"protected": True},
    {"services": [service("S1", 100.5, protected=True), service("S2", 0.1), service("S3", 0.2)]},
]  # fmt: skip
#: States that are not in the contract's lists, and one that changes nothing.
ODD: list[dict[str, Any]] = [{}, {"validity": 77}, {"admin_state": 77}, {"validity": pm.PARTIAL}]
#: Windows of a case: the one before, and three that look alike.
WINDOWS = 4


@pytest.fixture(params=["stock", "tuned"])
def form(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_all_rows_are_decided(kafka: LocalKafka, form: str) -> None:
    links, reports = [*_links(), *_broken_links()], list(_reports())
    payloads = [one.SerializeToString() for one in reports]
    expected = replay(payloads, links, mode="batch", emit="matches", source=form).events
    assert {event["data"]["code"] for event in expected} == {*CODES.values()} - {
        "NO_DATA",
        "NORMAL",
    }

    names = ("pm", "topology", "events", "late")
    topics = {which: f"native-{form}-{which}" for which in names}
    for topic in topics.values():
        kafka.create_topic(topic)
    _send(kafka, topics, links, reports)
    rival = NativeFlink(form)
    rival.prepare()
    task = Task(kafka, topics, form, slots=1, heap_mb=512, catches_up=True)
    with rival.deployed(task) as engine:
        engine.start()
        found = _read_events(kafka, topics["events"], {event["id"] for event in expected})
        assert engine.failure() is None
    assert found.keys() == {event["id"] for event in expected}
    for event in expected:
        assert found[event["id"]] == _as_far_as(event, found[event["id"]])


def _links() -> Iterator[topo.FiberLink]:
    """Yields a link for each case."""
    for number, case in enumerate(CASES):
        osc = {} if case.base_osc is None else {"span_loss_base_osc_db": case.base_osc}
        a, z = (
            topo.LinkEnd(
                node_id=node_id,
                tx_component=f"tx{number}",
                rx_component=f"rx{number}",
                has_osc=True,
            )
            for node_id in ("A", "Z")
        )
        yield link(
            f"L{number}",
            a_end=a,
            z_end=z,
            az=span(case.base, thresholds=topo.Thresholds(**case.limits), **osc),
            za=span(thresholds=topo.Thresholds(**case.other_limits)),
            **FACTS[number % len(FACTS)],
        )


def _broken_links() -> Iterator[topo.FiberLink]:
    """Yields newer versions that break the contract, so that the earlier ones stay in force."""
    breaks: list[dict[str, Any]] = [
        {"az": topo.Span(thresholds=topo.Thresholds(los_osc_dbm=0.5))},
        {"az": topo.Span(engineered_span_loss_db=0.0)},
        {"services": [service(gbps=math.nan)]},
        {"maintenance": [topo.MaintenanceWindow(start_unix_ns=1)]},
        {"lifecycle_state": 9},
    ]
    # Of links of row 6, which are at a cut.
    cut = [number for number, case in enumerate(CASES) if case.row == 6]
    for number, fields in zip(cut, breaks, strict=False):
        broken = list(_links())[number]
        broken.version = 2
        for name in fields:
            broken.ClearField(name)
        broken.MergeFrom(topo.FiberLink(**fields))
        yield broken


def _reports() -> Iterator[pm.PmReport]:
    """Yields what both nodes report, in order; one that closes all windows comes last."""
    for window in range(WINDOWS):
        at = window + 0.1
        for node_id in ("A", "Z"):
            samples = [
                sample
                for number, case in enumerate(CASES)
                for sample in _samples(number, case, node_id, window)
            ]
            yield report(node_id, at, *samples, sequence=window)
            yield _in_ms(report(node_id, at, *_hidden(samples), sequence=window + 100))
            yield report(node_id, at + 0.5, *_hidden(samples), sequence=window)
    yield report("A", WINDOWS + 60, component("clock", value(pm.INPUT_POWER, 0.0)))


def _samples(number: int, case: Case, node_id: str, window: int) -> Iterator[pm.ComponentPm]:
    """Yields what a node says of the ends of a case's link."""
    powers = {"AZ": (case.t, case.r, *case.osc), "ZA": (*case.other, *case.other_osc)}
    if window == 0:
        powers = {
            direction: (*(LOST if direction in case.was_cut else NORMAL), math.nan, math.nan)
            for direction in powers
        }
    sent, received = ("AZ", "ZA") if node_id == "A" else ("ZA", "AZ")
    t, _, to, _ = powers[sent]
    _, r, _, ro = powers[received]
    for name, types in (
        ("tx", {pm.OUTPUT_POWER: t, pm.OUTPUT_POWER_OSC: to}),
        ("rx", {pm.INPUT_POWER: r, pm.INPUT_POWER_OSC: ro}),
    ):
        values = [_value(pm_type, dbm, number) for pm_type, dbm in types.items() if dbm == dbm]
        if values:
            yield component(f"{name}{number}", *values, **ODD[number % len(ODD)])


def _value(pm_type: int, dbm: float, number: int) -> pm.PmValue:
    if math.isinf(dbm):
        return value(pm_type, **DARK[number % len(DARK)])
    return value(pm_type, dbm, unit=99 if number % 2 else pm.DBM)


def _hidden(samples: list[pm.ComponentPm]) -> Iterator[pm.ComponentPm]:
    """Yields newer samples that count as no data, with other readings."""
    for number, sample in enumerate(samples):
        state: dict[str, Any] = (
            {"validity": pm.SUSPECT} if number % 2 else {"admin_state": pm.DISABLED}
        )
        readings = [value(one.type, -20.0) for one in sample.values]
        yield component(sample.component, *readings, **state)


def _in_ms(one: pm.PmReport) -> pm.PmReport:
    """Returns a report that is refused, as its time is in milliseconds; its samples have one."""
    for sample in one.components:
        sample.sample_time_unix_ns = one.collect_time_unix_ns
        sample.validity, sample.admin_state = pm.COMPLETE, pm.ENABLED
    one.collect_time_unix_ns //= 1_000_000
    return one


def _send(
    kafka: LocalKafka,
    topics: dict[str, str],
    links: list[topo.FiberLink],
    reports: list[pm.PmReport],
) -> None:
    producer = KafkaProducer(bootstrap_servers=kafka.bootstrap_servers)
    for one in links:
        producer.send(topics["topology"], one.SerializeToString(), one.link_id.encode())
    for each in reports:
        sent_ns = max(each.collect_time_unix_ns, ns(0))
        producer.send(
            topics["pm"],
            each.SerializeToString(),
            each.node_id.encode(),
            timestamp_ms=sent_ns // 1_000_000,
        )
    producer.close()


def _read_events(kafka: LocalKafka, topic: str, expected: set[str]) -> dict[str, Any]:
    """Returns events by id: those that are expected, and what comes until it is quiet."""
    consumer = KafkaConsumer(
        topic, bootstrap_servers=kafka.bootstrap_servers, auto_offset_reset="earliest"
    )
    found: dict[str, Any] = {}
    newest = time.monotonic()
    while time.monotonic() - newest < (QUIET_S if expected <= found.keys() else TIMEOUT_S):
        for records in consumer.poll(timeout_ms=500).values():
            newest = time.monotonic()
            events = [json.loads(record.value) for record in records]
            found |= {event["id"]: event for event in events}
    consumer.close(autocommit=False)
    return found


def _as_far_as(whole: Any, part: Any) -> Any:
    """Returns of an event what a shorter form of it tells."""
    if not isinstance(part, dict):
        return whole
    return {name: _as_far_as(whole[name], told) for name, told in part.items()}
