"""SubscribeResponses for tests, in few words."""

from __future__ import annotations

import json
from typing import Any

from collector.paths import parse_path
from schema import gnmi_pb2

T0_NS = 1_780_000_000_000_000_000
SECOND_NS = 1_000_000_000
PORT = "/components/component[name={}]/port/optical-port/state"


def gnmi_path(text: str) -> gnmi_pb2.Path:
    path = gnmi_pb2.Path()
    if text:
        for name, keys in parse_path(text):
            path.elem.add(name=name).key.update(keys)
    return path


def typed(value: Any) -> gnmi_pb2.TypedValue:
    """Returns a value: float → double, int → int, str → string, dict → JSON_IETF."""
    match value:
        case gnmi_pb2.TypedValue():
            return value
        case bool():
            return gnmi_pb2.TypedValue(bool_val=value)
        case float():
            return gnmi_pb2.TypedValue(double_val=value)
        case int():
            return gnmi_pb2.TypedValue(int_val=value)
        case str():
            return gnmi_pb2.TypedValue(string_val=value)
        case _:
            return gnmi_pb2.TypedValue(json_ietf_val=json.dumps(value).encode())


def response(
    time_ns: int, values: dict[str, Any], prefix: str = "", deleted: tuple[str, ...] = ()
) -> gnmi_pb2.SubscribeResponse:
    notification = gnmi_pb2.Notification(
        timestamp=time_ns,
        update=[gnmi_pb2.Update(path=gnmi_path(p), val=typed(v)) for p, v in values.items()],
        delete=[gnmi_path(path) for path in deleted],
    )
    if prefix:
        notification.prefix.CopyFrom(gnmi_path(prefix))
    return gnmi_pb2.SubscribeResponse(update=notification)


def powers(time_ns: int, component: str, **values: float) -> gnmi_pb2.SubscribeResponse:
    """Returns a response with instant powers of a port: input=..., output=..."""
    return response(
        time_ns,
        {f"/{name}-power/instant": value for name, value in values.items()},
        PORT.format(component),
    )


SYNC = gnmi_pb2.SubscribeResponse(sync_response=True)
