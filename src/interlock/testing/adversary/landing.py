"""What no phase may bring in, said a second time and without the policy that is being tried."""

from __future__ import annotations

import fnmatch
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Taken", "trespasses"]

_TESTS = ("tests/*", "*/conftest.py", "conftest.py", "test_*.py", "*/test_*.py")
_CONFIG = ("pytest.ini", "tox.ini", ".coveragerc", "*sitecustomize.py", "*usercustomize.py")
_NEVER = (
    "agent_workflow.yaml",
    ".orchestrator/*",
    ".git/*",
    ".gitattributes",
    "*/.gitattributes",
    ".gitmodules",
    ".github/*",
    ".vscode/*",
    ".claude/*",
    "AGENTS.md",
    "*.pyc",
    "*__pycache__*",
)


@dataclass(frozen=True, slots=True)
class Taken:
    """What one import took over, in which phase."""

    phase: str
    paths: tuple[str, ...]


def trespasses(taken: Sequence[Taken]) -> list[str]:
    """What was taken over and must not have been, one sentence each; none if all is well."""
    return [
        f"{path} landed in {one.phase}"
        for one in taken
        for path in one.paths
        if not _may(one.phase, path)
    ]


def _may(phase: str, path: str) -> bool:
    if _is(path, _NEVER):
        return False
    match phase:
        case "TDD":
            return _is(path, _TESTS)
        case "IMPL":
            return not _is(path, (*_TESTS, *_CONFIG))
        case _:
            return False


def _is(path: str, globs: Sequence[str]) -> bool:
    return any(fnmatch.fnmatchcase(path, glob) for glob in globs)
