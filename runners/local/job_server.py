"""Beam's job server for Flink, and the service that Python takes Kafka's Java steps from."""

from __future__ import annotations

from pathlib import Path

from runners.local import jars
from runners.local.processes import Process, log_file

# Flink 1.19 and the Java harness look into classes of the JDK, which Java 17 forbids unless told.
OPENS = jars.opens("java.lang", "java.util", "java.nio", "java.time")


def job_server(
    master: str,
    job_port: int,
    artifact_port: int,
    *,
    directory: Path,
    log: Path,
    heap_mb: int,
) -> Process:
    """Describes a job server.

    Args:
        master: REST interface of the cluster that gets the jobs, host:port; or ``[local]``: each
            job gets a cluster of its own in the server's JVM.
        job_port: where pipelines are submitted to.
        artifact_port: where their files go to.
        directory: Flink's configuration, and a place for the files of jobs.
        log: what it says.
        heap_mb: its memory, with that of a cluster in it.
    """
    options = (*OPENS, *jars.LIGHT, f"-Djava.io.tmpdir={directory}")
    command = [
        *jars.java("flink", heap_mb=heap_mb, options=options),
        "org.apache.beam.runners.flink.FlinkJobServerDriver",
        f"--flink-master={master}",
        f"--flink-conf-dir={directory}",
        "--job-host=localhost",
        f"--job-port={job_port}",
        f"--artifact-port={artifact_port}",
        f"--artifacts-dir={directory}/artifacts",
        # The one inside cannot be told to read Kafka natively.
        "--expansion-port=-1",
    ]
    return Process("the job server", command, log, env={"FLINK_CONF_DIR": str(directory)})


def expansion_service(port: int) -> Process:
    """Describes an expansion service whose Kafka reads Flink does itself."""
    command = [
        *jars.java("flink", heap_mb=256, options=(*OPENS, *jars.LIGHT)),
        "org.apache.beam.sdk.expansion.service.ExpansionService",
        str(port),
        # Java steps run inside Flink's own JVM.
        "--defaultEnvironmentType=EMBEDDED",
        # Flink then reads Kafka itself, with the offsets in its checkpoints.
        "--experiments=use_deprecated_read",
        # The jars are there already: one small file instead of 200 MB goes along with each job.
        f"--filesToStage={jars.small_jar('flink')}",
    ]
    return Process("the expansion service", command, log_file("expansion"))
