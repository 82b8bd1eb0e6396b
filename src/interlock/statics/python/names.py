"""Names for what a rewriting adds: new to their file, alike in every rewriting, telling nothing."""

from __future__ import annotations

import ast
import builtins
import keyword
import random
import string

__all__ = ["FreshNames"]

_LENGTHS = range(5, 10)


class FreshNames:
    """Identifiers that a module does not use.

    Args:
        tree: of the module.
        seed: names are the same for the same seed and module.
    """

    def __init__(self, tree: ast.AST, seed: str) -> None:
        self._random = random.Random(seed)  # noqa: S311 — told apart from nothing, guarded by seed
        self._taken = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist, *_identifiers(tree)}

    def fresh(self) -> str:
        """One more."""
        while True:
            length = self._random.choice(_LENGTHS)
            name = "".join(self._random.choices(string.ascii_lowercase, k=length))
            # What a runner would take for a test, or a fixture for its own.
            if name not in self._taken and not name.startswith(("test", "pytest")):
                self._taken.add(name)
                return name

    def number(self, below: int) -> int:
        """A number from the same source."""
        return self._random.randrange(below)


def _identifiers(tree: ast.AST) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        for name in node._fields:
            value = getattr(node, name)
            if isinstance(value, str):
                found.add(value)
            elif isinstance(value, list):
                found.update(item for item in value if isinstance(item, str))
    return found
