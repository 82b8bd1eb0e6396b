"""The house stays as drawn: arrows between rooms, a pure core, light parts for the sandbox."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src"
PACKAGE = SRC / "interlock"

# Builtins that reach the world without an import.
IMPURE_CALLS = {"open", "print", "input", "exec", "eval", "__import__", "breakpoint"}

# Runs under `python -I -S`, and what else of ours each may import.
LIGHT = {
    "interlock/__init__.py": {"interlock.sdk.client"},
    "interlock/errors.py": set(),
    "interlock/failpoints.py": set(),
    "interlock/sdk": {"interlock.sdk", "interlock.errors", "interlock.unixpath"},
    "interlock/unixpath.py": set(),
    "interlock/supervisor/__init__.py": set(),
    "interlock/supervisor/toolhost": {"interlock.supervisor.toolhost", "interlock.failpoints"},
}


def modules(under: Path) -> list[Path]:
    """Every Python file below a directory, or the file itself; nothing if it is not built yet."""
    if under.is_file():
        return [under]
    return sorted(under.rglob("*.py"))


def imported(tree: ast.AST) -> Iterator[str]:
    """Absolute names of all imports; relative ones stay in their room, which is what counts."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def test_import_contracts_hold() -> None:
    run = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache", "--no-logo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize(
    "path", modules(PACKAGE / "core"), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_core_calls_nothing_impure(path: Path) -> None:
    calls = {
        node.func.id
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert not calls & IMPURE_CALLS


@pytest.mark.parametrize("room", LIGHT)
def test_light_rooms_import_only_the_standard_library(room: str) -> None:
    for path in modules(SRC / room):
        foreign = {
            name
            for name in imported(ast.parse(path.read_text()))
            if not name.startswith(".")
            and name.partition(".")[0] not in sys.stdlib_module_names
            and not any(f"{name}.".startswith(f"{allowed}.") for allowed in LIGHT[room])
        }
        assert not foreign, f"{path.relative_to(SRC)} imports {foreign}"


def test_light_rooms_load_without_site_packages() -> None:
    """The proof by running: as in a sandbox, nothing but the standard library is there."""
    names = [
        ".".join(path.relative_to(SRC).with_suffix("").parts).removesuffix(".__init__")
        for room in LIGHT
        for path in modules(SRC / room)
        if path.name != "__main__.py"
    ]
    program = (
        f"import importlib, sys; sys.path.insert(0, {str(SRC)!r})\n"
        f"for name in {names!r}: importlib.import_module(name)"
    )
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", modules(PACKAGE), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text()))


def test_no_file_names_a_place_on_one_machine() -> None:
    # Put together here, so that this file does not find itself.
    place = re.compile(rf"(?<![\w.}}])/({'wo' + 'rk'}|{'ro' + 'ot'})/")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = listed.stdout.split("\0") if listed.returncode == 0 else None
    files = (
        [ROOT / name for name in names if name]
        if names
        else [
            path for room in ("src", "tests", "tools", "docs") for path in (ROOT / room).rglob("*")
        ]
    )
    found = [
        str(path.relative_to(ROOT))
        for path in files
        if path.is_file() and place.search(path.read_bytes().decode(errors="replace"))
    ]
    assert not found
