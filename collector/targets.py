"""The targets file: which devices, how they are reached and asked (YAML).

`defaults` holds for each of `nodes`; what a node says wins. Secrets are references, to a variable
of the environment or to a file, and are read when a stream begins: no message shows them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from collector import settings
from collector.paths import DEFAULT_PATHS
from collector.reports import NO_LIGHT_DBM
from collector.settings import Secret, Tls
from schema.errors import TargetsError

_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
#: A token of YAML has so many characters, or is a name in angle brackets.
_LONGEST_TOKEN = 1


@dataclass(frozen=True)
class Target:
    """One device.

    Attributes:
        node_id: its name in reports.
        address: host:port of its gNMI server.
        tls: how its certificate is checked; None without TLS.
        username: None where there is no login.
        password: None where there is no login.
        sample_interval_ms: asked interval; 0 = what the device chooses.
        paths: what is subscribed to.
        components: gNMI component, amplifier or OSC interface → component.
        no_light_dbm: a power at or below is dark [dBm].
        receive_time: values have the time at which they came, not the device's.
        keepalive_s: after so much silence the connection is probed; None = never.
    """

    node_id: str
    address: str = ""
    tls: Tls | None = field(default_factory=Tls)
    username: Secret | None = None
    password: Secret | None = None
    sample_interval_ms: int = 1000
    paths: tuple[str, ...] = DEFAULT_PATHS
    components: Mapping[str, str] = field(default_factory=dict)
    no_light_dbm: float = NO_LIGHT_DBM
    receive_time: bool = False
    keepalive_s: float | None = None


@dataclass(frozen=True)
class Part:
    """One of several processes that share a targets file.

    Attributes:
        number: from 1 to `count`.
        count: how many processes there are.
    """

    number: int = 1
    count: int = 1

    def has(self, node_id: str) -> bool:
        """Tells whether a node belongs to this process: by a stable hash of its node_id."""
        return zlib.crc32(node_id.encode()) % self.count == self.number - 1


def read_targets(path: str | Path, *, with_address: bool = True) -> list[Target]:
    """Returns the targets of a file.

    Args:
        path: of the file.
        with_address: each node must have an address.

    Raises:
        TargetsError: the file cannot be used; a line for each mistake, with its place.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise TargetsError(f"{path}: the targets file cannot be read: {why}") from error
    return parse_targets(text, str(path), with_address=with_address)


def parse_targets(text: str, name: str, *, with_address: bool = True) -> list[Target]:
    """Returns the targets of the text of a file that is called `name`; see `read_targets`."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or "it cannot be read"
        raise TargetsError(f"{place}: this is not YAML: {_without_secrets(problem)}") from error
    mistakes = settings.Mistakes(name)
    targets = list(_targets(root, mistakes, with_address)) if root else []
    if not root:
        mistakes.add(None, "the file is empty; a list `nodes` is expected")
    if mistakes.lines:
        raise TargetsError("\n".join(mistakes.lines))
    return targets


def _without_secrets(problem: str) -> str:
    """Returns what YAML says without texts of the file: one may be a password without quotes."""

    def shown(quoted: re.Match[str]) -> str:
        text = quoted[0][1:-1]
        return quoted[0] if len(text) <= _LONGEST_TOKEN or text.startswith("<") else "..."

    return _QUOTED.sub(shown, problem)


def _targets(root: yaml.Node, mistakes: settings.Mistakes, with_address: bool) -> Iterator[Target]:
    parts = settings.members(root, "the file", ("defaults", "nodes"), mistakes)
    allowed = tuple(name for name in settings.READERS if name != "node_id")
    defaults: dict[str, Any] = {}
    if "defaults" in parts:
        given = settings.members(parts["defaults"], "defaults", allowed, mistakes)
        defaults = settings.read(given, "defaults", mistakes)
    nodes = parts.get("nodes")
    if not isinstance(nodes, yaml.SequenceNode):
        mistakes.add(nodes or root, "a list `nodes` is expected")
        return
    seen: dict[str, int] = {}
    for position, node in enumerate(nodes.value):
        place = f"nodes[{position}]"
        given = settings.members(node, place, ("node_id", *allowed), mistakes)
        told = settings.read(given, place, mistakes)
        node_id = told.get("node_id")
        if "node_id" not in given:
            mistakes.add(node, f"{place}: node_id is missing")
        if not node_id:
            continue
        if node_id in seen:
            mistakes.add(node, f"{place}: node_id {node_id} is in line {seen[node_id]} already")
        seen.setdefault(node_id, node.start_mark.line + 1)
        if with_address and "address" not in {**defaults, **given}:
            mistakes.add(node, f"{place} ({node_id}): address is missing")
        yield _target({**_without_rival(defaults, told), **told})


def _without_rival(defaults: dict[str, Any], told: dict[str, Any]) -> dict[str, Any]:
    """Drops from the defaults what a node overrules by its other name: tls and insecure."""
    if "tls" in told or "insecure" in told:
        return {k: v for k, v in defaults.items() if k not in ("tls", "insecure")}
    return defaults


def _target(told: dict[str, Any]) -> Target:
    insecure = told.pop("insecure", False)
    time = told.pop("time", "device")
    if insecure:
        told["tls"] = None
    return Target(**told, receive_time=time == "receive")
