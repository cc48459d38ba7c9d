"""A Flink session cluster on this machine, made of the same processes as a large one.

A JobManager; TaskManagers, each with a pool of Python workers beside it; Beam's job server and
the expansion service. A process that dies is started again, as systemd or Kubernetes would do.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runners.local import distribution, jars
from runners.local.flink_job import FlinkJob
from runners.local.job_server import expansion_service, job_server
from runners.local.parts import Parts
from runners.local.processes import Process, free_ports, log_file

_START_TIMEOUT_S = 90
_LOOK_EVERY_S = 0.5
#: The host name by which each TaskManager finds the pool beside it.
_POOL_NAME = "worker-pool"

#: Beam assigns the steps of a job to the workers in the order in which these come up. With one
#: worker for each slot, both halves of a busy step can share one interpreter while the other idles.
WORKERS_A_SLOT = 4

CONFIG = """\
jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: {rpc_port}
jobmanager.bind-host: 127.0.0.1
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: {rest_port}
taskmanager.host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
taskmanager.numberOfTaskSlots: {slots}
taskmanager.cpu.cores: {slots}.0
taskmanager.memory.framework.heap.size: 128m
taskmanager.memory.framework.off-heap.size: 128m
taskmanager.memory.task.heap.size: {heap_mb}m
taskmanager.memory.task.off-heap.size: 256m
taskmanager.memory.network.min: 64m
taskmanager.memory.network.max: 64m
taskmanager.memory.managed.size: 128m
taskmanager.memory.jvm-metaspace.size: 256m
taskmanager.memory.jvm-overhead.min: 128m
taskmanager.memory.jvm-overhead.max: 128m
io.tmp.dirs: {directory}/tmp
# How soon a dead TaskManager is noticed [ms].
heartbeat.interval: 1000
heartbeat.timeout: 10000
# How fresh the answers of the REST interface are [ms].
web.refresh-interval: 500
metrics.fetcher.update-interval: 500
state.backend.type: {state_backend}
execution.buffer-timeout.interval: {buffer_timeout_ms} ms
state.checkpoint-storage: filesystem
state.checkpoints.dir: file://{directory}/checkpoints
state.savepoints.dir: file://{directory}/savepoints
metrics.reporters: prometheus
metrics.reporter.prometheus.factory.class: \
org.apache.flink.metrics.prometheus.PrometheusReporterFactory
"""
_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = Console
appender.console.type = CONSOLE
appender.console.name = Console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{ISO8601} %-5p %-40c{1} %m%n
"""
# What Flink's own start scripts open for Java 17, as far as the job needs it.
OPENS = jars.opens(
    *(f"java.{name}" for name in ("io", "lang", "lang.reflect", "net", "nio", "text", "time")),
    *(f"java.util{name}" for name in ("", ".concurrent", ".concurrent.atomic")),
    "sun.nio.ch",
)


@dataclass(frozen=True)
class Shape:
    """What a cluster is made of.

    Attributes:
        task_managers: number of TaskManagers, at most 8.
        slots: of each TaskManager.
        heap_mb: memory of each for the Java parts of the job, with any state on the heap.
        state_backend: ``hashmap`` (on the heap) or ``rocksdb`` (on disk).
        java: options of the TaskManagers' Java.
        buffer_timeout_ms: how long Flink may hold what a step hands on, to send more at once;
            Flink's default is 100. The pipeline hands on few blocks, so waiting gains nothing.
    """

    task_managers: int = 2
    slots: int = 1
    heap_mb: int = 768
    state_backend: str = "hashmap"
    java: tuple[str, ...] = jars.LIGHT
    buffer_timeout_ms: int = 0


class LocalCluster(Parts):
    """A session cluster, which ends with the block, and every job on it too.

    Example:
        with LocalCluster() as cluster:
            options = [*cluster.options(), "--parallelism=2"]
    """

    def __init__(self, shape: Shape | None = None, directory: Path | None = None) -> None:
        """Describes the cluster; it is started on entry.

        Args:
            shape: what it is made of.
            directory: where checkpoints and savepoints go, which then outlive the cluster. None:
                a temporary folder.
        """
        self._shape = shape or Shape()
        self._directory = directory
        super().__init__()
        self._ended = threading.Event()
        (
            self._rpc_port,
            self._rest_port,
            self._job_port,
            self._artifact_port,
            self._expansion_port,
            self._pool_port,
            *self._metrics_ports,
        ) = free_ports(7 + self._shape.task_managers)
        self.processes: dict[str, Process] = {}
        self.restarts: dict[str, int] = {}

    @property
    def job_endpoint(self) -> str:
        """Where pipelines are submitted."""
        return f"localhost:{self._job_port}"

    @property
    def expansion_service(self) -> str:
        """Where Python's ReadFromKafka and WriteToKafka get their Java steps from."""
        return f"localhost:{self._expansion_port}"

    @property
    def rest_address(self) -> str:
        """Flink's REST interface and web page."""
        return f"127.0.0.1:{self._rest_port}"

    @property
    def metrics_addresses(self) -> list[str]:
        """Where Prometheus gets the metrics of the JobManager, then of each TaskManager."""
        return [f"127.0.0.1:{port}" for port in self._metrics_ports]

    def options(self) -> list[str]:
        """Returns the pipeline's options that send it here."""
        return [
            f"--flink_master={self.rest_address}",
            f"--job_endpoint={self.job_endpoint}",
            f"--kafka_expansion_service={self.expansion_service}",
            "--environment_type=EXTERNAL",
            f"--environment_config={_POOL_NAME}:{self._pool_port}",
            f"--sdk_worker_parallelism={self._shape.slots * WORKERS_A_SLOT}",
        ]

    def check(self) -> None:
        """Raises ProcessError if the JobManager has ended, which is not started again."""
        self.processes["jobmanager"].check()

    def find_job(self, name: str) -> FlinkJob | None:
        """Returns the newest job of a name; None if there is none yet."""
        return FlinkJob.find([self.rest_address], name)

    def _start(self, stack: contextlib.ExitStack) -> None:
        directory = self._directory or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="cluster-"))
        )
        self._configure(directory)
        self.processes = dict(self._describe(directory))
        for process in self.processes.values():
            stack.enter_context(process)
        for name, port in self._ports().items():
            self.processes[name].wait_for_port(port, _START_TIMEOUT_S)
        slots = self._shape.task_managers * self._shape.slots
        self.processes["jobmanager"].wait_until(
            lambda: FlinkJob.slots(self.rest_address) == slots, _START_TIMEOUT_S
        )
        keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)
        keeper.start()
        stack.callback(keeper.join)
        stack.callback(self._ended.set)

    def _ports(self) -> dict[str, int]:
        return {
            "jobmanager": self._rest_port,
            "jobserver": self._job_port,
            "expansion": self._expansion_port,
        }

    def _configure(self, directory: Path) -> None:
        (directory / "tmp").mkdir(parents=True, exist_ok=True)
        text = CONFIG.format(
            directory=directory,
            rpc_port=self._rpc_port,
            rest_port=self._rest_port,
            slots=self._shape.slots,
            heap_mb=self._shape.heap_mb,
            state_backend=self._shape.state_backend,
            buffer_timeout_ms=self._shape.buffer_timeout_ms,
        )
        (directory / "config.yaml").write_text(text)
        (directory / "log4j.properties").write_text(_LOGGING)
        names = Path("/etc/hosts").read_text() if Path("/etc/hosts").exists() else ""
        for number in range(self._shape.task_managers):
            (directory / f"hosts{number}").write_text(
                f"{names}\n127.0.0.1 localhost {socket.gethostname()}\n"
                f"{_pool_host(number)} {_POOL_NAME}\n"
            )

    def _describe(self, directory: Path) -> Iterator[tuple[str, Process]]:
        yield (
            "jobmanager",
            self._flink(
                "jobmanager",
                directory,
                "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
                metrics_port=self._metrics_ports[0],
                heap_mb=512,
                java=jars.LIGHT,
            ),
        )
        for number in range(self._shape.task_managers):
            pool = f"workerpool{number}"
            address = f"{_pool_host(number)}:{self._pool_port}"
            yield (
                pool,
                Process(
                    pool,
                    [sys.executable, "-m", "runners.worker_pool", f"--address={address}"],
                    log_file(pool),
                ),
            )
            yield (
                f"taskmanager{number}",
                self._flink(
                    f"taskmanager{number}",
                    directory,
                    "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
                    metrics_port=self._metrics_ports[number + 1],
                    heap_mb=self._shape.heap_mb + 128,
                    java=(
                        *self._shape.java,
                        "-XX:MaxDirectMemorySize=512m",
                        f"-Djdk.net.hosts.file={directory}/hosts{number}",
                    ),
                ),
            )
        yield (
            "jobserver",
            job_server(
                self.rest_address,
                self._job_port,
                self._artifact_port,
                directory=directory,
                log=log_file("jobserver"),
                heap_mb=512,
            ),
        )
        yield "expansion", expansion_service(self._expansion_port)

    @staticmethod
    def _flink(
        name: str,
        directory: Path,
        main_class: str,
        *,
        metrics_port: int,
        heap_mb: int,
        java: tuple[str, ...] = (),
    ) -> Process:
        flink = distribution.fetch()
        logging = f"-Dlog4j.configurationFile={directory}/log4j.properties"
        command = [
            *jars.java_with(f"{flink}/lib/*", heap_mb=heap_mb, options=(*OPENS, *java, logging)),
            main_class,
            f"--configDir={directory}",
            f"-Dmetrics.reporter.prometheus.port={metrics_port}",
        ]
        return Process(name, command, log_file(name), env={"FLINK_PLUGINS_DIR": f"{flink}/plugins"})

    def _keep(self) -> None:
        """Starts dead processes again, except the JobManager, which holds the jobs."""
        while not self._ended.wait(_LOOK_EVERY_S):
            for name, process in self.processes.items():
                if name != "jobmanager" and process.returncode is not None:
                    self.restarts[name] = self.restarts.get(name, 0) + 1
                    process.restart()


def _pool_host(number: int) -> str:
    """Returns the address of the pool beside a TaskManager, a loopback address of its own."""
    return f"127.0.0.{2 + number}"
