"""The counters as Prometheus metrics, read when they are asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector as Source

from collector.buffer import Dropped
from collector.counters import NodeCounts
from collector.process import Collector
from collector.reports import type_name
from schema.errors import UsageError

_NODE = ["node"]
_READ_S = 10.0

#: Name, help, and how to read it from the counters of a node.
_COUNTERS: tuple[tuple[str, str, Callable[[NodeCounts], int]], ...] = (
    ("messages", "SubscribeResponses", lambda c: c.messages),
    ("malformed", "SubscribeResponses that are not protobuf", lambda c: c.malformed),
    ("deletes", "paths that the device deleted", lambda c: c.deletes),
    ("updates", "values that came", lambda c: c.received),
    ("reports", "reports made", lambda c: c.reports),
    ("late_reports", "reports of a second that was sent before", lambda c: c.late_reports),
    ("reconnects", "streams begun after the first", lambda c: c.reconnects),
)
_GAUGES: tuple[tuple[str, str, Callable[[NodeCounts], float]], ...] = (
    ("up", "1 while there is a stream that has brought something", lambda c: float(c.up)),
    ("interval_seconds", "measured sample interval, 0 = unknown", lambda c: c.interval_s),
    (
        "clock_difference_seconds",
        "clock of the device minus that of the collector, delay included",
        lambda c: c.clock_difference_s,
    ),
)


class CollectorMetrics(Source):
    """Reads the counters of a collector, all of them at one moment of its event loop."""

    def __init__(self, collector: Collector, loop: asyncio.AbstractEventLoop) -> None:
        self._collector = collector
        self._loop = loop

    def collect(self) -> Iterator[Metric]:
        """Yields all metrics; called in the thread of the HTTP server."""
        yield from asyncio.run_coroutine_threadsafe(self._read(), self._loop).result(_READ_S)

    async def _read(self) -> list[Metric]:
        return list(self._metrics())

    def _metrics(self) -> Iterator[Metric]:
        nodes = [(node.target.node_id, node.counts) for node in self._collector.nodes()]
        for name, text, read in _COUNTERS:
            counter = CounterMetricFamily(f"collector_{name}", text, labels=_NODE)
            for node_id, counts in nodes:
                counter.add_metric([node_id], read(counts))
            yield counter
        for name, text, measure in _GAUGES:
            gauge = GaugeMetricFamily(f"collector_{name}", text, labels=_NODE)
            for node_id, counts in nodes:
                gauge.add_metric([node_id], measure(counts))
            yield gauge
        waiting = GaugeMetricFamily(
            "collector_waiting_values", "values that are in no report yet", labels=_NODE
        )
        for node in self._collector.nodes():
            waiting.add_metric([node.target.node_id], node.merger.waiting)
        yield waiting
        yield from self._values(nodes)
        yield from self._records()
        yield from self._delivery()

    def _values(self, nodes: list[tuple[str, NodeCounts]]) -> Iterator[Metric]:
        fates = CounterMetricFamily(
            "collector_values", "values by what became of them", labels=["node", "fate"]
        )
        types = CounterMetricFamily(
            "collector_reported_values", "values in reports, by PM type", labels=["node", "type"]
        )
        for node_id, counts in nodes:
            for fate, count in counts.fates.items():
                fates.add_metric([node_id, fate.value], count)
            for pm_type, count in counts.by_type.items():
                types.add_metric([node_id, type_name(pm_type)], count)
        yield fates
        yield types
        unknown = CounterMetricFamily(
            "collector_unknown_paths", "values on paths that are not in the table", labels=["path"]
        )
        for path, count in self._collector.unknown.counts.items():
            unknown.add_metric([path], count)
        yield unknown

    def _records(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "collector_malformed_records",
            "records of Kafka that are not what gnmic writes",
            self._collector.malformed_records,
        )
        sources = CounterMetricFamily(
            "collector_unknown_sources", "records of sources without a target", labels=["source"]
        )
        for source, count in self._collector.unknown_sources.items():
            sources.add_metric([source], count)
        yield sources

    def _delivery(self) -> Iterator[Metric]:
        delivery = self._collector.sink.delivery
        yield CounterMetricFamily(
            "collector_reports_made", "reports handed over for delivery", delivery.made
        )
        yield CounterMetricFamily(
            "collector_delivered", "reports that were delivered", delivery.delivered
        )
        dropped = CounterMetricFamily(
            "collector_dropped", "reports that were dropped", labels=["reason"]
        )
        for reason in Dropped:
            dropped.add_metric([reason.value], delivery.dropped[reason])
        yield dropped
        yield GaugeMetricFamily("collector_waiting", "reports that wait", delivery.waiting)


def serve_metrics(collector: Collector, port: int, host: str) -> int:
    """Serves the metrics over HTTP in a thread; returns the port.

    Raises:
        UsageError: the port is taken, or the address is not of this machine.
    """
    registry = CollectorRegistry()
    registry.register(CollectorMetrics(collector, asyncio.get_running_loop()))
    try:
        server, _ = start_http_server(port, host, registry)
    except OSError as error:
        raise UsageError(f"--metrics_port={port} on {host}: {error.strerror}") from error
    return int(server.server_port)
