"""Which alarms and incidents a list has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement

from console.lines import SEVERITIES


@dataclass(frozen=True, kw_only=True)
class Filter:
    """What alarms and incidents have in common; what is None or empty does not matter.

    Attributes:
        state: ACTIVE or CLEARED.
        severity: any of these.
        link_id: of the alarm's link; that the incident has named.
        node_id: at one end of the alarm's link; that the incident has named as silent.
        srlg_id: by which alarms of the incident are related; of an alarm, one of its incidents.
        service_id: that the link carries; that the incident has named.
        customer: of a service that the link carries; that the incident has named.
        suppressed: as last told.
        text: in a name that it bears, whatever the case, or its id begins with it.
        from_ms: raised or opened then or later.
        to_ms: raised or opened before.
        at_ms: as it stood at that moment.
    """

    state: str | None = None
    severity: Sequence[str] = ()
    link_id: str | None = None
    node_id: str | None = None
    srlg_id: str | None = None
    service_id: str | None = None
    customer: str | None = None
    suppressed: bool | None = None
    text: str | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    at_ms: int | None = None


@dataclass(frozen=True, kw_only=True)
class AlarmFilter(Filter):
    """Which alarms.

    Attributes:
        family: any of these.
        code: any of these.
        incident_id: that the alarm belongs to.
        in_incident: whether it belongs to any.
        acknowledged: by an operator.
    """

    family: Sequence[str] = ()
    code: Sequence[str] = ()
    incident_id: str | None = None
    in_incident: bool | None = None
    acknowledged: bool | None = None


@dataclass(frozen=True, kw_only=True)
class IncidentFilter(Filter):
    """Which incidents.

    Attributes:
        kind: any of these.
    """

    kind: Sequence[str] = ()


@dataclass(frozen=True)
class Columns:
    """Where a list has what its filter asks for: as it is now, or as it was at a moment.

    Attributes:
        state: ACTIVE or CLEARED.
        severity: its number.
        suppressed: whether it is.
        begun_ms: raised or opened.
    """

    state: ColumnElement[str]
    severity: ColumnElement[int]
    suppressed: ColumnElement[bool]
    begun_ms: ColumnElement[int]


def common_conditions(f: Filter, columns: Columns) -> list[ColumnElement[bool]]:
    """Returns the conditions on an alarm's or incident's own columns."""
    found: list[ColumnElement[bool]] = []
    if f.state:
        found.append(columns.state == f.state)
    if f.severity:
        found.append(columns.severity.in_([SEVERITIES[name] for name in f.severity]))
    if f.suppressed is not None:
        found.append(columns.suppressed.is_(f.suppressed))
    if f.from_ms is not None:
        found.append(columns.begun_ms >= f.from_ms)
    if f.to_ms is not None:
        found.append(columns.begun_ms < f.to_ms)
    return found
