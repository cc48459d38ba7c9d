"""``python -m schema.generate``: makes schema/*_pb2.py from proto/; ``--check`` only compares."""

import filecmp
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parent.parent

#: How OpenConfig's sources import one another, and by which name they do it here.
_RENAMED = {
    'import "github.com/openconfig/gnmi/proto/gnmi_ext/gnmi_ext.proto"': (
        'import "schema/gnmi_ext.proto"'
    ),
}


def generate(folder: Path) -> list[Path]:
    """Writes the generated modules below a folder and returns their paths in it.

    Raises:
        RuntimeError: protoc refused the sources.
    """
    import grpc_tools
    from grpc_tools import protoc  # only developers have it

    with tempfile.TemporaryDirectory() as temporary:
        # Under the name of the package, so that messages know the module they can be imported from.
        sources = Path(temporary) / "schema"
        sources.mkdir()
        for path in (ROOT / "proto").rglob("*.proto"):
            text = path.read_text()
            for theirs, ours in _RENAMED.items():
                text = text.replace(theirs, ours)
            (sources / path.name).write_text(text)
        arguments = [
            "protoc",
            f"--proto_path={temporary}",
            f"--proto_path={Path(grpc_tools.__file__).parent / '_proto'}",
            f"--python_out={folder}",
            f"--pyi_out={folder}",
            *sorted(f"schema/{path.name}" for path in sources.iterdir()),
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
