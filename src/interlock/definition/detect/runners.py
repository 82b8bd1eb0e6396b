"""Which test runner a project's tests are written for."""

from __future__ import annotations

import re
from collections.abc import Iterator

from interlock.definition.detect.project import Project
from interlock.definition.detect.tree import Tree, table

__all__ = ["is_test_file", "runner_of"]

_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test|tests?|conftest)\.py$")
_NEEDS_PYTEST = re.compile(r"^\s*(?:import|from)\s+pytest\b|^(?:async )?def test_", re.MULTILINE)
_USES_UNITTEST = re.compile(r"^\s*(?:import|from)\s+unittest\b|\bTestCase\)", re.MULTILINE)
_OWN = ("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml")
_LOOKED_AT = 200


def is_test_file(path: str) -> bool:
    """Whether a path is named as test files are."""
    return _TEST_FILE.search(path) is not None


def runner_of(tree: Tree, project: Project, brings: frozenset[str]) -> tuple[str, str]:
    """The runner, and what tells so."""
    if sign := next(_signs_of_pytest(tree, project, brings), ""):
        return "pytest", sign
    tests = [path for path in sorted(tree.files) if is_test_file(path)][:_LOOKED_AT]
    sources = {path: tree.text(path) for path in tests}
    if user := next((path for path, text in sources.items() if _NEEDS_PYTEST.search(text)), ""):
        return "pytest", f"{user} is written for it"
    if user := next((path for path, text in sources.items() if _USES_UNITTEST.search(text)), ""):
        return "unittest", f"{user} uses unittest, and nothing asks for pytest"
    return "pytest", "nothing says otherwise"


def _signs_of_pytest(tree: Tree, project: Project, brings: frozenset[str]) -> Iterator[str]:
    if "pytest" in brings:
        yield "the project's dependencies name it"
    yield from (f"there is {name}" for name in _OWN if name in tree)
    if table(project.toml, "tool", "pytest"):
        yield "pyproject.toml has settings for it"
    if tree.ini("setup.cfg").has_section("tool:pytest"):
        yield "setup.cfg has settings for it"
    if tree.ini("tox.ini").has_section("pytest"):
        yield "tox.ini has settings for it"
    yield from (f"there is {path}" for path in tree.files if path.split("/")[-1] == "conftest.py")
