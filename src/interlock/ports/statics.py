"""What the judge needs to know of a language without running anything.

Sources go in as bytes by path, rewritten sources and names come out. One language is one module
(or object) with these functions; nothing in it reads a file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from interlock.core.facts import Finding

__all__ = ["ReadSource", "Statics", "Stubs", "TestName", "Twin"]

ReadSource = Callable[[str], bytes]
"""Bytes of a path of one tree; asked only for paths that the tree has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stubs:
    """Planned symbols made to exist and to raise when they are used.

    Args:
        changes: path → new contents; a path that the tree does not have is to be added.
        stubbed: the symbols that now exist, as they were written.
        impossible: symbol → why there is no stub for it.
        names: each stubbed symbol and the packages and classes around it that are new, dotted
            (``pkg.mod.Class.method``): what an import or attribute error may name.
    """

    changes: Mapping[str, bytes] = field(default_factory=dict)
    stubbed: tuple[str, ...] = ()
    impossible: Mapping[str, str] = field(default_factory=dict)
    names: frozenset[str] = frozenset()


TestName = tuple[str, str]
"""A file and a function in it: ``("tests/test_a.py", "TestB::test_c")``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Twin:
    """Test files whose assertions hold exactly when the originals' do not.

    Args:
        changes: path → the whole file; only the wanted tests differ, and no line moves.
        inverted: the wanted tests in which something was inverted.
    """

    changes: Mapping[str, bytes]
    inverted: frozenset[TestName]


class Statics(Protocol):
    """Pure functions over the sources of one language."""

    def stubs(
        self, symbols: Collection[str], paths: Collection[str], read: ReadSource, marker: str
    ) -> Stubs:
        """Source edits that make each symbol raise ``NotImplementedError(marker …)`` when used."""

    def twin(self, tests: Collection[TestName], paths: Collection[str], read: ReadSource) -> Twin:
        """Invert tests; one that a class inherits is inverted where it is written."""

    def changed_symbols(self, old: bytes, new: bytes) -> frozenset[str]:
        """Dotted names whose definition is new or differs in meaning; all of them if unsure."""

    def findings(self, path: str, old: bytes | None, new: bytes) -> tuple[Finding, ...]:
        """What a file newly does that code under test has no business doing."""

    def configuration(self, paths: Collection[str], read: ReadSource) -> Mapping[str, str]:
        """Path → digest of what it means for the test runner, for each path that means anything."""

    def main_configuration(self, paths: Collection[str], read: ReadSource) -> str | None:
        """The file at the tree's root that the runner takes its settings from."""

    def control(self, name: str) -> bytes:
        """A test file whose tests, named after ``name``, all fail."""
