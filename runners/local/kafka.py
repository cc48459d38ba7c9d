"""A Kafka broker on this machine, for tests and for trying things out."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient
from kafka.admin import ConfigResource, ConfigResourceType, NewPartitions, NewTopic
from kafka.errors import KafkaError, TopicAlreadyExistsError

from runners.local import jars
from runners.local.parts import Parts
from runners.local.processes import Process, free_ports, log_file
from schema.errors import ProcessError

_START_TIMEOUT_S = 60
_TOPIC_TIMEOUT_MS = 30_000
_CONNECT_TIMEOUT_MS = 2_000

_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
log.dirs={directory}/data
# A misspelled topic must fail rather than appear.
auto.create.topics.enable=false
# One node holds everything.
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# Tests write records of any age, and none may expire.
log.retention.ms=-1
log.message.timestamp.after.max.ms=9223372036854775807
# A killed broker may join again once its old session has expired [ms].
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=500
"""
_OPEN_LISTENERS = """\
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
"""


class LocalKafka(Parts):
    """A broker of one node (KRaft) on free ports of 127.0.0.1; its data is gone when it ends.

    Example:
        with LocalKafka() as kafka:
            kafka.create_topic("pm", partitions=4)
    """

    def __init__(self, *, heap_mb: int = 256) -> None:
        """Describes the broker, which starts on entry.

        Args:
            heap_mb: memory of the broker itself; records live in the page cache.
        """
        self._heap_mb = heap_mb
        self._port, self._controller_port = free_ports(2)
        #: What a kafka-python client needs besides the address.
        self.client_options: dict[str, Any] = {}
        super().__init__()
        self._broker: Process | None = None

    @property
    def bootstrap_servers(self) -> str:
        """The address of the broker."""
        return f"127.0.0.1:{self._port}"

    def _start(self, stack: contextlib.ExitStack) -> None:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kafka-")))
        java = jars.java("kafka", heap_mb=self._heap_mb, options=jars.LIGHT)
        properties = self._write_properties(directory)
        self._format(java, properties)
        broker = Process("Kafka", [*java, "kafka.Kafka", properties], log_file("kafka"))
        self._broker = stack.enter_context(broker)
        broker.wait_until(self._serves, _START_TIMEOUT_S)

    def check(self) -> None:
        """Raises ProcessError if the broker has ended."""
        if self._broker:
            self._broker.check()

    def kill(self) -> None:
        """Kills the broker; `restart` brings it back."""
        assert self._broker, "the broker is not started"
        if self._broker.returncode is None:
            self._broker.kill()
            self._broker.wait()

    def restart(self) -> None:
        """Kills the broker, starts it again on the same data, and waits until it serves."""
        self.kill()
        assert self._broker, "the broker is not started"
        self._broker.restart()
        self._broker.wait_until(self._serves, _START_TIMEOUT_S)

    def configure_topic(self, name: str, config: Mapping[str, str]) -> None:
        """Changes the settings of a topic in use."""
        resource = ConfigResource(ConfigResourceType.TOPIC, name, configs=dict(config))
        with self._admin() as admin:
            admin.alter_configs([resource])

    def add_partitions(self, name: str, total: int) -> None:
        """Raises the number of partitions of a topic to `total`."""
        with self._admin() as admin:
            admin.create_partitions({name: NewPartitions(total)})

    def delete_topic(self, name: str) -> None:
        """Deletes a topic and its records."""
        with self._admin() as admin:
            admin.delete_topics([name])

    def create_topic(
        self, name: str, partitions: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Creates a topic unless it exists.

        Args:
            name: name of the topic.
            partitions: number of partitions.
            config: settings of the topic, such as `{"cleanup.policy": "compact"}`.
        """
        topic = NewTopic(name, partitions, 1, topic_configs=dict(config or {}))
        with self._admin() as admin, contextlib.suppress(TopicAlreadyExistsError):
            admin.create_topics([topic], timeout_ms=_TOPIC_TIMEOUT_MS)

    def _write_properties(self, directory: Path) -> Path:
        path = directory / "server.properties"
        path.touch(mode=0o600)
        common = _PROPERTIES.format(controller_port=self._controller_port, directory=directory)
        path.write_text(common + self._listeners(directory))
        return path

    def _listeners(self, directory: Path) -> str:
        """Returns the settings of the listeners."""
        return _OPEN_LISTENERS.format(port=self._port, controller_port=self._controller_port)

    def _format_options(self) -> list[str]:
        """Returns options for formatting the storage."""
        return []

    def _format(self, java: list[str], properties: Path) -> None:
        """Formats the broker's storage, as KRaft requires."""
        command = [*java, "kafka.tools.StorageTool", "format"]
        command += ["--config", str(properties), "--cluster-id", uuid.uuid4().hex[:22]]
        command += self._format_options()
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode != 0:
            raise ProcessError(f"Kafka's storage could not be formatted: {done.stderr[-500:]}")

    def _serves(self) -> bool:
        try:
            with self._admin() as admin:
                admin.list_topics()
        except KafkaError:
            return False
        return True

    @contextlib.contextmanager
    def _admin(self) -> Iterator[KafkaAdminClient]:
        # While the broker starts, a refused connection is not worth a log line.
        logging.getLogger("kafka").setLevel(logging.CRITICAL)
        admin = KafkaAdminClient(
            bootstrap_servers=self.bootstrap_servers,
            bootstrap_timeout_ms=_CONNECT_TIMEOUT_MS,
            **self.client_options,
        )
        try:
            yield admin
        finally:
            admin.close()
