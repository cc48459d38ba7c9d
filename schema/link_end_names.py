"""The names in JOINED blocks: component and link_id of each row, packed report by report.

They travel each second and are hardly ever read, so they are packed once and sent as they are.
"""

import zlib
from collections.abc import Sequence

import orjson

from schema.columns import Columns


def pack_names(names: Sequence[tuple[str, str]]) -> bytes:
    """Packs component and link_id of the rows of a report."""
    if not names:
        return b""
    # A window and tables of zlib's usual size take ten times as long to set up as to use here.
    packer = zlib.compressobj(wbits=12, memLevel=5)
    return packer.compress(orjson.dumps(names)) + packer.flush()


def unpack_names(columns: Columns) -> list[tuple[str, str]]:
    """Returns component and link_id of each JOINED row."""
    return [
        (component, link_id)
        for names in columns["names"]
        for component, link_id in orjson.loads(zlib.decompress(names))
    ]
