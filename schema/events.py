"""The words of an event: codes, families, severities, causes; and the event itself.

Codes are what a window decides about a span, and what an event publishes. Severities follow
X.733, probable causes Open ROADM.
"""

import uuid
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from schema.times import rfc3339
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
    LINK_DARK = 10
    SIGNAL_DEGRADE = 11
    # Decided beside the others, by rows of their own.
    PM_DATA_MISSING = 12
    SPAN_LOSS_OUT_OF_RANGE = 13
    FIBER_JITTER = 14


class Family(IntEnum):
    """Codes of one family exclude each other: at most one alarm is open per link and family."""

    NONE = 0
    FIBER = 1
    SIGNAL = 2
    OSC = 3
    TOPOLOGY = 4
    DATA = 5
    RANGE = 6
    JITTER = 7


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


class ClearReason(IntEnum):
    """Why an alarm is cleared."""

    NORMAL = 1
    LINK_REMOVED = 2
    ADMIN_DOWN = 3


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
    Code.SIGNAL_DEGRADE: CodeFacts(
        Family.SIGNAL, 2, Severity.MINOR, "opticalPowerDegraded",
        "Check the amplifiers, a Raman pump and the patch cords; the fiber itself is sound.",
    ),
    Code.SIGNAL_LOSS_EQUIPMENT: CodeFacts(
        Family.SIGNAL, 3, Severity.MAJOR, "lossOfSignal",
        "Check the amplifier and the patch cords at both ends; the fiber itself is sound.",
    ),
    Code.LINK_DARK: CodeFacts(
        Family.SIGNAL, 4, Severity.MAJOR, "lossOfSignal",
        "Look whether both ends have power, then measure the fiber with an OTDR.",
    ),
    Code.OSC_LOSS: CodeFacts(
        Family.OSC, 1, Severity.MINOR, "lossOfSignalOSC",
        "Check the supervisory channel's transceivers at both ends.",
    ),
    Code.TOPOLOGY_MISMATCH: CodeFacts(
        Family.TOPOLOGY, 1, Severity.WARNING, "equipmentMiscabledConnection",
        "Compare the cabling and the loss base of both ends with the topology.",
    ),
    Code.PM_DATA_MISSING: CodeFacts(
        Family.DATA, 1, Severity.WARNING, "communicationsSubsystemFailure",
        "Check that the node is reachable and that its collector reads these powers.",
    ),
    Code.SPAN_LOSS_OUT_OF_RANGE: CodeFacts(
        Family.RANGE, 1, Severity.MINOR, "otsSpanlossPowerOutOfSpecificationHigh",
        "Compare the loss with the design of the span; clean the connectors, check attenuators.",
    ),
    Code.FIBER_JITTER: CodeFacts(
        Family.JITTER, 1, Severity.MINOR, "opticalPowerDegraded",
        "Look for a loose connector or a fiber that is being moved.",
    ),
}  # fmt: skip

#: OSC_LOSS from this OSC loss above its base on [dB].
OSC_LOSS_DB = 3.0
#: TOPOLOGY_MISMATCH below this loss [dB]: no fiber amplifies.
MISMATCH_DB = -1.0
#: Probable cause of SPAN_LOSS_OUT_OF_RANGE where the loss is too low.
LOW_LOSS_CAUSE = "vendorExtension"

#: Family and level of each code, as arrays indexed by the code.
FAMILY_OF: NDArray[np.uint8] = np.array(
    [CODE_FACTS[c].family if c in CODE_FACTS else 0 for c in Code], dtype=np.uint8
)
LEVEL_OF: NDArray[np.uint8] = np.array(
    [CODE_FACTS[c].level if c in CODE_FACTS else 0 for c in Code], dtype=np.uint8
)
#: Code of a family at a level.
CODE_OF: dict[tuple[int, int], Code] = {(f.family, f.level): c for c, f in CODE_FACTS.items()}

#: Codes at which the link carries nothing any more.
_OUTAGES = (Code.FIBER_CUT, Code.SIGNAL_LOSS_EQUIPMENT, Code.LINK_DARK)

#: `direction` of an event by bit mask: bit 0 = AZ, bit 1 = ZA.
DIRECTION_NAMES = {1: "AZ", 2: "ZA", 3: "BOTH"}


def alarm_id(link_id: str, family: Family, onset_s: int) -> str:
    """Returns the alarm_id of the alarm of a link and family (spec, section 7).

    Args:
        link_id: of the link.
        family: of the alarm.
        onset_s: start of the first window of the run that was confirmed [s since the Unix epoch].
    """
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{link_id}|{family.name}|{rfc3339(onset_s)}"))


def carries_unprotected(link: FiberLink) -> bool:
    """Returns whether a link carries a service that is not protected."""
    return any(not service.protected for service in link.services)


def is_service_affecting(code: Code, link: FiberLink) -> bool:
    """Returns whether a code takes a service that nothing protects from its link."""
    return code in _OUTAGES and not link.protected and carries_unprotected(link)


def severity_of(code: Code, link: FiberLink) -> Severity:
    """Returns the severity of a code on a link.

    It is one step lower where the link is protected or carries no service that is not protected.
    """
    severity = CODE_FACTS[code].severity
    if link.protected or not carries_unprotected(link):
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
        suppressed_by: what work the window is under, None = the event is not suppressed.
        spans: what was measured, AZ and ZA.
        link: the topology in force.
        clear_reason: of a CLEAR.
        ended: of a CLEAR, the window with whose start the trouble was over.
        due: of a late evaluation, the newest window that was due when its report was taken.
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
    suppressed_by: str | None
    spans: tuple[SpanReading, SpanReading]
    link: FiberLink
    clear_reason: ClearReason | None = None
    ended: int | None = None
    due: int | None = None

    @property
    def alarm_id(self) -> str:
        """Identity of the alarm."""
        return alarm_id(self.link.link_id, CODE_FACTS[self.code].family, self.onset_s)

    @property
    def tick(self) -> int:
        """Number of the window with whose end incidents take the event in (spec, section 9)."""
        return self.window if self.due is None else self.due + 1

    @property
    def suppressed(self) -> bool:
        """The event was made under work on the link."""
        return self.suppressed_by is not None

    @property
    def end_s(self) -> int:
        """End of the window that made the event [s since the Unix epoch]."""
        return (self.window + 1) * self.window_s

    @property
    def onset_s(self) -> int:
        """Start of the first window of the run that was confirmed [s since the Unix epoch]."""
        return self.onset * self.window_s
