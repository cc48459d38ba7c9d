"""What webhooks are told of an alarm that a later one has taken the place of: it has no event."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import Connection, and_, select

from console.store.alarm_states import SUPERSEDED
from console.store.tables import ALARM, EVENT
from console.times import to_text


def superseded_event(connection: Connection, source: str, alarm_id: str) -> dict[str, Any] | None:
    """Returns a CLEAR in the form of a CloudEvent; None if the alarm is not kept any more.

    It is the alarm's last event up to then, with `clear_reason` SUPERSEDED, the time at which the
    other was raised, and an id of its own. Its sequence is that of the event that it is made of.
    """
    row = connection.execute(
        select(EVENT.c.body, ALARM.c.superseded_ms)
        .join(
            ALARM,
            and_(
                ALARM.c.source == EVENT.c.source,
                ALARM.c.alarm_id == EVENT.c.subject_id,
                ALARM.c.superseded_ms.is_not(None),
            ),
        )
        .where(EVENT.c.source == source, EVENT.c.subject_id == alarm_id, EVENT.c.state == "ACTIVE")
        # An event of later may have come before the RAISE; if all did, one of these has to do.
        .order_by((EVENT.c.time_ms <= ALARM.c.superseded_ms).desc(), EVENT.c.sequence.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    event = orjson.loads(row.body)
    time = to_text(row.superseded_ms)
    return {
        **event,
        "id": f"{alarm_id}:superseded",
        "type": f"eventcenter.fiber.{event['data']['code'].lower()}.clear",
        "time": time,
        "data": {
            **event["data"],
            "action": "CLEAR",
            "state": "CLEARED",
            "clear_reason": SUPERSEDED,
            "cleared_time": time,
        },
    }
