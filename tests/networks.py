"""Hypothesis strategies: links between a few nodes, with thresholds, bounds and planned work."""

from __future__ import annotations

from hypothesis import strategies as st

from schema import topology_pb2 as topo
from tests.builders import BASE_DB, maintenance, service

OSC_BASE_DB = 12.0

# Defaults, close to each other, lower than usual, dark at a high power, cut hardly ever.
THRESHOLDS: list[dict[str, float]] = [
    {},
    {},
    {"degrade_warn_db": 0.3, "degrade_db": 0.9, "degrade_severe_db": 1.1, "cut_db": 1.6},
    {"degrade_warn_db": 0.05, "degrade_db": 2.5},
    {"degrade_warn_db": 0.2, "cut_db": 6.5},
    {"los_dbm": -14.0, "los_osc_dbm": -20.0},
    {"cut_db": 40.0},
]
#: Beside the OSC's usual powers, or at one of them.
LOS_OSC_DBM = st.sampled_from([None, None, None, -14.0, -11.0, 0.0])
#: Bounds of the span loss, about the base and the losses above it.
BOUNDS_DB = st.sampled_from(
    [
        {},
        {},
        {"max_span_loss_db": BASE_DB + 0.5},
        {"max_span_loss_db": BASE_DB + 3.0, "min_span_loss_db": BASE_DB - 0.3},
        {"min_span_loss_db": BASE_DB + 0.2},
    ]
)

NODES = ("A", "B", "C")
LENGTHS = st.sampled_from([0.5, 1, 2, 5, 30])
SERVICES = st.lists(st.tuples(st.sampled_from([100.0, 0.1, 400.0]), st.booleans()), max_size=2)
OPEN_SIDES = st.sampled_from([{}, {}, {}, {"start_unix_ns": 0}, {"end_unix_ns": 0}])


@st.composite
def maintenances(draw: st.DrawFn) -> topo.MaintenanceWindow:
    """Draws planned work, now and then open on a side."""
    start = draw(st.integers(-2, 70))
    one = maintenance(start, start + draw(LENGTHS), draw(st.sampled_from(["", "T"])))
    for name, time_ns in draw(OPEN_SIDES).items():
        setattr(one, name, time_ns)
    return one


@st.composite
def links(draw: st.DrawFn, number: int) -> topo.FiberLink:
    """Draws a link between two of a few nodes; links sometimes share components."""

    def end(node_id: str) -> topo.LinkEnd:
        tx = draw(st.sampled_from([f"tx{number}", f"tx{number}", f"p{number}", "p0"]))
        rx = draw(st.sampled_from([f"rx{number}", f"rx{number}", f"p{number}", "p0"]))
        has_osc = draw(st.sampled_from([True, True, True, False]))
        return topo.LinkEnd(node_id=node_id, tx_component=tx, rx_component=rx, has_osc=has_osc)

    def span() -> topo.Span:
        one = topo.Span(thresholds=topo.Thresholds(**draw(st.sampled_from(THRESHOLDS))))
        if (los_osc_dbm := draw(LOS_OSC_DBM)) is not None:
            one.thresholds.los_osc_dbm = los_osc_dbm
        for name, bound_db in draw(BOUNDS_DB).items():
            setattr(one, name, bound_db)
        if draw(st.sampled_from([True, True, False])):
            one.span_loss_base_db = BASE_DB
        if draw(st.sampled_from([True, True, False])):
            one.span_loss_base_osc_db = OSC_BASE_DB
        return one

    a = draw(st.sampled_from(NODES))
    z = draw(st.sampled_from([node for node in NODES if node != a]))
    return topo.FiberLink(
        link_id=f"L{number}",
        name=f"{a}-{z}",
        a_end=end(a),
        z_end=end(z),
        az=span(),
        za=span(),
        lifecycle_state=draw(
            st.sampled_from([topo.DEPLOYED] * 4 + [0, topo.PLANNED, topo.MAINTENANCE, topo.RETIRED])
        ),
        maintenance=[draw(maintenances()) for _ in range(draw(st.integers(0, 2)))],
        protected=draw(st.booleans()),
        services=[
            service(f"S{i}", gbps, protected=kept) for i, (gbps, kept) in enumerate(draw(SERVICES))
        ],
        version=number,
        srlg_ids=draw(st.lists(st.sampled_from(["S1", "S2"]), max_size=2)),
        upstream_link_ids=draw(st.lists(st.sampled_from(["L1", "L2", "L3"]), max_size=2)),
    )
