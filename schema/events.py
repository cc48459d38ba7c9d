"""The words of an event: codes, families, severities, causes; and the event itself.

Codes are what a window decides about a span, and what an event publishes. Severities follow
X.733, probable causes Open ROADM.
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from schema.topology_pb2 import FiberLink


class Code(IntEnum):
    """What a window says about a span."""

    NO_DATA = 0
    NORMAL = 1
    FIBER_DEGRADE_WARN = 2
    FIBER_DEGRADE = 3
    FIBER_DEGRADE_SEVERE = 4
    FIBER_CUT = 5
    UPSTREAM_POWER_LOSS = 6
    SIGNAL_LOSS_EQUIPMENT = 7
    OSC_LOSS = 8
    TOPOLOGY_MISMATCH = 9


class Family(IntEnum):
    """Codes of one family exclude each other: at most one alarm is open per link and family."""

    NONE = 0
    FIBER = 1
    SIGNAL = 2
    OSC = 3
    TOPOLOGY = 4


class Severity(IntEnum):
    """Perceived severity of X.733, ascending."""

    WARNING = 1
    MINOR = 2
    MAJOR = 3
    CRITICAL = 4


class Action(IntEnum):
    """What an event says of its alarm."""

    RAISE = 1
    CHANGE = 2
    CLEAR = 3
    MATCH = 4


@dataclass(frozen=True)
class CodeFacts:
    """What the contract fixes for a code."""

    family: Family
    level: int
    severity: Severity
    probable_cause: str
    proposed_repair: str


CODE_FACTS: dict[Code, CodeFacts] = {
    Code.FIBER_DEGRADE_WARN: CodeFacts(
        Family.FIBER, 1, Severity.WARNING, "opticalPowerDegraded",
        "Watch the link; look for works along the route.",
    ),
    Code.FIBER_DEGRADE: CodeFacts(
        Family.FIBER, 2, Severity.MINOR, "opticalPowerDegraded",
        "Inspect and clean the connectors, then measure the fiber with an OTDR.",
    ),
    Code.FIBER_DEGRADE_SEVERE: CodeFacts(
        Family.FIBER, 3, Severity.MAJOR, "opticalPowerDegraded",
        "Measure the fiber with an OTDR and prepare to move the traffic.",
    ),
    Code.FIBER_CUT: CodeFacts(
        Family.FIBER, 4, Severity.CRITICAL, "lossOfSignal",
        "Locate the cut with an OTDR and send a splicing team.",
    ),
    Code.UPSTREAM_POWER_LOSS: CodeFacts(
        Family.SIGNAL, 1, Severity.WARNING, "serverSignalFail",
        "Look for the cause upstream of the transmitting end.",
    ),
    Code.SIGNAL_LOSS_EQUIPMENT: CodeFacts(
        Family.SIGNAL, 2, Severity.MAJOR, "lossOfSignal",
        "Check the amplifier and the patch cords at both ends; the fiber itself is sound.",
    ),
    Code.OSC_LOSS: CodeFacts(
        Family.OSC, 1, Severity.MINOR, "lossOfSignalOSC",
        "Check the supervisory channel's transceivers at both ends.",
    ),
    Code.TOPOLOGY_MISMATCH: CodeFacts(
        Family.TOPOLOGY, 1, Severity.WARNING, "equipmentMiscabledConnection",
        "Compare the cabling of both ends with the topology.",
    ),
}  # fmt: skip

#: OSC_LOSS from this OSC loss above its base on [dB].
OSC_LOSS_DB = 3.0
#: TOPOLOGY_MISMATCH below this loss [dB]: no fiber amplifies.
MISMATCH_DB = -1.0

#: Family and level of each code, as arrays indexed by the code.
FAMILY_OF: NDArray[np.uint8] = np.array(
    [CODE_FACTS[c].family if c in CODE_FACTS else 0 for c in Code], dtype=np.uint8
)
LEVEL_OF: NDArray[np.uint8] = np.array(
    [CODE_FACTS[c].level if c in CODE_FACTS else 0 for c in Code], dtype=np.uint8
)
#: Code of a family at a level.
CODE_OF: dict[tuple[int, int], Code] = {(f.family, f.level): c for c, f in CODE_FACTS.items()}

#: `direction` of an event by bit mask: bit 0 = AZ, bit 1 = ZA.
DIRECTION_NAMES = {1: "AZ", 2: "ZA", 3: "BOTH"}


def severity_of(code: Code, link: FiberLink) -> Severity:
    """Returns the severity: one step lower where the link is protected or carries no service."""
    severity = CODE_FACTS[code].severity
    if link.protected or not link.services:
        return Severity(max(severity - 1, Severity.WARNING))
    return severity


@dataclass(frozen=True)
class SpanReading:
    """What was measured on one span in the event's window; NaN = nothing.

    Attributes:
        tx_dbm: launched power; -inf = no light.
        rx_dbm: received power; -inf = no light.
        loss_db: signal loss, of lit readings.
        loss_osc_db: OSC loss, of lit readings.
        base_db: base in force.
        delta_db: loss above base.
        peak_delta_db: largest loss above base since onset.
        tx_dark: no light, or at or below the loss-of-signal threshold.
        rx_dark: likewise.
    """

    tx_dbm: float
    rx_dbm: float
    loss_db: float
    loss_osc_db: float
    base_db: float
    delta_db: float
    peak_delta_db: float
    tx_dark: bool
    rx_dark: bool


@dataclass(frozen=True)
class FiberEvent:
    """One step in the life of an alarm, as TrackLinks decides it; windows are numbers.

    Attributes:
        action: what it says of the alarm.
        code: the problem.
        direction: bit mask, see `DIRECTION_NAMES`.
        sequence: 1 = the first event of the alarm.
        onset: first window of the run that was confirmed.
        window: the window that made the event.
        raised: the window that raised the alarm.
        changed: the window of the latest change.
        window_s: W, length of a window.
        severity: severity now.
        previous_severity: severity of the alarm's event before this one.
        specific_problem: details of the cause, None = none.
        detected_late: made by a late evaluation.
        suppressed: the window starts inside a maintenance window.
        suppressed_by: ticket of that maintenance window.
        spans: what was measured, AZ and ZA.
        link: the topology in force.
    """

    action: Action
    code: Code
    direction: int
    sequence: int
    onset: int
    window: int
    raised: int
    changed: int | None
    window_s: int
    severity: Severity
    previous_severity: Severity | None
    specific_problem: str | None
    detected_late: bool
    suppressed: bool
    suppressed_by: str | None
    spans: tuple[SpanReading, SpanReading]
    link: FiberLink

    @property
    def end_s(self) -> int:
        """End of the window that made the event [s since the Unix epoch]."""
        return (self.window + 1) * self.window_s

    @property
    def onset_s(self) -> int:
        """Start of the first window of the run that was confirmed [s since the Unix epoch]."""
        return self.onset * self.window_s
