"""Shards: the Beam keys of nodes and links.

A runner spreads keys over its workers by a hash of its own. With a few keys that is uneven: of the
numbers 0 to 3, Flink gives one to the first of two subtasks and three to the other. So the shards
have numbers that Flink spreads evenly, for any parallelism that divides the number of shards. To
other runners they are numbers like any others.
"""

import zlib

#: In each prefix of 2, 4, 8 … numbers the Flink key groups are evenly spaced, for 32 key groups and
#: the hash of Beam's Flink runner; tests/unit/test_shards.py restates that hash.
_SPREAD = (
    *(6, 4, 17, 20, 3, 8, 18, 45, 24, 44, 23, 1, 10, 146, 0, 14),
    *(15, 27, 25, 43, 63, 5, 16, 2, 51, 62, 22, 12, 7, 9, 105, 102),
)


def all_shards(num_shards: int) -> list[int]:
    """Returns the shards, ascending."""
    return sorted(_SPREAD[:num_shards]) if num_shards <= len(_SPREAD) else list(range(num_shards))


def shard_of(identity: str | bytes, num_shards: int) -> int:
    """Returns the shard of a node or link: the same in every process and for all time."""
    data = identity.encode() if isinstance(identity, str) else identity
    number = zlib.crc32(data) % num_shards
    return _SPREAD[number] if num_shards <= len(_SPREAD) else number
