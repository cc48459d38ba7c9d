"""The settings of a target: how each is read from YAML, and what is said of mistakes."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from collector.paths import parse_path
from collector.values import is_unicode
from schema.errors import TargetsError

_LONGEST_INTERVAL_MS = 3_600_000
_LONGEST_KEEPALIVE_S = 86_400
_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]/]+):(\d{1,5})")


@dataclass(frozen=True)
class Secret:
    """A text, or a reference to where it is.

    Attributes:
        plain: the text itself; only user names can have it.
        env: a variable of the environment.
        file: a file; a newline at its end is cut.
    """

    plain: str | None = None
    env: str | None = None
    file: str | None = None

    def __repr__(self) -> str:
        return f"Secret(env={self.env!r}, file={self.file!r})"

    def read(self) -> str:
        """Returns the text.

        Raises:
            TargetsError: it is not where the reference says.
        """
        if self.plain is not None:
            return self.plain
        if self.env is not None:
            if self.env not in os.environ:
                raise TargetsError(f"the variable {self.env} is not in the environment")
            return os.environ[self.env]
        assert self.file is not None
        try:
            return Path(self.file).read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
        except (OSError, UnicodeDecodeError) as error:
            why = getattr(error, "strerror", None) or "it is not UTF-8"
            raise TargetsError(f"{self.file}: the secret cannot be read: {why}") from error


@dataclass(frozen=True)
class Tls:
    """How a device's certificate is checked, and what is shown to it.

    Attributes:
        ca: file of the certificates that are trusted; None = those of the system.
        cert: file of the client's certificate, with `key`; None = none is shown.
        key: file of the client's private key.
        server_name: the name in the device's certificate, if it is not that of the address.
    """

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    server_name: str | None = None


class Mistakes:
    """The mistakes of one file, a line each.

    Attributes:
        lines: what is to be shown.
    """

    def __init__(self, name: str) -> None:
        self.lines: list[str] = []
        self._name = name

    def add(self, node: yaml.Node | None, text: str) -> None:
        """Adds a mistake at a place of the file."""
        place = f"{self._name}:{node.start_mark.line + 1}" if node else self._name
        self.lines.append(f"{place}: {text}")


class _WrongError(Exception):
    """What is wrong with one setting; it does not show the value of a secret."""


def members(
    node: yaml.Node, place: str, allowed: Iterable[str], mistakes: Mistakes
) -> dict[str, yaml.Node]:
    """Returns the members of a mapping by name; notes those that are unknown, or there twice."""
    if not isinstance(node, yaml.MappingNode):
        mistakes.add(node, f"{place}: names with values are expected")
        return {}
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        name = str(key.value)
        if not isinstance(key, yaml.ScalarNode):
            mistakes.add(key, f"{place}: a name is expected")
        elif name not in allowed:
            mistakes.add(key, f"{place}: there is no setting {name!r}")
        elif name in found:
            mistakes.add(key, f"{place}: {name} is there twice")
        else:
            found[name] = value
    return found


def read(given: Mapping[str, yaml.Node], place: str, mistakes: Mistakes) -> dict[str, Any]:
    """Returns the settings of a mapping by name; notes those that cannot be used."""
    told: dict[str, Any] = {}
    for name, node in given.items():
        try:
            told[name] = READERS[name](node)
        except _WrongError as wrong:
            mistakes.add(node, f"{place}.{name}: {wrong}")
    if "insecure" in given and "tls" in given and told.get("insecure"):
        mistakes.add(given["insecure"], f"{place}: tls and insecure exclude each other")
    return told


def _plain(node: yaml.Node) -> Any:
    """Returns what YAML makes of a node."""
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise _WrongError("YAML cannot read it") from error


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or not str(node.value).strip():
        raise _WrongError("a text is expected")
    text = str(node.value)
    if not is_unicode(text):
        raise _WrongError("half of a surrogate pair is no character")
    return text


def _address(node: yaml.Node) -> str:
    text = _text(node)
    found = _ADDRESS.fullmatch(text)
    if not found or not 0 < int(found[2]) < 65_536:
        raise _WrongError(f"host:port is expected, not {text!r}")
    return text


def _flag(node: yaml.Node) -> bool:
    value = _plain(node)
    if not isinstance(value, bool):
        raise _WrongError("true or false is expected")
    return value


def _number(node: yaml.Node) -> float:
    value = _plain(node)
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (OverflowError, TypeError, ValueError):
        number = math.nan
    if isinstance(value, str) or not math.isfinite(number):
        raise _WrongError("a number is expected")
    return number


def _interval_ms(node: yaml.Node) -> int:
    value = _number(node)
    if value != int(value) or not 0 <= value <= _LONGEST_INTERVAL_MS:
        raise _WrongError(f"a whole number from 0 to {_LONGEST_INTERVAL_MS} is expected")
    return int(value)


def _keepalive_s(node: yaml.Node) -> float:
    value = _number(node)
    if not 1 <= value <= _LONGEST_KEEPALIVE_S:
        raise _WrongError(f"a number from 1 to {_LONGEST_KEEPALIVE_S} is expected")
    return value


def _time(node: yaml.Node) -> str:
    value = _text(node)
    if value not in ("device", "receive"):
        raise _WrongError("device or receive is expected")
    return value


def _paths(node: yaml.Node) -> tuple[str, ...]:
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        raise _WrongError("a list of paths is expected")
    paths = tuple(_text(item) for item in node.value)
    for path in paths:
        try:
            parse_path(path)
        except ValueError as error:
            raise _WrongError(str(error)) from error
    return paths


def _names(node: yaml.Node) -> dict[str, str]:
    if not isinstance(node, yaml.MappingNode):
        raise _WrongError("names of the device with names of the topology are expected")
    return {_text(key): _text(value) for key, value in node.value}


def _username(node: yaml.Node) -> Secret:
    if isinstance(node, yaml.ScalarNode):
        return Secret(plain=_text(node))
    return _reference(node)


def _reference(node: yaml.Node) -> Secret:
    """Reads where a secret is. A secret itself is refused, and not shown."""
    if not isinstance(node, yaml.MappingNode) or len(node.value) != 1:
        raise _WrongError("a reference is expected, {env: NAME} or {file: PATH}")
    ((key, value),) = node.value
    if key.value not in ("env", "file"):
        raise _WrongError("a reference is expected, {env: NAME} or {file: PATH}")
    return Secret(**{str(key.value): _text(value)})


def _tls(node: yaml.Node) -> Tls:
    if not isinstance(node, yaml.MappingNode):
        raise _WrongError("ca, cert, key or server_name are expected")
    told: dict[str, str] = {}
    for key, value in node.value:
        if _text(key) not in Tls.__dataclass_fields__:
            raise _WrongError(f"there is no setting {key.value!r}")
        told[key.value] = _text(value)
    if ("cert" in told) != ("key" in told):
        raise _WrongError("cert and key come together")
    for name in ("ca", "cert", "key"):
        if name in told and not Path(told[name]).is_file():
            raise _WrongError(f"{name}: no such file: {told[name]}")
    return Tls(**told)


#: How each setting of a node is read.
READERS: dict[str, Callable[[yaml.Node], Any]] = {
    "node_id": _text,
    "address": _address,
    "tls": _tls,
    "insecure": _flag,
    "username": _username,
    "password": _reference,
    "sample_interval_ms": _interval_ms,
    "paths": _paths,
    "components": _names,
    "no_light_dbm": _number,
    "time": _time,
    "keepalive_s": _keepalive_s,
}
