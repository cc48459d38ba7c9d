"""Spark on this machine: Beam's job server, and a standalone cluster of a master and a worker."""

from __future__ import annotations

import contextlib
import re
import tempfile
from pathlib import Path

from runners.local import jars
from runners.local.parts import Parts
from runners.local.processes import Process, free_ports, log_file

_START_TIMEOUT_S = 60
# Spark looks into these packages of the JDK, which Java 17 keeps closed.
_OPENS = jars.opens(
    *(f"java.{name}" for name in ("io", "lang", "lang.invoke", "lang.reflect", "net", "nio")),
    *(f"java.util{name}" for name in ("", ".concurrent", ".concurrent.atomic")),
    *(f"sun.{name}" for name in ("nio.ch", "nio.cs", "security.action", "util.calendar")),
)
# Everything listens on the loopback only.
_LOOPBACK = {"SPARK_LOCAL_IP": "127.0.0.1"}
_IN_THE_JOB_SERVER = re.compile(r"local(\[.*\])?")
_ON_THIS_MACHINE = re.compile(r"spark://(localhost|127\.[\d.]+):\d+")


def is_here(master_url: str) -> bool:
    """Returns whether the executors of a master run on this machine, judging by its URL."""
    return bool(_IN_THE_JOB_SERVER.fullmatch(master_url) or _ON_THIS_MACHINE.fullmatch(master_url))


class LocalSpark(Parts):
    """A job server that runs jobs inside its own JVM, or sends them to a master.

    Example:
        with LocalSpark() as spark:
            options = [f"{name}={value}" for name, value in spark.options().items()]
    """

    def __init__(self, master_url: str = "local[2]", *, heap_mb: int = 1024) -> None:
        """Describes the job server; it is started on entry.

        Args:
            master_url: ``local[N]``, N tasks at a time in its own JVM; or ``spark://HOST:PORT``.
            heap_mb: memory of its JVM, at least 512 MB.
        """
        self._master_url = master_url
        self._heap_mb = heap_mb
        self._job_port, self._artifact_port = free_ports(2)
        self._log = log_file("spark")
        super().__init__()

    @property
    def job_endpoint(self) -> str:
        """Where pipelines are submitted."""
        return f"localhost:{self._job_port}"

    def options(self) -> dict[str, str]:
        """Returns the pipeline's options that send it here."""
        options = {
            "--job_endpoint": self.job_endpoint,
            # Results that several steps need are kept. With Beam's default, those that do not fit
            # into memory would be computed, and counted, again.
            "--storage_level": "MEMORY_AND_DISK",
        }
        if self._has_executors_here:
            # The executors have the jars: each job brings one small file instead of 270 MB.
            options["--files_to_stage"] = str(jars.small_jar("spark"))
        return options

    def _start(self, stack: contextlib.ExitStack) -> None:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="spark-"))
        server = stack.enter_context(self._job_server(directory))
        server.wait_for_port(self._job_port, _START_TIMEOUT_S)

    @property
    def _has_executors_here(self) -> bool:
        return bool(_ON_THIS_MACHINE.fullmatch(self._master_url))

    def _job_server(self, directory: str) -> Process:
        properties = {
            "java.io.tmpdir": directory,
            "spark.ui.enabled": "false",
            # Java's serializer cannot write what Beam keeps between two stages.
            "spark.serializer": "org.apache.spark.serializer.KryoSerializer",
        }
        if self._has_executors_here:
            properties["spark.executor.extraClassPath"] = f"{jars.fetch('spark')}/*"
        options = (*_OPENS, *(f"-D{name}={value}" for name, value in properties.items()))
        command = [
            *jars.java("spark", heap_mb=self._heap_mb, options=options),
            "org.apache.beam.runners.spark.SparkJobServerDriver",
            f"--spark-master-url={self._master_url}",
            "--job-host=localhost",
            f"--job-port={self._job_port}",
            f"--artifact-port={self._artifact_port}",
            f"--artifacts-dir={directory}",
            # A replay has no Java steps.
            "--expansion-port=-1",
        ]
        env = _LOOPBACK if is_here(self._master_url) else None
        return Process("Spark's job server", command, self._log, env=env)


class LocalSparkCluster(Parts):
    """A standalone master and one worker; its executors are separate JVMs.

    Example:
        with LocalSparkCluster() as cluster, LocalSpark(cluster.master_url) as spark:
            options = [f"{name}={value}" for name, value in spark.options().items()]
    """

    def __init__(self, *, cores: int = 2, memory_mb: int = 1024) -> None:
        """Describes the cluster; it is started on entry.

        Args:
            cores: number of tasks that its executors can run at a time.
            memory_mb: memory for all its executors; each takes 1024 by default.
        """
        self._cores = cores
        self._memory_mb = memory_mb
        self._master_port, self._worker_port = free_ports(2)
        super().__init__()

    @property
    def master_url(self) -> str:
        """Where a job server sends its jobs."""
        return f"spark://127.0.0.1:{self._master_port}"

    def _start(self, stack: contextlib.ExitStack) -> None:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="spark-cluster-")))
        # The worker looks here for the class path of its executors.
        (directory / "jars").symlink_to(jars.fetch("spark"))
        master = stack.enter_context(self._master(directory))
        master.wait_for_port(self._master_port, _START_TIMEOUT_S)
        worker = stack.enter_context(self._worker(directory))
        worker.wait_for_line("Successfully registered with master", _START_TIMEOUT_S)

    def _master(self, directory: Path) -> Process:
        return self._process("master", "master.Master", directory, [], self._master_port)

    def _worker(self, directory: Path) -> Process:
        options = [
            f"--cores={self._cores}",
            f"--memory={self._memory_mb}m",
            f"--work-dir={directory}/work",
            self.master_url,
        ]
        return self._process("worker", "worker.Worker", directory, options, self._worker_port)

    def _process(
        self, name: str, main_class: str, directory: Path, options: list[str], port: int
    ) -> Process:
        command = [
            *jars.java("spark", heap_mb=256, options=(*_OPENS, f"-Djava.io.tmpdir={directory}")),
            f"org.apache.spark.deploy.{main_class}",
            *("--host", "127.0.0.1", "--port", str(port), "--webui-port", "0"),
            *(word for option in options for word in option.split("=")),
        ]
        # Spark detects its Scala version by folders that only its distribution has.
        env = _LOOPBACK | {"SPARK_HOME": str(directory), "SPARK_SCALA_VERSION": "2.12"}
        return Process(f"Spark's {name}", command, log_file(f"spark-{name}"), env=env)
