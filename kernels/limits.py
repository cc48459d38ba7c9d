"""What the topology says of links, as arrays: thresholds, bases, and whether events are decided."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from kernels.decide import SpanLimits
from schema.topology import THRESHOLD_DEFAULTS, thresholds_of
from schema.topology_pb2 import FiberLink, LifecycleState, MaintenanceWindow, Span

NS_PER_S = 10**9

_DECIDED_STATES = (
    LifecycleState.LIFECYCLE_STATE_UNSPECIFIED,
    LifecycleState.DEPLOYED,
    LifecycleState.MAINTENANCE,
)


def is_decided(link: FiberLink) -> bool:
    """Returns whether events are decided for a link in its state of life."""
    return link.lifecycle_state in _DECIDED_STATES


def limits_of(links: Sequence[FiberLink]) -> SpanLimits:
    """Returns the limits of n links, defaults filled in."""
    num_limits = len(THRESHOLD_DEFAULTS)
    thresholds = np.array(
        [[thresholds_of(span) for span in (link.az, link.za)] for link in links]
    ).reshape(-1, 2, num_limits)
    return SpanLimits(
        los_dbm=thresholds[..., 0],
        set_db=thresholds[..., 1:],
        base_db=_per_span(links, "span_loss_base_db"),
        base_osc_db=_per_span(links, "span_loss_base_osc_db"),
        has_osc=np.array(
            [[link.a_end.has_osc and link.z_end.has_osc] * 2 for link in links], dtype=bool
        ).reshape(-1, 2),
    )


def maintenance_at(link: FiberLink, window_s: int) -> MaintenanceWindow | None:
    """Returns the maintenance window that a window starts in; its end is outside."""
    for maintenance in link.maintenance:
        if maintenance.start_unix_ns <= window_s * NS_PER_S < maintenance.end_unix_ns:
            return maintenance
    return None


def _per_span(links: Sequence[FiberLink], field: str) -> NDArray[np.float64]:
    def value(span: Span) -> float:
        return getattr(span, field) if span.HasField(field) else np.nan

    return np.array([[value(link.az), value(link.za)] for link in links]).reshape(-1, 2)
