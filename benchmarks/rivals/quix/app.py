"""A rival: the same rules in Quix Streams, the Python library for streams on Kafka.

``python -m benchmarks.rivals.quix.app`` is one process of a consumer group; start one for each
slot. Quix was chosen over Bytewax because it is still developed (the last release of Bytewax is
from 2024), and because it keeps state and offsets in Kafka, as Flink does in checkpoints.

A report becomes one row for each port, grouped by link_id, which sends each row through a topic of
Kafka. Tumbling windows of a second with grace bring both ends together; state holds the last
windows of each link. Each process reads the topology before it starts. Late rows are dropped with a
line in the log.

Quix has no watermark over the partitions of a topic. It drops a row that is behind the newest row
of its link by more than the grace, and in a catch-up the processes are not equally far. So the
grace is B only with a feed in real time. With --catch_up it is an hour, and a window closes as soon
as both ends are there, which is never later than the contract says.
"""

# Its packages are in a separate environment.
# mypy: disable-error-code="import-not-found"

from __future__ import annotations

import argparse
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from quixstreams import Application, State
from quixstreams.models.serializers.protobuf import ProtobufDeserializer

from benchmarks.rivals.per_link import Links, decide, matches, merge
from schema.cloud_event import CloudEvents
from schema.events import Code
from schema.pm_report_pb2 import PmReport
from schema.topology import parse_link
from schema.topology_pb2 import FiberLink

#: Printed when a process starts its work.
STARTED = "the rival has started"
_WINDOW_MS = 1000
_CATCH_UP_GRACE_MS = 3_600_000
_NUM_ROLES = 4
#: How far apart windows of a link can be that close in another order [s].
_KEPT_S = 3


def run(options: argparse.Namespace) -> None:
    """Runs until SIGTERM."""
    app = Application(
        broker_address=options.bootstrap_servers,
        consumer_group=options.job_name,
        auto_offset_reset="earliest",
        commit_interval=options.commit_interval_s,
        state_dir=options.state_dir,
        producer_extra_config={"linger.ms": 20, "enable.idempotence": True},
        loglevel="WARNING",
    )
    reports = app.topic(
        options.pm_kafka_topic,
        value_deserializer=ProtobufDeserializer(PmReport, to_dict=False),
    )
    events = app.topic(options.events_kafka_topic, value_serializer="json")
    print(STARTED, flush=True)
    cloud_events = CloudEvents(options.job_name)
    links = Links(_read_links(options.bootstrap_servers, options.topology_kafka_topic))

    def rows(report: PmReport) -> list[dict[str, Any]]:
        return [{"link_id": link_id, "row": row} for link_id, row in links.rows(report)]

    def confirm(
        window: dict[str, Any], key: bytes, timestamp: int, headers: Any, state: State
    ) -> list[dict[str, Any]]:
        link_id, window_s, newest = key.decode(), window["start"] // 1000, window["value"]
        seconds = state.get("seconds", {})
        limits, link = links.limits[link_id], links.by_id[link_id]

        def codes(second: int) -> tuple[Code, ...]:
            return tuple(map(Code, seconds.get(str(second), ((), None))[0]))

        spans = decide(newest, limits, codes(window_s - 1))
        events = list(matches(link, window_s, spans, codes(window_s - 1)))
        seconds[str(window_s)] = [int(span.code) for span in spans], newest
        if after := seconds.get(str(window_s + 1)):
            spans = decide(after[1], limits, codes(window_s))
            events += matches(link, window_s + 1, spans, codes(window_s))
        oldest_s = max(map(int, seconds)) - _KEPT_S
        state.set("seconds", {s: told for s, told in seconds.items() if int(s) > oldest_s})
        return [cloud_events.of(event) for event in events]

    frame = (
        app.dataframe(reports)
        .apply(rows, expand=True)
        .set_timestamp(lambda item, *_: item["row"][1] // 1_000_000)
        # A window that closes early needs keys of bytes.
        .group_by(_key, "link", key_serializer="bytes", key_deserializer="bytes")
        .tumbling_window(
            _WINDOW_MS,
            grace_ms=_CATCH_UP_GRACE_MS if options.catch_up else options.grace_s * 1000,
            after_update=_is_complete if options.catch_up else None,
        )
        .reduce(
            initializer=lambda item: merge({}, item["row"]),
            reducer=lambda newest, item: merge(newest, item["row"]),
        )
        .final()
    )
    frame.apply(confirm, expand=True, stateful=True, metadata=True).to_topic(events)
    app.run()


def _key(item: dict[str, Any]) -> bytes:
    return str(item["link_id"]).encode()


def _is_complete(newest: dict[str, Any], *_: Any) -> bool:
    return len(newest) == _NUM_ROLES


def _read_links(bootstrap_servers: str, topic: str) -> Iterator[FiberLink]:
    """Returns the links that a compacted topic holds now."""
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap_servers,
            "group.id": f"topology-{uuid.uuid4()}",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
        }
    )
    newest: dict[bytes, bytes | None] = {}
    for number in consumer.list_topics(topic).topics[topic].partitions:
        partition = TopicPartition(topic, number, 0)
        _, end = consumer.get_watermark_offsets(partition)
        consumer.assign([partition])
        while consumer.position([partition])[0].offset < end:
            for message in consumer.consume(10_000, timeout=0.5):
                newest[message.key()] = message.value()
    consumer.close()
    return (parse_link(value, key) for key, value in newest.items() if value is not None)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("quix", description=__doc__, allow_abbrev=False)
    for name in ("bootstrap_servers", "pm_kafka_topic", "topology_kafka_topic"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--events_kafka_topic", required=True)
    parser.add_argument("--job_name", required=True, help="consumer group, and source of events")
    parser.add_argument("--state_dir", type=Path, required=True, help="folder of this process")
    parser.add_argument("--grace_s", type=int, default=2, help="how long a window waits (2)")
    parser.add_argument("--catch_up", action="store_true", help="the feed is there already")
    parser.add_argument(
        "--commit_interval_s", type=float, default=1.0, help="between two checkpoints (1)"
    )
    return parser


if __name__ == "__main__":
    run(_parser().parse_args())
    sys.exit(0)
