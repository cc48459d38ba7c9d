"""Topology files: JSON lines of FiberLink."""

import codecs
import functools
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from google.protobuf.json_format import MessageToJson

from schema.blocks import link_key
from schema.errors import NotUsableError
from schema.shards import shard_of
from schema.topology import BadTopologyError, parse_link_json
from schema.topology_pb2 import FiberLink


@dataclass(frozen=True)
class Topology:
    """What a topology file says.

    Attributes:
        links: the links in force, by link_id.
        bad: the lines that break the contract.
    """

    links: dict[str, FiberLink]
    bad: list[BadTopologyError]


@dataclass(frozen=True)
class TopologyFile:
    """The whole topology of a replay; each worker reads the file once.

    Attributes:
        path: JSON lines of FiberLink.
        fetch: returns where the file can be read on the machine that calls it.
    """

    path: str
    fetch: Callable[[str], str] = str

    def read(self) -> Topology:
        """Returns what the file says."""
        return read_topology(self.fetch(self.path), self.path)

    def links(self) -> list[FiberLink]:
        """Returns the links in force."""
        return list(self.read().links.values())

    def links_of_shard(self, shard: int, num_shards: int) -> dict[str, bytes]:
        """Returns the links in force of a link shard, serialized, by link_id."""
        return {
            link_id: link.SerializeToString()
            for link_id, link in self.read().links.items()
            if shard_of(link_id, num_shards) == shard
        }


@functools.lru_cache(maxsize=4)
def read_topology(path: str, name: str | None = None) -> Topology:
    """Reads JSON lines of FiberLink; of several of a link the last of the highest version wins.

    Args:
        path: where the file can be read.
        name: what people call it, if that is not the path.

    Raises:
        NotUsableError: no line is a JSON object.
        OSError: the file cannot be read.
    """
    links: dict[str, FiberLink] = {}
    ids: dict[int, str] = {}
    bad: list[BadTopologyError] = []
    data = Path(path).read_bytes().removeprefix(codecs.BOM_UTF8)
    lines = [line for line in data.splitlines() if line.strip()]
    if lines and not any(_is_json_object(line) for line in lines):
        raise NotUsableError(f"{name or path} is no topology: no line is a JSON object")
    for line in lines:
        try:
            link = parse_link_json(line.decode(errors="replace"))
        except BadTopologyError as error:
            bad.append(error)
            continue
        if (rival := ids.setdefault(link_key(link.link_id), link.link_id)) != link.link_id:
            bad.append(shared_key(link.link_id, rival))
            continue
        known = links.get(link.link_id)
        if known is None or link.version >= known.version:
            links[link.link_id] = link
    return Topology(links, bad)


def write_topology(path: Path, links: Iterable[FiberLink]) -> None:
    """Writes links as JSON lines."""
    with path.open("w", encoding="utf-8") as file:
        for link in links:
            line = MessageToJson(link, preserving_proto_field_name=True, indent=None)
            file.write(line + "\n")


def shared_key(link_id: str, rival: str) -> BadTopologyError:
    """Returns why a link cannot be in force beside another one."""
    return BadTopologyError(link_id, f"its link_id has the 64-bit key of {rival}: rename one")


def _is_json_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
