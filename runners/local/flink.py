"""Flink on this machine: Beam's job server with a cluster in it, and an expansion service."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from runners.local import jars
from runners.local.flink_job import FlinkJob
from runners.local.process import Process, free_ports, log_file

_START_TIMEOUT_S = 60
_REST_ADDRESS = re.compile(r"Rest endpoint listening at (\S+)")
# What its REST interface tells is to be fresh, and nothing is to be seen from outside. Checkpoints
# go to files: in memory, no step may have more than 5 MB of state.
_CONFIG = """\
rest.bind-address: 127.0.0.1
jobmanager.bind-host: 127.0.0.1
taskmanager.bind-host: 127.0.0.1
web.refresh-interval: 500
metrics.fetcher.update-interval: 500
state.checkpoint-storage: filesystem
state.checkpoints.dir: file://{directory}/checkpoints
"""
# Flink 1.19 and the Java harness look into classes of the JDK, which Java 17 forbids unless told.
_OPENS = tuple(
    f"--add-opens=java.base/java.{package}=ALL-UNNAMED"
    for package in ("lang", "util", "nio", "time")
)


class LocalFlink:
    """A job server that runs each job on a Flink cluster in its own JVM.

    Example:
        with LocalFlink() as flink:
            options = [f"--job_endpoint={flink.job_endpoint}"]
    """

    def __init__(self, *, heap_mb: int = 1024) -> None:
        """Describes the cluster; it is started on entry.

        Args:
            heap_mb: memory of the JVM that is the job server and the whole cluster.
        """
        self._heap_mb = heap_mb
        self._job_port, self._artifact_port, self._expansion_port = free_ports(3)
        self._log = log_file("flink")
        self._exit = contextlib.ExitStack()
        self._processes: list[Process] = []

    @property
    def job_endpoint(self) -> str:
        """Where a pipeline is submitted to."""
        return f"localhost:{self._job_port}"

    @property
    def expansion_service(self) -> str:
        """Where Python's ReadFromKafka and WriteToKafka get their Java steps from."""
        return f"localhost:{self._expansion_port}"

    def check(self) -> None:
        """Raises ProcessError when one of them has ended."""
        for process in self._processes:
            process.check()

    def find_job(self, name: str) -> FlinkJob | None:
        """Returns the newest job of a name; None while there is none."""
        log = self._log.read_text(errors="replace") if self._log.exists() else ""
        return FlinkJob.find(_REST_ADDRESS.findall(log), name)

    def __enter__(self) -> Self:
        """Starts both and waits until they serve."""
        with contextlib.ExitStack() as stack:
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="flink-"))
            jobs = stack.enter_context(self._job_server(directory))
            expansion = stack.enter_context(self._expansion_service())
            jobs.wait_for_port(self._job_port, _START_TIMEOUT_S)
            expansion.wait_for_port(self._expansion_port, _START_TIMEOUT_S)
            self._processes = [jobs, expansion]
            self._exit = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stops both, with every job that still runs."""
        self._exit.close()

    def _job_server(self, directory: str) -> Process:
        (Path(directory) / "config.yaml").write_text(_CONFIG.format(directory=directory))
        options = (*_OPENS, f"-Djava.io.tmpdir={directory}")
        command = [
            *jars.java("flink", heap_mb=self._heap_mb, options=options),
            "org.apache.beam.runners.flink.FlinkJobServerDriver",
            "--flink-master=[local]",
            "--job-host=localhost",
            f"--job-port={self._job_port}",
            f"--artifact-port={self._artifact_port}",
            f"--artifacts-dir={directory}",
            # The one inside cannot be told to read Kafka natively.
            "--expansion-port=-1",
        ]
        return Process("Flink", command, self._log, env={"FLINK_CONF_DIR": directory})

    def _expansion_service(self) -> Process:
        command = [
            *jars.java("flink", heap_mb=256, options=_OPENS),
            "org.apache.beam.sdk.expansion.service.ExpansionService",
            str(self._expansion_port),
            # Java steps run inside Flink's own JVM.
            "--defaultEnvironmentType=EMBEDDED",
            # Flink then reads Kafka itself, with the offsets in its checkpoints.
            "--experiments=use_deprecated_read",
            # They are there already: one small file instead of 200 MB goes along with each job.
            f"--filesToStage={self._small_jar()}",
        ]
        return Process("the expansion service", command, log_file("expansion"))

    @staticmethod
    def _small_jar() -> Path:
        return min(jars.fetch("flink").glob("*.jar"), key=lambda jar: jar.stat().st_size)
