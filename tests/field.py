"""Scenes from the field: links whose nodes sample at phases of their own, and what befalls them.

A scene is told by a function: what does a link show, of which power, at which second? Links go from
A to Z, base 10 dB: launched 1.0 dBm, received -9.0 dBm, both ways; with an OSC 3.0 and -8.0 dBm,
base 11 dB.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from schema import pm_report_pb2 as pm
from schema import topology_pb2 as topo
from tests.builders import BASE_DB, component, end, report, seconds, service, span, value

DARK = "dark"
#: The powers of a link: launched and received from A to Z, the OSC's; primed: from Z to A.
SOUND = {"T": 1.0, "R": -9.0, "To": 3.0, "Ro": -8.0}
OSC_BASE_DB = 11.0
#: What a power shows: a number [dBm], DARK, None = it is left out, or values as they are reported.
Shown = float | str | None | list[pm.PmValue]
Show = Callable[[int, str, float], Shown]

_READ_AS = {"T": pm.OUTPUT_POWER, "R": pm.INPUT_POWER, "To": pm.OUTPUT_POWER_OSC,
            "Ro": pm.INPUT_POWER_OSC}  # fmt: skip
# By node the component and the powers that it reads.
_READ_AT = {
    "A": (("tx", ("T", "To")), ("rx", ("R'", "Ro'"))),
    "Z": (("tx", ("T'", "To'")), ("rx", ("R", "Ro"))),
}


@dataclass
class FieldScene:
    """Some links, alike but for their numbers, and what they show.

    Attributes:
        show: what a link, by number, shows of a power at a second.
        links: number of links.
        seconds: how long it goes on.
        phases: of A and of Z [s].
        jitter_s: samples are this much early or late at most.
        seed: of the jitter.
        osc: the links have an OSC.
        every_s: how often nodes report.
        states: fields of a component at a second, by link and component at a node.
        change: what is said of a link in the topology beside that.
        az: likewise of its span from A to Z.
    """

    show: Show
    links: int = 1
    seconds: float = 90
    phases: tuple[float, float] = (0.31, 0.62)
    jitter_s: float = 0.0
    seed: int = 7
    osc: bool = False
    every_s: float = 1.0
    states: Callable[[int, str, float], dict[str, Any]] = lambda link, part, second: {}
    change: dict[str, Any] = field(default_factory=dict)
    az: dict[str, Any] = field(default_factory=dict)

    def topology(self) -> list[topo.FiberLink]:
        """Returns the links."""
        return [self._link(number) for number in range(self.links)]

    def _link(self, number: int) -> topo.FiberLink:
        osc = {"span_loss_base_osc_db": OSC_BASE_DB} if self.osc else {}
        one = topo.FiberLink(
            link_id=f"L{number}",
            name=f"A-Z {number}",
            a_end=end("A", has_osc=self.osc),
            z_end=end("Z", has_osc=self.osc),
            az=span(**{"base_db": None, "span_loss_base_db": BASE_DB, **osc, **self.az}),
            za=span(**osc),
            lifecycle_state=topo.DEPLOYED,
            services=[service("S", 100.0)],
            version=1,
        )
        for at in (one.a_end, one.z_end):
            at.tx_component, at.rx_component = f"tx{number}", f"rx{number}"
        one.MergeFrom(topo.FiberLink(**self.change))
        return one

    def payloads(self) -> list[bytes]:
        """Returns the reports in order of their times."""
        shaken = random.Random(self.seed)
        found: list[tuple[float, bytes]] = []
        for node, phase in zip("AZ", self.phases, strict=True):
            for number in range(int(self.seconds / self.every_s)):
                jitter_s = shaken.uniform(-self.jitter_s, self.jitter_s)
                at = number * self.every_s + phase + jitter_s
                parts = [
                    self._component(link, node, name, powers, at)
                    for link in range(self.links)
                    for name, powers in _READ_AT[node]
                ]
                told = report(node, at, *(one for one in parts if one), sequence=number)
                found.append((at, told.SerializeToString()))
        return [payload for _, payload in sorted(found, key=lambda one: one[0])]

    def _component(
        self, link: int, node: str, name: str, powers: Iterable[str], at: float
    ) -> pm.ComponentPm | None:
        values: list[pm.PmValue] = []
        for power in powers:
            if "o" in power and not self.osc:
                continue
            values += _values(_READ_AS[power.rstrip("'")], self.show(link, power, at))
        fields = self.states(link, f"{node} {name}", at)
        return component(f"{name}{link}", *values, **fields) if values else None


def _values(pm_type: int, shown: Shown) -> list[pm.PmValue]:
    if shown is None:
        return []
    if isinstance(shown, list):
        return [pm.PmValue(type=pm_type, **_fields(one)) for one in shown]
    return [value(pm_type, no_light=True) if shown == DARK else value(pm_type, float(shown))]


def _fields(one: pm.PmValue) -> dict[str, Any]:
    return {name.name: number for name, number in one.ListFields()}


def sound(power: str) -> float:
    """Returns what a sound link shows of a power [dBm]."""
    return SOUND[power.rstrip("'")]


def told(events: Iterable[dict[str, Any]], link: int = 0) -> list[str]:
    """Returns the events of a link as words: second, code, action, direction, and what is odd."""
    found = []
    for event in events:
        data = event["data"]
        if event["subject"] == f"L{link}":
            words = [str(seconds(event["time"])), data["code"], data["action"], data["direction"]]
            words += [data["specific_problem"]] if data["specific_problem"] else []
            words += [data["clear_reason"]] if data["clear_reason"] not in (None, "NORMAL") else []
            words += ["suppressed"] if data["suppressed"] else []
            found.append(" ".join(words))
    return found
