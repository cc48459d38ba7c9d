"""ENDS rows: samples at link ends, powers only."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schema.blocks import SCHEMAS, Block, BlockKind, num_rows
from schema.columns import Columns, concatenated

__all__ = ["by_turn", "concat_ends", "new_samples", "pick_ends", "read_ends"]


def read_ends(blocks: Iterable[bytes]) -> dict[str, Any]:
    """Returns the rows of ENDS blocks, and of those in WINDOW blocks; there is at least one.

    Args:
        blocks: in wire form.
    """
    parts: list[Columns] = []
    for data in blocks:
        block = Block.from_bytes(data)
        if block.kind == BlockKind.WINDOW:
            parts += [Block.from_bytes(ends).columns for ends in block.columns["ends"]]
        else:
            parts.append(block.columns)
    return concat_ends(parts)


def pick_ends(rows: Columns, picked: NDArray[Any]) -> dict[str, Any]:
    """Returns some ENDS rows, by position or by mask; the columns of the reports stay whole."""
    schema = SCHEMAS[BlockKind.ENDS]
    return {
        name: values if schema[name].per_report else values[picked] for name, values in rows.items()
    }


def concat_ends(parts: Sequence[Columns]) -> dict[str, Any]:
    """Returns the ENDS rows of all parts, one part after the other; there is at least one."""
    if len(parts) == 1:
        return dict(parts[0])
    lengths = [num_rows(BlockKind.ENDS, part) for part in parts]
    columns: dict[str, Any] = {}
    for name, column in SCHEMAS[BlockKind.ENDS].items():
        values = [part.get(name) for part in parts]
        if column.dtype == "float64":
            if any(value is not None for value in values):
                columns[name] = concatenated(values, lengths)
        else:
            columns[name] = np.concatenate([value for value in values if value is not None])
    reports = np.array([len(part["order"]) for part in parts])
    columns["report"] += np.repeat(np.cumsum(reports) - reports, lengths)
    return columns


def new_samples(rows: Columns, known: Sequence[Columns]) -> dict[str, Any]:
    """Returns the ENDS rows that are not known yet; a duplicate changes nothing.

    A duplicate has the link end, role, sample time, sequence and state of a known sample.
    """
    seen = {key for columns in known for key in _identities(columns)}
    new = np.array([key not in seen for key in _identities(rows)], bool)
    return pick_ends(rows, new)


def _identities(rows: Columns) -> Iterator[tuple[object, ...]]:
    names = ("link", "end", "role", "sample_time_ns", "state")
    sequence = rows["sequence"][rows["report"]]
    return zip(*(rows[name].tolist() for name in names), sequence.tolist(), strict=True)


def by_turn(rows: Columns) -> Iterator[dict[str, Any]]:
    """Yields ENDS rows in turns: in each, of every link those of its next report.

    So each link sees its reports one by one, in order of arrival, and those of different links come
    together.
    """
    if not len(rows["link"]):
        return
    arrival = np.empty(len(rows["order"]), np.int64)
    arrival[np.argsort(rows["order"], kind="stable")] = np.arange(len(arrival))
    order = np.lexsort((arrival[rows["report"]], rows["link"]))
    new_link = np.append(True, np.diff(rows["link"][order]) != 0)
    new_report = new_link | np.append(True, np.diff(rows["report"][order]) != 0)
    number = np.cumsum(new_report)
    turn = np.empty(len(order), np.int64)
    turn[order] = number - np.maximum.accumulate(np.where(new_link, number, 0))
    for this in range(int(turn.max()) + 1):
        yield pick_ends(rows, np.flatnonzero(turn == this))
