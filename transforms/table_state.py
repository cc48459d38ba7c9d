"""A table as Beam state that changes a little at a time: a log of blocks, and a copy in memory.

Writing a whole table for every change would cost its size each time. So the state is a bag of the
blocks that made the table, and a head that names them by a token: the copy in memory is good as
long as it goes by the same token. When the log has grown to more than twice the table it is
written anew.
"""

import struct
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from kernels.track_links.state_codec import check_version
from schema.blocks import Block

#: First byte of the head; state of another version is refused.
STATE_VERSION = 3

_HEAD = struct.Struct("<B16sQ")
NO_TOKEN = bytes(16)
#: Is no state's.
_NONE = b""
#: A log is not written anew for fewer rows than this.
_SPARE_ROWS = 1000


class Table(Protocol):
    """What a log of blocks makes."""

    def apply(self, block: Block) -> Any:
        """Takes over the rows of a block."""

    def to_block(self) -> Block:
        """Returns all rows as one block."""

    def __len__(self) -> int:
        """Number of rows."""


T = TypeVar("T", bound=Table)


@dataclass
class TableState(Generic[T]):
    """The table of one key while one element is handled.

    Attributes:
        table: the table; changed by `apply` only.
        token: names what is in the state.
    """

    table: T
    token: bytes
    _rows_in_log: int
    _head_state: Any
    _log_state: Any
    _hold: Callable[[bytes, T], None]

    def apply(self, block: Block) -> Any:
        """Takes over the rows of a block, and keeps them; returns what the table says of them."""
        self._hold(_NONE, self.table)  # until it is done: a retried bundle must not find it changed
        result = self.table.apply(block)
        self._rows_in_log += block.num_rows
        if self._rows_in_log > 2 * len(self.table) + _SPARE_ROWS:
            self._log_state.clear()
            block = self.table.to_block()
            self._rows_in_log = block.num_rows
        self._log_state.add(block.to_bytes())
        self.token = uuid.uuid4().bytes
        self._head_state.write(_HEAD.pack(STATE_VERSION, self.token, self._rows_in_log))
        self._hold(self.token, self.table)
        return result


class TableCache(Generic[T]):
    """Opens the table of a key; reads the log only when it is not the one held here."""

    def __init__(self, empty: Callable[[], T]) -> None:
        """Takes what makes an empty table."""
        self._empty = empty
        self._held: dict[int, tuple[bytes, T]] = {}

    def open(self, key: int, head_state: Any, log_state: Any) -> TableState[T]:
        """Reads the state of a key.

        Raises:
            ValueError: it was written by another version.
        """
        head = head_state.read()
        token, rows = NO_TOKEN, 0
        if head:
            check_version(head[0], STATE_VERSION)
            _, token, rows = _HEAD.unpack(head)
        held_token, table = self._held.get(key, (None, None))
        if table is None or held_token != token:
            table = self._empty()
            if token != NO_TOKEN:
                for data in log_state.read():
                    table.apply(Block.from_bytes(data))
            self._held[key] = token, table

        def hold(token: bytes, table: T) -> None:
            self._held[key] = token, table

        return TableState(table, token, rows, head_state, log_state, hold)
