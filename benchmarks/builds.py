"""What a measurement builds or installs once before it starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from runners.local.jars import CACHE, CHECKOUT, fetch_once, require_java, require_maven
from schema.errors import MissingPartError

_RIVALS = CHECKOUT / "benchmarks" / "rivals"
NATIVE_FLINK = _RIVALS / "native_flink"
GNMI_LOAD = CHECKOUT / "benchmarks" / "gnmi_load"
QUIX_REQUIREMENTS = _RIVALS / "quix" / "requirements.txt"
_JAR = NATIVE_FLINK / "target" / "native-flink.jar"


def native_flink_jar() -> Path:
    """Returns the jar of the native Flink jobs, which is built if the sources are newer.

    Raises:
        MissingPartError: Java or Maven is missing, or the build failed.
    """
    require_java()
    sources = [NATIVE_FLINK / "pom.xml", *NATIVE_FLINK.glob("src/**/*")]
    sources += (CHECKOUT / "proto").glob("*.proto")
    newest = max(source.stat().st_mtime for source in sources)
    if _JAR.exists() and _JAR.stat().st_mtime > newest:
        return _JAR
    require_maven()
    command = ["mvn", "-B", "-q", "-f", str(NATIVE_FLINK / "pom.xml"), "package"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")]
        why = (errors or ["no reason given"])[0]
        raise MissingPartError(f"Maven could not build the native Flink jobs: {why}")
    return _JAR


def gnmi_load() -> Path:
    """Returns the program that serves gNMI targets for a measurement; Go builds it.

    Raises:
        MissingPartError: Go is missing, or the build failed.
    """
    program = CACHE / "gnmi_load"
    CACHE.mkdir(parents=True, exist_ok=True)
    try:
        done = subprocess.run(
            ["go", "build", "-o", program, "."], cwd=GNMI_LOAD, capture_output=True, text=True
        )
    except FileNotFoundError:
        raise MissingPartError("go is not on the PATH: the gNMI targets cannot be built") from None
    if done.returncode != 0:
        why = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MissingPartError(f"Go could not build the gNMI targets: {why}")
    return program


def environment(name: str, requirements: Path) -> Path:
    """Returns the `bin` folder of a separate Python environment in `.cache/`.

    Args:
        name: of the environment.
        requirements: pinned with hashes; when they change, the environment is made again.

    Raises:
        MissingPartError: it could not be installed.
    """
    return fetch_once(CACHE / name, requirements, lambda target: _install(target, requirements)) / (
        "bin"
    )


def _install(target: Path, requirements: Path) -> None:
    uv = Path(sys.executable).parent / "uv"
    interpreter = str(target / "bin" / "python")
    install = ("pip", "install", "--require-hashes", "--requirement", str(requirements))
    for arguments in (
        ("venv", "--python", sys.executable, str(target)),
        (*install, "--python", interpreter),
    ):
        done = subprocess.run([str(uv), "--quiet", *arguments], capture_output=True, text=True)
        if done.returncode != 0:
            raise MissingPartError(
                f"uv could not install {requirements.name}: {done.stderr.strip()}"
            )
