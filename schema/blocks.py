"""The blocks that travel between the steps: Arrow record batches of fixed schema, as bytes.

Beam's cost is per element, the network's per second, so an element is one block: the rows of
one window (one second of event time) and one shard. On the wire a block is a fixed header and
the batch without its schema, which lives here and nowhere else.

============ ================================ =================================================
kind         from → to                        one row is
============ ================================ =================================================
``PM``       DecodeReports → JoinTopology     a sample: one component's PM in one report
``JOINED``   JoinTopology → SplitLate         a sample at one end of one link
``ENDS``     SplitLate → MeasureSpans         the same, with the four powers only
``SPANS``    MeasureSpans → TrackLinks        one link in one window, both directions
``LINKS``    UpdateTopology → TrackLinks      a topology record that was accepted
``LINK_ENDS`` UpdateTopology → JoinTopology   a component that serves an end of a link
============ ================================ =================================================

Powers are float64 [dBm]; NaN = no reading, -inf = dark.
"""

import struct
import zlib
from dataclasses import dataclass
from enum import IntEnum

import pyarrow as pa

#: What a block holds of a window that is not a second of event time.
NO_WINDOW = -(2**63)
#: ``Block.report`` of what is not evaluated report by report.
ALL_REPORTS = -1

_HEADER = struct.Struct("<B7xqq")  # padded: the arrays behind it stay aligned


class BlockKind(IntEnum):
    """What the rows of a block are; the first byte on the wire."""

    PM = 1
    JOINED = 2
    ENDS = 3
    SPANS = 4
    LINKS = 5
    LINK_ENDS = 6


def _fields(*columns: tuple[str, pa.DataType], nullable: bool = False) -> list[pa.Field]:
    return [pa.field(name, dtype, nullable=nullable) for name, dtype in columns]


_READINGS = pa.list_(
    pa.struct(_fields(("type", pa.int8()), ("value", pa.float64()))),
)
_SAMPLE = _fields(
    ("sample_time_ns", pa.int64()),  # event time, since the Unix epoch
    ("sequence", pa.uint64()),  # of the report, per node
    ("report", pa.int64()),  # order of arrival of the report
    ("has_data", pa.bool_()),  # False: SUSPECT, or the component is DISABLED
)
_NAMES = _fields(("node_id", pa.string()), ("component", pa.string()))
_LINK_END = _fields(
    ("link_id", pa.string()),
    ("end", pa.int8()),  # 0 = A, 1 = Z
    ("role", pa.int8()),  # bits: TX, RX
)
#: Bits of the column ``role``.
ROLE_TX, ROLE_RX = 1, 2
#: Letters of the column ``end``.
END_NAMES = ("A", "Z")
#: Names of the two directions, in the order of every array of shape (n, 2).
DIRECTIONS = ("AZ", "ZA")

_PER_SPAN = pa.list_(pa.field("item", pa.float64(), nullable=False), 2)  # AZ, ZA

SCHEMAS: dict[BlockKind, pa.Schema] = {
    BlockKind.PM: pa.schema([*_NAMES, *_SAMPLE, pa.field("readings", _READINGS, False)]),
    BlockKind.JOINED: pa.schema(
        [*_LINK_END, *_NAMES, *_SAMPLE, pa.field("readings", _READINGS, False)]
    ),
    BlockKind.ENDS: pa.schema(
        [
            *_LINK_END,
            *_SAMPLE,
            *_fields(
                ("input_power_dbm", pa.float64()),
                ("output_power_dbm", pa.float64()),
                ("input_power_osc_dbm", pa.float64()),
                ("output_power_osc_dbm", pa.float64()),
            ),
        ]
    ),
    BlockKind.SPANS: pa.schema(
        _fields(
            ("link_id", pa.string()),
            ("tx_dbm", _PER_SPAN),
            ("rx_dbm", _PER_SPAN),
            ("tx_osc_dbm", _PER_SPAN),
            ("rx_osc_dbm", _PER_SPAN),
            ("loss_db", _PER_SPAN),
            ("loss_osc_db", _PER_SPAN),
        )
    ),
    BlockKind.LINKS: pa.schema(
        [
            pa.field("link_id", pa.string(), nullable=False),
            pa.field("link", pa.binary(), nullable=True),  # FiberLink; null = deleted
        ]
    ),
    BlockKind.LINK_ENDS: pa.schema(
        [*_LINK_END, *_NAMES, pa.field("present", pa.bool_(), nullable=False)]
    ),
}


@dataclass(frozen=True)
class Block:
    """One element between two steps.

    Attributes:
        kind: what the rows are; fixes the schema.
        batch: the rows.
        window_start_s: start of the window of all rows [s since the Unix epoch].
        report: order of arrival of the one report whose late samples made this block, or
            ``ALL_REPORTS`` when it is not a late evaluation.
    """

    kind: BlockKind
    batch: pa.RecordBatch
    window_start_s: int = NO_WINDOW
    report: int = ALL_REPORTS

    @property
    def is_late(self) -> bool:
        """Whether this block asks for a late evaluation."""
        return self.report != ALL_REPORTS

    def to_bytes(self) -> bytes:
        """Returns the wire form.

        Raises:
            ValueError: the batch does not have the schema of the kind.
        """
        if not self.batch.schema.equals(SCHEMAS[self.kind]):
            raise ValueError(f"a {self.kind.name} block cannot hold {self.batch.schema}")
        header = _HEADER.pack(self.kind, self.window_start_s, self.report)
        return b"".join((header, memoryview(self.batch.serialize())))

    @staticmethod
    def from_bytes(data: bytes) -> "Block":
        """Reads the wire form; the arrays share the memory of `data`.

        Raises:
            ValueError: `data` is no block.
        """
        kind, window_start_s, report = _HEADER.unpack_from(data)
        body = pa.py_buffer(data).slice(_HEADER.size)
        batch = pa.ipc.read_record_batch(body, SCHEMAS[BlockKind(kind)])
        return Block(BlockKind(kind), batch, window_start_s, report)


def block_kind(data: bytes) -> BlockKind:
    """Returns the kind of a block in wire form without reading its rows."""
    return BlockKind(data[0])


def shard_of(identity: str, num_shards: int) -> int:
    """Returns the shard of a node or link: the same in every process and for all time."""
    return zlib.crc32(identity.encode()) % num_shards
