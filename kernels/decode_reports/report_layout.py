"""Where the numbers stand in a report: learned from one report, byte by byte, for all like it."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from schema.pm_types import CANONICAL_UNIT, SampleState, sample_state

_VARINT, _FIXED64, _DELIMITED = 0, 1, 2
_FIXED64_BYTES, _WORD_BYTES = 8, 8
#: A varint of more bytes is a negative number.
_MAX_VARINT_BYTES = 9
#: The parser keeps the low 32 bits of an enum number; a larger one is left to it.
_MAX_ENUM = 2**31 - 1

# Field numbers of proto/pm_report.proto.
_NODE_ID, _COLLECT_TIME, _SEQUENCE, _CLOCK_STATE, _COMPONENTS = range(1, 6)
_NAME, _SAMPLE_TIME, _VALIDITY, _ADMIN_STATE, _VALUES = range(1, 6)
_TYPE, _INSTANT, _AVG, _MIN, _MAX, _NO_LIGHT, _UNIT = range(1, 8)
_STATISTICS = (_INSTANT, _AVG, _MIN, _MAX)


@dataclass(frozen=True)
class ReadingPlaces:
    """Where the readings of one PM type stand.

    Attributes:
        component: (k,) int64, the components that have one.
        position: (k,) int64, first byte of the double; 0 where there is no light.
        dark: (k,) bool, there is no light.
    """

    component: NDArray[np.int64]
    position: NDArray[np.int64]
    dark: NDArray[np.bool_]


@dataclass(frozen=True)
class ReportLayout:
    """What all reports of one kind share; each has C components.

    Attributes:
        mask: machine words, the bits that are the same in all of them.
        structure: machine words, the value of these bits.
        node_id: position of the first byte of the node's name, and of the byte after the last.
        name: positions of the bytes of the components' names, one name after the other.
        name_length: (C,) int64 [bytes].
        collect_time: positions of the bytes of the varint.
        sequence: likewise; empty where the sequence is 0.
        sample_time: (C, number of bytes) positions; no bytes where components have no time.
        state: (C,) uint8 `SampleState`.
        readings: where the readings stand, by PM type.
    """

    mask: NDArray[np.uint64]
    structure: NDArray[np.uint64]
    node_id: tuple[int, int]
    name: NDArray[np.int64]
    name_length: NDArray[np.int64]
    collect_time: NDArray[np.int64]
    sequence: NDArray[np.int64]
    sample_time: NDArray[np.int64]
    state: NDArray[np.uint8]
    readings: dict[int, ReadingPlaces]


class _UnusualError(Exception):
    """The report is left to the parser."""


def learn_layout(payload: bytes) -> ReportLayout | None:
    """Returns the layout of a report; None where the report is unusual.

    In a usual report all fields are known and stand at most once, every component has a name and
    values of known types in their canonical units, and all sample times have the same length.
    """
    try:
        return _Walk(payload).layout()
    except _UnusualError:
        return None


@dataclass
class _Component:
    name: range
    sample_time: range
    state: SampleState
    readings: dict[int, tuple[int, bool]]  # by type: position, dark


@dataclass
class _Walk:
    payload: bytes
    _mask: NDArray[np.uint8] = field(init=False)

    def layout(self) -> ReportLayout:
        size = len(self.payload)
        padded = size + -size % _WORD_BYTES
        self._mask = np.full(padded, 0xFF, np.uint8)
        found: dict[int, range] = {}
        components = []
        for number, wire_type, where in self._fields(0, size):
            if number == _COMPONENTS and wire_type == _DELIMITED:
                components.append(self._component(where))
            elif number == _NODE_ID and wire_type == _DELIMITED:
                _once(found, number, where)
                self._mask[where] = 0
            elif number in (_COLLECT_TIME, _SEQUENCE, _CLOCK_STATE) and wire_type == _VARINT:
                _once(found, number, where)
                if number != _CLOCK_STATE:
                    self._mask[where] = 0x80  # the length stays the same
            else:
                raise _UnusualError
        if not found.get(_NODE_ID) or _COLLECT_TIME not in found or not components:
            raise _UnusualError
        if len({len(component.sample_time) for component in components}) > 1:
            raise _UnusualError
        data = np.frombuffer(self.payload + bytes(padded - size), np.uint8)
        return ReportLayout(
            mask=self._mask.view(np.uint64),
            structure=(data & self._mask).view(np.uint64),
            node_id=(found[_NODE_ID].start, found[_NODE_ID].stop),
            name=_positions(*(component.name for component in components)),
            name_length=np.array([len(component.name) for component in components]),
            collect_time=_positions(found[_COLLECT_TIME]),
            sequence=_positions(found.get(_SEQUENCE, range(0))),
            sample_time=_positions(*(c.sample_time for c in components)).reshape(
                len(components), -1
            ),
            state=np.array([component.state for component in components], np.uint8),
            readings=_by_type(components),
        )

    def _component(self, where: range) -> _Component:
        found: dict[int, range] = {}
        readings: dict[int, tuple[int, bool]] = {}
        for number, wire_type, part in self._fields(where.start, where.stop):
            if number == _VALUES and wire_type == _DELIMITED:
                pm_type, position, dark = self._value(part)
                if pm_type in readings:
                    raise _UnusualError
                readings[pm_type] = position, dark
            elif number == _NAME and wire_type == _DELIMITED:
                _once(found, number, part)
                self._mask[part] = 0
            elif number in (_SAMPLE_TIME, _VALIDITY, _ADMIN_STATE) and wire_type == _VARINT:
                _once(found, number, part)
                if number == _SAMPLE_TIME:
                    self._mask[part] = 0x80
            else:
                raise _UnusualError
        if not found.get(_NAME) or not readings:
            raise _UnusualError
        state = sample_state(self._enum(found, _VALIDITY), self._enum(found, _ADMIN_STATE))
        return _Component(found[_NAME], found.get(_SAMPLE_TIME, range(0)), state, readings)

    def _value(self, where: range) -> tuple[int, int, bool]:
        """Returns the type, the position of the reading, and whether there is no light."""
        found: dict[int, range] = {}
        for number, wire_type, part in self._fields(where.start, where.stop):
            _once(found, number, part)
            if number in _STATISTICS and wire_type == _FIXED64:
                self._mask[part] = 0
            elif number not in (_TYPE, _NO_LIGHT, _UNIT) or wire_type != _VARINT:
                raise _UnusualError
        pm_type, unit = self._enum(found, _TYPE), self._enum(found, _UNIT)
        dark = bool(self._number(found.get(_NO_LIGHT, range(0))))
        reading = found.get(_INSTANT) or found.get(_AVG)
        if pm_type not in CANONICAL_UNIT or unit not in (0, CANONICAL_UNIT[pm_type]):
            raise _UnusualError
        if reading is None and not dark:
            raise _UnusualError
        return pm_type, 0 if dark or reading is None else reading.start, dark

    def _fields(self, at: int, end: int) -> Iterator[tuple[int, int, range]]:
        """Yields number, wire type and bytes of each field; of a delimited field its content."""
        while at < end:
            tag = self._varint(at, end)
            number, wire_type = self._number(tag) >> 3, self._number(tag) & 7
            at = tag.stop
            if wire_type == _VARINT:
                where = self._varint(at, end)
            elif wire_type == _FIXED64:
                where = range(at, at + _FIXED64_BYTES)
            elif wire_type == _DELIMITED:
                length = self._varint(at, end)
                where = range(length.stop, length.stop + self._number(length))
            else:
                raise _UnusualError
            if where.stop > end:
                raise _UnusualError
            yield number, wire_type, where
            at = where.stop

    def _varint(self, at: int, end: int) -> range:
        for stop in range(at, min(end, at + _MAX_VARINT_BYTES)):
            if self.payload[stop] < 0x80:
                return range(at, stop + 1)
        raise _UnusualError

    def _enum(self, found: dict[int, range], number: int) -> int:
        """Returns an enum field; 0 where it is not set."""
        value = self._number(found.get(number, range(0)))
        if value > _MAX_ENUM:
            raise _UnusualError
        return value

    def _number(self, where: range) -> int:
        return sum((self.payload[at] & 0x7F) << 7 * place for place, at in enumerate(where))


def _once(found: dict[int, range], number: int, where: range) -> None:
    if number in found:
        raise _UnusualError
    found[number] = where


def _positions(*parts: range) -> NDArray[np.int64]:
    return np.array([at for part in parts for at in part], np.int64)


def _by_type(components: list[_Component]) -> dict[int, ReadingPlaces]:
    found: dict[int, list[tuple[int, int, bool]]] = {}
    for number, component in enumerate(components):
        for pm_type, (position, dark) in component.readings.items():
            found.setdefault(pm_type, []).append((number, position, dark))
    return {
        pm_type: ReadingPlaces(
            np.array([number for number, _, _ in rows], np.int64),
            np.array([position for _, position, _ in rows], np.int64),
            np.array([dark for _, _, dark in rows], bool),
        )
        for pm_type, rows in found.items()
    }
