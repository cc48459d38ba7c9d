"""Builders of PM reports, links and capture files.

Seconds are counted from T0. A *trace* has a word for each second of one direction of a link:

    "0", "4", "-12"  loss above the base of 10 dB (launched 1 dBm, received -9 - delta dBm)
    "x"              launched, nothing received      "u"  nothing launched, yet received
    "b"              both ends dark                  "."  no sample at either end
    "s"              the received sample is SUSPECT
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import numpy as np

from schema import pm_report_pb2 as pm
from schema import topology_pb2 as topo
from schema.blocks import SCHEMAS, BlockKind
from schema.capture import varint

T0 = 1_767_225_600  # 2026-01-01T00:00:00Z
BASE_DB = 10.0
LAUNCHED_DBM = 1.0


def ns(second: float) -> int:
    """Returns a second after T0 in nanoseconds since the Unix epoch, to the millisecond."""
    return T0 * 1_000_000_000 + round(second * 1000) * 1_000_000


def value(pm_type: int, instant: float | None = None, **fields: Any) -> pm.PmValue:
    if instant is not None:
        fields["instant"] = instant
    return pm.PmValue(type=pm_type, **fields)  # type: ignore[arg-type]


def component(
    name: str, *values: pm.PmValue, at: float | None = None, **fields: Any
) -> pm.ComponentPm:
    """Returns a component's PM; `at` is the second of the sample, by default the report's."""
    if at is not None:
        fields["sample_time_unix_ns"] = ns(at)
    return pm.ComponentPm(component=name, values=values, **fields)


def report(
    node_id: str, second: float, *components: pm.ComponentPm, sequence: int = 0
) -> pm.PmReport:
    return pm.PmReport(
        node_id=node_id,
        collect_time_unix_ns=ns(second),
        sequence=sequence,
        clock_state=pm.SYNCHRONIZED,
        components=components,
    )


def payload(node_id: str, second: float, *components: pm.ComponentPm, sequence: int = 0) -> bytes:
    return report(node_id, second, *components, sequence=sequence).SerializeToString()


def tx(name: str, dbm: float | None, *, osc: float | None = None, **fields: Any) -> pm.ComponentPm:
    """Returns the PM of a transmitting component; None launches no light."""
    return _port(name, pm.OUTPUT_POWER, dbm, pm.OUTPUT_POWER_OSC, osc, fields)


def rx(name: str, dbm: float | None, *, osc: float | None = None, **fields: Any) -> pm.ComponentPm:
    """Returns the PM of a receiving component; None receives no light."""
    return _port(name, pm.INPUT_POWER, dbm, pm.INPUT_POWER_OSC, osc, fields)


def _port(
    name: str,
    signal: int,
    dbm: float | None,
    osc_type: int,
    osc: float | None,
    fields: dict[str, Any],
) -> pm.ComponentPm:
    values = [value(signal, no_light=True) if dbm is None else value(signal, dbm)]
    if osc is not None:
        values.append(value(osc_type, osc))
    return component(name, *values, **fields)


def end(node_id: str, *, has_osc: bool = False) -> topo.LinkEnd:
    """Returns an end of a link, with the components "tx" and "rx"."""
    return topo.LinkEnd(node_id=node_id, tx_component="tx", rx_component="rx", has_osc=has_osc)


def span(base_db: float | None = BASE_DB, **fields: Any) -> topo.Span:
    if base_db is not None:
        fields["span_loss_base_db"] = base_db
    return topo.Span(**fields)


def service(
    name: str = "S1", gbps: float = 400.0, *, protected: bool = False
) -> topo.OpticalService:
    return topo.OpticalService(
        service_id=name,
        och_id=f"och-{name}",
        customer="ACME",
        central_frequency_thz=193.1,
        capacity_gbps=gbps,
        protected=protected,
    )


def maintenance(start: float, stop: float, ticket: str = "CHG1") -> topo.MaintenanceWindow:
    return topo.MaintenanceWindow(start_unix_ns=ns(start), end_unix_ns=ns(stop), ticket=ticket)


def link(
    link_id: str = "L1",
    a: str = "A",
    z: str = "Z",
    *,
    base_db: float | None = BASE_DB,
    has_osc: bool = False,
    **fields: Any,
) -> topo.FiberLink:
    """Returns a deployed link A-Z with one unprotected service; any field can be overridden."""
    fields.setdefault("name", f"{a}-{z}")
    fields.setdefault("a_end", end(a, has_osc=has_osc))
    fields.setdefault("z_end", end(z, has_osc=has_osc))
    fields.setdefault("az", span(base_db))
    fields.setdefault("za", span(base_db))
    fields.setdefault("lifecycle_state", topo.DEPLOYED)
    fields.setdefault("services", [service()])
    fields.setdefault("version", 1)
    return topo.FiberLink(link_id=link_id, **fields)


def second(
    at: int, az: str = "0", za: str = "0", *, a: str = "A", z: str = "Z", sequence: int = 0
) -> list[bytes]:
    """Returns the two reports of one second of a link, from a word for each direction."""
    a_ports: list[pm.ComponentPm] = []
    z_ports: list[pm.ComponentPm] = []
    for word, launching, receiving in ((az, a_ports, z_ports), (za, z_ports, a_ports)):
        if word == ".":
            continue
        launched = None if word in ("u", "b") else LAUNCHED_DBM
        launching.append(tx("tx", launched))
        if word in ("x", "b"):
            receiving.append(rx("rx", None))
        else:
            delta = 0.0 if word in ("u", "s") else float(word)
            validity = pm.SUSPECT if word == "s" else pm.COMPLETE
            dbm = LAUNCHED_DBM - BASE_DB - delta
            receiving.append(rx("rx", dbm, validity=validity))
    return [
        payload(node, at, *ports, sequence=sequence)
        for node, ports in ((a, a_ports), (z, z_ports))
        if ports
    ]


def words(trace: str) -> list[str]:
    """Splits a trace; "0*10" is a word ten times."""
    split: list[str] = []
    for word in trace.split():
        what, _, times = word.partition("*")
        split += [what] * int(times or 1)
    return split


def trace(az: str, za: str = "", *, start: int = 0) -> list[bytes]:
    """Returns the reports of two traces, second by second; "0" fills up the shorter one."""
    forth, back = words(az), words(za)
    length = max(len(forth), len(back))
    forth += ["0"] * (length - len(forth))
    back += ["0"] * (length - len(back))
    return [
        one for i in range(length) for one in second(start + i, forth[i], back[i], sequence=i + 1)
    ]


def capture(payloads: Iterable[bytes]) -> bytes:
    """Returns the bytes of a capture file: varint-length-delimited messages."""
    return b"".join(varint(len(one)) + one for one in payloads)


def joined(*traces: Sequence[bytes]) -> list[bytes]:
    return [one for some in traces for one in some]


def short(events: Iterable[dict[str, Any]]) -> list[str]:
    """Returns events as "ACTION CODE DIRECTION onset-time", with " late" if detected late.

    Times are seconds after T0.
    """
    lines = []
    for event in events:
        data = event["data"]
        onset, time = (seconds(text) for text in (data["onset_time"], event["time"]))
        late = " late" if data["detected_late"] else ""
        lines.append(f"{data['action']} {data['code']} {data['direction']} {onset}-{time}{late}")
    return lines


def seconds(text: str) -> int:
    """Returns the second after T0 of an RFC 3339 time, a full second."""
    assert text.endswith(".000Z")
    return int(datetime.fromisoformat(text).timestamp()) - T0


def empty_columns(kind: BlockKind) -> dict[str, Any]:
    """Returns the columns of a kind of block, with no rows."""
    return {
        name: []
        if column.dtype == "bytes"
        else np.empty((0, 2) if column.width == 2 else 0, column.dtype)
        for name, column in SCHEMAS[kind].items()
        if not column.optional
    }
