"""The blocks that travel between the steps: columns of fixed schema, as bytes.

Beam's cost is per element, the network's is per second. So an element is one block: the rows of
one window of event time and one shard. The schemas live here and nowhere else.

============= ================================ ================================================
kind          from → to                        one row is
============= ================================ ================================================
``PM``        DecodeReports → JoinTopology     a sample: one component's PM in one report
``MOMENT``    source → JoinTopology            a moment that event time will reach
``ENDS``      JoinTopology → TrackLinks        a sample at one end of one link, powers only
``WINDOW``    GatherWindows → TrackLinks       an ENDS block, in wire form
``LINKS``     UpdateTopology → TrackLinks      a topology record that was accepted
``LINK_ENDS`` UpdateTopology → JoinTopology    a component that serves an end of a link
``MEASURED``  TrackLinks' state                the powers of one link in one window
``ALARMS``    CorrelateAlarms, and its state   an alarm as one of its events says
``INCIDENTS`` CorrelateAlarms' state           an open incident
============= ================================ ================================================

Powers are float64 [dBm]; NaN = no reading, -inf = dark. What all samples of a report share stands
once, in the columns of the reports; the column ``report`` says which report a row belongs to.

In ENDS blocks a link is known by its key, a 64-bit hash of its link_id. Two links of one
topology never share a key (`schema.topology_file` and UpdateTopology see to that). How columns are
written: `schema.columns`.
"""

import hashlib
import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from schema.columns import Column, Columns, read_columns, write_columns
from schema.pm_types import ALL_TYPES, COMPARED_POWERS
from schema.times import NEVER

#: Window of a block that belongs to no window.
NO_WINDOW = NEVER

# Kind, window, newest window due, number of rows, number of reports.
_HEADER = struct.Struct("<B7xqqII")


class BlockKind(IntEnum):
    """What the rows of a block are; the first byte on the wire. No number is ever reused."""

    PM = 21
    ENDS = 22
    LINKS = 15
    LINK_ENDS = 16
    MEASURED = 17
    MOMENT = 19
    WINDOW = 20
    ALARMS = 31
    INCIDENTS = 32


#: Bits of the column ``role``.
ROLE_TX, ROLE_RX = 1, 2
#: Letters of the column ``end``.
END_NAMES = ("A", "Z")
#: Names of the two directions, in the order of every array of shape (n, 2).
DIRECTIONS = ("AZ", "ZA")

_REPORT = {
    "order": Column("int64", per_report=True),  # of arrival
    "sequence": Column("uint64", per_report=True),  # as the node counts
}
_SAMPLE = {
    "sample_time_ns": Column("int64"),  # event time, since the Unix epoch
    "state": Column("uint8"),  # `schema.pm_types.SampleState`
}
#: The reading of each PM type; a column that is not there has none.
_READINGS = {f"pm_{pm_type}": Column("float64", optional=True) for pm_type in ALL_TYPES}
#: Powers of a span: launched, received, and both of the OSC.
SPAN_POWERS = ("tx_dbm", "rx_dbm", "tx_osc_dbm", "rx_osc_dbm")
_SPAN_POWER_COLUMNS = {
    name: Column("float64", width=2, optional=True)  # AZ, ZA
    for name in SPAN_POWERS
}

SCHEMAS: dict[BlockKind, dict[str, Column]] = {
    BlockKind.PM: {
        "node_id": Column("bytes", per_report=True),
        "names": Column("bytes", per_report=True),  # of its components, one after the other
        "count": Column("int64", per_report=True),  # of its components
        **_REPORT,
        "name_length": Column("int64"),
        **_SAMPLE,
        **_READINGS,
    },
    BlockKind.ENDS: {
        **_REPORT,
        "report": Column("int64"),  # row of the report
        "link": Column("uint64"),  # link key
        "end": Column("uint8"),  # 0 = A, 1 = Z
        "role": Column("uint8"),  # bits: TX, RX
        **_SAMPLE,
        **{f"pm_{pm_type}": _READINGS[f"pm_{pm_type}"] for pm_type in COMPARED_POWERS},
    },
    BlockKind.WINDOW: {"ends": Column("bytes")},
    BlockKind.MOMENT: {"moment_us": Column("int64")},  # since the Unix epoch
    BlockKind.LINKS: {
        "link_id": Column("bytes"),
        "link": Column("bytes"),  # FiberLink; empty = deleted
    },
    BlockKind.LINK_ENDS: {
        "node_id": Column("bytes"),
        "component": Column("bytes"),
        "link_id": Column("bytes"),
        "end": Column("uint8"),
        "role": Column("uint8"),
        "present": Column("bool"),
    },
    BlockKind.MEASURED: {
        "row": Column("int64"),  # of the link, in its shard
        **_SPAN_POWER_COLUMNS,
        "base_db": Column("float64", width=2),
    },
    BlockKind.ALARMS: {
        "alarm_id": Column("bytes"),
        "sequence": Column("int64"),
        "is_active": Column("bool"),
        "code": Column("uint8"),
        "direction": Column("uint8"),  # bits: AZ, ZA
        "severity": Column("uint8"),
        "onset": Column("int64"),  # number of a window, as the next three
        "raised": Column("int64"),
        "window": Column("int64"),
        "tick": Column("int64"),
        "is_suppressed": Column("bool"),
        "is_affecting": Column("bool"),
        "silent_ends": Column("uint8"),  # bits: A, Z
        "link": Column("bytes"),  # FiberLink; empty in state = the alarm is forgotten
        # In state:
        "placing": Column("int64", optional=True),  # tick
        "settled": Column("bool", optional=True),
        "incident_id": Column("bytes", optional=True),  # empty = in no incident
    },
    BlockKind.INCIDENTS: {
        "incident_id": Column("bytes"),
        "sequence": Column("int64"),
        "opened": Column("int64"),  # tick, as the next
        "changed": Column("int64"),
        "digest": Column("bytes"),  # of what was published; empty = the incident is closed
        "kind": Column("bytes"),
        "severity": Column("uint8"),
        "services": Column("bytes"),  # in a FiberLink
        "is_affecting": Column("bool"),
        "is_suppressed": Column("bool"),
    },
}


@dataclass(frozen=True)
class Block:
    """One element between two steps.

    Attributes:
        kind: what the rows are; it fixes the schema.
        columns: arrays by name; lists of bytes for columns of dtype ``bytes``.
        window: number of the window of all rows.
        due: where the window was due before the rows came: the newest window that was due by then,
            otherwise NO_WINDOW.
    """

    kind: BlockKind
    columns: Columns
    window: int = NO_WINDOW
    due: int = NO_WINDOW

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return num_rows(self.kind, self.columns)

    def to_bytes(self) -> bytes:
        """Returns the wire form.

        Raises:
            ValueError: the columns are not those of the kind.
        """
        schema = SCHEMAS[self.kind]
        rows = self.num_rows
        reports = len(self.columns["order"]) if "order" in schema else 0
        header = _HEADER.pack(self.kind, self.window, self.due, rows, reports)
        return header + write_columns(schema, self.columns, rows, reports)

    @staticmethod
    def from_bytes(data: bytes) -> "Block":
        """Reads the wire form; arrays may share the memory of `data`.

        Raises:
            ValueError: `data` is no block, or one of another version.
        """
        kind = block_kind(data)
        _, window, due, rows, reports = _HEADER.unpack_from(data)
        columns = read_columns(SCHEMAS[kind], data, _HEADER.size, rows, reports)
        return Block(kind, columns, window, due)


def window_of(data: bytes) -> int:
    """Returns the window of a block in wire form without reading its rows."""
    window: int = _HEADER.unpack_from(data)[1]
    return window


def due_of(data: bytes) -> int:
    """Returns `due` of a block in wire form without reading its rows."""
    due: int = _HEADER.unpack_from(data)[2]
    return due


def block_kind(data: bytes) -> BlockKind:
    """Returns the kind of a block in wire form without reading its rows.

    Raises:
        ValueError: `data` is no block, or a block of another version.
    """
    try:
        return BlockKind(data[0])
    except ValueError:
        raise ValueError(
            f"a block of kind {data[0]} cannot be read by this version: start without the savepoint"
        ) from None


def num_rows(kind: BlockKind, columns: Columns) -> int:
    """Returns how many rows columns of a kind have."""
    schema = SCHEMAS[kind]
    first = next(name for name, column in schema.items() if not column.per_report)
    return len(columns[first])


def num_span_ends(role: NDArray[np.uint8]) -> int:
    """Returns how many span ends samples with these roles serve: one for each role."""
    return int(np.count_nonzero(role & ROLE_TX) + np.count_nonzero(role & ROLE_RX))


def readings_of(columns: Columns) -> dict[int, NDArray[np.float64]]:
    """Returns the readings of rows by PM type."""
    return {pm_type: columns[name] for pm_type in ALL_TYPES if (name := f"pm_{pm_type}") in columns}


def link_key(link_id: str | bytes) -> int:
    """Returns the key that stands for a link_id in the blocks."""
    data = link_id.encode() if isinstance(link_id, str) else link_id
    digest = hashlib.blake2b(data, digest_size=8).digest()
    return int.from_bytes(digest, "little")
