"""Imports run one way, those inside of functions too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent

_PIPELINE = ("schema", "kernels", "transforms", "pipeline")
_RUNNERS = (*_PIPELINE, "runners", "runners.local")
_ALL = (*_RUNNERS, "runners.scenarios", "simulator", "collector", "console", "benchmarks")
#: What each package may import besides itself. A module belongs to the longest name that fits.
ALLOWED = {
    "schema": (),
    "simulator": ("schema",),
    "collector": ("schema",),
    "console": ("schema",),
    "kernels": ("schema",),
    "transforms": ("schema", "kernels"),
    "pipeline": ("schema", "kernels", "transforms"),
    "runners.local": ("schema",),
    "runners": (*_PIPELINE, "runners.local"),
    "runners.scenarios": ("schema", "simulator", "runners.local"),
    "benchmarks": (*_RUNNERS, "simulator", "console"),
    "tests": _ALL,
}
#: Packages that have nothing to do with Beam.
WITHOUT_BEAM = (
    *("schema", "kernels", "simulator", "collector", "console"),
    *("runners.local", "runners.scenarios"),
)
#: `python -m pipeline` starts a run, so this module alone imports against the direction; nobody
#: imports it.
ENTRY_POINT = "pipeline.__main__"


def _modules() -> Iterator[tuple[str, Path]]:
    for package in {name.partition(".")[0] for name in ALLOWED}:
        for path in (ROOT / package).rglob("*.py"):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), path


def _imports(path: Path) -> Iterator[str]:
    """Yields the full names of what a module imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _is_in(name: str, package: str) -> bool:
    return f"{name}.".startswith(f"{package}.")


def _package_of(module: str) -> str:
    """Returns the package of a module; empty when it is none of ours."""
    return max((name for name in ALLOWED if _is_in(module, name)), key=len, default="")


MODULES = dict(_modules())


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_what_is_below_it(package: str) -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if _package_of(module) == package and module != ENTRY_POINT
        for name in _imports(path)
        if _package_of(name) not in ("", package, *ALLOWED[package])
    ]
    assert not wrong


@pytest.mark.parametrize("package", WITHOUT_BEAM)
def test_what_has_nothing_to_do_with_beam_does_not_import_it(package: str) -> None:
    wrong = [
        module
        for module, path in MODULES.items()
        if _is_in(module, package) and any(_is_in(n, "apache_beam") for n in _imports(path))
    ]
    assert not wrong


def test_nobody_imports_the_entry_point() -> None:
    assert any(_is_in(name, "runners") for name in _imports(MODULES[ENTRY_POINT]))
    assert not [m for m, path in MODULES.items() for n in _imports(path) if _is_in(n, ENTRY_POINT)]
