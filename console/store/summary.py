"""What is open now, in numbers, and whom it hurts."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, case, func, select

from console.lines import SEVERITIES, SEVERITY_NAMES
from console.store.lists import count
from console.store.tables import ALARM, ALARM_SERVICE, INCIDENT


def summary(connection: Connection) -> dict[str, Any]:
    """Returns the numbers of the active alarms and incidents.

    `impacted_capacity_gbps` sums the services, each once, that an active alarm names and that are
    not protected, as an incident's does (spec, section 9); `lost_capacity_gbps` those of them that
    a service-affecting alarm names. What is suppressed counts in neither. The cleared ones are
    counted up to MAX_TOTAL, all else exactly.
    """
    active = ALARM.c.state == "ACTIVE"
    by_severity = dict.fromkeys(SEVERITIES, 0)
    by_code: dict[str, int] = {}
    unacknowledged = suppressed = 0
    rows = connection.execute(
        select(
            ALARM.c.severity,
            ALARM.c.code,
            ALARM.c.acknowledged,
            ALARM.c.suppressed,
            func.count().label("number"),
        )
        .where(active)
        .group_by(ALARM.c.severity, ALARM.c.code, ALARM.c.acknowledged, ALARM.c.suppressed)
    )
    for row in rows:
        by_severity[SEVERITY_NAMES[row.severity]] += row.number
        by_code[row.code] = by_code.get(row.code, 0) + row.number
        unacknowledged += 0 if row.acknowledged else row.number
        suppressed += row.number if row.suppressed else 0
    incidents = connection.execute(
        select(func.count()).select_from(INCIDENT).where(INCIDENT.c.state == "ACTIVE")
    ).scalar_one()
    return {
        "active": by_severity,
        "by_state": {
            "ACTIVE": sum(by_severity.values()),
            "CLEARED": count(connection, select(ALARM).where(ALARM.c.state == "CLEARED")),
        },
        "by_code": by_code,
        "unacknowledged": unacknowledged,
        "suppressed": suppressed,
        "incidents_active": incidents,
        **_impact(connection),
    }


def _impact(connection: Connection) -> dict[str, Any]:
    service = (
        select(
            ALARM_SERVICE.c.service_id,
            func.max(ALARM_SERVICE.c.capacity_gbps).label("capacity_gbps"),
            func.max(ALARM_SERVICE.c.customer).label("customer"),
            func.max(_as_number(ALARM.c.service_affecting)).label("is_lost"),
        )
        .join(
            ALARM,
            and_(
                ALARM.c.source == ALARM_SERVICE.c.source,
                ALARM.c.alarm_id == ALARM_SERVICE.c.alarm_id,
            ),
        )
        .where(
            ALARM.c.state == "ACTIVE",
            ALARM.c.suppressed.is_(False),
            ALARM_SERVICE.c.protected.is_(False),
        )
        .group_by(ALARM_SERVICE.c.service_id)
        .subquery()
    )
    rows = connection.execute(
        select(
            service.c.is_lost,
            service.c.customer,
            func.count().label("services"),
            func.sum(service.c.capacity_gbps).label("capacity_gbps"),
        ).group_by(service.c.is_lost, service.c.customer)
    ).all()
    lost = [row for row in rows if row.is_lost]
    return {
        "impacted_capacity_gbps": round(sum(row.capacity_gbps for row in rows), 3),
        "lost_capacity_gbps": round(sum(row.capacity_gbps for row in lost), 3),
        "impacted_services": sum(row.services for row in rows),
        "lost_services": sum(row.services for row in lost),
        "impacted_customers": sorted({row.customer for row in rows if row.customer}),
        "lost_customers": sorted({row.customer for row in lost if row.customer}),
    }


def _as_number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return case((condition, 1), else_=0)
