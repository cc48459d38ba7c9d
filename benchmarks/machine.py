"""The machine on which a measurement ran."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.builds import QUIX_REQUIREMENTS
from runners.local import distribution, jars


@dataclass(frozen=True)
class Machine:
    """Hardware, versions, and how busy the machine was."""

    processor: str
    cores: int
    memory_gb: float
    load_average: float
    system: str
    python: str
    java: str
    beam: str
    flink: str
    kafka: str
    quix: str
    revision: str
    time: str

    @classmethod
    def here(cls) -> Machine:
        """Describes this machine."""
        return cls(
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)),
            memory_gb=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
            load_average=round(os.getloadavg()[0], 1),
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            java=_first_quoted(_told("java", "-version")),
            beam=importlib.metadata.version("apache-beam"),
            flink=_version_of(distribution.fetch() / "lib", "flink-dist-*.jar"),
            kafka=_version_of(jars.fetch("kafka"), "kafka_2.13-*.jar"),
            quix=_pinned("quixstreams"),
            revision=_told("git", "describe", "--always", "--dirty").strip() or "unknown",
            time=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        )

    def line(self) -> str:
        """Returns the description as text."""
        return (
            f"{self.cores} cores ({self.processor}), {self.memory_gb:g} GB, {self.system}, load "
            f"average at the start {self.load_average:g}. Beam {self.beam}, Flink {self.flink}, "
            f"Java {self.java}, Python {self.python}, Kafka {self.kafka}, Quix Streams "
            f"{self.quix}. Revision {self.revision}, {self.time}."
        )


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    found = re.search(r"model name\s*: (.+)", path.read_text()) if path.exists() else None
    return found[1] if found else platform.machine()


def _told(*command: str) -> str:
    """Returns what a program prints; nothing if there is no such program."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, cwd=jars.CHECKOUT)
    except OSError:
        return ""
    return done.stdout + (done.stderr if done.returncode == 0 else "")


def _first_quoted(text: str) -> str:
    found = re.search(r'"([^"]+)"', text)
    return found[1] if found else "unknown"


def _version_of(directory: Path, pattern: str) -> str:
    names = sorted(path.stem for path in directory.glob(pattern))
    return names[0].rpartition("-")[2] if names else "unknown"


def _pinned(package: str) -> str:
    text = QUIX_REQUIREMENTS.read_text()
    found = re.search(rf"^{package}==(\S+)", text, re.MULTILINE)
    return found[1] if found else "unknown"
