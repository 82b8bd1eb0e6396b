"""Test files for the runs that show whether a result can be believed.

All kinds have the same shape: assertions behind switches, other local names, another layout. They
differ in the constants that the switches are set to.
"""

from __future__ import annotations

import ast
from collections.abc import Collection
from contextlib import suppress

from interlock.ports.statics import ReadSource, Rewriting, Rewritten, TestName
from interlock.statics.python.assertions import asserting_helpers
from interlock.statics.python.names import FreshNames
from interlock.statics.python.rendering import render
from interlock.statics.python.switches import Switches, Wired
from interlock.statics.python.symbols import parse
from interlock.statics.python.written_tests import Function, TestFile, WrittenTests

__all__ = ["rendered", "rewritten_tests"]


def rendered(source: bytes, seed: str) -> bytes:
    """A source with the same meaning in another text; itself, where that cannot be done."""
    try:
        tree = parse(source)
        return render(tree, FreshNames(tree, seed))
    except ValueError:
        return source


def rewritten_tests(
    kind: Rewriting,
    tests: Collection[TestName],
    paths: Collection[str],
    read: ReadSource,
    seed: str,
) -> Rewritten:
    """Rewrite the files in which tests are written.

    Args:
        kind: what is done to the tests.
        tests: files with names like ``test_a`` or ``TestB::test_c``.
        paths: all paths of the tree.
        read: contents of one of them.
        seed: the same for all kinds of one measurement, or else their texts tell them apart.
    """
    written = WrittenTests(paths, read)
    found: dict[str, _File] = {}
    for name in tests:
        if (place := written.find(*name)) is not None:
            file, function = place
            found.setdefault(file.path, _File(file)).add(name, function)
    changes: dict[str, bytes] = {}
    done: set[TestName] = set()
    for path, wanted in found.items():
        # A file that has no other text stays as it is, and its tests are not done.
        with suppress(ValueError):
            changes[path], names = wanted.rewritten(kind, f"{seed} {path}")
            done |= names
    return Rewritten(changes=changes, tests=frozenset(done))


class _File:
    """One file with the wanted tests that are written in it."""

    def __init__(self, file: TestFile) -> None:
        self._tree = file.tree
        self._wanted: dict[int, tuple[Function, set[TestName]]] = {}

    def add(self, name: TestName, function: Function) -> None:
        """A test; several classes may inherit one function."""
        self._wanted.setdefault(id(function), (function, set()))[1].add(name)

    def rewritten(self, kind: Rewriting, seed: str) -> tuple[bytes, set[TestName]]:
        """The file's new text and the tests that were done.

        Raises:
            ValueError: no such text can be written.
        """
        names = FreshNames(self._tree, seed)
        switches = Switches(kind, names, asserting_helpers(self._tree))
        done: set[TestName] = set()
        for function, tests in sorted(self._wanted.values(), key=lambda each: each[0].lineno):
            wired = switches.wire(function)
            if _is_done(kind, wired):
                done |= tests
        switches.finish(self._tree)
        return render(ast.fix_missing_locations(self._tree), names), done


def _is_done(kind: Rewriting, wired: Wired) -> bool:
    match kind:
        case Rewriting.INVERTED:
            return wired.asserts
        case Rewriting.PERTURBED | Rewriting.UNEXPECTED:
            return wired.expects
        case Rewriting.NEUTRAL | Rewriting.SUNK:
            return True
