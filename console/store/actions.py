"""What operators do with alarms: the operator states of RFC 8632, and a trail of every action."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from console.store.counters import next_numbers
from console.store.database import Database
from console.store.tables import ALARM, JOURNAL, OPERATOR_ACTION
from console.times import now_ms, to_text

ACTIONS = ("ACKNOWLEDGE", "UNACKNOWLEDGE", "COMMENT", "ASSIGN", "CLOSE", "SHELVE", "UNSHELVE")


@dataclass(frozen=True)
class Action:
    """What an operator does.

    Attributes:
        action: one of ACTIONS.
        text: a comment; COMMENT needs one.
        assignee: who takes it on; ASSIGN without one takes it from everybody.
        until_ms: when shelving ends; SHELVE needs it.
    """

    action: str
    text: str | None = None
    assignee: str | None = None
    until_ms: int | None = None


class BadActionError(ValueError):
    """An action cannot be taken as it is; the message says why."""


def act(database: Database, source: str, alarm_id: str, action: Action, operator: str) -> bool:
    """Records an action and what it changes; returns False if there is no such alarm.

    Raises:
        BadActionError: something that it needs is missing.
        DatabaseError: the database does not answer as it should; nothing was written.
    """
    time_ms = now_ms()
    changed = _changed(action, time_ms)
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


def _changed(action: Action, time_ms: int) -> dict[str, Any]:
    """Returns the columns of the alarm that an action sets."""
    for name in ("text", "assignee"):
        if "\0" in (getattr(action, name) or ""):
            raise BadActionError(f"{name} has a NUL character")
    match action.action:
        case "ACKNOWLEDGE":
            return {"acknowledged": True, "operator_state": "ack"}
        case "UNACKNOWLEDGE":
            return {"acknowledged": False, "operator_state": "none"}
        case "CLOSE":
            return {"operator_state": "closed"}
        case "UNSHELVE":
            return {"operator_state": "un-shelved", "shelved_until_ms": None}
        case "SHELVE":
            if action.until_ms is None or action.until_ms <= time_ms:
                raise BadActionError("SHELVE needs a time in the future: until")
            return {"operator_state": "shelved", "shelved_until_ms": action.until_ms}
        case "ASSIGN":
            return {"assignee": action.assignee or None}
        case "COMMENT":
            if not (action.text or "").strip():
                raise BadActionError("COMMENT needs a text")
            return {}
        case _:
            raise BadActionError(f"action is none of {', '.join(ACTIONS)}")
