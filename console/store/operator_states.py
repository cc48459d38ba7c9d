"""The operator states of RFC 8632: what each action makes of an alarm, now and at any moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from console.store.tables import OPERATOR_ACTION
from console.times import to_text


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


#: What an alarm is before anybody did anything.
UNTOUCHED: dict[str, Any] = {
    "acknowledged": False,
    "operator_state": "none",
    "shelved_until_ms": None,
    "assignee": None,
}
ACTIONS = ("ACKNOWLEDGE", "UNACKNOWLEDGE", "COMMENT", "ASSIGN", "CLOSE", "SHELVE", "UNSHELVE")


def changed_by(action: Action) -> dict[str, Any]:
    """Returns the columns of the alarm that an action sets."""
    changes: dict[str, dict[str, Any]] = {
        "ACKNOWLEDGE": {"acknowledged": True, "operator_state": "ack"},
        "UNACKNOWLEDGE": {"acknowledged": False, "operator_state": "none"},
        "CLOSE": {"operator_state": "closed"},
        "SHELVE": {"operator_state": "shelved", "shelved_until_ms": action.until_ms},
        "UNSHELVE": {"operator_state": "un-shelved", "shelved_until_ms": None},
        "ASSIGN": {"assignee": action.assignee or None},
        "COMMENT": {},
    }
    return changes[action.action]


def stood_at(
    connection: Connection, alarm_ids: Sequence[str], at_ms: int
) -> dict[tuple[str, str], dict[str, Any]]:
    """Returns what operators had made of alarms at a moment, by source and alarm_id."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    done = connection.execute(
        select(OPERATOR_ACTION)
        .where(OPERATOR_ACTION.c.alarm_id.in_(alarm_ids), OPERATOR_ACTION.c.time_ms <= at_ms)
        .order_by(OPERATOR_ACTION.c.number)
    )
    for row in done:
        state = found.setdefault((row.source, row.alarm_id), dict(UNTOUCHED))
        state.update(changed_by(Action(row.action, row.text, row.assignee, row.until_ms)))
    return found


def shown(state: dict[str, Any], at_ms: int) -> dict[str, Any]:
    """Returns a state as the API shows it at a moment; shelving ends by itself."""
    until_ms = state["shelved_until_ms"]
    is_shelved = state["operator_state"] == "shelved"
    is_over = is_shelved and (until_ms or 0) <= at_ms
    return {
        "acknowledged": bool(state["acknowledged"]),
        "operator_state": "un-shelved" if is_over else state["operator_state"],
        "shelved_until": to_text(until_ms) if is_shelved and not is_over else None,
        "assignee": state["assignee"],
    }
