"""A PostgreSQL of this machine's packages, on a free port of the loopback interface."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from runners.local.processes import Process, free_ports, log_file

_START_TIMEOUT_S = 60
_USER = "postgres"


def binaries() -> Path | None:
    """Returns the folder of the newest server that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=_version)
    return found[-1].parent if found else None


def _version(path: Path) -> int:
    return int(path.parts[-3])


@contextlib.contextmanager
def started(folder: Path) -> Iterator[str]:
    """Yields the URL of a server, without the name of a database."""
    (port,) = free_ports(1)
    # Sockets have a short path; root may not run the server.
    with tempfile.TemporaryDirectory(prefix="pg-") as directory:
        if os.geteuid() == 0:
            shutil.chown(directory, _USER)
        data = f"{directory}/data"
        init = [folder / "initdb", "-D", data, "-U", _USER, "--auth=trust", "--no-sync"]
        subprocess.run([*_as_user(), *init, "--encoding=UTF8"], check=True, capture_output=True)
        command = [
            *_as_user(),
            folder / "postgres",
            *("-D", data, "-p", str(port), "-k", directory),
            *("-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"),
        ]
        with Process("PostgreSQL", command, log_file("postgresql")) as server:
            server.wait_for_port(port, _START_TIMEOUT_S)
            yield f"postgresql://{_USER}@127.0.0.1:{port}"
            # Asked by a signal it would wait for the connections that tests keep in pools.
            stop = [folder / "pg_ctl", "-D", data, "stop", "--mode=fast"]
            subprocess.run([*_as_user(), *stop], check=True, capture_output=True)


def _as_user() -> list[str]:
    return (
        ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups"]
        if os.geteuid() == 0
        else []
    )
