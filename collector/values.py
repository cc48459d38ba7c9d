"""The values of gNMI leaves as numbers or texts. Nothing here knows gRPC.

A number is a float; -inf stays -inf, because it means no light where the leaf is a power. None is
no number: a boolean, bytes, a list, a text that is not a decimal.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator

from collector.paths import LIST_KEYS, Element, Path, element
from schema.gnmi_pb2 import TypedValue

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_NO_LIGHT = ("-inf", "-infinity")
#: More digits than any device has; a larger exponent would only cost time.
_MAX_PRECISION = 64

#: What a leaf holds once it is out of protobuf or JSON.
Scalar = float | str | None


def number(scalar: Scalar) -> float | None:
    """Returns a scalar as a number; a text if it is a decimal, or says minus infinity."""
    if not isinstance(scalar, str):
        return scalar
    text = scalar.strip()
    if _DECIMAL.fullmatch(text):
        return float(text)
    return -math.inf if text.lower() in _NO_LIGHT else None


def scalars(path: Path, value: TypedValue) -> Iterator[tuple[Path, Scalar]]:
    """Yields the leaves in a value, each with its path: one, or those of a JSON subtree."""
    match value.WhichOneof("value"):
        case "double_val":
            yield path, value.double_val
        case "float_val":
            yield path, _shortest(value.float_val)
        case "decimal_val":
            yield path, _decimal(value.decimal_val.digits, value.decimal_val.precision)
        case "int_val":
            yield path, float(value.int_val)
        case "uint_val":
            yield path, float(value.uint_val)
        case "string_val":
            yield path, value.string_val
        case "ascii_val":
            yield path, value.ascii_val
        case "json_val":
            yield from _json_leaves(path, value.json_val)
        case "json_ietf_val":
            yield from _json_leaves(path, value.json_ietf_val)
        case _:
            yield path, None


def read_json(text: bytes) -> object:
    """Returns what a JSON text holds.

    Raises:
        ValueError: it is not JSON, is nested too deeply, or holds a text that is not Unicode.
    """
    try:
        value: object = json.loads(text)
        # Only an escape can bring half of a surrogate pair, which nothing can write again.
        if b"\\u" in text and not is_unicode(json.dumps(value, ensure_ascii=False)):
            raise ValueError("half of a surrogate pair")
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    return value


def is_unicode(text: str) -> bool:
    """Tells whether a text can be written in UTF-8: it holds no half of a surrogate pair."""
    return not any("\ud800" <= each <= "\udfff" for each in text)


def json_scalars(path: Path, value: object) -> Iterator[tuple[Path, Scalar]]:
    """Yields the leaves below a value that was read from JSON, each with its path."""
    name, keys = path[-1] if path else ("", ())
    if isinstance(value, dict):
        for member, below in value.items():
            yield from json_scalars((*path, element(member)), below)
    elif isinstance(value, list) and name in LIST_KEYS and not keys:
        for entry in value:
            yield from json_scalars((*path[:-1], _list_element(name, entry)), entry)
    elif isinstance(value, bool | list) or value is None:
        yield path, None
    elif isinstance(value, str):
        yield path, value
    else:
        yield path, _as_float(value)


def _list_element(name: str, entry: object) -> Element:
    """Returns the element of an entry of a list, with the key that the entry tells."""
    key = LIST_KEYS[name]
    if isinstance(entry, dict):
        for member, value in entry.items():
            if element(member)[0] == key:
                return element(name, [(key, str(value))])
    return element(name)


def _json_leaves(path: Path, text: bytes) -> Iterator[tuple[Path, Scalar]]:
    try:
        value = read_json(text)
    except ValueError:
        yield path, None
    else:
        yield from json_scalars(path, value)


def _as_float(value: object) -> float | None:
    try:
        return float(value)  # type: ignore[arg-type]
    except (OverflowError, TypeError, ValueError):
        return None


def _decimal(digits: int, precision: int) -> float | None:
    """Returns digits / 10^precision, rounded once."""
    return digits / 10**precision if precision <= _MAX_PRECISION else None


def _shortest(value: float) -> float:
    """Returns the shortest decimal that the 32-bit float stands for: -9.31, not -9.3100004."""
    return float(f"{value:.7g}")
