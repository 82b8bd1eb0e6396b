"""The twin of a test: it holds exactly when the test does not.

Honest code passes the test and fails the twin. Code that forges the runner's results passes both.

``assert E`` becomes ``assert not (E)``; a call of something named ``assert…`` fails if it held;
``raises``, ``warns`` and their kin fail if what they expect came. Of a test that asserts in its own
body only that is inverted: an assertion in a callback may be swallowed by the code under test, one
in a helper would be inverted twice if the call of the helper is. A helper of the same file that
asserts is inverted where it is called. Not inverted: fixtures, decorators, conditions around
``pytest.fail()``, assertions in threads and other processes.

An object that equals everything passes neither more nor less than an honest one here: its twin
is red. Perturbed literals are what shows that.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping

from interlock.ports.statics import ReadSource, TestName, Twin
from interlock.statics.python.edits import Edits
from interlock.statics.python.written_tests import Function, WrittenTests

__all__ = ["twin"]

_OPAQUE = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
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

# At the end of the file, so that no line moves and ``from __future__`` stays first.
_RUNTIME = """

import pytest as _il_pytest

_il_failed = (AssertionError, _il_pytest.fail.Exception)


def _il_call(function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except _il_failed:
        return None
    raise AssertionError("twin: it held")


async def _il_acall(function, *args, **kwargs):
    try:
        await function(*args, **kwargs)
    except _il_failed:
        return None
    raise AssertionError("twin: it held")


class _il_block:
    def __init__(self, function, *args, **kwargs):
        self.inner = function(*args, **kwargs)

    def __enter__(self):
        return self.inner.__enter__()

    def __exit__(self, kind, error, trace):
        try:
            swallowed = self.inner.__exit__(kind, error, trace)
        except _il_failed:
            return True
        if swallowed or kind is None:
            raise AssertionError("twin: it came as expected")
        return False
"""


def twin(tests: Collection[TestName], paths: Collection[str], read: ReadSource) -> Twin:
    """Invert the assertions of some tests.

    Args:
        tests: files with names like ``test_a`` or ``TestB::test_c``.
        paths: all paths of the tree.
        read: contents of one of them.
    """
    written = WrittenTests(paths, read)
    edits: dict[str, Edits] = {}
    helpers: dict[str, frozenset[str]] = {}
    done: dict[int, bool] = {}
    inverted: set[TestName] = set()
    for name in tests:
        if (found := written.find(*name)) is None:
            continue
        file, function = found
        if id(function) not in done:
            if file.path not in edits:
                edits[file.path] = Edits(file.source)
                helpers[file.path] = _asserting_helpers(file.tree)
            known = (function, edits[file.path], helpers[file.path])
            # With nothing of its own, an assertion in a callback is better than none.
            done[id(function)] = _invert(*known) or _invert(*known, opaque=(ast.Lambda,))
        if done[id(function)]:
            inverted.add(name)
    changes = {path: _with_runtime(made.apply()) for path, made in edits.items() if made}
    return Twin(changes=changes, inverted=frozenset(inverted))


def _with_runtime(source: bytes) -> bytes:
    return source.rstrip(b"\\ \t\r\n\f") + _RUNTIME.encode()


def _own(node: ast.AST) -> Iterator[ast.AST]:
    """Nodes of a body in order, without nested functions, classes and f-strings (whose places
    inside are wrong before Python 3.12)."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (*_OPAQUE, ast.JoinedStr)):
            yield child
            yield from _own(child)


def _asserting_helpers(tree: ast.Module) -> frozenset[str]:
    """Names of undecorated functions and methods of the file that assert, directly or not."""
    functions = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, Function)
        and not node.decorator_list
        and not node.name.startswith("test")
    }
    found: set[str] = set()
    while True:
        more = {
            name
            for name, node in functions.items()
            if name not in found
            and any(
                isinstance(n, ast.Assert)
                or (isinstance(n, ast.Call) and (_asserts(n) or _called(n) in found))
                for statement in node.body
                for n in (statement, *_own(statement))
            )
        }
        if not more:
            return frozenset(found)
        found |= more


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _asserts(call: ast.Call) -> bool:
    name = _called(call)
    return name in _EXPECTING or _ASSERTS.match(name) is not None


def _invert(
    function: Function,
    edits: Edits,
    helpers: frozenset[str],
    opaque: tuple[type[ast.AST], ...] = _OPAQUE,
) -> bool:
    """Invert a test's body, but for nodes of the ``opaque`` kinds; whether there was anything."""
    found = False
    todo: list[tuple[ast.AST, bool]] = [(node, False) for node in reversed(function.body)]
    while todo:
        node, awaited = todo.pop()
        match node:
            case ast.Assert():
                edits.wrap(node.test, "(not (", "))")
                if node.msg is not None:
                    # It may only make sense for the failure that it describes.
                    edits.replace(edits.start(node.msg), edits.end(node.msg), '"twin"')
                found = True
            case ast.Call() if (_asserts(node) or _called(node) in helpers) and _redirect(
                node, edits, awaited=awaited
            ):
                found = True
            case ast.Await():
                todo.append((node.value, True))
            case _ if not isinstance(node, (*opaque, ast.JoinedStr)):
                todo += [(child, False) for child in reversed(list(ast.iter_child_nodes(node)))]
    return found


def _redirect(call: ast.Call, edits: Edits, *, awaited: bool) -> bool:
    """Turn ``f(x)`` into ``(runtime)(f, x)``; false if its shape is too unusual for that."""
    function = edits.end(call.func)
    opening = function
    while edits.source[opening : opening + 1].isspace():
        opening += 1
    if edits.source[opening : opening + 1] != b"(":
        return False
    threshold = _EXPECTING.get(_called(call))
    if threshold is not None and len(call.args) < threshold:
        runtime = "_il_block"
    else:
        runtime = "_il_acall" if awaited else "_il_call"
    edits.replace(edits.start(call.func), edits.start(call.func), f"({runtime})(")
    first = call.args[0] if call.args else None
    if isinstance(first, ast.GeneratorExp) and edits.start(first) == opening:
        # ``f(x for x in y)``: the generator's own parentheses are the call's.
        edits.replace(opening, opening, ", ")
        edits.replace(edits.end(call), edits.end(call), ")")
        return True
    edits.replace(opening, opening + 1, ", ")
    return True
