"""Models faults: effects on powers, defects in the data, and the ground truth."""

import enum
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from simulator.network import link_id

Direction = Literal["AZ", "ZA", "BOTH"]
SECOND_NS = 1_000_000_000


class Quantity(enum.Enum):
    """What an effect changes on a span."""

    LAUNCH = enum.auto()
    LOSS = enum.auto()
    OSC_LOSS = enum.auto()
    RETURN_LOSS = enum.auto()


class Shape(enum.Enum):
    """The course of an effect between its start and its end."""

    STEP = enum.auto()
    # Grows over the first half, then stays.
    RAMP = enum.auto()
    # Two seconds above, two seconds below the amount.
    FLAP = enum.auto()


_FLAP_HALF_PERIOD_NS = 2 * SECOND_NS
_FLAP_SWING_DB = 0.5


@dataclass(frozen=True, slots=True)
class Effect:
    """A change of one quantity of one span, by `amount_db`, from start until before end."""

    span: int
    quantity: Quantity
    start_ns: int
    end_ns: int
    amount_db: float
    shape: Shape = Shape.STEP

    def at(self, time_ns: int) -> float:
        """Returns the change at an instant [dB]; 0 outside the effect."""
        if not self.start_ns <= time_ns < self.end_ns:
            return 0.0
        elapsed_ns = time_ns - self.start_ns
        if self.shape is Shape.RAMP:
            return self.amount_db * min(1.0, 2 * elapsed_ns / (self.end_ns - self.start_ns))
        if self.shape is Shape.FLAP:
            above = elapsed_ns // _FLAP_HALF_PERIOD_NS % 2 == 0
            return self.amount_db + (_FLAP_SWING_DB if above else -_FLAP_SWING_DB)
        return self.amount_db


class DefectKind(enum.Enum):
    """What is wrong with the reports; except for WORD, the light does not matter."""

    # The components are missing from the report.
    SILENT = enum.auto()
    # There is no report.
    NO_REPORT = enum.auto()
    # The received power is unusable, in a different way each second.
    GARBAGE = enum.auto()
    # The report is cut off.
    TRUNCATED = enum.auto()
    # The components say `word` for no light, see `simulator.corrupt`.
    WORD = enum.auto()
    # The components are in the admin state `word`.
    ADMIN = enum.auto()
    # The clock is ten years ahead.
    CLOCK = enum.auto()
    # Every component has a value of a type that nobody knows.
    NEW_TYPE = enum.auto()


@dataclass(frozen=True, slots=True)
class Defect:
    """Bad reports of a node, or of some of its components, from start until before end."""

    kind: DefectKind
    node: int
    components: tuple[str, ...]
    start_ns: int
    end_ns: int
    word: str = ""


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Planned work on a link."""

    link: int
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class Expected:
    """An alarm that a fault must raise: the highest code and the widest direction it reaches.

    Where the truth depends on when the nodes happened to sample, it allows several codes. Its
    cause exists since `since_ns`. Where a span must be repaired before the other, `last` is the
    direction that is left.
    """

    link_id: str
    codes: tuple[str, ...]
    direction: Direction
    since_ns: int
    suppressed: bool = False
    clear_reason: str = "NORMAL"
    last: Direction | None = None
    # Alarms of a fault with the same cause are one incident, others are not.
    cause: int = 0

    def to_json(self) -> dict[str, Any]:
        """Returns the alarm as a JSON object."""
        return {
            "link_id": self.link_id,
            "codes": list(self.codes),
            "direction": self.direction,
            "since_time": to_rfc3339(self.since_ns),
            "suppressed": self.suppressed,
            "clear_reason": self.clear_reason,
            "last_direction": self.last,
            "cause": self.cause,
        }


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault with its ground truth; `expected` is empty if it must cause no event."""

    fault_id: str
    kind: str
    links: tuple[int, ...]
    direction: Direction
    onset_ns: int
    end_ns: int
    effects: tuple[Effect, ...] = ()
    defects: tuple[Defect, ...] = ()
    expected: tuple[Expected, ...] = ()
    maintenance: tuple[Maintenance, ...] = ()
    # Links that the topology has in the lifecycle state MAINTENANCE.
    in_maintenance: tuple[int, ...] = ()
    # Links that are much longer than the others, all the time.
    long_links: tuple[int, ...] = ()
    # Reasons that must appear in the output for invalid data.
    invalid_reasons: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Returns the ground truth as a JSON object."""
        return {
            "fault_id": self.fault_id,
            "kind": self.kind,
            "link_ids": [link_id(link) for link in self.links],
            "direction": self.direction,
            "onset_time": to_rfc3339(self.onset_ns),
            "end_time": to_rfc3339(self.end_ns),
            "expected": [alarm.to_json() for alarm in self.expected],
            "invalid_reasons": list(self.invalid_reasons),
        }


def to_rfc3339(time_ns: int) -> str:
    """Returns an instant in RFC 3339, UTC, with milliseconds."""
    moment = datetime.fromtimestamp(time_ns // SECOND_NS, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{time_ns % SECOND_NS // 1_000_000:03d}Z"


def from_rfc3339(text: str) -> int:
    """Returns an RFC 3339 instant as nanoseconds since the Unix epoch; the default zone is UTC.

    Raises:
        ValueError: The text is not such an instant.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an instant in RFC 3339") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    whole_s = int(moment.replace(microsecond=0).timestamp())
    return whole_s * SECOND_NS + moment.microsecond * 1_000
