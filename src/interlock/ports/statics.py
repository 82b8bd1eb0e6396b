"""What the judge needs to know of a language without running anything.

Sources go in as bytes by path, rewritten sources and names come out. One language is one module
(or object) with these functions; nothing in it reads a file.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from interlock.core.facts import Finding

__all__ = [
    "Called",
    "Mutation",
    "Mutations",
    "PublicNames",
    "ReadSource",
    "Rewriting",
    "Rewritten",
    "Statics",
    "Stubs",
    "TestName",
    "Versions",
]

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


Versions = Mapping[str, tuple[bytes | None, bytes | None]]
"""Path → contents on the base and in the candidate, ``None`` where it is not there."""


Called = Mapping[str, Collection[int]]
"""Path → first lines of functions."""


class Rewriting(StrEnum):
    """What is done to tests, besides giving them another text.

    ``NEUTRAL``: nothing. ``INVERTED``: their assertions hold exactly when they did not.
    ``PERTURBED``: they expect other values. ``UNEXPECTED``: other values are not what they get.
    ``SUNK``: they fail before anything of them has run.
    """

    NEUTRAL = "neutral"
    INVERTED = "inverted"
    PERTURBED = "perturbed"
    UNEXPECTED = "unexpected"
    SUNK = "sunk"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """Test files for one run.

    Args:
        changes: path → the whole file.
        tests: the wanted tests to which it was done: not those without an assertion to invert or
            an expected value to change, nor those whose function cannot be found.
    """

    changes: Mapping[str, bytes]
    tests: frozenset[TestName]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One small fault in a changed symbol.

    Args:
        symbol: ``pkg/text.py::Class.method``.
        path: the file, ``line`` the place in it as the candidate has it.
        starts: first line of the function, decorators included; 0 for values.
        what: the fault in a few words.
        diff: the statement as it was and as it is now.
        source: the whole file with the fault.
        planned: it is a function that the plan names.
    """

    symbol: str
    path: str
    line: int
    starts: int
    what: str
    diff: str
    source: bytes
    planned: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutations:
    """Faults to be tried, the first ones first; ``left_out``: symbols that none was left for."""

    mutations: tuple[Mutation, ...]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicNames:
    """What a diff does to what sources offer, as ``pkg/text.py::Class.method``.

    Args:
        added: names that nothing offered before.
        widened: functions that take more than before.
        taken: names that nothing offers any more.
        revalued: names, hidden ones included, that stand for another value than before, or
            functions and classes with other defaults, decorators or bases: no fault is tried there.
        unread: paths of the candidate that cannot be parsed.
    """

    added: tuple[str, ...] = ()
    widened: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    revalued: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()


class Statics(Protocol):
    """Pure functions over the sources of one language."""

    def stubs(
        self, symbols: Collection[str], paths: Collection[str], read: ReadSource, marker: str
    ) -> Stubs:
        """Source edits that make each symbol raise ``NotImplementedError(marker …)`` when used."""

    def rewritten_tests(
        self,
        kind: Rewriting,
        tests: Collection[TestName],
        paths: Collection[str],
        read: ReadSource,
        seed: str,
    ) -> Rewritten:
        """Rewrite tests; one that a class inherits is rewritten where it is written."""

    def rendered(self, source: bytes, seed: str) -> bytes:
        """A source with the same meaning in another text; itself, where that cannot be done."""

    def statements(self, source: bytes) -> Mapping[int, int]:
        """Line → first line of the statement that runs there; other lines are not in it."""

    def mutations(
        self,
        versions: Versions,
        planned: Collection[str],
        called: Called,
        seed: str,
        *,
        moved: bool = False,
    ) -> Mutations:
        """Faults for planned symbols and for functions that changed (with ``moved`` also for those
        that stand in another file) and are called by a new test, at most 20, 5 for each."""

    def public_names(self, versions: Versions) -> PublicNames:
        """What sources offer that they did not, and the other way round."""

    def means_the_same(self, old: bytes, new: bytes) -> bool:
        """Whether two sources do the same when they run: comments and docstrings do not count."""

    def beyond_dependencies(self, path: str, old: bytes | None, new: bytes | None) -> str:
        """What else than dependencies a manifest changes, as the end of "it …"; or empty."""

    def documents_that_run(self, paths: Collection[str], read: ReadSource) -> tuple[str, ...]:
        """Globs of the names of documents that the runner runs as tests."""

    def definitions(
        self, tests: Collection[TestName], paths: Collection[str], read: ReadSource
    ) -> Mapping[TestName, str]:
        """Test → where it is written, equal for tests of one definition; left out if unknown."""

    def meaningless(
        self,
        tests: Collection[TestName],
        paths: Collection[str],
        read: ReadSource,
        is_test: Callable[[str], bool],
    ) -> Mapping[TestName, str]:
        """Test → why its outcome says nothing about the code under test, where that is certain."""

    def affected_symbols(self, old: bytes, new: bytes) -> frozenset[str]:
        """Dotted names whose definition reads a name of the file that is bound differently."""

    def changed_symbols(self, old: bytes, new: bytes) -> frozenset[str]:
        """Dotted names whose definition is new or differs in meaning; all of them if unsure."""

    @property
    def rules(self) -> str:
        """What workflows call the set of rules behind ``findings``."""

    def findings(self, path: str, old: bytes | None, new: bytes) -> tuple[Finding, ...]:
        """What a file newly does that code under test has no business doing."""

    def commented_code(self, path: str, old: bytes | None, new: bytes) -> tuple[Finding, ...]:
        """Added comment blocks that are code; none of a file in another language."""

    def configuration(self, paths: Collection[str], read: ReadSource) -> Mapping[str, str]:
        """Path → digest of what it means for the test runner, for each path that means anything."""

    def main_configuration(self, paths: Collection[str], read: ReadSource) -> str | None:
        """The file at the tree's root that the runner takes its settings from."""

    def control(self, name: str) -> tuple[bytes, tuple[str, ...]]:
        """A test file whose tests, named after ``name``, all fail; and their names."""
