"""Tests whose assertions all go through switches, and with them expect what they do or do not.

Honest code passes a test as it is written, fails it inverted, and fails it with other expected
values. Code that forges the runner's results passes all three. The texts differ in constants only,
so that no code can tell by a glance which of them it is run with:

``assert E`` becomes ``assert truth(E)``; a call of something named ``assert…``, and of a helper of
the same file that asserts, goes through ``call``; ``raises``, ``warns`` and their kin through
``block``; the expected side of a comparison through ``other``. Every test begins with an assertion
of its own, which holds unless the test is to be *sunk*: it then fails before anything of it has
run, whoever says what about it.

Of a test that asserts in its own body only that is switched: an assertion in a callback may be
swallowed by the code under test, one in a helper would be inverted twice if the call of the helper
is. Not switched: fixtures, decorators, conditions around ``pytest.fail()``, assertions in threads
and other processes.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import cast

from interlock.ports.statics import Rewriting
from interlock.statics.python.assertions import OPAQUE, asserts, called, opens_block
from interlock.statics.python.expected import expects_in_call, expects_in_test
from interlock.statics.python.names import FreshNames
from interlock.statics.python.written_tests import Function

__all__ = ["Switches", "Wired"]

# At the end of the file, so that ``from __future__`` stays first. The first argument of most says
# whether there is an expected value in what follows.
_RUNTIME = """
try:
    import pytest as {runner}
except ImportError:
    {failures} = (AssertionError,)
else:
    {failures} = (AssertionError, {runner}.fail.Exception)
{holds} = ({plain}, {expecting})
{changed} = {is_changed}


def {truth}(expects, value):
    return bool(value) == {holds}[expects]


def {other}(value):
    if not {changed}:
        return value
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + {number}
    if isinstance(value, float):
        return -abs(value) - {number} if abs(value) < 1e9 else 0.0
    if isinstance(value, str):
        return value + {text}
    if isinstance(value, bytes):
        return value + {text}.encode()
    if isinstance(value, list):
        return [*value, {number}]
    if isinstance(value, tuple):
        return (*value, {number})
    if isinstance(value, (set, frozenset)):
        return {{*value, {number}}} if {number} not in value else set()
    if isinstance(value, dict):
        return {{**value, {text}: {number}}}
    return object()


def {call}(expects, function, *args, **kwargs):
    try:
        result = function(*args, **kwargs)
    except {failures}:
        if {holds}[expects]:
            raise
        return None
    if {holds}[expects]:
        return result
    raise AssertionError(result)


async def {awaited}(expects, function, *args, **kwargs):
    try:
        result = await function(*args, **kwargs)
    except {failures}:
        if {holds}[expects]:
            raise
        return None
    if {holds}[expects]:
        return result
    raise AssertionError(result)


class {manager}:
    def __init__(self, inner):
        self.inner = inner

    def __enter__(self):
        return self.inner.__enter__()

    def __exit__(self, kind, error, trace):
        try:
            swallowed = self.inner.__exit__(kind, error, trace)
        except {failures}:
            return True
        if swallowed or kind is None:
            raise AssertionError(kind)
        return False


def {block}(function, *args, **kwargs):
    inner = function(*args, **kwargs)
    return inner if {holds}[0] else {manager}(inner)
"""
_CALLABLE = ("truth", "call", "awaited", "block", "other")
_PARTS = (*_CALLABLE, "runner", "failures", "holds", "changed", "manager")


@dataclass(frozen=True, slots=True)
class _Setting:
    """What a rewriting's constants are.

    Args:
        entry: what the assertion is about that a test begins with; it holds if ``plain`` is so.
        plain: assertions hold as they are written.
        expecting: so do those that have an expected value.
        is_changed: expected values are others.
    """

    entry: bool
    plain: bool
    expecting: bool
    is_changed: bool


_SETTINGS = {
    Rewriting.NEUTRAL: _Setting(True, True, True, False),
    Rewriting.INVERTED: _Setting(False, False, False, False),
    Rewriting.PERTURBED: _Setting(True, True, True, True),
    Rewriting.UNEXPECTED: _Setting(True, True, False, True),
    Rewriting.SUNK: _Setting(False, True, True, False),
}


@dataclass(frozen=True, slots=True)
class Wired:
    """What a test has: assertions that can be inverted, expected values that can be changed."""

    asserts: bool
    expects: bool


@dataclass(frozen=True, slots=True)
class _Names:
    truth: str
    call: str
    awaited: str
    block: str
    other: str


class Switches:
    """Puts the assertions of one file's tests behind switches.

    Args:
        names: for what is added to the file.
        helpers: names of functions of the file that assert.
    """

    def __init__(self, kind: Rewriting, names: FreshNames, helpers: frozenset[str]) -> None:
        self._setting = _SETTINGS[kind]
        self._named = {part: names.fresh() for part in _PARTS}
        self._names = _Names(*(self._named[part] for part in _CALLABLE))
        self._values = {"number": str(names.number(900) + 100), "text": repr(names.fresh())}
        self._helpers = helpers

    def wire(self, function: Function) -> Wired:
        """Put a test's assertions behind the switches; what there was of them."""
        wired = self._wire(function, OPAQUE)
        if not wired.asserts:
            # With nothing of its own, an assertion in a callback is better than none.
            wired = self._wire(function, (ast.Lambda,))
        start = 1 if ast.get_docstring(function, clean=False) is not None else 0
        entry = ast.Constant(int(self._setting.entry))
        function.body.insert(start, ast.Assert(_call(self._names.truth, ast.Constant(0), entry)))
        return wired

    def finish(self, tree: ast.Module) -> None:
        """Add to the file what its tests now call."""
        setting = self._setting
        # Digits: the texts shall have the same length.
        constants = {
            "plain": int(setting.plain),
            "expecting": int(setting.expecting),
            "is_changed": int(setting.is_changed),
        }
        tree.body += ast.parse(_RUNTIME.format(**constants, **self._values, **self._named)).body

    def _wire(self, function: Function, opaque: tuple[type[ast.AST], ...]) -> Wired:
        wiring = _Wiring(function, self._names, self._helpers, opaque)
        function.body[:] = [cast(ast.stmt, wiring.visit(part)) for part in function.body]
        return Wired(wiring.asserts, wiring.expects)


class _Wiring(ast.NodeTransformer):
    def __init__(
        self,
        function: Function,
        names: _Names,
        helpers: frozenset[str],
        opaque: tuple[type[ast.AST], ...],
    ) -> None:
        self._parameters = frozenset(
            node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)
        )
        self._names = names
        self._helpers = helpers
        self._opaque = opaque
        self.asserts = self.expects = False

    def visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, self._opaque):
            return node
        visited: ast.AST = super().visit(node)
        return visited

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        expects = expects_in_test(node.test, self._parameters, self._other)
        # The message may only make sense for the failure that it describes.
        return ast.Assert(_call(self._names.truth, self._found(expects), node.test))

    def visit_Await(self, node: ast.Await) -> ast.AST:
        if isinstance(node.value, ast.Call) and self._is_assertion(node.value):
            return ast.Await(self._redirected(node.value, self._names.awaited))
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if not self._is_assertion(node):
            return self.generic_visit(node)
        return self._redirected(node, self._names.call)

    def _is_assertion(self, node: ast.Call) -> bool:
        return asserts(node) or called(node) in self._helpers

    def _redirected(self, node: ast.Call, function: str) -> ast.Call:
        if opens_block(node):
            self.asserts = True
            made = _call(self._names.block, node.func, *node.args)
        else:
            expects = expects_in_call(node, self._parameters, self._other)
            made = _call(function, self._found(expects), node.func, *node.args)
        made.keywords = node.keywords
        return made

    def _found(self, expects: bool) -> ast.expr:
        self.asserts = True
        self.expects = self.expects or expects
        return ast.Constant(int(expects))

    def _other(self, node: ast.expr) -> ast.expr:
        return _call(self._names.other, node)


def _call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name, ast.Load()), list(arguments), [])
