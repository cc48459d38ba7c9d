"""What can be asked of the lists. A parameter that nobody knows is refused, not passed over."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from starlette.exceptions import HTTPException

from console.store.filters import AlarmFilter, IncidentFilter

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _checked_time(value: Any) -> Any:
    if not isinstance(value, str) or not _RFC3339.fullmatch(value):
        raise ValueError("a time in RFC 3339, such as 2026-05-01T03:00:00Z, is needed")
    return value


Name = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00]*$")]
Moment = Annotated[datetime, BeforeValidator(_checked_time)]
Severity = Literal["warning", "minor", "major", "critical"]
State = Literal["ACTIVE", "CLEARED"]
Limit = Annotated[int, Field(ge=1, le=1000)]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=True)


class PageQuery(_Query):
    """Which part of a list."""

    limit: Limit = 50
    cursor: Name | None = Field(default=None, description="`next` of the part before")


class FilterQuery(PageQuery):
    """What alarms and incidents are asked for by."""

    state: State | None = None
    severity: list[Severity] = []
    link_id: Name | None = None
    node_id: Name | None = None
    srlg_id: Name | None = None
    service_id: Name | None = None
    customer: Name | None = None
    suppressed: bool | None = None
    text: Name | None = Field(default=None, description="in a name, or at the start of the id")
    from_: Moment | None = Field(
        default=None, alias="from", description="raised or opened then or later"
    )
    to: Moment | None = Field(default=None, description="raised or opened before")
    at: Moment | None = Field(default=None, description="as it stood at that moment")

    def _filter(self) -> dict[str, Any]:
        """Returns the fields of the filter that the store knows."""
        chosen = self.model_dump(exclude={"limit", "cursor", "order", "from_", "to", "at"})
        times = {"from_ms": ms_of(self.from_), "to_ms": ms_of(self.to), "at_ms": ms_of(self.at)}
        return {**chosen, **times}


class AlarmQuery(FilterQuery):
    """Which alarms."""

    family: list[Name] = []
    code: list[Name] = []
    incident_id: Name | None = None
    in_incident: bool | None = None
    acknowledged: bool | None = None
    order: Literal["-raised", "raised", "-severity", "severity"] = "-raised"

    def filter(self) -> AlarmFilter:
        """Returns the filter that the store knows."""
        return AlarmFilter(**self._filter())


class IncidentQuery(FilterQuery):
    """Which incidents."""

    kind: list[Name] = []
    order: Literal["-opened", "opened"] = "-opened"

    def filter(self) -> IncidentFilter:
        """Returns the filter that the store knows."""
        return IncidentFilter(**self._filter())


class LinksQuery(PageQuery):
    """Which links."""

    node_id: Name | None = None


class RangeQuery(_Query):
    """A range of time; the last 30 days if it is not told."""

    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None

    def range_ms(self, now_ms: int) -> tuple[int, int]:
        """Returns start and end [ms since the Unix epoch]."""
        to_ms = now_ms if self.to is None else ms_of(self.to) or 0
        from_ms = ms_of(self.from_)
        return to_ms - 30 * 86_400_000 if from_ms is None else from_ms, to_ms


class OneQuery(_Query):
    """Which of several sources that use the same id; without it the one that spoke last."""

    source: Name | None = None


class ActionBody(_Query):
    """What an operator does with an alarm."""

    action: Literal[
        "ACKNOWLEDGE", "UNACKNOWLEDGE", "COMMENT", "ASSIGN", "CLOSE", "SHELVE", "UNSHELVE"
    ]
    text: Annotated[str, StringConstraints(max_length=10_000)] | None = None
    assignee: Annotated[str, StringConstraints(max_length=512)] | None = None
    until: Moment | None = Field(default=None, description="SHELVE: until then")


#: Parameters that may be given several times: any of their values fits.
_LISTS = ("severity", "family", "code", "kind")


def given_once(request: Request) -> None:
    """Raises HTTPException if a parameter is given twice that has one value."""
    names = [name for name, _ in request.query_params.multi_items() if name not in _LISTS]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise HTTPException(422, f"{', '.join(twice)}: given more than once")


def ms_of(moment: datetime | None) -> int | None:
    """Returns a moment in milliseconds since the Unix epoch."""
    return None if moment is None else round(moment.timestamp() * 1000)
