"""What operators do with alarms, and the trail of every action."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from console.store.counters import next_numbers
from console.store.database import Database
from console.store.operator_states import ACTIONS, Action, changed_by
from console.store.tables import ALARM, JOURNAL, OPERATOR_ACTION
from console.times import now_ms, to_text


class BadActionError(ValueError):
    """An action cannot be taken as it is; the message says why."""


def act(database: Database, source: str, alarm_id: str, action: Action, operator: str) -> bool:
    """Records an action and what it changes; returns False if there is no such alarm.

    Raises:
        BadActionError: something that it needs is missing.
        DatabaseError: the database does not answer as it should; nothing was written.
    """
    time_ms = now_ms()
    _check(action, time_ms)
    changed = changed_by(action)
    with database.writing() as connection:
        key = (ALARM.c.source == source, ALARM.c.alarm_id == alarm_id)
        if connection.execute(select(ALARM.c.alarm_id).where(*key)).first() is None:
            return False
        connection.execute(
            OPERATOR_ACTION.insert().values(
                number=next_numbers(connection, "action", 1),
                source=source,
                alarm_id=alarm_id,
                action=action.action,
                text=action.text,
                assignee=action.assignee,
                until_ms=action.until_ms,
                operator=operator,
                time_ms=time_ms,
            )
        )
        if changed:
            connection.execute(ALARM.update().where(*key).values(changed))
        connection.execute(
            JOURNAL.insert().values(
                number=next_numbers(connection, "journal", 1),
                time_ms=time_ms,
                kind="action",
                source=source,
                subject_id=alarm_id,
                event_id=None,
            )
        )
    return True


def actions_on(database: Database, source: str, alarm_id: str) -> list[dict[str, Any]]:
    """Returns what was done with an alarm, the oldest first."""
    with database.reading() as connection:
        rows = connection.execute(
            select(OPERATOR_ACTION)
            .where(OPERATOR_ACTION.c.alarm_id == alarm_id, OPERATOR_ACTION.c.source == source)
            .order_by(OPERATOR_ACTION.c.number)
        ).mappings()
        return [
            {
                "number": row["number"],
                "time": to_text(row["time_ms"]),
                "operator": row["operator"],
                "action": row["action"],
                "text": row["text"],
                "assignee": row["assignee"],
                "until": to_text(row["until_ms"]),
            }
            for row in rows
        ]


def _check(action: Action, time_ms: int) -> None:
    """Raises BadActionError if an action cannot be taken."""
    for name in ("text", "assignee"):
        if "\0" in (getattr(action, name) or ""):
            raise BadActionError(f"{name} has a NUL character")
    if action.action not in ACTIONS:
        raise BadActionError(f"action is none of {', '.join(ACTIONS)}")
    if action.action == "COMMENT" and not (action.text or "").strip():
        raise BadActionError("COMMENT needs a text")
    if action.action == "SHELVE" and (action.until_ms or 0) <= time_ms:
        raise BadActionError("SHELVE needs a time in the future: until")
