"""What the topology says of links, as arrays: thresholds, bases, and whether events are decided."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import ptars
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from kernels.arrays import moved
from schema import topology_pb2
from schema.times import NS_PER_S
from schema.topology import THRESHOLD_DEFAULTS
from schema.topology_pb2 import FiberLink, LifecycleState, MaintenanceWindow

__all__ = [
    "SpanLimits",
    "clear_threshold_db",
    "is_decided",
    "limits_of",
    "maintenance_at",
    "no_limits",
    "parse_links",
    "work_at",
]

_SPANS = ("az", "za")
#: States of life in which events are decided (spec, section 3).
_DECIDED_STATES = (
    LifecycleState.LIFECYCLE_STATE_UNSPECIFIED,
    LifecycleState.DEPLOYED,
    LifecycleState.MAINTENANCE,
)

_handler = ptars.HandlerPool([topology_pb2.DESCRIPTOR]).get_for_message(FiberLink.DESCRIPTOR)


@dataclass(frozen=True)
class SpanLimits:
    """The limits of n links; arrays of shape (n, 2), directions AZ, ZA.

    Attributes:
        los_dbm: a power at or below it is dark.
        set_db: (n, 2, 4), thresholds above the base of the FIBER levels 1 to 4.
        base_db: expected loss, NaN = none.
        base_is_told: the topology gives that base, it is not learned.
        base_osc_db: expected loss of the OSC, NaN = none.
        los_osc_dbm: an OSC power at or below it is dark, NaN = the default holds.
        min_loss_db: lowest loss that the span may have, -inf = none.
        max_loss_db: highest loss that the span may have, +inf = none.
        has_osc: both ends read an OSC.
    """

    los_dbm: NDArray[np.float64]
    set_db: NDArray[np.float64]
    base_db: NDArray[np.float64]
    base_is_told: NDArray[np.bool_]
    base_osc_db: NDArray[np.float64]
    los_osc_dbm: NDArray[np.float64]
    min_loss_db: NDArray[np.float64]
    max_loss_db: NDArray[np.float64]
    has_osc: NDArray[np.bool_]

    def take(self, rows: Any) -> "SpanLimits":
        """Returns the limits of some links."""
        return SpanLimits(**{name: values[rows] for name, values in vars(self).items()})

    def put(self, rows: NDArray[np.int64], limits: "SpanLimits") -> None:
        """Writes the limits of some links."""
        for name, values in vars(limits).items():
            getattr(self, name)[rows] = values

    def moved(self, source: NDArray[np.int64]) -> "SpanLimits":
        """Returns the limits in new places, see `kernels.arrays.moved`; then put the new rows."""
        return SpanLimits(**{name: moved(values, source, 0) for name, values in vars(self).items()})

    def with_base(self, base_db: NDArray[np.float64]) -> "SpanLimits":
        """Returns the limits with other bases."""
        return replace(self, base_db=base_db)


def clear_threshold_db(set_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the loss above base below which a level does not hold any more (spec, section 6)."""
    threshold: NDArray[np.float64] = set_db - np.minimum(1.0, set_db / 2)
    return threshold


def parse_links(links: Sequence[bytes]) -> pa.RecordBatch:
    """Returns n serialized FiberLinks in nested columns; what a link does not state is null."""
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
    base_db = _by_span(links, ["span_loss_base_db"], np.nan)
    return SpanLimits(
        los_dbm=thresholds[0],
        set_db=np.stack(thresholds[1:], axis=2),
        base_db=base_db,
        base_is_told=~np.isnan(base_db),
        los_osc_dbm=_by_span(links, ["thresholds", "los_osc_dbm"], np.nan),
        min_loss_db=_by_span(links, ["min_span_loss_db"], -np.inf),
        max_loss_db=_by_span(links, ["max_span_loss_db"], np.inf),
        base_osc_db=_by_span(links, ["span_loss_base_osc_db"], np.nan),
        has_osc=np.stack([has_osc] * len(_SPANS), axis=1),
    )


def no_limits() -> SpanLimits:
    """Returns the limits of no links."""
    return limits_of(parse_links([]))


def maintenance_at(link: FiberLink, instant_s: int) -> MaintenanceWindow | None:
    """Returns the maintenance window of a link at an instant; its end is outside, 0 = open."""
    instant_ns = instant_s * NS_PER_S
    for maintenance in link.maintenance:
        start_ns, end_ns = maintenance.start_unix_ns, maintenance.end_unix_ns
        if start_ns <= instant_ns and (not end_ns or instant_ns < end_ns):
            return maintenance
    return None


def work_at(link: FiberLink, start_s: int, *, in_maint: bool) -> str | None:
    """Returns what work a window is under; None = none (spec, section 6).

    Args:
        link: the topology in force.
        start_s: start of the window [s since the Unix epoch].
        in_maint: a component that counts is in admin state MAINT.
    """
    maintenance = maintenance_at(link, start_s)
    if maintenance is not None:
        return maintenance.ticket or "maintenance"
    if link.lifecycle_state == LifecycleState.MAINTENANCE:
        return "lifecycle MAINTENANCE"
    return "admin-state MAINT" if in_maint else None


def _by_span(links: pa.RecordBatch, path: list[str], default: float) -> NDArray[np.float64]:
    """Returns (n, 2) numbers, directions AZ, ZA."""
    return np.stack([_stated(links[span], path, default) for span in _SPANS], axis=1)


def _stated(message: pa.StructArray, path: list[str], default: float | bool) -> NDArray[Any]:
    """Returns a field of a message, or of a message in it; the default where it is not stated."""
    field = pc.struct_field(message, path).fill_null(default)
    values: NDArray[Any] = field.to_numpy(zero_copy_only=False)
    return values
