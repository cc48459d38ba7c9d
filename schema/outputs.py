"""Names of the outputs and the counters, and the rule of conservation that ties them.

components = components_rejected + components_unmatched + components_matched, and
ends_joined = ends_windowed + ends_late, exactly (spec, section 4).
"""

import collections
from collections.abc import Mapping

#: The outputs of every run; the main chain makes the events.
EVENTS, LATE, INVALID, UNMATCHED = "events", "late", "invalid", "unmatched"
OUTPUTS = (EVENTS, LATE, INVALID, UNMATCHED)
#: Outputs that only the life cycle of alarms has; they are made where somebody asks for them.
INCIDENTS, TRACES = "incidents", "traces"
LIFECYCLE_OUTPUTS = (INCIDENTS, TRACES)
ALL_OUTPUTS = (*OUTPUTS, *LIFECYCLE_OUTPUTS)
#: The outputs that the console records.
RECORDED = (EVENTS, *LIFECYCLE_OUTPUTS)

#: Key and value of an output record, UTF-8.
Record = tuple[bytes, bytes]

#: Namespace of all metrics.
NAMESPACE = "eventcenter"

# Counters.
REPORTS = "reports"
REPORTS_REJECTED = "reports_rejected"
COMPONENTS = "components"
COMPONENTS_REJECTED = "components_rejected"
COMPONENTS_UNMATCHED = "components_unmatched"
COMPONENTS_MATCHED = "components_matched"
ENDS_JOINED = "ends_joined"
ENDS_WINDOWED = "ends_windowed"
ENDS_LATE = "ends_late"
TRACE_LINES = "trace_lines"


def summary(counters: Mapping[str, int]) -> str:
    """Returns where everything went, in one line; says so if something got lost."""
    counted = collections.Counter(counters)
    lost = counted[COMPONENTS] - sum(
        counted[name] for name in (COMPONENTS_REJECTED, COMPONENTS_UNMATCHED, COMPONENTS_MATCHED)
    )
    lost_ends = counted[ENDS_JOINED] - counted[ENDS_WINDOWED] - counted[ENDS_LATE]
    line = (
        f"{counted[REPORTS]} reports, {counted[REPORTS_REJECTED]} of them rejected; "
        f"{counted[COMPONENTS]} components: {counted[COMPONENTS_MATCHED]} matched, "
        f"{counted[COMPONENTS_UNMATCHED]} unmatched, {counted[COMPONENTS_REJECTED]} rejected; "
        f"{counted[ENDS_JOINED]} span ends: {counted[ENDS_WINDOWED]} windowed, "
        f"{counted[ENDS_LATE]} late"
    )
    return f"{line}; LOST: {lost} components, {lost_ends} span ends" if lost or lost_ends else line
