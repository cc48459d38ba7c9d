"""Compares incidents with the ground truth: found, wrongly merged, wrongly parted.

The alarms of one cause are one incident. Only alarms that were found count; one that cleared before
it was placed is in no incident, and proves nothing.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rich.table import Table

from simulator.score import Score


@dataclass(frozen=True, slots=True)
class IncidentScore:
    """The outcome of a run.

    Attributes:
        expected: causes with an alarm that is in an incident, by kind of fault.
        found: those whose alarms are one incident, with no alarm of another cause.
        merged: those that share an incident with another cause.
        parted: those whose alarms are in several incidents.
        num_alarms: alarms that are in an incident, right or wrong.
        num_incidents: incidents, right or wrong.
    """

    expected: Mapping[str, int]
    found: Mapping[str, int]
    merged: Mapping[str, int]
    parted: Mapping[str, int]
    num_alarms: int
    num_incidents: int

    @property
    def is_perfect(self) -> bool:
        """Whether each cause is one incident, and each incident one cause."""
        return sum(self.found.values()) == sum(self.expected.values())

    def __rich__(self) -> Table:
        table = Table(title="Incidents by kind of fault", title_justify="left")
        table.add_column("fault", no_wrap=True)
        for column in ("expected", "found", "wrongly merged", "wrongly parted"):
            table.add_column(column, justify="right")
        columns = (self.expected, self.found, self.merged, self.parted)
        for kind in sorted(self.expected):
            table.add_row(kind, *(str(column.get(kind, 0)) for column in columns))
        table.add_section()
        table.add_row("all", *(str(sum(column.values())) for column in columns), style="bold")
        return table


def score_incidents(alarms: Score, incidents: Iterable[Mapping[str, Any]]) -> IncidentScore:
    """Compares incidents with the truth.

    Args:
        alarms: the alarms that were found, each with its cause.
        incidents: CloudEvents; a repeated event counts once.
    """
    incident_of = {
        alarm["alarm_id"]: event["subject"]
        for event in incidents
        for alarm in event["data"]["alarms"]
    }
    incidents_of: defaultdict[tuple[str, str, int], set[str]] = defaultdict(set)
    causes_of: defaultdict[str, set[tuple[str, str, int]]] = defaultdict(set)
    for finding in alarms.found:
        incident = incident_of.get(finding.alarm.alarm_id) if finding.alarm else None
        if incident is not None:
            cause = finding.kind, finding.fault_id, finding.cause
            incidents_of[cause].add(incident)
            causes_of[incident].add(cause)
    expected: defaultdict[str, int] = defaultdict(int)
    found: defaultdict[str, int] = defaultdict(int)
    merged: defaultdict[str, int] = defaultdict(int)
    parted: defaultdict[str, int] = defaultdict(int)
    for cause, its_incidents in incidents_of.items():
        kind = cause[0]
        is_merged = any(len(causes_of[incident]) > 1 for incident in its_incidents)
        is_parted = len(its_incidents) > 1
        expected[kind] += 1
        merged[kind] += is_merged
        parted[kind] += is_parted
        found[kind] += not is_merged and not is_parted
    return IncidentScore(
        expected, found, merged, parted, len(incident_of), len(set(incident_of.values()))
    )
