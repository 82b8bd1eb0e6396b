"""Tests that no code can fail, or all code passes: known by their text alone.

A test means something if it gets to an assertion in which the code under test has a part. Whatever
may be one counts: a helper that asserts, a check by its name, a call of something unknown. So what
is named here is certain, and an honest test is not named.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Collection, Iterable, Mapping

from interlock.ports.statics import ReadSource, TestName
from interlock.statics.python.assertions import asserts, called, checking_names, opens_block
from interlock.statics.python.connections import Connections, FileNames
from interlock.statics.python.imports import Origin, Origins
from interlock.statics.python.truth import truth
from interlock.statics.python.written_tests import Function, TestFile, WrittenTests

__all__ = ["meaningless"]

_NOTHING = "asserts nothing"
_ALWAYS = "asserts only what is always true"
_OWN = "asserts only about values of its own, whatever the code under test does"
_SWALLOWED = "catches the failure of its own assertions"

_CHECKING = re.compile(
    r"assert|check|verif|expect|should|must|ensure|validat|match|compare|simplefilter|filterwarn"
)
_BROAD = frozenset({"AssertionError", "Exception", "BaseException"})
_MARKS = frozenset({"pytest", "hypothesis", "unittest", "given", "settings", "example", "mock"})
_MARKS_TOO = frozenset({"patch", "skip", "skipIf", "skipUnless", "expectedFailure", "asyncio"})
_Definition = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def meaningless(
    tests: Collection[TestName],
    paths: Collection[str],
    read: ReadSource,
    is_test: Callable[[str], bool],
) -> Mapping[TestName, str]:
    """Test → why its outcome says nothing about the code under test; the others are left out.

    Args:
        tests: to be looked at; one whose function is not found is left out.
        paths: all paths of the tree, planned modules included.
        read: contents of one of them.
        is_test: whether a path is one of the tests.
    """
    written, origins = WrittenTests(paths, read), Origins(paths, is_test)
    files: dict[str, _File] = {}
    known: dict[tuple[str, int], str] = {}
    found: dict[TestName, str] = {}
    for test in sorted(tests):
        if (at := written.find(*test)) is None:
            continue
        file, function = at
        key = (file.path, function.lineno)
        if key not in known:
            if file.path not in files:
                files[file.path] = _File(file, origins)
            known[key] = _Reading(files[file.path], function).why()
        if known[key]:
            found[test] = known[key]
    return found


class _File:
    """What is known of a file for all of its tests."""

    def __init__(self, file: TestFile, origins: Origins) -> None:
        self.origins = origins
        self.names = FileNames(file.tree, origins)
        self.checking = checking_names(file.tree)
        self.defined = {n.name for n in ast.walk(file.tree) if isinstance(n, Function)}


class _Reading:
    """One test, read to its first assertion that means something."""

    def __init__(self, file: _File, function: Function) -> None:
        self._function = function
        self._file = file
        self._connections = Connections(file.names, function, file.origins)
        # As in `eq = self.assertEqual`.
        self._aliases = {
            target.id
            for node in ast.walk(function)
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute)
            for target in node.targets
            if isinstance(target, ast.Name) and _CHECKING.search(node.value.attr)
        }
        self._seen: set[str] = set()
        self._means = False

    def why(self) -> str:
        """What is the matter with the test; empty if nothing is."""
        if not all(map(_is_harmless, self._function.decorator_list)):
            return ""
        if any(_CHECKING.search(name) for name in self._connections.given):
            return ""
        self._body(self._function.body, is_asked=False, is_swallowed=False)
        if self._means:
            return ""
        reasons = (_SWALLOWED, _OWN, _ALWAYS)
        return next((reason for reason in reasons if reason in self._seen), _NOTHING)

    def _body(self, body: Iterable[ast.stmt], *, is_asked: bool, is_swallowed: bool) -> None:
        """Look at statements.

        Args:
            is_asked: code under test decides whether they run.
            is_swallowed: what fails in them is caught.
        """
        for node in body:
            if not self._means:
                self._statement(node, is_asked, is_swallowed)

    def _statement(self, node: ast.stmt, is_asked: bool, is_swallowed: bool) -> None:
        inner = {"is_asked": is_asked, "is_swallowed": is_swallowed}
        touches = self._connections.touches
        match node:
            case ast.Assert(test=test):
                self._assertion(node, is_asked, is_swallowed, truth=truth(test))
            case ast.Raise():
                self._assertion(node, is_asked, is_swallowed, truth=False)
            case ast.If() | ast.While():
                self._calls(node.test, is_asked, is_swallowed)
                inner["is_asked"] = is_asked or touches([node.test])
                self._body((*node.body, *node.orelse), **inner)
            case ast.For() | ast.AsyncFor():
                self._calls(node.iter, is_asked, is_swallowed)
                inner["is_asked"] = is_asked or touches([node.iter])
                self._body((*node.body, *node.orelse), **inner)
            case ast.Match():
                inner["is_asked"] = is_asked or touches([node.subject])
                self._body([s for case in node.cases for s in case.body], **inner)
            case ast.With() | ast.AsyncWith():
                self._with(node, is_asked, is_swallowed)
            case ast.Try():
                inner["is_swallowed"] = is_swallowed or any(map(self._swallows, node.handlers))
                self._body(node.body, **inner)
                after = [s for handler in node.handlers for s in handler.body]
                inner = {"is_asked": is_asked or touches(node.body), "is_swallowed": is_swallowed}
                self._body((*after, *node.orelse, *node.finalbody), **inner)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                self._body(node.body, **inner)
            case _:
                self._calls(node, is_asked, is_swallowed)

    def _with(self, node: ast.With | ast.AsyncWith, is_asked: bool, is_swallowed: bool) -> None:
        for item in node.items:
            match item.context_expr:
                case ast.Call() as call if called(call) == "suppress":
                    names = {
                        n.id for a in call.args for n in ast.walk(a) if isinstance(n, ast.Name)
                    }
                    is_swallowed = is_swallowed or not _BROAD.isdisjoint(names)
                case ast.Call() as call if opens_block(call) or self._may_assert(call):
                    self._found(is_asked or self._connections.touches([node]), is_swallowed)
                case ast.Call():
                    pass
                case other:
                    # A context that was made elsewhere, and may expect something.
                    self._found(self._connections.touches([other, *node.body]), is_swallowed)
        self._body(node.body, is_asked=is_asked, is_swallowed=is_swallowed)

    def _calls(self, node: ast.AST, is_asked: bool, is_swallowed: bool) -> None:
        for call in ast.walk(node):
            if not isinstance(call, ast.Call):
                continue
            if called(call) == "fail":
                self._assertion(call, is_asked, is_swallowed, truth=False)
            elif asserts(call) or self._may_assert(call):
                self._found(is_asked or self._connections.touches([call]), is_swallowed)

    def _assertion(
        self, node: ast.AST, is_asked: bool, is_swallowed: bool, truth: bool | None
    ) -> None:
        if truth:
            self._seen.add(_ALWAYS)
        elif truth is None:
            self._found(is_asked or self._connections.touches([node]), is_swallowed)
        else:
            # What fails wherever it is reached asks whether it is: a `return` may come first.
            self._found(is_asked or self._is_asked_anywhere(), is_swallowed)

    def _found(self, touches: bool, is_swallowed: bool) -> None:
        if is_swallowed:
            self._seen.add(_SWALLOWED)
        elif touches:
            self._means = True
        else:
            self._seen.add(_OWN)

    def _is_asked_anywhere(self) -> bool:
        asking = [
            n for n in ast.walk(self._function) if isinstance(n, ast.If | ast.While | ast.For)
        ]
        heads = [n.iter if isinstance(n, ast.For) else n.test for n in asking]
        return self._connections.touches(heads)

    def _swallows(self, handler: ast.ExceptHandler) -> bool:
        kinds = (
            {n.id for n in ast.walk(handler.type) if isinstance(n, ast.Name)}
            if handler.type
            else _BROAD
        )
        if _BROAD.isdisjoint(kinds):
            return False
        return not any(
            isinstance(n, ast.Raise | ast.Assert)
            or (isinstance(n, ast.Call) and (called(n) == "fail" or asserts(n)))
            for statement in handler.body
            for n in ast.walk(statement)
        )

    def _may_assert(self, call: ast.Call) -> bool:
        """Whether a call may be an assertion that is written elsewhere."""
        if any(k.arg == "check" for k in call.keywords):
            return True
        root = _root(call.func)
        origin = self._connections.imported.get(root)
        if origin in (Origin.TESTED, Origin.TOOL):
            return False
        name = called(call)
        if name in self._file.checking or origin is Origin.OTHER or _CHECKING.search(name):
            return True
        if isinstance(call.func, ast.Name):
            return root in self._connections.given or root in self._aliases
        # A method of a class that the file does not have.
        is_own = isinstance(call.func, ast.Attribute) and isinstance(call.func.value, ast.Name)
        return is_own and root == "self" and name not in self._file.defined


def _is_harmless(decorator: ast.expr) -> bool:
    """A mark, a table, a patch: not something that may make another test of this one."""
    names = {n.id for n in ast.walk(decorator) if isinstance(n, ast.Name)}
    return (
        _root(decorator) in _MARKS | _MARKS_TOO
        and "usefixtures" not in ast.unparse(decorator)
        and bool(names)
    )


def _root(node: ast.expr) -> str:
    while not isinstance(node, ast.Name):
        if isinstance(node, ast.Attribute | ast.Subscript):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ""
    return node.id
