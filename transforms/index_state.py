"""The link ends of a node shard as Beam state, with a cache of what is laid out for joining."""

import struct
import uuid
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from kernels.join import LinkEndIndex, LinkEndRow
from schema.blocks import SCHEMAS, Block, BlockKind

#: First byte of both cells; state of another version is refused.
STATE_VERSION = 1

_HEAD = struct.Struct("<B16s??q")
_NO_TOKEN = bytes(16)


class IndexState:
    """The state of one key while one element is handled; `save` writes what has changed."""

    def __init__(
        self,
        index: LinkEndIndex,
        token: bytes,
        is_complete: bool,
        waits_until: int | None,
        cells: tuple[Any, Any],
        cache: Callable[[bytes | None, LinkEndIndex], None],
    ) -> None:
        """Takes over what the cells hold; `cache` is told what it may hold on to."""
        self.index = index
        self.token = token
        self.is_complete = is_complete
        self.waits_until = waits_until
        self._saved = (token, is_complete, waits_until)
        self._index_state, self._head_state = cells
        self._cache = cache

    def apply(self, rows: pa.RecordBatch) -> bool:
        """Takes over LINK_ENDS rows; returns whether they bring nodes not known before."""
        self._cache(None, self.index)  # until saved: a retried bundle must not find it changed
        nodes = self.index.nodes
        known = len(nodes)
        for row in rows.to_pylist():
            present = row.pop("present")
            end = LinkEndRow(**row)
            (self.index.ends.add if present else self.index.ends.discard)(end)
            nodes.add(end.node_id)
        self.index.lay_out()
        self.token = uuid.uuid4().bytes
        return len(nodes) > known

    def save(self) -> None:
        """Writes the cells that have changed."""
        if self._now() == self._saved:
            return
        if self.token != self._saved[0]:
            self._index_state.write(_pack_index(self.index))
            self._cache(self.token, self.index)
        waits = self.waits_until is not None
        head = (self.token, self.is_complete, waits, self.waits_until or 0)
        self._head_state.write(_HEAD.pack(STATE_VERSION, *head))
        self._saved = self._now()

    def _now(self) -> tuple[bytes, bool, int | None]:
        return self.token, self.is_complete, self.waits_until


class IndexCache:
    """Opens the state of a key; lays an index out only when it is not the one held here."""

    def __init__(self, num_shards: int) -> None:
        self._num_shards = num_shards
        self._indexes: dict[int, tuple[bytes | None, LinkEndIndex]] = {}

    def open(self, key: int, index_state: Any, head_state: Any) -> IndexState:
        """Reads the state of a key.

        Raises:
            ValueError: it was written by another version.
        """
        head = head_state.read()
        token, is_complete, waits_until = _NO_TOKEN, False, None
        if head:
            version, token, is_complete, waits, until = _HEAD.unpack(head)
            if version != STATE_VERSION:
                raise ValueError(f"state of version {version}, not {STATE_VERSION}: start anew")
            waits_until = until if waits else None
        held_token, index = self._indexes.get(key, (None, None))
        if index is None or held_token != token:
            index = LinkEndIndex(self._num_shards)
            data = index_state.read() if token != _NO_TOKEN else None
            if data:
                _unpack_index(data, index)
            index.lay_out()
            self._indexes[key] = (token, index)

        def cache(token: bytes | None, index: LinkEndIndex) -> None:
            self._indexes[key] = (token, index)

        cells = index_state, head_state
        return IndexState(index, token, is_complete, waits_until, cells, cache)


def _pack_index(index: LinkEndIndex) -> bytes:
    """Writes the ends; a known node that serves no end now is kept as a row that is not present."""
    present = sorted(index.ends)
    served = {row.node_id for row in present}
    absent = [LinkEndRow(node, "", "", 0, 0) for node in sorted(index.nodes - served)]
    return Block(BlockKind.LINK_ENDS, link_end_rows(present, absent)).to_bytes()


def _unpack_index(data: bytes, index: LinkEndIndex) -> None:
    for row in Block.from_bytes(data).batch.to_pylist():
        present = row.pop("present")
        if present:
            index.ends.add(LinkEndRow(**row))
        index.nodes.add(row["node_id"])


def link_end_rows(present: list[LinkEndRow], absent: list[LinkEndRow]) -> pa.RecordBatch:
    """Returns LINK_ENDS rows: those that hold and those that hold no more."""
    rows = [(row, True) for row in present] + [(row, False) for row in absent]
    return pa.RecordBatch.from_pylist(
        [{**vars(row), "present": held} for row, held in rows],
        schema=SCHEMAS[BlockKind.LINK_ENDS],
    )
