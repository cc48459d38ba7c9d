"""Flink on this machine: Beam's job server with a cluster inside, and an expansion service."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

from runners.local.flink_job import FlinkJob
from runners.local.job_server import expansion_service, job_server
from runners.local.parts import Parts
from runners.local.processes import Process, free_ports, log_file

_START_TIMEOUT_S = 60
_REST_ADDRESS = re.compile(r"Rest endpoint listening at (\S+)")
# The REST interface answers with fresh values, and only on this machine. Checkpoints go to files:
# in memory, no step may have more than 5 MB of state. A job takes the buffer timeout along to
# whichever cluster it goes: with Flink's default a block would wait up to 100 ms at every step.
_CONFIG = """\
rest.bind-address: 127.0.0.1
jobmanager.bind-host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
web.refresh-interval: 500
metrics.fetcher.update-interval: 500
execution.buffer-timeout.interval: 0 ms
state.checkpoint-storage: filesystem
state.checkpoints.dir: file://{directory}/checkpoints
"""


class LocalFlink(Parts):
    """A job server that runs each job on a Flink cluster in its own JVM.

    Example:
        with LocalFlink() as flink:
            options = [f"--job_endpoint={flink.job_endpoint}"]
    """

    #: Master that stands for a cluster in the job server's own JVM, one for each job.
    INSIDE = "[local]"

    def __init__(self, *, master: str = INSIDE, heap_mb: int = 1024, stock: bool = False) -> None:
        """Describes the cluster; it is started on entry.

        Args:
            master: REST interface, host:port, of another cluster that gets the jobs instead.
            heap_mb: memory of the JVM that holds the job server and the cluster.
            stock: with Beam's own jars alone.
        """
        self._master = master
        self._heap_mb = heap_mb
        self._stock = stock
        self._job_port, self._artifact_port, self._expansion_port = free_ports(3)
        self._log = log_file("flink")
        super().__init__()
        self._processes: list[Process] = []

    @property
    def job_endpoint(self) -> str:
        """Where pipelines are submitted."""
        return f"localhost:{self._job_port}"

    @property
    def expansion_service(self) -> str:
        """Where Python's ReadFromKafka and WriteToKafka get their Java steps from."""
        return f"localhost:{self._expansion_port}"

    def options(self) -> list[str]:
        """Returns the pipeline's options that send it here."""
        return [
            f"--job_endpoint={self.job_endpoint}",
            f"--kafka_expansion_service={self.expansion_service}",
        ]

    def check(self) -> None:
        """Raises ProcessError if the job server or the expansion service has ended."""
        for process in self._processes:
            process.check()

    def find_job(self, name: str) -> FlinkJob | None:
        """Returns the newest job of a name; None if there is none yet."""
        log = self._log.read_text(errors="replace") if self._log.exists() else ""
        return FlinkJob.find(_REST_ADDRESS.findall(log), name)

    def _start(self, stack: contextlib.ExitStack) -> None:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="flink-"))
        (Path(directory) / "config.yaml").write_text(_CONFIG.format(directory=directory))
        jobs = stack.enter_context(
            job_server(
                self._master,
                self._job_port,
                self._artifact_port,
                directory=Path(directory),
                log=self._log,
                heap_mb=self._heap_mb,
                stock=self._stock,
            )
        )
        expansion = stack.enter_context(expansion_service(self._expansion_port, stock=self._stock))
        jobs.wait_for_port(self._job_port, _START_TIMEOUT_S)
        expansion.wait_for_port(self._expansion_port, _START_TIMEOUT_S)
        self._processes = [jobs, expansion]
