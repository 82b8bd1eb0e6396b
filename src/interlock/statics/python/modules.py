"""Where a dotted name lives in a tree: import roots, packages, modules that are yet to come."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from posixpath import dirname

__all__ = ["Layout", "PlannedSymbol", "parse_symbol"]


@dataclass(frozen=True, slots=True)
class PlannedSymbol:
    """A symbol as a plan writes it, taken apart.

    Args:
        text: as written.
        path: file, if the symbol names one.
        module: dotted module, if the symbol names one.
        names: what is inside the module; for a plain dotted name, module and inside together.
        dotted: nothing says where the module ends.
    """

    text: str
    path: str = ""
    module: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    dotted: bool = False


def parse_symbol(text: str) -> PlannedSymbol:
    """Take ``pkg.mod:Class.method``, ``pkg/mod.py::name`` or ``pkg.mod.name`` apart.

    Raises:
        ValueError: it is none of these.
    """
    place, separator, inside = text.strip().partition("::")
    if separator or place.endswith(".py"):
        parts = tuple(place.split("/"))
        stem = (*parts[:-1], parts[-1].removesuffix(".py"))
        names = tuple(inside.replace("::", ".").split(".")) if inside else ()
        astray = any(part in ("", ".", "..") for part in parts)
        if not place.endswith(".py") or astray or not _identifiers((stem[-1], *names)):
            raise ValueError("not of the form path/module.py::name")
        return PlannedSymbol(text=text, path=place, names=names)
    module, separator, inside = text.strip().partition(":")
    names = tuple(inside.split(".")) if inside else ()
    dotted = tuple(module.split("."))
    if not _identifiers((*dotted, *names)):
        raise ValueError("not of the form package.module:name")
    if separator:
        return PlannedSymbol(text=text, module=dotted, names=names)
    if len(dotted) < 2:
        raise ValueError("it does not say which module it belongs to: write package.module:name")
    return PlannedSymbol(text=text, names=dotted, dotted=True)


class Layout:
    """Python files of a tree, by where imports start.

    Args:
        paths: all paths of the tree.
    """

    def __init__(self, paths: Collection[str]) -> None:
        self._files = frozenset(path for path in paths if path.endswith(".py"))

    @cached_property
    def _packages(self) -> frozenset[str]:
        return frozenset(dirname(path) for path in self._files if path.endswith("__init__.py"))

    @cached_property
    def _directories(self) -> frozenset[str]:
        found: set[str] = set()
        for path in self._files:
            while path := dirname(path):
                found.add(path)
        return frozenset(found)

    @cached_property
    def roots(self) -> tuple[str, ...]:
        """Directories that imports may start from: the tree's own, ``src``, parents of packages."""
        parents = {dirname(p) for p in self._packages if dirname(p) not in self._packages}
        return ("", "src", *sorted(parents - {"", "src"}, key=lambda root: (len(root), root)))

    def has(self, path: str) -> bool:
        """Whether there is such a Python file."""
        return path in self._files

    def find(self, module: tuple[str, ...]) -> str | None:
        """Path of an existing module or package."""
        for root in self.roots:
            stem = "/".join((root, *module) if root else module)
            for path in (f"{stem}/__init__.py", f"{stem}.py"):
                if path in self._files:
                    return path
        return None

    def place(self, module: tuple[str, ...]) -> tuple[str, tuple[str, ...]]:
        """Path for a module that is not there yet, and the ``__init__.py`` files it needs too."""
        root = self._root_of(module[0])
        prefix = (root, *module[:-1]) if root else module[:-1]
        start = 1 if root else 0
        directories = ["/".join(prefix[: n + 1]) for n in range(start, len(prefix))]
        missing = [d for d in directories if d not in self._directories]
        return "/".join((*prefix, f"{module[-1]}.py")), tuple(f"{d}/__init__.py" for d in missing)

    def name_of(self, path: str) -> tuple[str, ...]:
        """Dotted name of a file, from the root that is nearest to it."""
        fitting = [root for root in self.roots if not root or path.startswith(f"{root}/")]
        root = max(fitting, key=len)
        parts = path.removeprefix(f"{root}/" if root else "").removesuffix(".py").split("/")
        return tuple(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)

    def _root_of(self, top: str) -> str:
        for root in self.roots:
            if (f"{root}/{top}" if root else top) in self._directories:
                return root
        # A new top-level package goes where the others are.
        return "src" if any(package.startswith("src/") for package in self._packages) else ""


def _identifiers(names: Collection[str]) -> bool:
    return all(name.isidentifier() for name in names)
