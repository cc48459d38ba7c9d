"""``python -m schema.generate``: makes schema/*_pb2.py from proto/; ``--check`` only compares."""

import filecmp
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent


def generate(folder: Path) -> list[Path]:
    """Writes the generated modules below a folder and returns their paths in it.

    Raises:
        RuntimeError: protoc refused the sources.
    """
    from grpc_tools import protoc  # only developers have it

    names = sorted(path.name for path in (ROOT / "proto").glob("*.proto"))
    # Under the name of the package, so that messages know the module they can be imported from.
    arguments = [
        "protoc",
        f"--proto_path=schema={ROOT / 'proto'}",
        f"--python_out={folder}",
        f"--pyi_out={folder}",
        *(f"schema/{name}" for name in names),
    ]
    if protoc.main(arguments):
        raise RuntimeError("protoc refused the sources")
    return sorted(path.relative_to(folder) for path in (folder / "schema").glob("*_pb2.py*"))


def main(arguments: Sequence[str]) -> int:
    """Generates, or compares; returns 1 where the generated modules are out of date."""
    if "--check" not in arguments:
        generate(ROOT)
        return 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        old = [
            path for path in generate(folder) if not filecmp.cmp(folder / path, ROOT / path, False)
        ]
    for path in old:
        print(f"{path} is not what proto/ gives: run `make proto`", file=sys.stderr)
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
