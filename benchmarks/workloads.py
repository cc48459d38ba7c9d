"""Loads for measurements: any number of ports, made fast, with events that are known beforehand.

A port is a component at one end of one link, in both directions: a line card that reports two
powers a second. All reports of a second are one array of fixed-width protobuf records that numpy
fills, so making them costs far less than reading them. The simulator makes realistic networks, but
is slow.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from schema.pm_report_pb2 import (
    COMPLETE,
    ENABLED,
    INPUT_POWER,
    OUTPUT_POWER,
    SYNCHRONIZED,
    PmReport,
)
from schema.times import rfc3339
from schema.topology_pb2 import DEPLOYED, FiberLink, LinkEnd, OpticalService, Span

NS_PER_S = 10**9
_LAUNCH_DBM, _BASE_DB = 3.0, 20.0
#: Delay of a report out of order [s], within the default bound B of 2 s.
_DISORDER_S = (0.5, 1.8)
#: Delay of a late report [s], clearly more than B + L.
_LATE_S = (12.0, 15.0)
#: A faulty link has its fault in the first seconds of each period.
_FAULT_PERIOD_S, _FAULT_S = 30, 20
#: Event time of the reports that close a feed, by which every window has closed [s after the end].
_CLOSING_S = 60
_TIME_BYTES = 9


class Kind(NamedTuple):
    """A kind of fault, its event, and the windows in a row that raise and clear its alarm."""

    code: str
    family: str
    loss_az_db: float
    loss_za_db: float
    confirm_windows: int = 2
    clear_windows: int = 10


#: Losses above base; with 100 dB no light reaches the far end.
KINDS = (
    Kind("FIBER_DEGRADE_WARN", "FIBER", 1.5, 0.0, confirm_windows=10, clear_windows=30),
    Kind("FIBER_DEGRADE", "FIBER", 4.0, 4.0),
    Kind("FIBER_DEGRADE_SEVERE", "FIBER", 0.0, 7.5),
    Kind("FIBER_CUT", "FIBER", 12.0, 12.0),
    Kind("FIBER_CUT", "FIBER", 100.0, 100.0),
    Kind("TOPOLOGY_MISMATCH", "TOPOLOGY", -25.0, -25.0),
)

# A PmValue in a ComponentPm: field 5, with length, type and instant.
_VALUE = [("tag", "u1"), ("length", "u1"), ("type_tag", "u1"), ("type", "u1")]
_VALUE += [("instant_tag", "u1"), ("instant_dbm", "<f8")]
# A ComponentPm in a PmReport: field 5, with length, name, validity, state and two values.
_COMPONENT = np.dtype(
    [
        *(("tag", "u1"), ("length", "u1"), ("name_tag", "u1"), ("name_length", "u1")),
        *(("name", "S8"), ("validity_tag", "u1"), ("validity", "u1")),
        *(("state_tag", "u1"), ("state", "u1")),
        *(("input", np.dtype(_VALUE)), ("output", np.dtype(_VALUE))),
    ]
)


class Record(NamedTuple):
    """A Kafka record of the PM topic."""

    partition: int
    key: bytes
    payload: bytes
    sent_ns: int


@dataclass(frozen=True)
class Workload:
    """A load.

    Attributes:
        ports: number of ports, two for each link.
        seconds: length of the feed.
        start_s: its first second [s since the Unix epoch].
        ports_per_node: components in a report.
        faulty_share: share of the links that have a fault, two thirds of the time.
        disorder_share: share of the reports that come out of order, but in time.
        late_share: share of the reports that come after their window has closed.
        partitions: of the PM topic.
        seed: of noise and disorder.
    """

    ports: int = 100_000
    seconds: int = 120
    start_s: int = 0
    ports_per_node: int = 48
    faulty_share: float = 0.01
    disorder_share: float = 0.05
    late_share: float = 0.0
    partitions: int = 4
    seed: int = 1

    @property
    def num_links(self) -> int:
        """Number of links."""
        return self.ports // 2

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return -(-self.ports // self.ports_per_node)

    @property
    def num_values(self) -> int:
        """PM values in the whole feed."""
        return 2 * self.ports * self.seconds

    def link(self, number: int) -> FiberLink:
        """Returns a link of the topology, from port `number` to a port of the upper half."""
        span = Span(span_loss_base_db=_BASE_DB, length_km=80, fiber_type="smf")
        a_end, z_end = (
            LinkEnd(
                node_id=node_id(port // self.ports_per_node),
                tx_component=component_name(port % self.ports_per_node),
                rx_component=component_name(port % self.ports_per_node),
            )
            for port in (number, int(self.z_port[number]))
        )
        service = OpticalService(
            service_id=f"service-{number:07d}", customer="customer", capacity_gbps=400
        )
        return FiberLink(
            link_id=link_id(number),
            name=f"{a_end.node_id} - {z_end.node_id}",
            a_end=a_end,
            z_end=z_end,
            az=span,
            za=span,
            lifecycle_state=DEPLOYED,
            services=[service] if number % 3 else [],
            version=1,
        )

    def links(self) -> Iterator[FiberLink]:
        """Yields the topology."""
        return map(self.link, range(self.num_links))

    @cached_property
    def z_port(self) -> NDArray[np.int64]:
        """The number of the port at the Z end of each link."""
        half = self.num_links
        numbers = np.arange(half)
        return half + (numbers + half // 2) % half

    @cached_property
    def faulty(self) -> NDArray[np.int64]:
        """The numbers of the faulty links, spread over the whole network."""
        number = round(self.num_links * self.faulty_share)
        return np.unique(np.linspace(0, self.num_links - 1, number).astype(np.int64))

    def is_active(self, second: int) -> NDArray[np.bool_]:
        """Returns which of the faulty links have their fault in a second of the feed."""
        phase = np.arange(len(self.faulty)) * 7
        active: NDArray[np.bool_] = (second + phase) % _FAULT_PERIOD_S < _FAULT_S
        return active

    def kind_at(self, position: int) -> Kind:
        """Returns the kind of fault of a faulty link, by its position among them."""
        return KINDS[position % len(KINDS)]

    def expected_events(self, emit: str) -> dict[str, str]:
        """Returns code by id of the events of ``--emit`` if nothing is late."""
        return self._matches() if emit == "matches" else self._alarms()

    def _alarms(self) -> dict[str, str]:
        """Each alarm is raised, and cleared unless the fault comes again too soon for that."""
        events: dict[str, str] = {}
        active = np.stack([self.is_active(second) for second in range(self.seconds)])
        for position, number in enumerate(self.faulty.tolist()):
            kind = self.kind_at(position)
            faulty_windows = normal_windows = 0
            alarm_id = ""
            for second, is_faulty in enumerate(active[:, position].tolist()):
                if is_faulty:
                    faulty_windows, normal_windows = faulty_windows + 1, 0
                else:
                    faulty_windows, normal_windows = 0, normal_windows + 1
                if not alarm_id and faulty_windows == kind.confirm_windows:
                    alarm_id = self._alarm_id(number, kind, second + 1 - faulty_windows)
                    events[f"{alarm_id}:1"] = kind.code
                elif alarm_id and normal_windows == kind.clear_windows:
                    events[f"{alarm_id}:2"] = kind.code
                    alarm_id = ""
        return events

    def _matches(self) -> dict[str, str]:
        events = {}
        for second in range(1, self.seconds):
            both = np.flatnonzero(self.is_active(second) & self.is_active(second - 1))
            for position in both.tolist():
                kind = self.kind_at(position)
                alarm_id = self._alarm_id(int(self.faulty[position]), kind, second - 1)
                events[f"{alarm_id}:1"] = kind.code
        return events

    def _alarm_id(self, number: int, kind: Kind, onset: int) -> str:
        """Returns the id of an alarm of a link, by the second of the feed at its onset."""
        name = f"{link_id(number)}|{kind.family}|{rfc3339(self.start_s + onset)}"
        return str(uuid.uuid5(uuid.NAMESPACE_URL, name))

    def seconds_of_records(self) -> Iterator[list[Record]]:
        """Yields the records second by second, in order of sending; the closing ones last."""
        encoder = _Encoder(self)
        rng = np.random.default_rng((self.seed, 2))
        held: dict[int, list[Record]] = {}
        last_s = self.start_s + self.seconds
        for second in range(self.seconds):
            now: list[Record] = held.pop(self.start_s + second, [])
            chance = rng.random(self.num_nodes)
            is_late = chance < self.late_share
            is_held = ~is_late & (chance < self.late_share + self.disorder_share)
            wait_s = np.where(
                is_late,
                rng.uniform(*_LATE_S, self.num_nodes),
                np.where(is_held, rng.uniform(*_DISORDER_S, self.num_nodes), 0.0),
            )
            wait_ns = (wait_s * NS_PER_S).astype(np.int64)
            reports = encoder.encode(second)
            for (node, collect_ns, payload), wait in zip(reports, wait_ns.tolist(), strict=True):
                sent_ns = collect_ns + wait
                record = Record(node % self.partitions, encoder.keys[node], payload, sent_ns)
                sent_s = sent_ns // NS_PER_S
                if sent_s == self.start_s + second:
                    now.append(record)
                else:
                    held.setdefault(sent_s, []).append(record)
            yield sorted(now, key=_sent_ns)
        yield sorted((r for records in held.values() for r in records), key=_sent_ns)
        yield [
            self._closing(partition, last_s + _CLOSING_S) for partition in range(self.partitions)
        ]

    def _closing(self, partition: int, time_s: int) -> Record:
        report = PmReport(
            node_id=f"closing-{partition}",
            collect_time_unix_ns=time_s * NS_PER_S,
            clock_state=SYNCHRONIZED,
        )
        component = report.components.add(component="clock", validity=COMPLETE)
        component.values.add(type=INPUT_POWER, instant=0.0)
        key = report.node_id.encode()
        return Record(partition, key, report.SerializeToString(), time_s * NS_PER_S)


@dataclass
class _Encoder:
    """Encodes all reports of a second."""

    workload: Workload
    keys: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        load = self.workload
        self.keys = [node_id(node).encode() for node in range(load.num_nodes)]
        self._heads = [PmReport(node_id=key.decode()).SerializeToString() for key in self.keys]
        self._body = _blank_components(load)
        self._rng = np.random.default_rng((load.seed, 1))
        # Each node measures at a fixed moment of the second.
        self._phase_ns = self._rng.integers(0, NS_PER_S * 9 // 10, load.num_nodes)

    def encode(self, second: int) -> Iterator[tuple[int, int, bytes]]:
        """Yields node, time of collection and payload of each report of a second."""
        load = self.workload
        self._fill(second)
        body = self._body.tobytes()
        width = _COMPONENT.itemsize * load.ports_per_node
        collect_ns = (load.start_s + second) * NS_PER_S + self._phase_ns
        times = _to_varints(collect_ns)
        tail = PmReport(sequence=second + 1, clock_state=SYNCHRONIZED).SerializeToString()
        for node, time_ns in enumerate(collect_ns.tolist()):
            payload = b"".join(
                (
                    self._heads[node],
                    b"\x10",
                    times[node * _TIME_BYTES : (node + 1) * _TIME_BYTES],
                    tail,
                    body[node * width : (node + 1) * width],
                )
            )
            yield node, time_ns, payload

    def _fill(self, second: int) -> None:
        load = self.workload
        half = load.num_links
        noise = self._rng.normal(0.0, 0.02, (2, load.ports))
        output_dbm = np.round(_LAUNCH_DBM + noise[0], 2)
        loss_db = np.full((2, half), _BASE_DB)
        for position in np.flatnonzero(load.is_active(second)).tolist():
            kind = load.kind_at(position)
            link = load.faulty[position]
            loss_db[0, link] += kind.loss_az_db
            loss_db[1, link] += kind.loss_za_db
        a, z = np.arange(half), load.z_port
        received_dbm = np.full(load.ports, -15.0)
        received_dbm[z] = output_dbm[a] - loss_db[0]
        received_dbm[a] = output_dbm[z] - loss_db[1]
        input_dbm = np.round(np.maximum(received_dbm + noise[1], -40.0), 2)
        self._body["input"]["instant_dbm"] = input_dbm
        self._body["output"]["instant_dbm"] = output_dbm


def _blank_components(load: Workload) -> NDArray[np.void]:
    """Returns component records, filled with all that stays the same."""
    body = np.zeros(load.ports, _COMPONENT)
    names = [component_name(slot) for slot in range(load.ports_per_node)]
    body["tag"], body["length"] = 5 << 3 | 2, _COMPONENT.itemsize - 2
    body["name_tag"], body["name_length"] = 1 << 3 | 2, 8
    body["name"] = np.resize(np.array(names, "S8"), load.ports)
    body["validity_tag"], body["validity"] = 3 << 3, COMPLETE
    body["state_tag"], body["state"] = 4 << 3, ENABLED
    for column, pm_type in (("input", INPUT_POWER), ("output", OUTPUT_POWER)):
        value = body[column]
        value["tag"], value["length"] = 5 << 3 | 2, value.dtype.itemsize - 2
        value["type_tag"], value["type"] = 1 << 3, pm_type
        value["instant_tag"] = 2 << 3 | 1
    return body


def _to_varints(times_ns: NDArray[np.int64]) -> bytes:
    """Returns times as varints, which have nine bytes between the years 1972 and 2262."""
    shifts = 7 * np.arange(_TIME_BYTES)
    varints = (times_ns[:, None] >> shifts & 0x7F).astype(np.uint8)
    varints[:, :-1] |= 0x80
    return varints.tobytes()


def _sent_ns(record: Record) -> int:
    return record.sent_ns


def node_id(number: int) -> str:
    """Returns the identity of a node."""
    return f"node-{number:06d}"


def link_id(number: int) -> str:
    """Returns the identity of a link."""
    return f"link-{number:07d}"


def component_name(slot: int) -> str:
    """Returns the name of a component of a node."""
    return f"line-{slot:03d}"
