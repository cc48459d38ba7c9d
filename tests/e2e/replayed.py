"""A replay by the command line, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from schema.outputs import ALL_OUTPUTS, OUTPUTS

TIMEOUT_S = 240

Outputs = dict[str, list[dict]]


def replayed(folder: Path, name: str, *options: str) -> tuple[Outputs, str]:
    """Replays the capture of a folder; returns the outputs, and what was printed."""
    names = OUTPUTS if "--emit=matches" in options else ALL_OUTPUTS
    paths = {output: folder / f"{name}-{output}.jsonl" for output in names}
    command = [sys.executable, "-m", "pipeline", *options]
    command += [f"--pm_file={folder}/pm.bin", f"--topology_file={folder}/topology.jsonl"]
    command += [f"--{output}_file={path}" for output, path in paths.items()]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S)
    assert ended.returncode == 0, ended.stderr
    read = {o: [json.loads(x) for x in path.read_text().splitlines()] for o, path in paths.items()}
    return read, ended.stderr
