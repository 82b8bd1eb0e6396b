"""Which names of a test have anything to do with the code under test.

Not what flows where, but what occurs together: names of one statement are connected, and whatever
is connected with something that is not known for certain to be the test's own counts as code under
test. Of an assertion that is *not* connected it is certain that no code can make it fail.
"""

from __future__ import annotations

import ast
import builtins
import unittest
from collections.abc import Callable, Iterable, Iterator

from interlock.statics.python.imports import Origin, Origins
from interlock.statics.python.parameters import Given, given, is_constant
from interlock.statics.python.written_tests import Function, statements

__all__ = ["Connections", "FileNames"]

_REACHING = frozenset(
    {"open", "eval", "exec", "compile", "__import__", "globals", "locals", "vars"}
)
_BUILTINS = frozenset(dir(builtins)) - _REACHING
_Import = ast.Import | ast.ImportFrom
_Block = (
    ast.If | ast.While | ast.For | ast.AsyncFor | ast.With | ast.AsyncWith | ast.Try | ast.Match
)


class FileNames:
    """The names of a file, for all of its tests.

    Args:
        tree: the file's.
        origins: what imports bring.
    """

    def __init__(self, tree: ast.Module, origins: Origins) -> None:
        self.bound = _bound(tree, nested=False)
        self.imported = _origins(tree, origins)
        self.helpers = {node.name: node for node in functions(tree)}
        self.groups = list(_together(tree))


class Connections:
    """The names of one test and of the file around it.

    Args:
        around: names of the file that it is written in.
        function: the test.
        origins: what imports bring.
    """

    def __init__(self, around: FileNames, function: Function, origins: Origins) -> None:
        self._inside = _bound(function)
        self._outside = around.bound
        self.imported = {**around.imported, **_origins(function, origins)}
        self.given: dict[str, Given] = given(function, around.helpers)
        groups = [{n for n in group if not self._is_own(n)} for group in around.groups]
        groups += self._within(function.body)
        groups += [{name, *self._names(g.values)} for name, g in self.given.items()]
        groups += [
            {name, *(a.arg for a in around.helpers[name].args.args)}
            for name, g in self.given.items()
            if g.is_fixture
        ]
        self._reached = _reached(groups, self._is_unknown)

    def touches(self, nodes: Iterable[ast.AST]) -> bool:
        """Whether code under test may have a part in any of them."""
        return any(name in self._reached or self._is_unknown(name) for name in self._names(nodes))

    def _is_unknown(self, name: str) -> bool:
        if name in self.given:
            return self.given[name].is_unknown
        if name in self._inside:
            return False
        if name in self.imported:
            return self.imported[name] is not Origin.TOOL
        return name not in self._outside and name not in _BUILTINS

    def _is_own(self, name: str) -> bool:
        """Of the test alone for certain: nothing that is called can change it."""
        if name in self.given:
            return self.given[name].is_constant and len(self._inside[name]) == 1
        if name in self._inside:
            return _are_constant(self._inside[name])
        if name in self.imported:
            return self.imported[name] is Origin.TOOL
        if name in self._outside:
            return _are_constant(self._outside[name])
        return name in _BUILTINS

    def _names(self, nodes: Iterable[ast.AST]) -> set[str]:
        return {name for node in nodes for name in _names(node) if not self._is_own(name)}

    def _within(self, body: Iterable[ast.stmt]) -> Iterator[set[str]]:
        for node in body:
            yield from self._of_statement(node)

    def _of_statement(self, node: ast.stmt) -> Iterator[set[str]]:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield {node.name, *self._names([node])}
            case ast.For() | ast.AsyncFor():
                yield self._names([node.target, node.iter])
            case ast.With() | ast.AsyncWith():
                has_name = any(item.optional_vars for item in node.items)
                yield self._names([*node.items, *(node.body if has_name else ())])
            case ast.Try():
                for handler in node.handlers:
                    yield {handler.name} | self._names(node.body) if handler.name else set()
            case ast.If() | ast.While() | ast.Match():
                pass
            case _:
                yield self._names([node])
        if isinstance(node, _Block):
            yield from self._within(n for n in _inner(node) if isinstance(n, ast.stmt))


def _reached(groups: list[set[str]], is_unknown: Callable[[str], bool]) -> frozenset[str]:
    """Everything that is connected with a name of which nothing is known."""
    reached = {name for group in groups for name in group if is_unknown(name)}
    while True:
        rest = [group for group in groups if reached.isdisjoint(group)]
        if len(rest) == len(groups):
            return frozenset(reached)
        reached = reached.union(*(g for g in groups if not reached.isdisjoint(g)))
        groups = rest


def _together(tree: ast.Module) -> Iterator[set[str]]:
    """Names of a file that have to do with each other, those of its tests left out."""
    for node in statements(tree.body):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                if not node.name.startswith("test"):
                    yield {node.name, *(set(_names(node)) - _bound(node).keys())}
            case ast.ClassDef():
                if not any(inner.name.startswith("test") for inner in functions(node)):
                    yield {node.name, *_names(node)}
            case ast.Import() | ast.ImportFrom() | ast.If() | ast.Try() | ast.With():
                pass
            case _:
                yield set(_names(node))


def _origins(scope: ast.AST, origins: Origins) -> dict[str, Origin]:
    return {name: origin for node in _imports(scope) for name, origin in origins.of(node)}


def functions(node: ast.AST) -> Iterator[Function]:
    """Functions directly in a module or class."""
    for inner in statements(getattr(node, "body", [])):
        if isinstance(inner, Function):
            yield inner


def _names(node: ast.AST) -> Iterator[str]:
    """Names in a node, without the ``self`` of ``self.assertEqual``."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        receiver = node.func.value
        is_plain = hasattr(unittest.TestCase, node.func.attr)
        if is_plain and isinstance(receiver, ast.Name) and receiver.id == "self":
            for argument in (*node.args, *node.keywords):
                yield from _names(argument)
            return
    if isinstance(node, ast.Name):
        yield node.id
    for child in ast.iter_child_nodes(node):
        yield from _names(child)


def _bound(scope: ast.AST, *, nested: bool = True) -> dict[str, list[ast.AST | None]]:
    """Name → what it is bound to in a scope; ``None`` for what is not a plain assignment."""
    found: dict[str, list[ast.AST | None]] = {}

    def visit(node: ast.AST) -> None:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                found.setdefault(name, []).append(value)
                visit(value)
                return
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                found.setdefault(name, []).append(None)
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                found.setdefault(name, []).append(None)
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
            ):
                found.setdefault(name, []).append(None)
                if not nested:
                    return
        for child in ast.iter_child_nodes(node):
            if nested or not isinstance(child, ast.Lambda):
                visit(child)

    for child in ast.iter_child_nodes(scope):
        visit(child)
    return found


def _are_constant(values: Iterable[ast.AST | None]) -> bool:
    return all(value is not None and is_constant(value) for value in values)


def _imports(scope: ast.AST) -> Iterator[_Import]:
    body = getattr(scope, "body", [])
    if isinstance(scope, Function):
        yield from (node for node in ast.walk(scope) if isinstance(node, _Import))
    else:
        yield from (node for node in statements(body) if isinstance(node, _Import))


def _inner(node: ast.stmt) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ExceptHandler | ast.match_case):
            yield from child.body
        else:
            yield child
