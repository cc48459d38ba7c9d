"""One node as the collector keeps it: its target, counters, decoder and merger."""

from __future__ import annotations

from collections.abc import Sequence

from collector.counters import NodeCounts, UnknownPaths
from collector.decode import Batch, Decoder, Message
from collector.merge import Merger, MergeSettings, SequenceNumbers
from collector.paths import Path
from collector.reports import NodeStates
from collector.targets import Target
from collector.values import Scalar


class Node:
    """Takes the messages of one node to its merger.

    Attributes:
        target: how it is reached and asked.
        counts: what was counted.
        merger: makes the reports.
        unknown: counts of paths that the table does not have.
        sequence: numbers the reports; one for all nodes of a process.
        synced: sync_response has come in the present stream.
    """

    def __init__(
        self,
        target: Target,
        linger_ns: int,
        unknown: UnknownPaths,
        sequence: SequenceNumbers | None = None,
    ) -> None:
        self.target = target
        self.counts = NodeCounts()
        settings = MergeSettings(
            target.node_id, linger_ns, target.no_light_dbm, target.receive_time
        )
        self._states = NodeStates(target.components)
        self.sequence = sequence or SequenceNumbers()
        self.merger = Merger(settings, self.counts, self._states, self.sequence)
        self.unknown = unknown
        self.synced = False
        self._decoder = Decoder(self.counts, unknown)

    def receive(self, data: bytes, receive_ns: int) -> None:
        """Takes a SubscribeResponse in."""
        message = self._decoder.decode(data)
        if message:
            self._take(message, receive_ns)

    def receive_values(
        self,
        time_ns: int,
        values: Sequence[tuple[Path, Scalar]],
        deleted: Sequence[Path],
        receive_ns: int,
    ) -> None:
        """Takes in values that did not come as protobuf, of one instant."""
        message = self._decoder.of_values(time_ns, values, deleted)
        self._take(message, receive_ns)

    def _take(self, message: Message, receive_ns: int) -> None:
        if message.sync:
            self.synced = True
        if message.deleted:
            self._states.forget(message.deleted)
        for leaf, text in message.states:
            self._states.tell(leaf, message.time_ns, text)
        if message.batch:
            self.take_batch(message.batch, receive_ns)

    def take_batch(self, batch: Batch, receive_ns: int) -> None:
        """Takes in the numbers of one instant."""
        self.merger.add(batch, receive_ns, synced=self.synced)

    def lost_values(self) -> int:
        """Returns received values that have no fate and do not wait: always 0."""
        fates = sum(self.counts.fates.values())
        return self.counts.received - fates - self.merger.waiting
