"""How the columns of a block are written: one buffer a column, as narrow as its values allow.

Integers are written as offsets from the least of them, in the fewest bytes that hold the offsets; a
column whose values are all the same takes no room. Devices report powers in hundredths of a dB (the
precision of OpenConfig). Such columns are `coded` as int16 once, where that loses nothing. They
stay so from step to step, until a kernel calculates with them and asks for the `plain` numbers.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Arrays by name; lists of bytes for columns of dtype ``bytes``.
Columns = Mapping[str, Any]

# Index in the schema, encoding, size of an item, bytes that follow, least value.
_HEAD = struct.Struct("<BBHIq")
_ALIGNMENT = 8
_MOST_LEAST = 2**63 - 1
_PLAIN, _OFFSETS, _CODED, _BYTES = range(4)
_UNSIGNED: dict[int, np.dtype[Any]] = {size: np.dtype(f"<u{size}") for size in (1, 2, 4, 8)}

_NAN_CODE, _DARK_CODE = -32768, -32767
#: The number that each code stands for, by the code as uint16.
_PLAIN_OF = np.arange(1 << 16).astype(np.uint16).view(np.int16) / 100.0
_PLAIN_OF[np.array(_NAN_CODE).astype(np.uint16)] = np.nan
_PLAIN_OF[np.array(_DARK_CODE).astype(np.uint16)] = -np.inf


@dataclass(frozen=True)
class Column:
    """A column of a schema.

    Attributes:
        dtype: numpy's name of it; ``bytes`` for a list of bytes of any length.
        width: numbers in a row; 2 = one for each direction.
        per_report: the column has one row for each report.
        optional: the column may be missing; then no row has a value.
    """

    dtype: str
    width: int = 1
    per_report: bool = False
    optional: bool = False

    def accepts(self, values: Any) -> bool:
        """Returns whether an array, or a list of bytes, can be this column."""
        if self.dtype == "bytes":
            return isinstance(values, list)
        if not isinstance(values, np.ndarray) or values.ndim != self.width:
            return False
        same = bool(values.dtype == self.dtype)
        return same or (self.dtype == "float64" and is_coded(values))


def coded(values: NDArray[np.float64]) -> NDArray[Any]:
    """Returns numbers as int16 hundredths; unchanged where that would lose anything."""
    with np.errstate(invalid="ignore", over="ignore"):
        codes = np.rint(values * 100.0).astype(np.int16)
    special = ~np.isfinite(values)
    if special.any():
        codes[special] = np.where(np.isnan(values[special]), _NAN_CODE, _DARK_CODE)
    same = plain(codes).view(np.int64) == np.ascontiguousarray(values).view(np.int64)
    return codes if same.all() else values


def plain(values: NDArray[Any]) -> NDArray[np.float64]:
    """Returns the numbers of a float64 column, coded or not."""
    return _PLAIN_OF[values.view(np.uint16)] if is_coded(values) else values


def is_coded(values: NDArray[Any]) -> bool:
    """Returns whether the numbers of a float64 column are hundredths."""
    return values.dtype == np.int16


def none_in(values: NDArray[Any]) -> Any:
    """Returns what stands for "no value" in a float64 column like this one."""
    return np.int16(_NAN_CODE) if is_coded(values) else np.nan


def is_none(values: NDArray[Any]) -> NDArray[np.bool_]:
    """Returns where a float64 column, coded or not, has no value."""
    nowhere: NDArray[np.bool_] = values == _NAN_CODE if is_coded(values) else np.isnan(values)
    return nowhere


def concatenated(parts: Sequence[NDArray[Any] | None], lengths: Sequence[int]) -> NDArray[Any]:
    """Returns float64 columns, coded or not, one after the other; some may be missing.

    Args:
        parts: the columns, None where one is missing; at least one is there.
        lengths: the rows of each.
    """
    all_coded = all(part is None or is_coded(part) for part in parts)
    like = next(part for part in parts if part is not None)
    dtype = np.int16 if all_coded else np.float64
    nothing = _NAN_CODE if all_coded else np.nan
    return np.concatenate(
        [
            np.full((length, *like.shape[1:]), nothing, dtype)
            if part is None
            else part
            if all_coded
            else plain(part)
            for part, length in zip(parts, lengths, strict=True)
        ]
    )


def write_columns(schema: Mapping[str, Column], columns: Columns, rows: int, reports: int) -> bytes:
    """Returns the columns in wire form.

    Raises:
        ValueError: they are not those of the schema.
    """
    if unknown := columns.keys() - schema.keys():
        raise ValueError(f"no such columns: {', '.join(sorted(unknown))}")
    parts: list[Any] = []
    for index, (name, column) in enumerate(schema.items()):
        values = columns.get(name)
        if values is None:
            if not column.optional:
                raise ValueError(f"column {name} is missing")
            continue
        if not column.accepts(values) or len(values) != (reports if column.per_report else rows):
            raise ValueError(f"this cannot be column {name}: {values!r}")
        encoding, item, least, data = _written(column, values)
        parts += (_HEAD.pack(index, encoding, item, len(data), least), data)
        if rest := -len(data) % _ALIGNMENT:
            parts.append(bytes(rest))
    return b"".join(parts)


def read_columns(
    schema: Mapping[str, Column], data: bytes, at: int, rows: int, reports: int
) -> dict[str, Any]:
    """Returns the columns of a wire form; arrays may share its memory.

    Args:
        schema: the schema of the columns.
        data: holds the wire form.
        at: where it starts.
        rows: number of rows.
        reports: number of reports.
    """
    names = list(schema)
    columns: dict[str, Any] = {}
    while at < len(data):
        index, encoding, item, size, least = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        name = names[index]
        column = schema[name]
        length = reports if column.per_report else rows
        columns[name] = _read(column, data, at, length, (encoding, item, size, least))
        at += size + -size % _ALIGNMENT
    return columns


def _written(column: Column, values: Any) -> tuple[int, int, int, Any]:
    """Returns encoding, size of an item, least value and bytes of a column."""
    if column.dtype == "bytes":
        lengths = np.fromiter(map(len, values), np.uint32, len(values))
        return _BYTES, 0, 0, lengths.tobytes() + b"".join(values)
    if values.dtype.kind in "iub" and not is_coded(values):
        return _offsets(values)
    encoding = _CODED if is_coded(values) else _PLAIN
    return encoding, values.dtype.itemsize, 0, values.tobytes()


def _offsets(values: NDArray[Any]) -> tuple[int, int, int, Any]:
    if not len(values):
        return _OFFSETS, 0, 0, b""
    if values.dtype.kind == "b":
        values = values.view(np.uint8)
    least, most = int(values.min()), int(values.max())
    span = most - least
    size = next(size for size in _UNSIGNED if span < 1 << 8 * size) if span else 0
    if size == values.dtype.itemsize or least > _MOST_LEAST:
        return _OFFSETS, values.dtype.itemsize, 0, values.tobytes()
    if span == 0:
        return _OFFSETS, 0, least, b""
    offsets = values - values.dtype.type(least)
    return _OFFSETS, size, least, offsets.astype(_UNSIGNED[size]).tobytes()


def _read(
    column: Column, data: bytes, at: int, length: int, head: tuple[int, int, int, int]
) -> Any:
    encoding, item, size, least = head
    if encoding == _BYTES:
        return _read_bytes(data, at, length)
    if encoding == _OFFSETS:
        return _read_offsets(column.dtype, data, at, length, item, least)
    dtype = np.dtype(np.int16 if encoding == _CODED else np.float64)
    values = np.frombuffer(data, dtype, size // dtype.itemsize, at)
    return values.reshape(-1, 2) if column.width == 2 else values


def _read_offsets(
    dtype: str, data: bytes, at: int, length: int, item: int, least: int
) -> NDArray[Any]:
    target = np.dtype(dtype)
    if item == 0:
        return np.full(length, least, target)
    if item == target.itemsize:
        return np.frombuffer(data, target, length, at)
    offsets: NDArray[Any] = np.frombuffer(data, _UNSIGNED[item], length, at).astype(target)
    offsets += target.type(least)
    return offsets


def _read_bytes(data: bytes, at: int, length: int) -> list[bytes]:
    lengths = np.frombuffer(data, np.uint32, length, at)
    ends = at + 4 * length + np.cumsum(lengths, dtype=np.int64)
    return [
        data[end - size : end] for end, size in zip(ends.tolist(), lengths.tolist(), strict=True)
    ]
