"""The runs that show whether a result can be believed, as data.

All of them have the same paths, the same arguments and the same tests, and differ from each other
in one constant or one statement; none of them has the text that was handed in. So code cannot tell
them apart by a look at itself, at its tests or at the runner.
"""

from __future__ import annotations

import dataclasses
import functools
import posixpath
import random
import string
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from interlock.adapters.judge.snapshot import Snapshot
from interlock.core.parameters import function
from interlock.ports.statics import Mutation, Rewriting, Rewritten, Statics

__all__ = ["Variant", "Variants", "files_of", "function_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One run: a tree and the tests to run on it.

    Args:
        name: ``Run.purpose``.
        tree: what is checked out; variants differ from each other in a few paths.
        arguments: for pytest; none means what the project's settings say.
        keep: ids to run, ``None`` for all that are collected.
        drop: ids not to run.
        seed: of a random order of the tests; ``None`` for the project's own.
        watch: paths of which the lines that run are reported.
        minded: tests of which it is reported what functions of these they reach.
        own: those of ``keep`` that are the judge's own.
    """

    name: str
    tree: Snapshot
    arguments: tuple[str, ...] = ()
    keep: frozenset[str] | None = None
    drop: frozenset[str] = frozenset()
    seed: int | None = None
    watch: tuple[str, ...] = ()
    minded: tuple[str, ...] = ()
    own: frozenset[str] = frozenset()


def files_of(tests: Iterable[str]) -> tuple[str, ...]:
    """Files that ids belong to, sorted."""
    return tuple(sorted({test.partition("::")[0] for test in tests}))


def function_of(test: str) -> str:
    """Name of the function within its file: ``TestA::test_b`` of ``f.py::TestA::test_b[1]``."""
    return function(test).partition("::")[2]


class Variants:
    """Variants of a candidate for its new tests.

    Each comes with tests of the judge's own that must fail, in a file of another name each time.

    Args:
        tree: the candidate's sources with the frozen tests.
        tests: ids of the new tests.
        sources: paths of the sources that differ from the base.
        seed: what names and orders are chosen by.
    """

    def __init__(
        self,
        tree: Snapshot,
        tests: Collection[str],
        sources: Sequence[str],
        statics: Statics,
        seed: str,
    ) -> None:
        self._tree = tree
        self._names = {test: (test.partition("::")[0], function_of(test)) for test in tests}
        self._files = files_of(tests)
        self._sources = sources
        self._statics = statics
        self._chance = random.Random(seed)  # noqa: S311 — has to be repeatable; the seed is secret
        self._seed = seed

    def rewritten(self, name: str, kind: Rewriting) -> tuple[Variant, frozenset[str]]:
        """The tests as ``kind`` says, and those to which that could be done."""
        made = self._tests(kind, self._seed)
        variant = self._variant(name, self._in_other_words.writing(made.changes))
        return variant, frozenset(t for t, written in self._names.items() if written in made.tests)

    def neutral_again(self) -> Variant:
        """In still other words, and in the order of the files."""
        seed = f"{self._seed} again"
        tree = self._rendered(self._tree, seed).writing(self._neutral(seed))
        return dataclasses.replace(self._variant("neutral again", tree), seed=None)

    def reverted(self, base: Snapshot) -> Variant:
        """On the sources of the base."""
        tree = self._rendered(base, self._seed).writing(self._neutral(self._seed))
        return self._variant("revert", tree)

    def mutated(self, mutation: Mutation) -> Variant:
        """On sources with one fault."""
        tree = self._faulty(mutation).writing(self._neutral(self._seed))
        return self._variant("mutant", tree)

    def mutated_for(self, mutation: Mutation, tests: Collection[str]) -> Variant:
        """Old tests, as they are, on sources with one fault."""
        tree = self._faulty(mutation)
        return Variant(name="mutant", tree=tree, arguments=files_of(tests), keep=frozenset(tests))

    @cached_property
    def _in_other_words(self) -> Snapshot:
        return self._rendered(self._tree, self._seed)

    def _rendered(self, tree: Snapshot, seed: str) -> Snapshot:
        return tree.writing(
            {
                path: self._statics.rendered(tree.read(path), f"{seed} {path}")
                for path in self._sources
                if path in tree.paths
            }
        )

    def _faulty(self, mutation: Mutation) -> Snapshot:
        text = self._statics.rendered(mutation.source, f"{self._seed} {mutation.path}")
        return self._in_other_words.writing({mutation.path: text})

    def _neutral(self, seed: str) -> Mapping[str, bytes]:
        return self._tests(Rewriting.NEUTRAL, seed).changes

    @functools.cache  # noqa: B019 — lives as long as one measurement
    def _tests(self, kind: Rewriting, seed: str) -> Rewritten:
        wanted = set(self._names.values())
        tree = self._tree
        return self._statics.rewritten_tests(kind, wanted, tree.paths, tree.read, seed)

    def _variant(self, name: str, tree: Snapshot) -> Variant:
        word = "".join(self._chance.choices(string.ascii_lowercase, k=10))
        path = posixpath.join(posixpath.dirname(self._files[0]), f"test_{word}.py")
        source, tests = self._statics.control(word)
        own = frozenset(f"{path}::{test}" for test in tests)
        return Variant(
            name=name,
            tree=tree.writing({path: source}),
            # What the project deselects by itself must not deselect these.
            arguments=(*self._files, path, "-k", "", "-m", ""),
            keep=own | self._names.keys(),
            own=own,
            seed=self._chance.getrandbits(32),
        )
