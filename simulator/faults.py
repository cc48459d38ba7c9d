"""Places faults on a network, each with time to be confirmed and cleared, and keeps the truth."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from schema.topology_pb2 import MAINTENANCE, FiberLink, MaintenanceWindow
from simulator.fault_kinds import KINDS, Kind
from simulator.fault_model import SECOND_NS, Fault
from simulator.network import Network
from simulator.site import Site

# Time after the last clearing window, so that a live watermark passes it too.
_TAIL_S = 4


def schedule(
    network: Network, start_ns: int, seconds: int, seed: int, faults: int | Sequence[str]
) -> list[Fault]:
    """Places each fault on links of its own. The same arguments give the same faults.

    Args:
        network: Where to place them.
        start_ns: First instant of the reports, a whole second.
        seconds: Duration of the reports; the alarm of every fault clears within it.
        seed: Seed of all choices.
        faults: The number of faults of all kinds, or the kind of each (names of `KINDS`).

    Raises:
        ValueError: A kind is unknown, or the faults do not fit.
    """
    rng = np.random.default_rng((seed, 2))
    scheduler = _Scheduler(network, start_ns, seconds, rng)
    if isinstance(faults, int):
        placed = scheduler.place_any(faults)
    else:
        order = list(KINDS)
        for kind in faults:
            if kind not in KINDS:
                raise ValueError(f"unknown fault kind {kind!r}, known are: {', '.join(KINDS)}")
        placed = [scheduler.place(kind) for kind in sorted(faults, key=order.index)]
    placed.sort(key=lambda fault: (fault.onset_ns, fault.links))
    return [
        replace(fault, fault_id=f"fault-{number:05d}")
        for number, fault in enumerate(placed, start=1)
    ]


def topology(network: Network, faults: Iterable[Fault]) -> Iterator[FiberLink]:
    """Yields the links of a network, as the faults need them: long, or with maintenance."""
    planned: dict[int, list[MaintenanceWindow]] = {}
    in_maintenance: set[int] = set()
    long_links: set[int] = set()
    for fault in faults:
        in_maintenance.update(fault.in_maintenance)
        long_links.update(fault.long_links)
        for work in fault.maintenance:
            window = MaintenanceWindow(
                start_unix_ns=work.start_ns, end_unix_ns=work.end_ns, ticket=f"work-{work.link:06d}"
            )
            planned.setdefault(work.link, []).append(window)
    for number, link in enumerate(network.with_long_links(long_links).iter_links()):
        link.maintenance.extend(planned.get(number, ()))
        if number in in_maintenance:
            link.lifecycle_state = MAINTENANCE
        yield link


def write_truth(path: Path, faults: Iterable[Fault]) -> None:
    """Writes the ground truth, one JSON object per line."""
    with path.open("w", encoding="utf-8") as file:
        for fault in faults:
            file.write(json.dumps(fault.to_json()) + "\n")


class _Scheduler:
    """Gives each fault a link that no other fault touches, and an onset early enough to clear."""

    def __init__(
        self, network: Network, start_ns: int, seconds: int, rng: np.random.Generator
    ) -> None:
        self._network = network
        self._start_ns = start_ns
        self._seconds = seconds
        self._rng = rng
        self._taken = np.zeros(network.link_count, dtype=bool)
        self._untried: dict[str, list[int]] = {}

    def place(self, kind_name: str) -> Fault:
        """Places one fault of a kind."""
        kind = KINDS[kind_name]
        needed_s = _needed_s(kind)
        if needed_s > self._seconds:
            raise ValueError(f"a fault of kind {kind_name!r} needs {needed_s} seconds")
        fault = self._try_place(kind_name)
        if fault is None:
            raise ValueError(f"no free link is left for a fault of kind {kind_name!r}")
        return fault

    def place_any(self, count: int) -> list[Fault]:
        """Places `count` faults, spread over all kinds as evenly as possible."""
        kinds = [name for name in KINDS if _needed_s(KINDS[name]) <= self._seconds]
        placed: list[Fault] = []
        while kinds and len(placed) < count:
            for name in self._rng.permutation(kinds).tolist()[: count - len(placed)]:
                fault = self._try_place(name)
                if fault is None:
                    kinds.remove(name)
                else:
                    placed.append(fault)
        if len(placed) < count:
            raise ValueError(
                f"{count} faults do not fit: only {len(placed)} found a link and the time"
            )
        return placed

    def _try_place(self, kind_name: str) -> Fault | None:
        kind = KINDS[kind_name]
        if kind_name not in self._untried:
            links = np.flatnonzero(kind.suits(self._network))
            self._untried[kind_name] = self._rng.permutation(links).tolist()
        untried = self._untried[kind_name]
        while untried:
            link = untried.pop()
            # Many kinds touch only this link, so the cheap check comes first.
            if self._taken[link]:
                continue
            touched = kind.touches(self._network, link)
            if not self._taken[touched].any():
                self._taken[touched] = True
                return replace(kind.make(self._site(kind, link)), kind=kind_name)
        return None

    def _site(self, kind: Kind, link: int) -> Site:
        shortest_s, longest_s = kind.hold_s
        spare_s = self._seconds - _needed_s(kind)
        hold_s = int(self._rng.integers(shortest_s, min(longest_s, shortest_s + spare_s) + 1))
        delay_s = int(self._rng.integers(0, spare_s - (hold_s - shortest_s) + 1))
        phase_ns = int(self._rng.integers(SECOND_NS))
        onset_ns = self._start_ns + (kind.lead_s + delay_s) * SECOND_NS + phase_ns
        return Site(self._network, link, onset_ns, onset_ns + hold_s * SECOND_NS, self._rng)


def _needed_s(kind: Kind) -> int:
    return kind.lead_s + kind.hold_s[0] + kind.clear_s + _TAIL_S
