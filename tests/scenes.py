"""Hypothesis strategies: captures of small networks, in which anything may go wrong.

A *scene* is a topology and its capture. Each direction of each link is a walk through segments:
seconds that look alike, be it sound, lossy by about a threshold, dark in one of many ways, suspect
or missing. The reports are then delayed, repeated, restated, merged and dropped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from schema import pm_report_pb2 as pm
from schema import topology_pb2 as topo
from tests.builders import BASE_DB, LAUNCHED_DBM, component, ns, value
from tests.networks import NODES, OSC_BASE_DB, links
from tests.oracle_input import limits_of


@dataclass(frozen=True)
class Scene:
    """A topology and the reports of its nodes, in order of arrival."""

    links: list[topo.FiberLink]
    payloads: list[bytes]


@dataclass
class Look:
    """How one end of a span looks: values and states of its component."""

    values: list[pm.PmValue]
    fields: dict[str, Any] = field(default_factory=dict)


# --- Values ---


def dark(pm_type: int, how: str, los_dbm: float) -> pm.PmValue:
    if how == "no_light":
        return value(pm_type, no_light=True)
    if how == "no_light_with_reading":
        return value(pm_type, 3.0, no_light=True)
    if how == "-inf":
        return value(pm_type, -math.inf)
    if how in ("-70.01", "-99", "-255"):
        return value(pm_type, float(how))
    return value(pm_type, avg=los_dbm if how == "at_los" else los_dbm - 5.5)


DARK = st.sampled_from(
    ["no_light", "no_light_with_reading", "-inf", "-70.01", "-99", "-255", "at_los", "below_los"]
)
#: Other things than one plain value; most make the end count as no data or be refused.
ODD: dict[str, Callable[[int, float], Look]] = {
    "suspect": lambda t, v: Look([value(t, v)], {"validity": pm.SUSPECT}),
    "disabled": lambda t, v: Look([value(t, v)], {"admin_state": pm.DISABLED}),
    "other_type": lambda t, v: Look([value(pm.OSNR, 20.0)]),
    "no_values": lambda t, v: Look([]),
    "nan": lambda t, v: Look([value(t, math.nan), value(pm.OSNR, 20.0)]),
    "out_of_range": lambda t, v: Look([value(t, 35.5)]),
    "unit": lambda t, v: Look([value(t, v, unit=pm.DB), value(99, 1.0)]),
    "last_counts": lambda t, v: Look([value(t, v - 20), value(t, v), value(t, math.inf)]),
    "partial": lambda t, v: Look([value(t, v)], {"validity": pm.PARTIAL, "admin_state": pm.MAINT}),
    "maint": lambda t, v: Look([value(t, v)], {"admin_state": pm.MAINT}),
    "suspect_maint": lambda t, v: Look(
        [value(t, v)], {"validity": pm.SUSPECT, "admin_state": pm.MAINT}
    ),
    "odd_enums": lambda t, v: Look([value(t, v, unit=99)], {"validity": 77, "admin_state": 77}),
    "in_ms": lambda t, v: Look([value(t, v)], {"sample_time_unix_ns": ns(5) // 1_000_000}),
    "avg": lambda t, v: Look([value(t, avg=v, unit=pm.DBM)]),
}

# --- Segments ---


@dataclass(frozen=True)
class Segment:
    """Seconds of one direction that look alike."""

    seconds: int
    loss: tuple[str, int, float]  # ("set" | "clear" | "plain", level, dB beside it)
    launch: str
    receive: str
    osc: str


LOSS = st.one_of(
    st.tuples(st.just("plain"), st.just(0), st.sampled_from([0.0, 0.0, 0.3, 4.0, 12.0, -12.0])),
    st.tuples(
        st.sampled_from(["set", "clear"]), st.integers(1, 4), st.sampled_from([0.0, 0.0, 0.1, -0.1])
    ),
)
OK = st.just("ok")
ENDS = st.one_of(
    st.tuples(OK, OK),
    st.tuples(OK, OK),
    st.tuples(OK, OK),
    st.tuples(OK, DARK),
    st.tuples(OK, DARK),
    st.tuples(DARK, DARK),
    st.tuples(DARK, OK),
    st.tuples(OK, st.sampled_from([*ODD, "missing"])),
    st.tuples(st.sampled_from([*ODD, "missing"]), OK),
    st.just(("missing", "missing")),
)
OSC = st.sampled_from(["0", "0", "0", "0.9", "1.0", "2.9", "3.0", "4.5", "no_rx", "no_tx", "none"])
SECONDS = st.sampled_from([1, 1, 1, 2, 2, 3, 5, 8, 9, 10, 12, 30])


@st.composite
def segments(draw: st.DrawFn, total: int) -> list[Segment]:
    found: list[Segment] = []
    left = total
    if draw(st.sampled_from([False] * 4 + [True])):  # short losses, one after the other
        lossy, launch = draw(LOSS), draw(ENDS)[0]
        for pause in draw(st.lists(st.sampled_from([1, 2, 3, 9]), min_size=3, max_size=5)):
            found.append(Segment(1, lossy, "ok", "ok", "0"))
            found.append(Segment(pause, ("plain", 0, 0.0), "ok", "ok", "0"))
        found.append(Segment(1, lossy, launch, "ok", "0"))
        found = found if sum(one.seconds for one in found) < total else []
        left -= sum(one.seconds for one in found)
    while left > 0:
        launch, receive = draw(ENDS)
        seconds = min(left, draw(SECONDS))
        found.append(Segment(seconds, draw(LOSS), launch, receive, draw(OSC)))
        left -= seconds
    return found


def looks(segment: Segment, span: topo.Span) -> tuple[Look | None, Look | None]:
    """Returns how the transmitting and the receiving end of a span look."""
    limits = limits_of(span)
    where, level, beside = segment.loss
    delta = {"plain": {0: 0.0}, "set": limits.set_db, "clear": limits.clear_db}[where][level]
    received = LAUNCHED_DBM - (BASE_DB + delta + beside)
    sent = _look(pm.OUTPUT_POWER, segment.launch, LAUNCHED_DBM, limits.los_dbm)
    got = _look(pm.INPUT_POWER, segment.receive, received, limits.los_dbm)
    if segment.osc != "none":
        to, ro = value(pm.OUTPUT_POWER_OSC, LAUNCHED_DBM), value(pm.INPUT_POWER_OSC, no_light=True)
        if segment.osc == "no_tx":
            to = value(pm.OUTPUT_POWER_OSC, -math.inf)
        elif segment.osc != "no_rx":
            ro = value(pm.INPUT_POWER_OSC, LAUNCHED_DBM - OSC_BASE_DB - float(segment.osc))
        for look, one in ((sent, to), (got, ro)):
            if look is not None:
                look.values.append(one)
    return sent, got


def _look(pm_type: int, kind: str, dbm: float, los_dbm: float) -> Look | None:
    if kind == "missing":
        return None
    if kind == "ok":
        return Look([value(pm_type, dbm)])
    if kind in ODD:
        return ODD[kind](pm_type, dbm)
    return Look([dark(pm_type, kind, los_dbm)])


# --- Reports ---


@dataclass
class Report:
    """A report on its way."""

    arrives: float
    node_id: str
    second: float
    sequence: int
    components: list[pm.ComponentPm]
    unit_ns: int = 1  # of its time, which should be 1

    def payload(self) -> bytes:
        return pm.PmReport(
            node_id=self.node_id,
            collect_time_unix_ns=ns(self.second) // self.unit_ns,
            sequence=self.sequence,
            components=self.components,
        ).SerializeToString()


def _reports(network: list[topo.FiberLink], walks: list[list[Segment]], total: int) -> list[Report]:
    """Returns one report of each node and second, all in order."""
    by_node: dict[tuple[int, str], list[pm.ComponentPm]] = {}
    for number, walk in enumerate(walks):
        one = network[number // 2]
        there, here, span = (
            (one.a_end, one.z_end, one.az) if number % 2 == 0 else (one.z_end, one.a_end, one.za)
        )
        second = 0
        for segment in walk:
            for _ in range(segment.seconds):
                ends = zip(
                    looks(segment, span),
                    ((there.node_id, there.tx_component), (here.node_id, here.rx_component)),
                    strict=True,
                )
                for look, (node_id, name) in ends:
                    if look is not None:
                        by_node.setdefault((second, node_id), []).append(
                            component(name, *look.values, **look.fields)
                        )
                second += 1
    return [
        Report(second + 0.1, node_id, second + 0.1, second, _merged(components))
        for (second, node_id), components in sorted(by_node.items())
        if second < total
    ]


def _merged(components: list[pm.ComponentPm]) -> list[pm.ComponentPm]:
    """Joins what a component transmits and receives into one entry, where its states agree."""
    found: list[pm.ComponentPm] = []
    for one in components:
        for other in found:
            states = (one.component, one.validity, one.admin_state)
            if states == (other.component, other.validity, other.admin_state):
                other.values.extend(one.values)
                break
        else:
            found.append(one)
    return found


MISHAP = st.tuples(
    st.floats(0, 1, exclude_max=True, width=32),  # which report
    st.sampled_from(
        ["delay"] * 6
        + [
            "again",
            "again",
            "restate",
            "restate",
            "restate",
            "flip",
            "flip",
            "drop",
            "merge",
            "merge",
            "ahead",
            "stray",
            "unit",
        ]
    ),
    st.sampled_from([0.5, 1, 1.2, 2, 3, 3.9, 5, 6.1, 7, 9, 12, 14, 20]),
)
GARBAGE = (b"\xff\xff", pm.PmReport(collect_time_unix_ns=ns(5)).SerializeToString())


@st.composite
def scenes(draw: st.DrawFn, max_links: int = 4, mishaps: tuple[int, int] = (0, 24)) -> Scene:
    total = draw(st.integers(20, 80))
    network = [draw(links(n)) for n in range(1, draw(st.integers(1, max_links)) + 1)]
    walks = [draw(segments(total)) for _ in range(2 * len(network))]
    # What a report that restates a second may say: the same second of another walk.
    restated = _reports(network, [draw(segments(total)) for _ in walks], total)
    reports = _reports(network, walks, total)
    restated_at = {(r.node_id, r.second): r for r in restated}
    extra: list[Report] = []
    dropped: set[int] = set()
    for where, what, by in draw(st.lists(MISHAP, min_size=mishaps[0], max_size=mishaps[1])):
        at = int(where * len(reports))
        if not reports:
            break
        one = reports[at]
        if what == "delay":
            one.arrives += by
        elif what == "drop":
            dropped.add(at)
        elif what == "again":
            extra.append(
                Report(one.arrives + by, one.node_id, one.second, one.sequence, one.components)
            )
        elif what == "restate" and (other := restated_at.get((one.node_id, one.second))):
            newer = one.sequence + draw(st.sampled_from([-1, 0, 0, 1000]))
            extra.append(
                Report(one.second + by, one.node_id, one.second, max(newer, 0), other.components)
            )
        elif what == "flip" and (other := restated_at.get((one.node_id, one.second))):
            for number, components in enumerate((other.components, one.components), 1):
                extra.append(
                    Report(
                        one.second + by + 0.5 * number,
                        one.node_id,
                        one.second,
                        one.sequence + 2000 * number,
                        components,
                    )
                )
        elif what == "merge":
            dropped |= _merge(reports, at, by, dropped)
        elif what == "ahead":
            one.second += draw(st.sampled_from([0.95, 3.0, 30.0]))
        elif what == "unit":
            one.unit_ns = draw(st.sampled_from([1_000, 1_000_000, 1_000_000_000]))
        elif what == "stray":
            node_id = draw(st.sampled_from([*NODES, "X", ""]))
            odd = [component("q", value(1, 0.0)), component("", value(1, 0.0))]
            extra.append(Report(one.arrives, node_id, one.second, 0, odd))
    kept = [one for at, one in enumerate(reports) if at not in dropped] + extra
    payloads = [one.payload() for one in sorted(kept, key=lambda r: r.arrives)]
    for at in draw(st.lists(st.integers(0, len(payloads)), max_size=2)):
        payloads.insert(at, draw(st.sampled_from(GARBAGE)))
    return Scene(network, payloads)


def _merge(reports: list[Report], at: int, by: float, dropped: set[int]) -> set[int]:
    """Moves samples of the seconds before a report into it; returns the reports that it absorbs."""
    one = reports[at]
    gone = set()
    brought: list[pm.ComponentPm] = []
    for before, other in enumerate(reports[:at]):
        if other.node_id == one.node_id and one.second - by <= other.second < one.second:
            if before in dropped:
                continue
            gone.add(before)
            for component_pm in other.components:
                copy = pm.ComponentPm()
                copy.CopyFrom(component_pm)
                copy.sample_time_unix_ns = copy.sample_time_unix_ns or ns(other.second)
                brought.append(copy)
    one.components = [*brought, *one.components]
    return gone
