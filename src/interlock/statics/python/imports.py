"""What a test file imports: code under test, something that may be anything, or mere tools."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Collection, Iterator
from enum import StrEnum

from interlock.statics.python.modules import Layout

__all__ = ["Origin", "Origins"]

# What only reckons with what it is given, or only serves tests: no clock, no chance, no machine.
_TOOLS = frozenset(
    {
        *("__future__", "abc", "base64", "calendar", "collections", "contextlib", "copy"),
        *("dataclasses", "decimal", "enum", "fractions", "functools", "hashlib"),
        *("heapq", "hypothesis", "itertools", "json", "math", "numbers", "operator", "pytest"),
        *("re", "statistics", "string", "textwrap", "types", "typing", "typing_extensions"),
        "unittest",
    }
)


class Origin(StrEnum):
    """Where an imported name comes from."""

    TESTED = "tested"
    STANDARD = "standard"
    TOOL = "tool"
    OTHER = "other"


class Origins:
    """Tells what imports of a tree's tests bring.

    Args:
        paths: all paths of the tree, planned modules included.
        is_test: whether a path is one of the tests.
    """

    def __init__(self, paths: Collection[str], is_test: Callable[[str], bool]) -> None:
        roots = sorted(Layout(paths).roots, key=len, reverse=True)
        self._tested = {
            _top(path, roots) for path in paths if path.endswith(".py") and not is_test(path)
        }

    def of(self, statement: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Origin]]:
        """The names that an import binds; a star binds none that could be told."""
        for alias in statement.names:
            if isinstance(statement, ast.Import):
                name, module = alias.asname or alias.name.partition(".")[0], alias.name
            else:
                name = alias.asname or alias.name
                module = "" if statement.level else statement.module or ""
            yield name, self._origin(module.partition(".")[0])

    def _origin(self, top: str) -> Origin:
        if top in self._tested:
            return Origin.TESTED
        if top in _TOOLS:
            return Origin.TOOL
        return Origin.STANDARD if top in sys.stdlib_module_names else Origin.OTHER


def _top(path: str, roots: list[str]) -> str:
    """First part of a file's module name, from the root that is nearest to it."""
    root = next((r for r in roots if r and path.startswith(f"{r}/")), "")
    return path[len(root) :].lstrip("/").partition("/")[0].removesuffix(".py")
