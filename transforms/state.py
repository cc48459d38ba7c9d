"""State of a key: a copy in the worker, a token that names it, and logs that are added to.

To read all state for each element would cost more than the work. So a worker holds what it last
saved, under a token that the head of the state names too. After a bundle that has failed, and
after a restart, another token stands there, and the state is read. A copy that is open is not held:
when the block that opened it fails, nothing of it is left.

What is large and changes a little at a time is a log: a bag of blocks that is added to, and
rewritten when it has outgrown what it stands for.
"""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from schema.blocks import Block
from schema.versions import TABLE_STATE_VERSION, check_version

__all__ = [
    "TABLE_REST_BYTES",
    "Codec",
    "HeldStates",
    "Log",
    "SavedTable",
    "TableCells",
    "TableCodec",
    "Whole",
    "load_table",
    "pack_head",
    "save_table",
    "unpack_head",
]

_TOKEN_BYTES = 16
_NO_TOKEN = bytes(_TOKEN_BYTES)
#: A table's log is not rewritten before it has so many rows.
_SPARE_ROWS = 1000


def pack_head(version: int, rest: bytes) -> tuple[bytes, bytes]:
    """Returns a new token, and the head of a state: version, token and what the codec adds."""
    token = uuid.uuid4().bytes
    return token, bytes([version]) + token + rest


def unpack_head(head: bytes, version: int) -> tuple[bytes, bytes]:
    """Returns the token of a head and what the codec has added.

    Raises:
        ValueError: another version wrote it.
    """
    check_version(head[0], version)
    return head[1 : 1 + _TOKEN_BYTES], head[1 + _TOKEN_BYTES :]


class Cells(Protocol):
    """The state cells of one key, as Beam hands them to a DoFn."""

    @property
    def head(self) -> Any:
        """Value cell: version, token, and what the codec adds."""


T = TypeVar("T")
C = TypeVar("C", bound=Cells, contravariant=True)


class Codec(Protocol[T, C]):
    """Reads and writes what stands behind a head."""

    @property
    def version(self) -> int:
        """First byte of the head; state of another version is refused."""

    def empty(self, key: int) -> T:
        """Returns what a key without state has."""

    def read(self, key: int, rest: bytes, cells: C) -> T:
        """Reads the state.

        Args:
            key: of the state.
            rest: what `write` returned when the state was saved.
            cells: of the key.
        """

    def write(self, copy: T, cells: C) -> bytes | None:
        """Writes what has changed.

        Returns:
            What the head has behind version and token; None = nothing has changed.
        """


class HeldStates(Generic[T, C]):
    """The states of the keys that come to this worker."""

    def __init__(self, codec: Codec[T, C]) -> None:
        """Takes what reads and writes the states."""
        self._codec = codec
        self._held: dict[int, tuple[bytes, T]] = {}

    @contextmanager
    def open(self, key: int, cells: C) -> Iterator[T]:
        """Opens the state of a key; saves it when the block is left, unless an error leaves it.

        Raises:
            ValueError: another version wrote the state.
        """
        codec = self._codec
        held_token, copy = self._held.pop(key, (None, None))
        head = cells.head.read()
        token, rest = unpack_head(head, codec.version) if head else (_NO_TOKEN, b"")
        if copy is None or held_token != token:
            copy = codec.read(key, rest, cells) if head else codec.empty(key)
        yield copy
        new_rest = codec.write(copy, cells)
        if new_rest is not None:
            token, head = pack_head(codec.version, new_rest)
            cells.head.write(head)
        self._held[key] = token, copy


#: All blocks of a log, and their size.
Whole = tuple[Iterable[bytes], int]


@dataclass
class Log:
    """A bag of blocks.

    Attributes:
        size: how much was added since the log was last rewritten, in a unit of the codec's choice.
    """

    size: int = 0

    def save(
        self, bag: Any, added: Iterable[bytes], size: int, limit: int, whole: Callable[[], Whole]
    ) -> None:
        """Adds blocks, or rewrites the log when it would grow beyond a limit.

        Args:
            bag: the bag cell.
            added: the new blocks.
            size: their size.
            limit: how large the log may be.
            whole: returns all blocks that are still of use, the new ones included, and their size.
        """
        self.size += size
        if self.size > limit:
            added, self.size = whole()
            bag.clear()
        for block in added:
            bag.add(block)


class Table(Protocol):
    """What the blocks of a log make."""

    def apply(self, block: Block) -> Any:
        """Applies the rows of a block."""

    def to_block(self) -> Block:
        """Returns all rows as one block."""

    def __len__(self) -> int:
        """Number of rows."""


@dataclass(frozen=True)
class TableCells:
    """The state cells of a table.

    Attributes:
        head: value; version, token and rows in the log.
        log: bag; the blocks that made the table.
    """

    head: Any
    log: Any


TABLE = TypeVar("TABLE", bound=Table)


@dataclass
class SavedTable(Generic[TABLE]):
    """A table, and what was applied to it since it was last saved.

    Attributes:
        table: to be read; `apply` changes it.
    """

    table: TABLE
    unsaved: list[Block] = field(default_factory=list)
    log: Log = field(default_factory=Log)

    def apply(self, block: Block) -> Any:
        """Applies the rows of a block; returns what the table says of them."""
        self.unsaved.append(block)
        return self.table.apply(block)


class TableCodec(Generic[TABLE]):
    """Saves a table as a log of blocks."""

    version = TABLE_STATE_VERSION

    def __init__(self, empty: Callable[[], TABLE]) -> None:
        """Takes what makes an empty table."""
        self._empty = empty

    def empty(self, key: int) -> SavedTable[TABLE]:
        """Returns an empty table."""
        return SavedTable(self._empty())

    def read(self, key: int, rest: bytes, cells: TableCells) -> SavedTable[TABLE]:
        """Applies the log to an empty table."""
        table = self._empty()
        return SavedTable(table, log=load_table(table, rest, cells.log))

    def write(self, copy: SavedTable[TABLE], cells: TableCells) -> bytes | None:
        """Adds what was applied to the log."""
        if not copy.unsaved:
            return None
        return save_table(copy.table, copy.unsaved, copy.log, cells.log)


_ROWS = struct.Struct("<Q")
#: Length of what `save_table` returns [bytes].
TABLE_REST_BYTES = _ROWS.size


def load_table(table: Table, rest: bytes, bag: Any) -> Log:
    """Applies a log to an empty table.

    Args:
        table: the table.
        rest: what `save_table` returned when the log was saved.
        bag: the bag cell.

    Returns:
        The log, with its size in rows.
    """
    for data in bag.read():
        table.apply(Block.from_bytes(data))
    return Log(_ROWS.unpack(rest)[0])


def save_table(table: Table, unsaved: list[Block], log: Log, bag: Any) -> bytes:
    """Adds to the log of a table the blocks that were applied to it, and empties their list.

    The log is rewritten when it has grown to more than twice the table.

    Returns:
        What the head has behind version and token.
    """

    def whole() -> Whole:
        block = table.to_block()
        return [block.to_bytes()], block.num_rows

    rows = sum(block.num_rows for block in unsaved)
    added = (block.to_bytes() for block in unsaved)
    log.save(bag, added, rows, 2 * len(table) + _SPARE_ROWS, whole)
    unsaved.clear()
    return _ROWS.pack(log.size)
