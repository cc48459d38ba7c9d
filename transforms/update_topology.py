"""UpdateTopology: topology records → the changes that TrackLinks and JoinTopology must know.

In:   lists of `TopologyRecord`, in order of arrival per link; global window.
Out:  `links`: (shard of link_id, LINKS block); `link_ends`: (shard of node_id, LINK_ENDS block).
Side output: candidates for `invalid` (BAD_TOPOLOGY); the last good version stays in force.
State: the links in force of a shard, for good, as a log of LINKS blocks.

A replay knows its whole topology before the first report: `TopologyFile` stands in for the step.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import apache_beam as beam
from apache_beam.coders import BytesCoder
from apache_beam.transforms.userstate import BagStateSpec, ReadModifyWriteStateSpec
from apache_beam.transforms.window import GlobalWindow
from apache_beam.utils.timestamp import Timestamp
from apache_beam.utils.windowed_value import WindowedValue

from kernels.join_topology.link_ends import LinkEnd, link_ends
from kernels.join_topology.tables import (
    LinkEndChange,
    LinkTable,
    link_ends_block,
    links_block,
    links_of,
)
from schema.blocks import Block
from schema.outputs import INVALID
from schema.records import TopologyRecord
from schema.shards import shard_of
from schema.side_lines import bad_topology_line
from schema.topology import BadTopologyError, id_of_key, parse_link
from schema.topology_file import shared_key
from schema.topology_pb2 import FiberLink
from transforms.outputs import Keyed, typed
from transforms.sample_lines import Candidates, reject_link
from transforms.state import HeldStates, TableCells, TableCodec

LINKS, LINK_ENDS = "links", "link_ends"


class UpdatedTopology(NamedTuple):
    """What UpdateTopology puts out.

    Attributes:
        links: (shard of link_id, LINKS block).
        link_ends: (shard of node_id, LINK_ENDS block).
        invalid: candidates for the `invalid` output, of each of its two parts.
    """

    links: beam.PCollection[Keyed]
    link_ends: beam.PCollection[Keyed]
    invalid: tuple[beam.PCollection[Candidates], beam.PCollection[Candidates]]


@dataclass
class UpdateTopology(beam.PTransform):
    """Applies topology records: checks, versions, deletions.

    Attributes:
        num_shards: number of link shards.
        num_node_shards: number of node shards.
    """

    num_shards: int
    num_node_shards: int

    @beam.typehints.no_annotations  # Beam knows no hint for several outputs
    def expand(self, records: beam.PCollection) -> UpdatedTopology:
        """Returns the links, their ends, and the rejections."""
        decode = beam.ParDo(_DecodeFn(self.num_shards))
        decoded = records | "Decode" >> decode.with_outputs(INVALID, main=LINKS)
        apply = beam.ParDo(_ApplyFn(self.num_node_shards))
        links = typed(decoded[LINKS], Keyed)
        applied = links | "Apply" >> apply.with_outputs(LINK_ENDS, INVALID, main=LINKS)
        return UpdatedTopology(
            links=typed(applied[LINKS], Keyed),
            link_ends=typed(applied[LINK_ENDS], Keyed),
            invalid=(typed(decoded[INVALID], Candidates), typed(applied[INVALID], Candidates)),
        )


@beam.typehints.with_output_types(Keyed)
class _DecodeFn(beam.DoFn):
    """Gathers the good records of a bundle into a LINKS block per shard."""

    def __init__(self, num_shards: int) -> None:
        self._num_shards = num_shards

    def start_bundle(self) -> None:
        self._gathered: dict[int, list[dict[str, bytes | None]]] = {}
        self._newest = Timestamp(0)

    def process(
        self, records: list[TopologyRecord], timestamp: Timestamp = beam.DoFn.TimestampParam
    ) -> Iterable[Any]:
        self._newest = max(self._newest, timestamp)
        for record in records:
            try:
                self._gather(record)
            except BadTopologyError as error:
                yield _rejected(error)

    def _gather(self, record: TopologyRecord) -> None:
        """Raises BadTopologyError when the record breaks the contract."""
        if record.value is not None:
            link_id = parse_link(record.value, record.key).link_id
        elif (named := id_of_key(record.key)) is None:
            raise BadTopologyError(None, "no link_id")
        else:
            link_id = named
        blocks = self._gathered.setdefault(shard_of(link_id, self._num_shards), [{}])
        if link_id in blocks[-1]:  # a block has a link once
            blocks.append({})
        blocks[-1][link_id] = record.value

    def finish_bundle(self) -> Iterator[Any]:
        for shard, blocks in self._gathered.items():
            for links in blocks:
                data = links_block(links).to_bytes()
                yield WindowedValue((shard, data), self._newest, (GlobalWindow(),))


@beam.typehints.with_output_types(Keyed)
class _ApplyFn(beam.DoFn):
    """A lower version than the known one is ignored, an equal one replaces it."""

    TABLE = BagStateSpec("table", BytesCoder())
    HEAD = ReadModifyWriteStateSpec("head", BytesCoder())

    def __init__(self, num_node_shards: int) -> None:
        self._num_node_shards = num_node_shards
        self._tables = HeldStates(TableCodec(LinkTable))

    def process(
        self,
        element: Keyed,
        table: Any = beam.DoFn.StateParam(TABLE),
        head: Any = beam.DoFn.StateParam(HEAD),
    ) -> Iterable[Any]:
        shard, data = element
        with self._tables.open(shard, TableCells(head, table)) as saved:
            accepted: dict[str, bytes | None] = {}
            before: dict[str, bytes | None] = {}
            for link_id, link in links_of(Block.from_bytes(data)).items():
                known = saved.table.get(link_id)
                if link and known and _version(link) < _version(known):
                    continue
                if link and (rival := saved.table.rival(link_id)):
                    yield _rejected(shared_key(link_id, rival))
                    continue
                before[link_id] = known
                accepted[link_id] = link
            if accepted:
                block = links_block(accepted)
                saved.apply(block)
                yield shard, block.to_bytes()
                yield from self._end_changes(before, accepted)

    def _end_changes(
        self, before: dict[str, bytes | None], after: dict[str, bytes | None]
    ) -> Iterator[beam.pvalue.TaggedOutput]:
        """Yields what each node shard must know of: ends that hold now, and ends that do not."""
        changes: dict[int, list[LinkEndChange]] = {}
        for link_id, link in after.items():
            new, old = _ends(link), _ends(before[link_id])
            for ends, present in ((old - new, False), (new, True)):
                for end in ends:
                    node_shard = shard_of(end.node_id, self._num_node_shards)
                    changes.setdefault(node_shard, []).append(LinkEndChange(end, present))
        for node_shard, rows in sorted(changes.items()):
            data = link_ends_block(rows).to_bytes()
            yield beam.pvalue.TaggedOutput(LINK_ENDS, (node_shard, data))


def _rejected(error: BadTopologyError) -> beam.pvalue.TaggedOutput:
    return beam.pvalue.TaggedOutput(INVALID, reject_link(bad_topology_line(error)))


def _version(link: bytes) -> int:
    return FiberLink.FromString(link).version


def _ends(link: bytes | None) -> set[LinkEnd]:
    return set(link_ends(FiberLink.FromString(link))) if link else set()
