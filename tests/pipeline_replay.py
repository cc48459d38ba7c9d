"""Replays reports through the whole pipeline, by its command line, in this process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from runners.run import main
from schema.capture import write_capture
from schema.outputs import ALL_OUTPUTS, OUTPUTS
from schema.topology_pb2 import FiberLink

Lines = dict[str, list[dict[str, Any]]]


def replay(
    payloads: Iterable[bytes], links: Iterable[FiberLink], folder: Path, *options: str
) -> Lines:
    """Writes a capture and a topology into a folder, and returns the lines of every output."""
    capture, topology = folder / "pm.bin", folder / "topology.jsonl"
    write_capture(capture, payloads)
    text = "".join(json_format.MessageToJson(one, indent=None) + "\n" for one in links)
    topology.write_text(text)
    return replay_files(capture, topology, folder, *options)


def replay_files(capture: Path | str, topology: Path | str, folder: Path, *options: str) -> Lines:
    """Replays a capture, and returns the lines of every output; they stay in the folder."""
    names = OUTPUTS if "--emit=matches" in options else ALL_OUTPUTS
    paths = {output: folder / f"{output}.jsonl" for output in names}
    files = [f"--pm_file={capture}", f"--topology_file={topology}"]
    assert main([*files, *(f"--{o}_file={path}" for o, path in paths.items()), *options]) == 0
    return {o: [json.loads(x) for x in p.read_text().splitlines()] for o, p in paths.items()}
