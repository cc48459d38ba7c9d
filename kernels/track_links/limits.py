"""What the topology says of links, as arrays: thresholds, bases, and whether events are decided."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import ptars
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kernels.track_links.decide import SpanLimits
from schema import topology_pb2
from schema.topology import THRESHOLD_DEFAULTS
from schema.topology_pb2 import FiberLink, LifecycleState, MaintenanceWindow

NS_PER_S = 10**9

_SPANS = ("az", "za")
_DECIDED_STATES = (
    LifecycleState.LIFECYCLE_STATE_UNSPECIFIED,
    LifecycleState.DEPLOYED,
    LifecycleState.MAINTENANCE,
)

_handler = ptars.HandlerPool([topology_pb2.DESCRIPTOR]).get_for_message(FiberLink.DESCRIPTOR)


def parse_links(links: Sequence[bytes]) -> pa.RecordBatch:
    """Returns n serialized FiberLinks in columns, nested; what a link does not state is null."""
    return _handler.list_to_record_batch(list(links))


def is_decided(links: pa.RecordBatch) -> NDArray[np.bool_]:
    """Returns (n,) whether events are decided for links in their state of life."""
    return np.isin(links["lifecycle_state"].to_numpy(), _DECIDED_STATES)


def limits_of(links: pa.RecordBatch) -> SpanLimits:
    """Returns the limits of n links, defaults filled in."""
    thresholds = [
        _by_span(links, ["thresholds", name], default)
        for name, default in THRESHOLD_DEFAULTS.items()
    ]
    osc_by_end = [_stated(links[end], ["has_osc"], False) for end in ("a_end", "z_end")]
    has_osc: NDArray[np.bool_] = np.logical_and(*osc_by_end)
    return SpanLimits(
        los_dbm=thresholds[0],
        set_db=np.stack(thresholds[1:], axis=2),
        base_db=_by_span(links, ["span_loss_base_db"], np.nan),
        base_osc_db=_by_span(links, ["span_loss_base_osc_db"], np.nan),
        has_osc=np.stack([has_osc] * len(_SPANS), axis=1),
    )


def no_limits() -> SpanLimits:
    """Returns the limits of no links."""
    return limits_of(parse_links([]))


def maintenance_at(link: FiberLink, window_s: int) -> MaintenanceWindow | None:
    """Returns the maintenance window that a window starts in; its end is outside."""
    for maintenance in link.maintenance:
        if maintenance.start_unix_ns <= window_s * NS_PER_S < maintenance.end_unix_ns:
            return maintenance
    return None


def _by_span(links: pa.RecordBatch, path: list[str], default: float) -> NDArray[np.float64]:
    """Returns (n, 2) numbers, directions AZ, ZA."""
    return np.stack([_stated(links[span], path, default) for span in _SPANS], axis=1)


def _stated(message: pa.StructArray, path: list[str], default: float | bool) -> NDArray[Any]:
    """Returns a field of a message, or of one inside it; the default where it is not stated."""
    field = pc.struct_field(message, path).fill_null(default)
    values: NDArray[Any] = field.to_numpy(zero_copy_only=False)
    return values
