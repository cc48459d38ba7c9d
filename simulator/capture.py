"""Capture files: PmReport messages in arrival order, each behind its length as a varint."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from simulator.encode import encode_varint

_CHUNK_BYTES = 1 << 20


def write_capture(path: Path, payloads: Iterable[bytes]) -> int:
    """Writes serialized reports and returns how many there were."""
    count = 0
    with path.open("wb") as file:
        for payload in payloads:
            file.write(encode_varint(len(payload)))
            file.write(payload)
            count += 1
    return count


def read_capture(path: Path) -> Iterator[bytes]:
    """Reads the serialized reports one by one.

    Raises:
        ValueError: The file ends inside a record; all records before it have been given.
    """
    with path.open("rb", buffering=_CHUNK_BYTES) as file:
        while (first := file.read(1)) != b"":
            size, shift = first[0] & 0x7F, 7
            byte = first
            while byte and byte[0] & 0x80:
                byte = file.read(1)
                size |= (byte[0] & 0x7F if byte else 0) << shift
                shift += 7
            payload = file.read(size)
            if not byte or len(payload) < size:
                raise ValueError(f"{path} ends inside a record")
            yield payload
