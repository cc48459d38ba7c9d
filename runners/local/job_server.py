"""Beam's job server for Flink, and the service that gives Python the Java steps for Kafka."""

from __future__ import annotations

from pathlib import Path

from runners.local import jars
from runners.local.processes import Process, log_file

# Flink 1.19 and the Java harness look into classes of the JDK, which Java 17 keeps closed.
OPENS = jars.opens("java.lang", "java.util", "java.nio", "java.time")


def job_server(
    master: str,
    job_port: int,
    artifact_port: int,
    *,
    directory: Path,
    log: Path,
    heap_mb: int,
    stock: bool = False,
) -> Process:
    """Describes a job server.

    Args:
        master: REST interface, host:port, of the cluster that gets the jobs; or ``[local]``: each
            job gets its own cluster in the server's JVM.
        job_port: where pipelines are submitted.
        artifact_port: where the files of pipelines are sent.
        directory: holds Flink's configuration; takes the files of jobs.
        log: file that takes its output.
        heap_mb: its memory, a cluster inside included.
        stock: with Beam's own jars alone.
    """
    options = (*OPENS, *jars.LIGHT, f"-Djava.io.tmpdir={directory}")
    command = [
        *jars.java("flink", heap_mb=heap_mb, options=options, stock=stock),
        "org.apache.beam.runners.flink.FlinkJobServerDriver",
        f"--flink-master={master}",
        f"--flink-conf-dir={directory}",
        "--job-host=localhost",
        f"--job-port={job_port}",
        f"--artifact-port={artifact_port}",
        f"--artifacts-dir={directory}/artifacts",
        # The expansion service inside cannot be set to read Kafka natively.
        "--expansion-port=-1",
    ]
    return Process("the job server", command, log, env={"FLINK_CONF_DIR": str(directory)})


def expansion_service(port: int, *, stock: bool = False) -> Process:
    """Describes an expansion service with which Flink itself reads Kafka.

    Args:
        port: where it serves.
        stock: with Beam's own jars alone: it offers `ReadFromKafka`, but not `ReadBatches`.
    """
    command = [
        *jars.java("flink", heap_mb=256, options=(*OPENS, *jars.LIGHT), stock=stock),
        "org.apache.beam.sdk.expansion.service.ExpansionService",
        str(port),
        # Java steps run inside Flink's JVM.
        "--defaultEnvironmentType=EMBEDDED",
        # With this, Flink reads Kafka itself, with the offsets in its checkpoints.
        "--experiments=use_deprecated_read",
        # The cluster has the jars already: each job brings one small file instead of 200 MB.
        f"--filesToStage={jars.small_jar('flink')}",
    ]
    return Process("the expansion service", command, log_file("expansion"))
