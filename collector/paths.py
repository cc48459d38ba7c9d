"""Which OpenConfig path is which PM type of which component: the table of the collector.

A path is a tuple of elements, each a name and its keys, without module prefixes. Nothing here knows
gRPC.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from schema.pm_report_pb2 import PmType

#: One element of a path: its name, and its keys in order of their names.
Element = tuple[str, tuple[tuple[str, str], ...]]
Path = tuple[Element, ...]

#: The key of each list on the way to a PM leaf.
LIST_KEYS = {
    "component": "name",
    "amplifier": "name",
    "supervisory-channel": "interface",
    "channel": "index",
}

#: The statistics of a quantity, as OpenConfig and `PmValue` name them.
STATISTICS = ("instant", "avg", "min", "max")
#: Those that are subscribed to.
_ASKED_STATISTICS = ("instant", "avg")


class Owner(Enum):
    """Whose a leaf is: how the name of its component is found."""

    #: The name in the path is the component's.
    NAMED = auto()
    #: The name in the path is an amplifier's; the component is its ingress port.
    INGRESS = auto()
    #: The same with the egress port.
    EGRESS = auto()


@dataclass(frozen=True, eq=False, slots=True)
class PmLeaf:
    """A leaf with one number. Leaves are compared by identity; a decoder makes one for each path.

    Attributes:
        path: with its keys, as text.
        quantity: the path without the statistic: what the leaf is a statistic of.
        owner: how `name` leads to the component.
        name: of the component, of the amplifier, or of the interface of the OSC.
        pm_type: number in `PmType`.
        statistic: one of `STATISTICS`.
    """

    path: str
    quantity: str
    owner: Owner
    name: str
    pm_type: int
    statistic: str


class State(Enum):
    """What a leaf without a number tells."""

    ADMIN_STATE = auto()
    INGRESS_PORT = auto()
    EGRESS_PORT = auto()


@dataclass(frozen=True, eq=False, slots=True)
class StateLeaf:
    """A leaf that tells a state. Its last value holds until another comes, or it is deleted.

    Attributes:
        path: with its keys, as text.
        state: what it tells.
        name: of the component or amplifier it belongs to.
    """

    path: str
    state: State
    name: str


Leaf = PmLeaf | StateLeaf

_OPTICAL_PORT = "components/component/port/optical-port/state"
_CHANNEL = "components/component/transceiver/physical-channels/channel/state"
_OPTICAL_CHANNEL = "components/component/optical-channel/state"
_AMPLIFIER = "optical-amplifier/amplifiers/amplifier/state"
_OSC = "optical-amplifier/supervisory-channels/supervisory-channel/state"

#: Quantities with statistics below them: schema path → type, and whose they are.
QUANTITIES: dict[str, tuple[int, Owner]] = {
    f"{_OPTICAL_PORT}/input-power": (PmType.INPUT_POWER, Owner.NAMED),
    f"{_OPTICAL_PORT}/output-power": (PmType.OUTPUT_POWER, Owner.NAMED),
    f"{_AMPLIFIER}/input-power-total": (PmType.INPUT_POWER, Owner.INGRESS),
    f"{_AMPLIFIER}/output-power-total": (PmType.OUTPUT_POWER, Owner.EGRESS),
    f"{_CHANNEL}/input-power": (PmType.INPUT_POWER, Owner.NAMED),
    f"{_CHANNEL}/output-power": (PmType.OUTPUT_POWER, Owner.NAMED),
    f"{_OSC}/input-power": (PmType.INPUT_POWER_OSC, Owner.NAMED),
    f"{_OSC}/output-power": (PmType.OUTPUT_POWER_OSC, Owner.NAMED),
    f"{_AMPLIFIER}/actual-gain": (PmType.ACTUAL_GAIN, Owner.NAMED),
    f"{_AMPLIFIER}/actual-gain-tilt": (PmType.ACTUAL_GAIN_TILT, Owner.NAMED),
    f"{_AMPLIFIER}/laser-bias-current": (PmType.LASER_BIAS_CURRENT, Owner.NAMED),
    # OpenConfig types it dBm; it is a ratio in dB.
    f"{_AMPLIFIER}/optical-return-loss": (PmType.OPTICAL_RETURN_LOSS, Owner.NAMED),
    f"{_OPTICAL_CHANNEL}/pre-fec-ber": (PmType.PRE_FEC_BER, Owner.NAMED),
    f"{_OPTICAL_CHANNEL}/post-fec-ber": (PmType.POST_FEC_BER, Owner.NAMED),
    f"{_OPTICAL_CHANNEL}/q-value": (PmType.Q_VALUE, Owner.NAMED),
    f"{_OPTICAL_CHANNEL}/osnr": (PmType.OSNR, Owner.NAMED),
    f"{_OPTICAL_CHANNEL}/esnr": (PmType.ESNR, Owner.NAMED),
    f"{_OPTICAL_CHANNEL}/chromatic-dispersion": (PmType.CHROMATIC_DISPERSION, Owner.NAMED),
    f"{_OPTICAL_CHANNEL}/polarization-mode-dispersion": (
        PmType.POLARIZATION_MODE_DISPERSION,
        Owner.NAMED,
    ),
    f"{_OPTICAL_CHANNEL}/polarization-dependent-loss": (
        PmType.POLARIZATION_DEPENDENT_LOSS,
        Owner.NAMED,
    ),
    f"{_OPTICAL_CHANNEL}/sop-roc": (PmType.SOP_ROC, Owner.NAMED),
}

#: Quantities that are plain leaves.
PLAIN: dict[str, int] = {
    f"{_AMPLIFIER}/target-gain": PmType.TARGET_GAIN,
    f"{_AMPLIFIER}/target-output-power": PmType.TARGET_OUTPUT_POWER,
}

STATES: dict[str, State] = {
    f"{_OPTICAL_PORT}/admin-state": State.ADMIN_STATE,
    f"{_AMPLIFIER}/ingress-port": State.INGRESS_PORT,
    f"{_AMPLIFIER}/egress-port": State.EGRESS_PORT,
}

#: What a device is asked for unless its targets file says otherwise.
DEFAULT_PATHS: tuple[str, ...] = (
    *(f"/{path}/{statistic}" for path in QUANTITIES for statistic in _ASKED_STATISTICS),
    *(f"/{path}" for path in PLAIN),
    *(f"/{path}" for path in STATES),
)

_KEY = re.compile(r"\[((?:[^\\=\]]|\\.)+)=((?:[^\\\]]|\\.)*)\]")
_ELEMENT = re.compile(r"[^/\[\]]+(?:\[(?:[^\\=\]]|\\.)+=(?:[^\\\]]|\\.)*\])*")


def element(name: str, keys: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> Element:
    """Returns an element of a path without module prefixes."""
    pairs = keys.items() if isinstance(keys, Mapping) else keys
    return without_module(name), tuple(sorted((without_module(k), v) for k, v in pairs))


def without_module(name: str) -> str:
    """Returns a name or an identity without the module in front of its colon."""
    return name.rpartition(":")[2]


def parse_element(text: str) -> Element:
    """Reads one element in text form, such as ``component[name=line-1]``."""
    keys = [(_unescape(key), _unescape(value)) for key, value in _KEY.findall(text)]
    return element(text.partition("[")[0], keys)


def parse_path(text: str) -> Path:
    """Reads a path in text form, keys in brackets, a backslash before a bracket in a key.

    Raises:
        ValueError: it is not a path.
    """
    rest = text.strip("/")
    found = _ELEMENT.findall(rest)
    if not rest or "/".join(found) != rest:
        raise ValueError(f"{text!r} is not a path with keys of the form [name=value]")
    return tuple(map(parse_element, found))


def schema_path(path: Path) -> str:
    """Returns a path as text, without keys."""
    return "/".join(name for name, _ in path)


def path_text(path: Path) -> str:
    """Returns a path as text, with its keys."""
    return "".join(
        f"/{name}" + "".join(f"[{key}={value}]" for key, value in keys) for name, keys in path
    )


def find_leaf(path: Path) -> Leaf | None:
    """Returns the leaf at a path; None where the table does not have it, or keys are missing."""
    where = schema_path(path)
    if where in STATES:
        name = _owner_name(path)
        return StateLeaf(path_text(path), STATES[where], name) if name else None
    if where in PLAIN:
        pm_type, owner, statistic, quantity = PLAIN[where], Owner.NAMED, "instant", path
    else:
        parent, _, statistic = where.rpartition("/")
        if parent not in QUANTITIES or statistic not in STATISTICS:
            return None
        (pm_type, owner), quantity = QUANTITIES[parent], path[:-1]
    name = _owner_name(path)
    if not name:
        return None
    return PmLeaf(path_text(path), path_text(quantity), owner, name, pm_type, statistic)


def _owner_name(path: Path) -> str:
    """Returns the value of the first key of a list of the table; empty if there is none."""
    for name, keys in path:
        if name in LIST_KEYS:
            return dict(keys).get(LIST_KEYS[name], "")
    return ""


def _unescape(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)
