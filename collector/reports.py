"""The values of one node and second → a `PmReport` (spec, section 2)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from collector.paths import Owner, Path, PmLeaf, State, StateLeaf, path_text, without_module
from schema.pm_report_pb2 import AdminState, ComponentPm, PmReport, PmType
from schema.pm_types import POWER_TYPES

#: A reading at or below is no light, unless the targets file says otherwise [dBm].
NO_LIGHT_DBM = -40.0

#: The newest value of each leaf, with its timestamp in ns.
Newest = Mapping[PmLeaf, tuple[int, float]]

_POWERS = frozenset(POWER_TYPES)
#: Of several states for one component the strictest counts.
_STRICTEST = (AdminState.DISABLED, AdminState.MAINT, AdminState.ENABLED)


@dataclass(slots=True)
class NodeStates:
    """What a node has told of its components that holds until it tells otherwise.

    Attributes:
        names: gNMI component, amplifier or OSC interface → component; others stay as they are.
        texts: the newest text of each leaf, and its timestamp.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    texts: dict[str, tuple[int, StateLeaf, str]] = field(default_factory=dict)
    _ports: dict[tuple[State, str], str] = field(default_factory=dict)
    _components: dict[PmLeaf, str] = field(default_factory=dict)
    _admin: dict[str, AdminState] = field(default_factory=dict)

    def tell(self, leaf: StateLeaf, time_ns: int, text: str) -> None:
        """Takes a state in, unless a newer one is known."""
        known = self.texts.get(leaf.path)
        if known and (known[2] == text or known[0] > time_ns):
            if known[2] == text and time_ns > known[0]:
                self.texts[leaf.path] = (time_ns, leaf, text)
            return
        self.texts[leaf.path] = (time_ns, leaf, text)
        self._arrange()

    def forget(self, paths: Iterable[Path]) -> None:
        """Drops the states at or below paths that the device has deleted."""
        before = len(self.texts)
        for gone in map(path_text, paths):
            self.texts = {
                path: told
                for path, told in self.texts.items()
                if path != gone and not path.startswith((gone + "/", gone + "["))
            }
        if len(self.texts) != before:
            self._arrange()

    def component(self, leaf: PmLeaf) -> str:
        """Returns the name of the component that a leaf belongs to."""
        known = self._components.get(leaf)
        if known is None:
            known = self._components[leaf] = self._find_component(leaf)
        return known

    def _find_component(self, leaf: PmLeaf) -> str:
        name = leaf.name
        if leaf.owner is Owner.INGRESS:
            name = self._ports.get((State.INGRESS_PORT, name), name)
        elif leaf.owner is Owner.EGRESS:
            name = self._ports.get((State.EGRESS_PORT, name), name)
        return self.names.get(name, name)

    def has_port(self, leaf: PmLeaf) -> bool:
        """Tells whether the amplifier of a total power has told the port that it belongs to."""
        state = State.INGRESS_PORT if leaf.owner is Owner.INGRESS else State.EGRESS_PORT
        return (state, leaf.name) in self._ports

    def admin_state(self, component: str) -> AdminState:
        """Returns the admin state of a component, by its name in reports."""
        return self._admin.get(component, AdminState.ADMIN_STATE_UNSPECIFIED)

    def _arrange(self) -> None:
        told = [(leaf, text) for _, leaf, text in self.texts.values()]
        self._ports = {
            (leaf.state, leaf.name): text
            for leaf, text in told
            if leaf.state is not State.ADMIN_STATE and text
        }
        self._components.clear()
        states: dict[str, set[str]] = {}
        for leaf, text in told:
            if leaf.state is State.ADMIN_STATE:
                name = self.names.get(leaf.name, leaf.name)
                states.setdefault(name, set()).add(without_module(text))
        self._admin = {
            name: next(state for state in _STRICTEST if AdminState.Name(state) in texts)
            for name, texts in states.items()
            if any(AdminState.Name(state) in texts for state in _STRICTEST)
        }


def build_report(
    node_id: str, newest: Newest, states: NodeStates, no_light_dbm: float = NO_LIGHT_DBM
) -> PmReport:
    """Returns the report of the newest values of a second, one sample a component.

    A sample has the newest timestamp of its values. Collect time and sequence are not set.

    Args:
        node_id: name of the node.
        newest: finite numbers, or -inf for powers.
        states: of the node.
        no_light_dbm: a power at or below is dark; -inf always is [dBm].
    """
    report = PmReport(node_id=node_id)
    components: dict[str, tuple[ComponentPm, dict[int, dict[str, _Quantity]]]] = {}
    for leaf, (time_ns, number) in newest.items():
        name = states.component(leaf)
        known = components.get(name)
        if known is None:
            sample = report.components.add(component=name, admin_state=states.admin_state(name))
            known = components[name] = (sample, {})
        sample, types = known
        if time_ns > sample.sample_time_unix_ns:
            sample.sample_time_unix_ns = time_ns
        quantities = types.setdefault(leaf.pm_type, {})
        quantity = quantities.get(leaf.quantity)
        if quantity is None:
            quantity = quantities[leaf.quantity] = _Quantity(leaf.quantity)
        if time_ns > quantity.time_ns:
            quantity.time_ns = time_ns
        quantity.statistics[leaf.statistic] = number
    for sample, types in components.values():
        for pm_type, quantities in sorted(types.items()):
            found = list(quantities.values())
            # Several may be one type of one component, such as the channels of a transceiver.
            quantity = found[0] if len(found) == 1 else max(found, key=_Quantity.rank)
            _add_value(sample, pm_type, quantity, no_light_dbm)
    return report


def is_power(pm_type: int) -> bool:
    """Tells whether a type is a power, which can be dark."""
    return pm_type in _POWERS


def type_name(pm_type: int) -> str:
    """Returns the name of a type as metrics and tables show it."""
    return PmType.Name(pm_type)


@dataclass(slots=True)
class _Quantity:
    """The statistics of one quantity in one second, with the newest of their timestamps."""

    path: str
    time_ns: int = 0
    statistics: dict[str, float] = field(default_factory=dict)

    def reading(self) -> float | None:
        """Returns `instant`, else `avg`."""
        return self.statistics.get("instant", self.statistics.get("avg"))

    def rank(self) -> tuple[int, float, str]:
        """Returns what the quantities of one type are compared by."""
        reading = self.reading()
        return self.time_ns, -math.inf if reading is None else reading, self.path


def _add_value(sample: ComponentPm, pm_type: int, quantity: _Quantity, no_light_dbm: float) -> None:
    value = sample.values.add(type=pm_type)
    reading = quantity.reading()
    if reading is not None and pm_type in _POWERS and reading <= no_light_dbm:
        value.no_light = True
        return
    for name, number in quantity.statistics.items():
        if math.isfinite(number):
            setattr(value, name, number)
