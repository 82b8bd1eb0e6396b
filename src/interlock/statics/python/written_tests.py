"""Where a test is written: in its own class, in one it inherits from, maybe in another file."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from posixpath import dirname, join

from interlock.ports.statics import ReadSource, TestName
from interlock.statics.python.modules import Layout
from interlock.statics.python.symbols import parse

__all__ = ["Function", "TestFile", "WrittenTests", "definitions"]

Function = ast.FunctionDef | ast.AsyncFunctionDef
_DEPTH = 20


@dataclass(frozen=True)
class TestFile:
    """A parsed file.

    Args:
        path: from the tree's root.
        source: UTF-8, without a byte order mark.
        tree: its syntax tree.
    """

    __test__ = False

    path: str
    source: bytes
    tree: ast.Module

    @cached_property
    def imported(self) -> dict[str, tuple[int, str, str]]:
        """Name → level, module and name there, for what ``from … import`` binds at module level."""
        return {
            alias.asname or alias.name: (node.level, node.module or "", alias.name)
            for node in statements(self.tree.body)
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }


def statements(body: Collection[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements of one scope, those inside ``if``, ``try`` and ``with`` included."""
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from statements(
                [n for n in ast.iter_child_nodes(node) if isinstance(n, ast.stmt)]
            )


class WrittenTests:
    """Looks tests up in a tree.

    Args:
        paths: all paths of the tree.
        read: contents of one of them.
    """

    def __init__(self, paths: Collection[str], read: ReadSource) -> None:
        self._layout = Layout(paths)
        self._read = read
        self._files: dict[str, TestFile | None] = {}

    def find(self, path: str, name: str) -> tuple[TestFile, Function] | None:
        """File and function that a test is written in; ``None`` if that cannot be told.

        Args:
            path: the file it is collected from.
            name: ``test_a`` or ``TestB::test_c``.
        """
        *classes, last = name.split("::")
        file = self._file(path)
        if file is None:
            return None
        if not classes:
            return _function(file, file.tree.body, last) or self._imported_function(file, last)
        where = self._named_class(file, classes[0])
        for inner in classes[1:]:
            node = where and _class(where[1].body, inner)
            where = (where[0], node) if where and node else None
        return self._method(*where, last, _DEPTH) if where else None

    def _method(
        self, file: TestFile, node: ast.ClassDef, name: str, depth: int
    ) -> tuple[TestFile, Function] | None:
        if found := _function(file, node.body, name):
            return found
        for base in node.bases if depth else ():
            where = self._base(file, base)
            if where and (found := self._method(*where, name, depth - 1)):
                return found
        return None

    def _base(self, file: TestFile, base: ast.expr) -> tuple[TestFile, ast.ClassDef] | None:
        match base:
            case ast.Name(id=name):
                return self._named_class(file, name)
            case ast.Attribute(value=ast.Name(id=module), attr=name):
                other = self._module(file, module)
                return self._named_class(other, name) if other else None
        return None

    def _named_class(
        self, file: TestFile, name: str, depth: int = _DEPTH
    ) -> tuple[TestFile, ast.ClassDef] | None:
        if node := _class(file.tree.body, name):
            return file, node
        other, name = self._import(file, name)
        return self._named_class(other, name, depth - 1) if other and depth else None

    def _imported_function(self, file: TestFile, name: str) -> tuple[TestFile, Function] | None:
        other, name = self._import(file, name)
        return _function(other, other.tree.body, name) if other else None

    def _import(self, file: TestFile, name: str) -> tuple[TestFile | None, str]:
        if name not in file.imported:
            return None, name
        level, module, there = file.imported[name]
        return self._resolve(file, level, module), there

    def _module(self, file: TestFile, name: str) -> TestFile | None:
        """The file that a plain name stands for as a module."""
        level, module, there = file.imported.get(name, (0, "", name))
        return self._resolve(file, level, f"{module}.{there}".strip("."))

    def _resolve(self, file: TestFile, level: int, module: str) -> TestFile | None:
        parts = tuple(part for part in module.split(".") if part)
        directory = dirname(file.path)
        for _ in range(level - 1):
            directory = dirname(directory)
        # A test's own directory may be where imports start.
        near = join(directory, *parts)
        beside = next(
            (p for p in (f"{near}.py", f"{near}/__init__.py") if self._layout.has(p)), None
        )
        path = beside if level else ((self._layout.find(parts) if parts else None) or beside)
        return self._file(path) if path else None

    def _file(self, path: str) -> TestFile | None:
        if path not in self._files:
            self._files[path] = None
            if self._layout.has(path):
                source = self._read(path).removeprefix(b"\xef\xbb\xbf")
                with suppress(ValueError):
                    self._files[path] = TestFile(path, source, parse(source))
        return self._files[path]


def definitions(
    tests: Collection[TestName], paths: Collection[str], read: ReadSource
) -> Mapping[TestName, str]:
    """Test → file and line that it is written at; several classes may inherit one."""
    written = WrittenTests(paths, read)
    found = {name: written.find(*name) for name in tests}
    return {name: f"{at[0].path}:{at[1].lineno}" for name, at in found.items() if at}


def _class(body: Collection[ast.stmt], name: str) -> ast.ClassDef | None:
    found = [n for n in statements(body) if isinstance(n, ast.ClassDef) and n.name == name]
    return found[-1] if found else None


def _function(
    file: TestFile, body: Collection[ast.stmt], name: str
) -> tuple[TestFile, Function] | None:
    found = [n for n in statements(body) if isinstance(n, Function) and n.name == name]
    return (file, found[-1]) if found else None
