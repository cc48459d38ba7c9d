"""PM reports as a device tells them by gNMI: notifications with the paths of OpenConfig."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence

from schema import gnmi_pb2
from schema import pm_report_pb2 as pm

Elements = tuple[tuple[str, dict[str, str]], ...]

_STATISTICS = ("instant", "avg", "min", "max")
_PORT, _OSC, _AMPLIFIER, _CHANNEL = range(4)
#: Where each type is, and under which name.
_LEAVES: dict[int, tuple[int, str]] = {
    pm.INPUT_POWER: (_PORT, "input-power"),
    pm.OUTPUT_POWER: (_PORT, "output-power"),
    pm.INPUT_POWER_OSC: (_OSC, "input-power"),
    pm.OUTPUT_POWER_OSC: (_OSC, "output-power"),
    pm.TARGET_GAIN: (_AMPLIFIER, "target-gain"),
    pm.ACTUAL_GAIN: (_AMPLIFIER, "actual-gain"),
    pm.ACTUAL_GAIN_TILT: (_AMPLIFIER, "actual-gain-tilt"),
    pm.LASER_BIAS_CURRENT: (_AMPLIFIER, "laser-bias-current"),
    pm.OPTICAL_RETURN_LOSS: (_AMPLIFIER, "optical-return-loss"),
    pm.Q_VALUE: (_CHANNEL, "q-value"),
    pm.OSNR: (_CHANNEL, "osnr"),
    pm.PRE_FEC_BER: (_CHANNEL, "pre-fec-ber"),
}
_WITHOUT_STATISTICS = (pm.TARGET_GAIN,)


class Asked:
    """The paths of a subscription."""

    def __init__(self, paths: Sequence[gnmi_pb2.Path], prefix: gnmi_pb2.Path) -> None:
        self._paths = [_elements(prefix) + _elements(path) for path in paths]
        self._known: dict[str, bool] = {}

    def has(self, path: Elements) -> bool:
        """Tells whether a leaf is at or below one of the paths."""
        key = repr(path)
        if key not in self._known:
            self._known[key] = any(_covers(asked, path) for asked in self._paths)
        return self._known[key]


def notifications(
    report: pm.PmReport, asked: Asked, *, as_json: bool
) -> Iterator[gnmi_pb2.SubscribeResponse]:
    """Yields what a device tells of a report: one notification a list entry, with its timestamp.

    A component whose values cannot be trusted tells nothing, as a device deletes such leaves.
    """
    for component in report.components:
        if component.validity == pm.SUSPECT or not component.component:
            continue
        time_ns = component.sample_time_unix_ns or report.collect_time_unix_ns
        for place in (_PORT, _OSC, _AMPLIFIER, _CHANNEL):
            prefix = _prefix(place, component.component)
            notification = gnmi_pb2.Notification(timestamp=time_ns, prefix=_path(prefix))
            for path, value in _leaves(component, place):
                if asked.has(prefix + path):
                    notification.update.add(path=_path(path), val=_typed(value, as_json))
            if notification.update:
                yield gnmi_pb2.SubscribeResponse(update=notification)


def _leaves(component: pm.ComponentPm, place: int) -> Iterator[tuple[Elements, float | str]]:
    if place == _PORT and component.admin_state:
        yield (("admin-state", {}),), pm.AdminState.Name(component.admin_state)
    for value in component.values:
        where, name = _LEAVES.get(value.type, (-1, ""))
        if where != place:
            continue
        for statistic in _STATISTICS:
            if not value.HasField(statistic):
                continue
            number = -math.inf if value.no_light else float(getattr(value, statistic))
            if value.type not in _WITHOUT_STATISTICS:
                yield ((name, {}), (statistic, {})), number
            elif statistic == "instant":
                yield ((name, {}),), number


def _prefix(place: int, name: str) -> Elements:
    if place == _OSC:
        names: tuple[str, ...] = ("supervisory-channels", "supervisory-channel", "interface")
    else:
        names = ("amplifiers", "amplifier", "name")
    if place in (_OSC, _AMPLIFIER):
        outer, inner, key = names
        return ("optical-amplifier", {}), (outer, {}), (inner, {key: name}), ("state", {})
    top: Elements = (("components", {}), ("component", {"name": name}))
    if place == _CHANNEL:
        return (*top, ("optical-channel", {}), ("state", {}))
    return (*top, ("port", {}), ("optical-port", {}), ("state", {}))


def _typed(value: float | str, as_json: bool) -> gnmi_pb2.TypedValue:
    if as_json:
        # RFC 7951: a decimal is a text.
        return gnmi_pb2.TypedValue(json_ietf_val=json.dumps(str(value)).encode())
    if isinstance(value, str):
        return gnmi_pb2.TypedValue(string_val=value)
    return gnmi_pb2.TypedValue(double_val=value)


def _path(elements: Elements) -> gnmi_pb2.Path:
    path = gnmi_pb2.Path()
    for name, keys in elements:
        path.elem.add(name=name).key.update(keys)
    return path


def _elements(path: gnmi_pb2.Path) -> Elements:
    return tuple((each.name.rpartition(":")[2], dict(each.key)) for each in path.elem)


def _covers(asked: Elements, path: Elements) -> bool:
    if len(asked) > len(path):
        return False
    return all(
        name in (other, "*") and all(v in (keys.get(k), "*") for k, v in wanted.items())
        for (name, wanted), (other, keys) in zip(asked, path, strict=False)
    )
