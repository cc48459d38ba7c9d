"""Where the timestamp and the doubles of a SubscribeResponse are, on protobuf's wire.

Numbers of fields are those of gnmi.proto. A double has eight bytes, and a timestamp in ns nine
until the year 2262; so both keep their places in messages that differ in nothing else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

_VARINT, _FIXED64, _DELIMITED, _FIXED32 = 0, 1, 2, 5
#: SubscribeResponse.update, Notification.timestamp, .update, Update.val, TypedValue.double_val
_RESPONSE_UPDATE, _TIMESTAMP, _UPDATE, _VALUE, _DOUBLE = 1, 1, 4, 3, 14
_TIME_BYTES, _DOUBLE_BYTES = 9, 8

#: Offset and length of bytes that differ from message to message.
Hole = tuple[int, int]


def holes(data: bytes) -> list[Hole] | None:
    """Returns where the timestamp is, and then the doubles; None if they are not there once each.

    Args:
        data: a SubscribeResponse that was parsed before, so it is sound.
    """
    found: list[Hole] = []
    times = 0
    for number, kind, start, end in _fields(data, 0, len(data)):
        if (number, kind) != (_RESPONSE_UPDATE, _DELIMITED):
            return None
        for inner, inner_kind, at, stop in _fields(data, start, end):
            if (inner, inner_kind) == (_TIMESTAMP, _VARINT):
                if stop - at != _TIME_BYTES or found:
                    return None
                times += 1
                found.append((at, _TIME_BYTES))
            elif (inner, inner_kind) == (_UPDATE, _DELIMITED):
                found += _doubles(data, at, stop)
    return found if times == 1 else None


def between(found: list[Hole], size: int) -> struct.Struct:
    """Returns what splits a message into constants with the holes between them."""
    parts, at = [], 0
    for start, length in found:
        parts.append(f"{start - at}s{'9s' if length == _TIME_BYTES else 'd'}")
        at = start + length
    return struct.Struct(f"<{''.join(parts)}{size - at}s")


def nine_byte_varint(data: bytes) -> int:
    """Returns the number in a varint of nine bytes."""
    number = 0
    for byte in reversed(data):
        number = number << 7 | byte & 0x7F
    return number


def _doubles(data: bytes, start: int, end: int) -> Iterator[Hole]:
    for number, kind, at, stop in _fields(data, start, end):
        if (number, kind) == (_VALUE, _DELIMITED):
            for inner, inner_kind, value, _ in _fields(data, at, stop):
                if (inner, inner_kind) == (_DOUBLE, _FIXED64):
                    yield value, _DOUBLE_BYTES


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int, int]]:
    """Yields number, wire type, start and end of each field between two offsets."""
    while at < end:
        tag, at = _varint(data, at)
        kind = tag & 7
        if kind == _DELIMITED:
            length, at = _varint(data, at)
            stop = at + length
        elif kind == _VARINT:
            _, stop = _varint(data, at)
        else:
            stop = at + (_DOUBLE_BYTES if kind == _FIXED64 else 4)
        yield tag >> 3, kind, at, stop
        at = stop


def _varint(data: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return number, at
