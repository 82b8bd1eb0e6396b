"""What in a test asserts: statements, calls by their names, helpers of the same file."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Mapping

from interlock.statics.python.written_tests import Function

__all__ = [
    "OPAQUE",
    "asserting_helpers",
    "asserts",
    "called",
    "checking_names",
    "opens_block",
    "own_nodes",
]

OPAQUE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
"""An assertion in a callback may be swallowed by the code under test."""

_ASSERTS = re.compile(r"assert(?:_|[A-Z]|$)")

# Expect something of a block; with this many positional arguments they call the last ones.
_EXPECTING: Mapping[str, int] = {
    "raises": 2,
    "warns": 2,
    "deprecated_call": 1,
    "RaisesGroup": 99,
    "assertRaises": 2,
    "assertRaisesRegex": 3,
    "assertWarns": 2,
    "assertWarnsRegex": 3,
    "assertLogs": 99,
    "assertNoLogs": 99,
    "assert_raises": 2,
    "assert_raises_regex": 3,
    "assert_warns": 2,
}


def called(call: ast.Call) -> str:
    """Last part of the name of what is called, empty if it has none."""
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def asserts(call: ast.Call) -> bool:
    """Whether a call asserts, going by its name."""
    name = called(call)
    return name in _EXPECTING or _ASSERTS.match(name) is not None


def opens_block(call: ast.Call) -> bool:
    """Whether it gives a context manager that expects something of its block."""
    threshold = _EXPECTING.get(called(call))
    return threshold is not None and len(call.args) < threshold


def own_nodes(function: Function) -> Iterator[ast.AST]:
    """Nodes of a function's body in order, without those of nested functions and classes."""
    for statement in function.body:
        if not isinstance(statement, OPAQUE):
            yield from _own(statement)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, OPAQUE):
            yield from _own(child)


def asserting_helpers(tree: ast.Module) -> frozenset[str]:
    """Names of undecorated functions and methods of the file that assert, directly or not."""
    bodies = {
        node.name: list(own_nodes(node))
        for node in ast.walk(tree)
        if isinstance(node, Function)
        and not node.decorator_list
        and not node.name.startswith("test")
    }
    return _spread(bodies, lambda node: isinstance(node, ast.Assert))


def checking_names(tree: ast.Module) -> frozenset[str]:
    """Names of whatever in the file may make a test fail that calls it, directly or not."""
    parts = {
        node.name: list(ast.walk(node))
        for node in ast.walk(tree)
        if isinstance(node, Function | ast.ClassDef) and not node.name.startswith(("test", "Test"))
    }
    return _spread(
        parts,
        lambda node: (
            isinstance(node, ast.Assert | ast.Raise)
            or (isinstance(node, ast.Call) and called(node) == "fail")
        ),
    )


def _spread(parts: Mapping[str, list[ast.AST]], does: Callable[[ast.AST], bool]) -> frozenset[str]:
    """Names of the parts that do something or assert by a call, or call one that does."""
    found: set[str] = set()
    while True:
        more = {
            name
            for name, nodes in parts.items()
            if name not in found
            and any(
                does(n) or (isinstance(n, ast.Call) and (asserts(n) or called(n) in found))
                for n in nodes
            )
        }
        if not more:
            return frozenset(found)
        found |= more
