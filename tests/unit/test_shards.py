"""Shards never change, and Flink spreads them evenly over its subtasks."""

from collections import Counter

import pytest
from apache_beam.coders import VarIntCoder

from runners.flink import LIVE_DEFAULTS
from schema.shards import shard_of

KEY_GROUPS = int(str(LIVE_DEFAULTS["--max_parallelism"]))
_64 = (1 << 64) - 1
_32 = (1 << 32) - 1


def rotated(value: int, by: int, bits: int) -> int:
    return (value << by | value >> bits - by) & (1 << bits) - 1


def murmur3_128_low(data: bytes) -> int:
    """Returns the low 32 bits of MurmurHash3 x64 128, seed 0, of at most 8 bytes."""

    def mixed(h: int) -> int:
        h = (h ^ h >> 33) * 0xFF51AFD7ED558CCD & _64
        h = (h ^ h >> 33) * 0xC4CEB9FE1A85EC53 & _64
        return h ^ h >> 33

    k = int.from_bytes(data, "little") * 0x87C37B91114253D5 & _64
    k = rotated(k, 31, 64) * 0x4CF5AD432745937F & _64
    first = (k ^ len(data)) + len(data) & _64
    second = first + len(data) & _64
    return mixed(first) + mixed(second) & _32


def key_group(key: int) -> int:
    """Returns Flink's key group of a Beam key."""
    code = murmur3_128_low(VarIntCoder().encode(key)) * 0xCC9E2D51 & _32
    code = rotated(code, 15, 32) * 0x1B873593 & _32
    code = (rotated(code, 13, 32) * 5 + 0xE6546B64 & _32) ^ 4
    code = (code ^ code >> 16) * 0x85EBCA6B & _32
    code = (code ^ code >> 13) * 0xC2B2AE35 & _32
    code ^= code >> 16
    return abs(code - (1 << 32) if code >> 31 else code) % KEY_GROUPS


def keys(num_shards: int) -> set[int]:
    return {shard_of(f"link-{number}", num_shards) for number in range(100 * num_shards)}


def test_key_groups_are_those_of_flink() -> None:
    # From Flink's KeyGroupRangeAssignment, for Beam's FlinkKey and eight subtasks.
    subtasks = [3, 6, 7, 1, 4, 5, 0, 1, 5, 5, 1, 4, 6, 1, 7, 0]

    assert [key_group(key) * 8 // KEY_GROUPS for key in range(16)] == subtasks


@pytest.mark.parametrize("num_shards", [1, 2, 4, 8, 16, 32])
def test_shards_are_spread_evenly(num_shards: int) -> None:
    for parallelism in (p for p in (1, 2, 4, 8, 16, 32) if p <= num_shards):
        subtasks = Counter(key_group(key) * parallelism // KEY_GROUPS for key in keys(num_shards))

        assert set(subtasks.values()) == {num_shards // parallelism}
        assert len(subtasks) == parallelism


@pytest.mark.parametrize("num_shards", [1, 2, 3, 7, 32, 33, 100])
def test_each_shard_has_its_own_key(num_shards: int) -> None:
    assert len(keys(num_shards)) == num_shards


def test_shards_never_change() -> None:
    assert [shard_of(f"link-{i}", 8) for i in range(6)] == [
        shard_of(b"link-%d" % i, 8) for i in range(6)
    ]
    assert shard_of("link-000001", 8) == 8
    assert shard_of("link-000001", 100) == 57
