"""What an installed package has: its commands, its files, and what it needs."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import setuptools

ROOT = Path(__file__).parent.parent.parent

#: Modules that need what only developers have.
DEVELOPMENT = ("schema/generate.py", "runners/local/certificates.py")
#: Not imported: kafka-python takes it when it is there, instead of a slow checksum of its own.
NOT_IMPORTED = {"crc32c"}

#: The driver that SQLAlchemy loads, and what reads the forms for FastAPI.
CONSOLE_NOT_IMPORTED = {"psycopg", "python-multipart"}


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Returns what setup.py tells setuptools."""
    told: dict[str, Any] = {}
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(setuptools, "setup", told.update)
    runpy.run_path("setup.py")
    return told


def test_each_command_is_a_function(package: dict[str, Any]) -> None:
    for line in package["entry_points"]["console_scripts"]:
        name, target = line.split(" = ")
        command = importlib.metadata.EntryPoint(name, target, "console_scripts").load()
        assert callable(command), name


def test_the_pipelines_command_quiets_beam_before_it_is_imported() -> None:
    code = (
        "import logging, sys; from pipeline.__main__ import main; sys.argv[1:] = ['--help']\n"
        "assert 'apache_beam' not in sys.modules\n"
        "try: main()\n"
        "finally: assert logging.getLogger().level == logging.ERROR"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: pipeline ")
    assert not done.stderr


def test_what_maven_and_pip_read_is_shipped(package: dict[str, Any]) -> None:
    builder = setuptools.Distribution(package).get_command_obj("build_py")
    builder.ensure_finalized()
    builder.analyze_manifest()
    shipped = {Path(path) for path in builder.find_data_files("runners", "runners")}
    listed = subprocess.run(
        ["git", "ls-files", "runners/java"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    tracked = set(map(Path, listed.stdout.splitlines()))
    assert tracked
    assert tracked <= shipped


def test_every_package_is_shipped(package: dict[str, Any]) -> None:
    folders = {
        *("collector", "console", "kernels", "pipeline"),
        *("runners", "schema", "simulator", "transforms"),
    }
    found = {
        ".".join(path.parent.relative_to(ROOT).parts)
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    }
    assert set(package["packages"]) == found


def test_what_is_imported_is_required(package: dict[str, Any]) -> None:
    extras = package["extras_require"]
    required = set(map(_name, package["install_requires"]))
    needed: dict[str, set[str]] = {"": set(), "collector": set(), "development": set()}
    for name in package["packages"]:
        if name.partition(".")[0] == "console":
            continue
        for path in (ROOT / name.replace(".", "/")).glob("*.py"):
            of = "collector" if name == "collector" else ""
            if str(path.relative_to(ROOT)) in DEVELOPMENT:
                of = "development"
            needed[of] |= set(_requirements_of(path, package["packages"]))
    assert needed[""] == required - NOT_IMPORTED
    assert needed["collector"] == set(map(_name, extras["collector"]))
    assert needed["development"] - required == set(map(_name, extras["development"]))


def test_what_the_console_imports_is_in_its_extra(package: dict[str, Any]) -> None:
    extra = set(map(_name, package["extras_require"]["console"]))
    needed = {
        name
        for path in (ROOT / "console").rglob("*.py")
        for name in _requirements_of(path, package["packages"])
    }
    assert needed - set(map(_name, package["install_requires"])) == extra - CONSOLE_NOT_IMPORTED


def _requirements_of(path: Path, ours: list[str]) -> Iterator[str]:
    """Yields the names, in a registry, of the packages that a module imports."""
    distributions = importlib.metadata.packages_distributions()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            if name.startswith("google.protobuf"):
                yield "protobuf"  # the folder google has several owners
            elif top not in ours and top not in sys.stdlib_module_names:
                yield from map(_name, distributions[top])


def _name(requirement: str) -> str:
    """Returns the name in a requirement, in its usual form."""
    return re.split(r"[=<>!~\[; ]", requirement)[0].lower().replace("_", "-")
