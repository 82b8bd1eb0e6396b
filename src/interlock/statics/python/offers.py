"""What a module offers to who imports it: its own names and those of its star imports."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping

from interlock.ports.statics import ReadSource
from interlock.statics.python.modules import Layout
from interlock.statics.python.symbols import bindings, parse, symbols

__all__ = ["Offers"]

_DEPTH = 20


class Offers:
    """Names of the modules of a tree.

    Args:
        paths: all paths of the tree.
        read: contents of one of them.
    """

    def __init__(self, paths: Collection[str], read: ReadSource) -> None:
        self._layout = Layout(paths)
        self._read = read

    def through_stars(self, path: str, source: bytes | None = None) -> Mapping[str, str]:
        """Dotted name → digest of what a module has from others of the tree by ``import *``.

        Args:
            path: the module's file.
            source: what it holds, if not what the tree has there.
        """
        return self._through_stars(path, self._read(path) if source is None else source, _DEPTH)

    def _through_stars(self, path: str, source: bytes, depth: int) -> dict[str, str]:
        found: dict[str, str] = {}
        try:
            tree = parse(source)
        except ValueError:
            return found
        for module in _stars(tree, self._package(path)) if depth else ():
            other = self._layout.find(module)
            if other is None or other == path:
                continue
            there = self._read(other)
            offered = self._through_stars(other, there, depth - 1)
            try:
                offered |= symbols(there)
                public = _public(parse(there))
            except ValueError:
                continue
            found |= {
                name: digest
                for name, digest in offered.items()
                if _is_public(name.partition(".")[0], public)
            }
        return found

    def _package(self, path: str) -> tuple[str, ...]:
        module = self._layout.name_of(path)
        return module if path.endswith("__init__.py") else module[:-1]


def _stars(tree: ast.Module, package: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    # Only a module's own level may have one, ``if`` and ``try`` included.
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            near = package[: len(package) - node.level + 1] if node.level else ()
            yield (*near, *filter(None, (node.module or "").split(".")))


def _public(tree: ast.Module) -> frozenset[str] | None:
    """The names of a literal ``__all__``; ``None`` if there is none, or one that is computed."""
    for name, statement in bindings(tree.body):
        if name == "__all__":
            if any(isinstance(n, ast.Call | ast.comprehension) for n in ast.walk(statement)):
                return None
            texts = [n.value for n in ast.walk(statement) if isinstance(n, ast.Constant)]
            return frozenset(text for text in texts if isinstance(text, str))
    return None


def _is_public(name: str, public: frozenset[str] | None) -> bool:
    return name in public if public is not None else not name.startswith("_")
