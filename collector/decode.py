"""SubscribeResponses as bytes → leaves and numbers, a message at a time.

Devices send the same messages again and again, with other numbers in them. So a decoder learns the
*layout* of a message: where its timestamp and its floats are. If all other bytes are the same as
in a message before, the numbers are taken out without parsing. Any other message goes to the
parser. Tests hold the two equal.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from google.protobuf.message import DecodeError

from collector import wire
from collector.counters import Fate, NodeCounts, UnknownPaths
from collector.paths import (
    Leaf,
    Path,
    PmLeaf,
    StateLeaf,
    element,
    find_leaf,
    parse_element,
    schema_path,
)
from collector.values import Scalar, number, scalars
from schema import gnmi_pb2

#: Paths that a node may have; more are a flood.
MAX_PATHS = 20_000
#: Layouts that are kept for a node.
_MAX_LAYOUTS = 512


class Batch(NamedTuple):
    """What one message says of the numbers at one instant.

    Attributes:
        time_ns: the timestamp that the device gave.
        leaves: where the numbers belong.
        numbers: as many.
    """

    time_ns: int
    leaves: tuple[PmLeaf, ...]
    numbers: Sequence[float]


@dataclass(slots=True)
class Message:
    """All that one message says.

    Attributes:
        batch: its numbers; None if it has none.
        time_ns: its timestamp.
        states: states of leaves, as texts.
        deleted: paths that are no more.
        sync: all that the device knew at the start has been sent.
        received: values in it.
        unknown: paths, without keys, that the table does not have.
        no_number: values that are not numbers.
        flood: values on more paths than a node may have.
    """

    batch: Batch | None = None
    time_ns: int = 0
    states: list[tuple[StateLeaf, str]] = field(default_factory=list)
    deleted: list[Path] = field(default_factory=list)
    sync: bool = False
    received: int = 0
    unknown: list[str] = field(default_factory=list)
    no_number: int = 0
    flood: int = 0


@dataclass(slots=True)
class _Layout:
    """How messages of one kind look.

    Attributes:
        unpack: splits a message into constants, with the timestamp and the floats between them.
        constants: the bytes that are the same in all of them.
        leaves: the leaves of the floats.
        pick: the positions of the floats that have a leaf; None if that is each of them.
        rest: all else that such a message says.
        following: the layout that came next the last time.
    """

    unpack: struct.Struct
    constants: tuple[bytes, ...]
    leaves: tuple[PmLeaf, ...]
    pick: tuple[int, ...] | None
    rest: Message
    following: _Layout | None = None


class Decoder:
    """Reads the messages of one node.

    Attributes:
        counts: of the node; the decoder counts messages, deletes and what has no number to keep.
    """

    def __init__(self, counts: NodeCounts, unknown: UnknownPaths) -> None:
        self.counts = counts
        self._unknown = unknown
        self._leaves: dict[Path, Leaf | None] = {}
        self._paths: dict[bytes, Path] = {}
        self._layouts: dict[int, list[_Layout]] = {}
        self._layout_count = 0
        self._last: _Layout | None = None
        self._times: tuple[bytes, int] = (b"", 0)

    def decode(self, data: bytes) -> Message | None:
        """Returns what a message says; None if it is not protobuf."""
        self.counts.messages += 1
        message = self._by_layout(data)
        if message is None:
            try:
                response = gnmi_pb2.SubscribeResponse.FromString(data)
            except DecodeError:
                self.counts.malformed += 1
                return None
            message = self.read(response)
            self._learn(data, response, message)
        self._count(message)
        return message

    def read(self, response: gnmi_pb2.SubscribeResponse) -> Message:
        """Returns what a parsed message says."""
        if response.WhichOneof("response") == "sync_response":
            return Message(sync=response.sync_response)
        notification = response.update
        message = Message(time_ns=notification.timestamp)
        prefix = self._path(notification.prefix)
        found: list[tuple[PmLeaf, float]] = []
        for update in notification.update:
            path = prefix + self._path(update.path)
            for where, scalar in scalars(path, update.val):
                self.add(message, found, where, scalar)
        message.deleted = [prefix + self._path(path) for path in notification.delete]
        _set_batch(message, found)
        return message

    def add(
        self, message: Message, found: list[tuple[PmLeaf, float]], path: Path, scalar: Scalar
    ) -> None:
        """Adds one value to what a message says."""
        message.received += 1
        leaf = self._leaf(path)
        if leaf is None:
            if len(self._leaves) >= MAX_PATHS and path not in self._leaves:
                message.flood += 1
            else:
                message.unknown.append(schema_path(path))
        elif isinstance(leaf, StateLeaf):
            message.states.append((leaf, scalar if isinstance(scalar, str) else ""))
        elif (value := number(scalar)) is None:
            message.no_number += 1
        else:
            found.append((leaf, value))

    def of_values(
        self, time_ns: int, values: Sequence[tuple[Path, Scalar]], deleted: Sequence[Path] = ()
    ) -> Message:
        """Returns a message of values that did not come as protobuf, and counts it."""
        self.counts.messages += 1
        message = Message(time_ns=time_ns, deleted=list(deleted))
        found: list[tuple[PmLeaf, float]] = []
        for path, scalar in values:
            self.add(message, found, path, scalar)
        _set_batch(message, found)
        self._count(message)
        return message

    def _path(self, path: gnmi_pb2.Path) -> Path:
        key = path.SerializeToString()
        known = self._paths.get(key)
        if known is None:
            known = _elements(path)
            if len(self._paths) < MAX_PATHS:
                self._paths[key] = known
        return known

    def _leaf(self, path: Path) -> Leaf | None:
        if path in self._leaves:
            return self._leaves[path]
        if len(self._leaves) >= MAX_PATHS:
            return None
        leaf = self._leaves[path] = find_leaf(path)
        return leaf

    def _count(self, message: Message) -> None:
        counts = self.counts
        counts.received += message.received
        if message.unknown:
            counts.fates[Fate.UNKNOWN_PATH] += len(message.unknown)
            for path in message.unknown:
                self._unknown.add(path)
        if message.no_number:
            counts.fates[Fate.NO_NUMBER] += message.no_number
        if message.states:
            counts.fates[Fate.STATE] += len(message.states)
        if message.flood:
            counts.fates[Fate.FLOOD] += message.flood
        counts.deletes += len(message.deleted)

    def _by_layout(self, data: bytes) -> Message | None:
        """Returns what a message says if it looks like one before; else None."""
        last = self._last
        guess = last.following if last else None
        if guess is None or not (parts := _split(guess, data)):
            for guess in self._layouts.get(len(data), ()):
                if parts := _split(guess, data):
                    break
            else:
                return None
            if last:
                last.following = guess
        self._last = guess
        time_bytes = parts[1]
        if time_bytes != self._times[0]:
            self._times = (time_bytes, wire.nine_byte_varint(time_bytes))
        time_ns = self._times[1]
        numbers = parts[3::2]
        if guess.pick is not None:
            numbers = tuple(numbers[i] for i in guess.pick)
        rest = guess.rest
        return Message(
            Batch(time_ns, guess.leaves, numbers) if guess.leaves else None,
            time_ns,
            rest.states,
            rest.deleted,
            received=rest.received,
            unknown=rest.unknown,
            no_number=rest.no_number,
        )

    def _learn(self, data: bytes, response: gnmi_pb2.SubscribeResponse, message: Message) -> None:
        """Keeps the layout of a message whose numbers are all doubles."""
        self._last = None
        if self._layout_count >= _MAX_LAYOUTS or message.deleted or message.flood:
            return
        updates = response.update.update
        if not updates or message.received != len(updates):
            return
        leaves: list[PmLeaf] = []
        pick: list[int] = []
        doubles = 0
        prefix = self._path(response.update.prefix)
        for update in updates:
            leaf = self._leaf(prefix + self._path(update.path))
            if update.val.WhichOneof("value") == "double_val":
                if isinstance(leaf, PmLeaf):
                    leaves.append(leaf)
                    pick.append(doubles)
                doubles += 1
            elif leaf is None or isinstance(leaf, PmLeaf):
                return  # its length may change, or it would need a layout for each number
        holes = wire.holes(data)
        if holes is None or len(holes) != doubles + 1:
            return
        unpack = wire.between(holes, len(data))
        parts = unpack.unpack(data)
        rest = Message(
            states=message.states,
            received=message.received,
            unknown=message.unknown,
            no_number=message.no_number,
        )
        layout = _Layout(
            unpack,
            parts[::2],
            tuple(leaves),
            None if len(pick) == doubles else tuple(pick),
            rest,
        )
        self._layouts.setdefault(len(data), []).insert(0, layout)
        self._layout_count += 1
        self._last = layout


def _split(layout: _Layout, data: bytes) -> tuple[Any, ...] | None:
    """Returns constants, timestamp and floats of a message; None if it looks otherwise."""
    if layout.unpack.size != len(data):
        return None
    parts = layout.unpack.unpack(data)
    return parts if parts[::2] == layout.constants else None


def _set_batch(message: Message, found: Sequence[tuple[PmLeaf, float]]) -> None:
    if found:
        leaves, numbers = zip(*found, strict=True)
        message.batch = Batch(message.time_ns, leaves, numbers)


def _elements(path: gnmi_pb2.Path) -> Path:
    """Returns a path of gNMI, which has elements, or, in old devices, their texts."""
    if path.elem:
        return tuple(element(each.name, each.key) for each in path.elem)
    return tuple(parse_element(text) for text in path.element)
